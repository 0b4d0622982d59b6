//! A storm over queues: producers that put numbered items in, and consumers that get them, are killed at random moments. `MULTIPROC_STORM_KILLS` makes it longer.
//!
//! A producer says which item it begins, and which are in; a consumer marks each that it has. So it is known at the end: everything acknowledged is received, but for one item of each consumer that was
//! killed while it received; of leased items none is missing. Nothing is received twice, but for leased items that are flagged. First deliveries of a producer's leased items are in order.

#[path = "support/chance.rs"]
mod chance;
mod support;

use multiproc::{
    Array, Atomic, AtomicArray, ErrorKind, Format, InPlace, Ordering, Process, Queue, Segment,
    spawn,
};
use serde::{Deserialize, Serialize};
use std::fs;
use support::{shared_objects, wait_until_nothing_large_is_left, watchdog};

multiproc::test_support!();

/// Two producers of each queue.
const LANES: usize = 2;
/// How many items a producer may put in for each kill: so that it is known how many there can be.
const FOR_EACH_KILL: u64 = 40;

/// What can be in a queue here.
trait Item: Serialize + for<'de> Deserialize<'de> + 'static {
    fn new(lane: u32, number: u32) -> Self;
    fn name(&self) -> (u32, u32);
}

impl Item for [u32; 2] {
    fn new(lane: u32, number: u32) -> Self {
        [lane, number]
    }

    fn name(&self) -> (u32, u32) {
        (self[0], self[1])
    }
}

/// Some are larger than a slot, and some have an object in them that is seen in `/dev/shm`.
#[derive(Serialize, Deserialize)]
struct Parcel {
    name: (u32, u32),
    filling: Vec<u32>,
    object: Option<Array<u8>>,
}

impl Item for Parcel {
    fn new(lane: u32, number: u32) -> Self {
        let filling = if number % 8 == 1 { vec![number; 200] } else { Vec::new() };
        let object = (number % 32 == 2).then(|| Array::zeroed(3 << 20).unwrap());
        Self { name: (lane, number), filling, object }
    }

    fn name(&self) -> (u32, u32) {
        let (_, number) = self.name;
        assert!(self.filling.iter().all(|&element| element == number), "torn");
        assert_eq!(self.filling.len(), if number % 8 == 1 { 200 } else { 0 });
        assert_eq!(self.object.is_some(), number % 32 == 2);
        self.name
    }
}

/// One queue, and what is known of it.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Line<T: Item, F: Format<T>> {
    queue: Queue<T, F>,
    /// Of each lane: the number that was begun, and the one that is in.
    begun: AtomicArray<u32>,
    sent: AtomicArray<u32>,
    /// Of each item: how often it was received as a first delivery, and in the upper half flagged.
    received: AtomicArray<u32>,
    turns: Atomic<u64>,
    /// How far the producers may go.
    limit: Atomic<u64>,
    is_leased: bool,
}

impl<T: Item, F: Format<T>> Clone for Line<T, F> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            begun: self.begun.clone(),
            sent: self.sent.clone(),
            received: self.received.clone(),
            turns: self.turns.clone(),
            limit: self.limit.clone(),
            is_leased: self.is_leased,
        }
    }
}

impl<T: Item, F: Format<T>> Line<T, F> {
    fn new(queue: Queue<T, F>, kills: u64, is_leased: bool) -> Self {
        let items = (kills + 10) * FOR_EACH_KILL * LANES as u64;
        Self {
            queue,
            begun: AtomicArray::zeroed(LANES).unwrap(),
            sent: AtomicArray::zeroed(LANES).unwrap(),
            received: AtomicArray::zeroed(items as usize).unwrap(),
            turns: Atomic::new(0).unwrap(),
            limit: Atomic::new(FOR_EACH_KILL).unwrap(),
            is_leased,
        }
    }

    fn produce(self, lane: u32) {
        let at = lane as usize;
        // One that was begun may be in or not: it is left at that. The first is number 1.
        for number in self.begun[at].load(Ordering::SeqCst) + 1.. {
            while u64::from(number) >= self.limit.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let item = T::new(lane, number);
            self.begun[at].store(number, Ordering::SeqCst);
            self.queue.send(item).unwrap();
            self.sent[at].store(number, Ordering::SeqCst);
        }
    }

    fn mark(&self, (lane, number): (u32, u32), how: u32) {
        self.received[lane as usize + LANES * number as usize].fetch_add(how, Ordering::SeqCst);
        self.turns.fetch_add(1, Ordering::SeqCst);
    }

    fn consume(self) {
        let mut last = [0; LANES];
        loop {
            if !self.is_leased {
                self.mark(self.queue.recv().unwrap().name(), 1);
                continue;
            }
            let lease = self.queue.lease().unwrap();
            let (lane, number) = lease.name();
            if lease.is_redelivered() {
                self.mark((lane, number), 1 << 16);
            } else {
                assert!(lease.attempts() == 1 && last[lane as usize] < number, "out of order");
                last[lane as usize] = number;
                self.mark((lane, number), 1);
            }
            // Sometimes somebody else is to have it.
            if number % 16 != 3 || lease.is_redelivered() {
                drop(lease.done());
            }
        }
    }

    /// Whether the last item that was begun in the lane was not acknowledged; it is counted once.
    fn uncertain(&self, lane: usize) -> u64 {
        let [begun, sent] = [&self.begun, &self.sent].map(|at| at[lane].load(Ordering::SeqCst));
        self.sent[lane].store(begun, Ordering::SeqCst);
        u64::from(begun != sent)
    }

    /// Accounts for everything, after the end.
    fn check(&self, losses: &Losses, uncertain: u64) {
        while let Ok(lease) = self.queue.try_lease() {
            let how = if lease.is_redelivered() { 1 << 16 } else { 1 };
            self.mark(lease.name(), how);
            drop(lease.done());
        }
        assert_eq!(self.queue.try_recv().map(drop).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(self.queue.is_empty());
        // All slots are there.
        for number in 0..self.queue.capacity() as u32 {
            assert!(self.queue.try_send(T::new(0, number)).is_ok(), "a slot is missing");
        }
        assert!(self.queue.is_full());
        self.queue.shut_down().unwrap();
        let (mut missing, mut twice, mut total) = (0, 0, 0_u64);
        for lane in 0..LANES {
            let begun = self.begun[lane].load(Ordering::SeqCst);
            for number in 1..=begun {
                let received = self.received[lane + LANES * number as usize].load(Ordering::SeqCst);
                let (first, flagged) = (received & 0xffff, received >> 16);
                assert!(first <= 1, "{first} first deliveries of {number}");
                missing += u64::from(received == 0);
                twice += u64::from((first + flagged).saturating_sub(1));
                total += u64::from(received > 0);
            }
            assert_eq!(self.received[lane].load(Ordering::SeqCst), 0, "one that nobody sent");
        }
        let Losses { producers, consumers } = losses;
        println!(
            "leased: {}; {producers} producers and {consumers} consumers killed; {total} items, {uncertain} uncertain, {missing} missing, {twice} again",
            self.is_leased
        );
        assert!(uncertain <= *producers);
        // What a consumer had, and had not marked, when it was killed.
        let had = if self.is_leased { 0 } else { *consumers };
        assert!(missing <= uncertain + had, "lost");
        if !self.is_leased {
            assert_eq!(twice, 0, "received twice");
        }
    }
}

/// Who was killed, of a line.
#[derive(Default)]
struct Losses {
    producers: u64,
    consumers: u64,
}

fn storm<T: Item, F: Format<T>>(make: impl Fn() -> Queue<T, F>, kills: u64, seed: &mut u64) {
    let lines = [false, true].map(|is_leased| Line::new(make(), kills, is_leased));
    // The workers of each line: producers first.
    let start = |line: &Line<T, F>, at: usize| -> Process<()> {
        if at < LANES {
            spawn(Line::produce, (line.clone(), at as u32)).unwrap()
        } else {
            spawn(Line::consume, (line.clone(),)).unwrap()
        }
    };
    let mut workers: Vec<_> = (0..4 * LANES).map(|at| start(&lines[at % 2], at / 2)).collect();
    let mut losses = [Losses::default(), Losses::default()];
    // Those that were begun by somebody who was killed, and not acknowledged.
    let mut uncertain = [0_u64; 2];
    for _ in 0..kills {
        let at = chance::random(seed) as usize % workers.len();
        let line = &lines[at % 2];
        for line in &lines {
            line.limit.fetch_add(FOR_EACH_KILL, Ordering::SeqCst);
        }
        // A random moment: after a random part of a few turns, as far as looking takes.
        let until = line.turns.load(Ordering::SeqCst) + chance::random(seed) % 4;
        while line.turns.load(Ordering::SeqCst) < until {
            std::thread::yield_now();
        }
        (0..chance::random(seed) % 2_000).for_each(|_| std::hint::spin_loop());
        let loss = &mut losses[at % 2];
        if at / 2 < LANES {
            loss.producers += 1;
            // It is dead before its heir reads what it has begun.
            let victim = workers.swap_remove(at);
            victim.kill().unwrap();
            assert!(victim.join().is_err());
            uncertain[at % 2] += line.uncertain(at / 2);
            workers.push(start(line, at / 2));
            let last = workers.len() - 1;
            workers.swap(at, last);
        } else {
            loss.consumers += 1;
            let victim = std::mem::replace(&mut workers[at], start(line, at / 2));
            victim.kill().unwrap();
            assert!(victim.join().is_err());
        }
    }
    for (at, worker) in workers.into_iter().enumerate() {
        worker.kill().unwrap();
        assert!(worker.join().is_err());
        let loss = &mut losses[at % 2];
        if at / 2 < LANES {
            loss.producers += 1;
            uncertain[at % 2] += lines[at % 2].uncertain(at / 2);
        } else {
            loss.consumers += 1;
        }
    }
    for (line, (loss, uncertain)) in lines.iter().zip(losses.iter().zip(uncertain)) {
        line.check(loss, uncertain);
    }
}

/// What the session's objects take.
fn taken() -> u64 {
    let session = Segment::session().unwrap().name().to_owned();
    let names = shared_objects(&session).into_iter();
    names
        .filter_map(|name| fs::metadata(format!("/dev/shm/{name}")).ok())
        .map(|data| data.len())
        .sum()
}

#[test]
fn nothing_is_lost_doubled_or_left() {
    let kills = chance::kills();
    let _watchdog = watchdog(120 + kills / 10);
    let mut seed = chance::seed();
    // Several rounds: what the first ones leave is seen in the last.
    let mut sizes = Vec::new();
    for (round, capacity) in [1, 2, 7, 64].into_iter().enumerate() {
        println!("capacity {capacity}");
        let in_place = || Queue::<[u32; 2], InPlace>::in_place(capacity).unwrap();
        storm(in_place, kills / 8, &mut seed);
        storm(|| Queue::<Parcel>::new(capacity).unwrap(), kills / 8, &mut seed);
        wait_until_nothing_large_is_left();
        sizes.push(taken());
        println!("round {round}: {} bytes are taken", sizes[round]);
    }
    assert!(sizes[3] <= sizes[1] + (4 << 20), "the session grows: {sizes:?}");
}

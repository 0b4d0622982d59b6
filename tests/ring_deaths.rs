//! `Ring` when its users are killed: at each named step, and at random moments, many times.
//!
//! Every number is pushed once and in order; what was acknowledged arrives. A producer says what it has pushed, a consumer what it has popped, each by one store after the call.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    Atomic, AtomicArray, Ordering, Process, ProcessError, Ring, RingError, RingReceiver, RingSender,
};
use std::time::Duration;
use support::watchdog;
use watching::{is_gone, sleeps, until};

multiproc::test_support!();

const ITEMS: usize = 300_000;

/// What all see.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Book {
    /// How many pushes have returned.
    pushed: Atomic<u64>,
    /// How many pops have returned.
    popped: Atomic<u64>,
    /// How often each number was popped, before that was said.
    seen: AtomicArray<u32>,
}

impl Book {
    fn new(items: usize) -> Self {
        Self {
            pushed: Atomic::new(0).unwrap(),
            popped: Atomic::new(0).unwrap(),
            seen: AtomicArray::zeroed(items).unwrap(),
        }
    }
}

impl Book {
    /// It has come: perhaps again, or behind some that went with a dead consumer.
    fn record(&self, item: Message) {
        let number = number_of(item);
        let before = self.popped.load(Ordering::SeqCst);
        assert!(number <= before + 2 && number + 8 > before, "{number} after {before}");
        self.seen[number as usize].fetch_add(1, Ordering::SeqCst);
        self.popped.store(before.max(number + 1), Ordering::SeqCst);
    }

    /// How many numbers are missing, and how often others came again.
    fn missing_and_again(&self, end: u64) -> (u32, u32) {
        let seen = || (0..end as usize).map(|number| self.seen[number].load(Ordering::SeqCst));
        let missing = seen().filter(|&count| count == 0).count() as u32;
        (missing, seen().map(|count| count.saturating_sub(1)).sum())
    }
}

/// A message with its number in each word: a torn one is noticed.
type Message = [u64; 5];

fn message(number: u64) -> Message {
    std::array::from_fn(|at| number << 3 | at as u64)
}

fn number_of(item: Message) -> u64 {
    let number = item[0] >> 3;
    assert_eq!(item, message(number), "torn");
    number
}

fn die_at(step: Option<String>) {
    #[cfg(debug_assertions)]
    if let Some(step) = step {
        multiproc::__private::die_at(&step, 1);
    }
    #[cfg(not(debug_assertions))]
    let _ = step;
}

/// By which calls.
const MODES: [u32; 3] = [ONE_BY_ONE, SLICES, CHUNKS];
const ONE_BY_ONE: u32 = 0;
const SLICES: u32 = 1;
const CHUNKS: u32 = 2;

/// What a process is to do, and die of.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Errand {
    book: Book,
    end: u64,
    mode: u32,
    step: Option<String>,
}

impl Errand {
    fn begin(&mut self) {
        // Its registrations are over before.
        drop(Ring::<u8>::new(1).unwrap().0.claim().unwrap());
        die_at(self.step.take());
    }
}

/// Pushes the numbers up to the end, from the first that nobody has said to be pushed.
fn produce(sender: RingSender<Message>, mut errand: Errand) {
    errand.begin();
    let Errand { book, end, mode, .. } = errand;
    let mut producer = sender.claim().unwrap();
    let mut next = book.pushed.load(Ordering::SeqCst);
    while next < end {
        let two: Vec<_> = (next..end.min(next + 2)).map(message).collect();
        let pushed = match mode {
            ONE_BY_ONE => producer.push(two[0]).map(|()| 1),
            SLICES => producer.push_slice(&two),
            _ => producer.write_chunk(2).map(|mut chunk| {
                let count = chunk.copy_from_slice(&two);
                chunk.commit(count);
                count
            }),
        };
        match pushed {
            Ok(count) => next += count as u64,
            // Enough: what is pushed twice need not arrive twice.
            Err(RingError::Disconnected) if book.popped.load(Ordering::SeqCst) >= end => break,
            Err(RingError::Disconnected) => {
                producer.wait_for_consumer(Duration::MAX).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
        book.pushed.store(next, Ordering::SeqCst);
    }
}

/// Pops until it has seen the last.
fn consume(receiver: RingReceiver<Message>, mut errand: Errand) {
    errand.begin();
    let Errand { book, end, mode, .. } = errand;
    let mut consumer = receiver.claim().unwrap();
    while book.popped.load(Ordering::SeqCst) < end {
        let mut two = [[0; 5]; 2];
        let popped = match mode {
            ONE_BY_ONE => consumer.pop().map(|item| book.record(item)),
            SLICES => consumer
                .pop_into(&mut two)
                .map(|count| two[..count].iter().for_each(|&item| book.record(item))),
            // Recorded first: what is not recorded is not popped, so nothing goes with the dead.
            _ => consumer.read_chunk(2).map(|chunk| {
                chunk.iter().for_each(|&item| book.record(item));
                chunk.commit_all();
            }),
        };
        match popped {
            Ok(()) => {}
            // All is pushed, whoever had the last.
            Err(RingError::Disconnected) if book.pushed.load(Ordering::SeqCst) >= end => break,
            Err(RingError::Disconnected) => {
                consumer.wait_for_producer(Duration::MAX).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn is_killed(result: Result<(), ProcessError>) -> bool {
    match result {
        Ok(()) => false,
        Err(ProcessError::Signalled { signal: 9, .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

/// The names of the steps on a ring's way.
#[cfg(debug_assertions)]
const STEPS: [&str; 15] = [
    "ring.claimed",
    "ring.left",
    "ring.written",
    "ring.written.slice",
    "ring.committing",
    "ring.put",
    "ring.read",
    "ring.read.slice",
    "ring.reading",
    "ring.taken",
    "ring.news",
    "ring.sleep",
    "ring.woken",
    "bells.cleared",
    "bells.awake",
];

/// One side dies at the step, whether it came first or second; whether it did. Then another takes its place, and everything arrives.
#[cfg(debug_assertions)]
fn dies(step: &str, sends: bool, first: bool, mode: u32) -> bool {
    const END: u64 = 30;
    let (sender, receiver) = Ring::<Message>::new(3).unwrap();
    let errand = |step: Option<&str>, mode| Errand {
        book: Book::new(END as usize),
        end: END,
        mode,
        step: step.map(str::to_owned),
    };
    let mut whole = errand(None, ONE_BY_ONE);
    let fatal = Errand { book: whole.book.clone(), ..errand(Some(step), mode) };
    let start = |sends: bool, errand: &Errand| {
        if sends {
            Process::builder()
                .daemon(true)
                .spawn(produce, (sender.clone(), errand.clone()))
                .unwrap()
        } else {
            Process::builder()
                .daemon(true)
                .spawn(consume, (receiver.clone(), errand.clone()))
                .unwrap()
        }
    };
    // Who is there first is asleep before the other comes, or dead.
    let is_asleep = |process: &Process<()>, sends: bool| {
        let has_claimed = if sends { sender.is_full() } else { receiver.is_claimed() };
        has_claimed && sleeps(process) || is_gone(process)
    };
    let (victim, other) = if first {
        let victim = start(sends, &fatal);
        until(|| is_asleep(&victim, sends));
        (victim, start(!sends, &whole))
    } else {
        let other = start(!sends, &whole);
        until(|| is_asleep(&other, !sends));
        (start(sends, &fatal), other)
    };
    let died = is_killed(victim.join());
    whole.mode = mode;
    if died {
        start(sends, &whole).join().unwrap();
    }
    other.join().unwrap();
    let (missing, again) = whole.book.missing_and_again(END);
    let with_the_dead = if sends || mode == CHUNKS { 0 } else { 2 * u32::from(died) };
    assert!(missing <= with_the_dead, "{step}: {missing} lost");
    assert!(again <= 2 * u32::from(died), "{step}: {again} again");
    died
}

#[cfg(debug_assertions)]
#[test]
fn a_death_at_any_step_loses_nothing_and_stops_nobody() {
    let _watchdog = watchdog(240);
    for step in STEPS {
        let mut deaths = 0;
        for sends in [true, false] {
            for first in [true, false] {
                for mode in MODES {
                    deaths += u32::from(dies(step, sends, first, mode));
                }
            }
        }
        assert!(deaths > 0, "nobody came to {step}");
    }
}

/// Producers and consumers are killed at random moments, over and over.
fn storm(capacity: usize, without_membarrier: bool) {
    let _watchdog = watchdog(240);
    let end = ITEMS as u64;
    let (sender, receiver) = Ring::<Message>::new(capacity).unwrap();
    let errand = Errand { book: Book::new(ITEMS), end, mode: CHUNKS, step: None };
    let builder = || {
        let builder = Process::builder().daemon(true);
        if without_membarrier { builder.env("MULTIPROC_NO_MEMBARRIER", "1") } else { builder }
    };
    let producer = || builder().spawn(produce, (sender.clone(), errand.clone())).unwrap();
    let consumer = || builder().spawn(consume, (receiver.clone(), errand.clone())).unwrap();
    let popped = || errand.book.popped.load(Ordering::SeqCst);
    let mut random = fastrand::Rng::with_seed(7);
    let (mut producing, mut consuming) = (producer(), consumer());
    let mut kills = 0;
    loop {
        let target = popped() + random.u64(0..400);
        until(|| popped() >= target.min(end));
        if popped() >= end {
            break;
        }
        let sends = random.bool();
        let victim = if sends { &mut producing } else { &mut consuming };
        victim.kill().unwrap();
        // The corpse's end is free when it is gone.
        until(|| is_gone(victim));
        let next = if sends { producer() } else { consumer() };
        is_killed(std::mem::replace(victim, next).join());
        kills += 1;
    }
    producing.join().unwrap();
    consuming.join().unwrap();
    let (missing, again) = errand.book.missing_and_again(end);
    println!("{kills} killed, {again} came again");
    assert!(missing == 0 && again <= 2 * kills, "{missing} lost, {again} came again");
    // How many depends on how fast the items flow.
    assert!(kills > 2, "{kills} killed");
    assert_eq!(errand.book.pushed.load(Ordering::SeqCst), end);
}

#[test]
fn a_storm() {
    storm(5, false);
}

#[test]
fn a_storm_in_a_ring_of_one() {
    storm(1, false);
}

#[test]
fn a_storm_where_the_kernel_gives_no_fence() {
    storm(5, true);
}

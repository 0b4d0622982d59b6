//! What it takes to wait: the ordinary calls beside bare spinning where the other side runs, and beside a bare futex where it sleeps.

use super::common::{
    game::{TwoWords, futex_wait, futex_wake},
    median, now, report,
};
use multiproc::{
    Barrier, ErrorKind, Function, InPlace, Process, Queue, Ring, RingConsumer, RingError,
    RingProducer, RingReceiver, RingSender,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{hint::spin_loop, iter::zip, sync::atomic::Ordering};

const ROUNDS: usize = 15;
const TURNS_AWAKE: u32 = 20_000;
const TURNS_ASLEEP: u32 = 150;

/// How long each side does something else before it sends, where the other one is to sleep: several times as long as anybody stays awake. Two that share a processor would
/// not do: who waits there lets the other run, and it has answered before the first one sleeps.
const PAUSE_NS: u64 = 200_000;

/// A way there and back, as it travels.
trait Way: Clone + Serialize + DeserializeOwned + 'static {
    type End: End;

    fn open(self, side: u32) -> Self::End;
}

/// One side of it.
trait End {
    fn send(&mut self, turn: u32);
    fn receive(&mut self, turn: u32);
}

/// The whole of many turns, none of which is waited for longer than the other side takes; nanoseconds.
fn awake<W: Way>(way: W, gate: Barrier, side: u32) -> u64 {
    let mut end = way.open(side);
    gate.wait().unwrap();
    let start = now();
    for turn in 1..=TURNS_AWAKE {
        if side == 0 {
            end.send(turn);
        }
        end.receive(turn);
        if side == 1 {
            end.send(turn);
        }
    }
    now() - start
}

/// When a side sent and when it received, turn by turn.
type Times = Vec<(u64, u64)>;

/// Each side sends when the other one has slept for long.
fn asleep<W: Way>(way: W, gate: Barrier, side: u32) -> Times {
    let mut end = way.open(side);
    gate.wait().unwrap();
    let send = |end: &mut W::End, turn| {
        let until = now() + PAUSE_NS;
        while now() < until {
            spin_loop();
        }
        let sent = now();
        end.send(turn);
        sent
    };
    let turn = |turn| {
        let first = if side == 0 { send(&mut end, turn) } else { 0 };
        end.receive(turn);
        let received = now();
        let sent = if side == 0 { first } else { send(&mut end, turn) };
        (sent, received)
    };
    (1..=TURNS_ASLEEP).map(turn).collect()
}

/// Both sides, each on a processor of its own.
fn both<W: Way, R: Serialize + DeserializeOwned + 'static>(
    way: &W,
    player: impl Function<(W, Barrier, u32), Output = R>,
) -> [R; 2] {
    let gate = Barrier::new(2).unwrap();
    let start = |side: u32| -> Process<R> {
        let builder = Process::builder().affinity([side as usize]);
        builder.spawn(player, (way.clone(), gate.clone(), side)).unwrap()
    };
    [0, 1].map(start).map(|process| process.join().unwrap())
}

/// Nanoseconds of a round trip while both run.
fn running<W: Way>(way: &W) -> f64 {
    let [first, _] = both(way, awake::<W>);
    first as f64 / f64::from(TURNS_AWAKE)
}

/// Nanoseconds of a round trip to one that sleeps and back to one that sleeps, the median: what the first waited, without what the second did meanwhile. Each difference is of one process's times.
fn sleeping<W: Way>(way: &W) -> f64 {
    let [first, second] = both(way, asleep::<W>);
    let trip = |((sent, received), (answered, heard)): ((u64, u64), (u64, u64))| {
        ((received - sent) - (answered - heard)) as f64
    };
    median(zip(first, second).map(trip).collect())
}

#[derive(Clone, Serialize, Deserialize)]
struct RingWay {
    ends: [(RingSender<u64>, RingReceiver<u64>); 2],
    spins: bool,
}

impl RingWay {
    fn new(spins: bool) -> Self {
        Self { ends: [Ring::new(64).unwrap(), Ring::new(64).unwrap()], spins }
    }
}

struct RingEnd {
    out: RingProducer<u64>,
    back: RingConsumer<u64>,
    spins: bool,
}

impl Way for RingWay {
    type End = RingEnd;

    fn open(self, side: u32) -> RingEnd {
        let Self { ends: [there, back], spins } = self;
        let (out, back) = if side == 0 { (there, back) } else { (back, there) };
        RingEnd { out: out.0.claim().unwrap(), back: back.1.claim().unwrap(), spins }
    }
}

impl End for RingEnd {
    fn send(&mut self, turn: u32) {
        // There is always room.
        self.out.push(turn.into()).unwrap();
    }

    fn receive(&mut self, turn: u32) {
        let item = if self.spins {
            loop {
                match self.back.try_pop() {
                    Ok(item) => break item,
                    Err(RingError::WouldBlock) => spin_loop(),
                    Err(error) => panic!("{error}"),
                }
            }
        } else {
            self.back.pop().unwrap()
        };
        assert_eq!(item, turn.into());
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct QueueWay {
    queues: [Queue<u64, InPlace>; 2],
    spins: bool,
}

impl QueueWay {
    fn new(spins: bool) -> Self {
        Self { queues: [Queue::in_place(64).unwrap(), Queue::in_place(64).unwrap()], spins }
    }
}

struct QueueEnd {
    out: Queue<u64, InPlace>,
    back: Queue<u64, InPlace>,
    spins: bool,
}

impl Way for QueueWay {
    type End = QueueEnd;

    fn open(self, side: u32) -> QueueEnd {
        let Self { queues: [there, back], spins } = self;
        let (out, back) = if side == 0 { (there, back) } else { (back, there) };
        QueueEnd { out, back, spins }
    }
}

impl End for QueueEnd {
    fn send(&mut self, turn: u32) {
        self.out.send(turn.into()).unwrap();
    }

    fn receive(&mut self, turn: u32) {
        let item = if self.spins {
            loop {
                match self.back.try_recv() {
                    Ok(item) => break item,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => spin_loop(),
                    Err(error) => panic!("{error}"),
                }
            }
        } else {
            self.back.recv().unwrap()
        };
        assert_eq!(item, turn.into());
    }
}

/// The floor of those who sleep: one store, one wake and one sleep each way.
#[derive(Clone, Serialize, Deserialize)]
struct FutexWay(TwoWords);

struct FutexEnd(TwoWords, u32);

impl Way for FutexWay {
    type End = FutexEnd;

    fn open(self, side: u32) -> FutexEnd {
        FutexEnd(self.0, side)
    }
}

impl End for FutexEnd {
    fn send(&mut self, turn: u32) {
        let mine = self.0.word(self.1);
        mine.store(turn, Ordering::SeqCst);
        futex_wake(mine);
    }

    fn receive(&mut self, turn: u32) {
        let other = self.0.word(self.1 + 1);
        while other.load(Ordering::SeqCst) != turn {
            futex_wait(other, turn - 1);
        }
    }
}

/// The worse of two, each the median of its rounds, is what counts.
fn report_worse(name: &str, goal: &str, ring: Vec<f64>, queue: Vec<f64>) {
    let (ring, queue) = (median(ring), median(queue));
    println!("{name}_ring {ring:.3}");
    println!("{name}_queue {queue:.3}");
    report(name, ring.max(queue), goal);
}

pub(crate) fn all() {
    let (mut ring, mut queue) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ring.push(running(&RingWay::new(false)) / running(&RingWay::new(true)));
        queue.push(running(&QueueWay::new(false)) / running(&QueueWay::new(true)));
    }
    report_worse("wake_adaptive", "<= 1.3", ring, queue);

    let (mut ring, mut queue, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let floor = sleeping(&FutexWay(TwoWords::new().unwrap()));
        ring.push(sleeping(&RingWay::new(false)) / floor);
        queue.push(sleeping(&QueueWay::new(false)) / floor);
        floors.push(floor);
    }
    println!("futex_pingpong_asleep_ns {:.0}", median(floors));
    report_worse("wake_blocked", "<= 1.1", ring, queue);
}

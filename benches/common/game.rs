//! Processes that go in step: what is measured and the floors, played in the same way.

pub(crate) use super::two_words::{TwoWords, futex_wait, futex_wake};

use super::{Span, now, whole};
use multiproc::{Atomic, Event, Ordering, Process, Semaphore};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
};

/// Turns of several sides, each a process or a thread, none of which gets ahead of another.
pub(crate) trait Game {
    /// What is done once, before the clock runs.
    fn prepare(&self, side: u32) {
        let _ = side;
    }

    fn play(&self, side: u32, turns: u32);
}

/// A bare futex ping-pong: one store, one wake and one sleep each way, whoever runs.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct FutexPingPong(TwoWords);

impl FutexPingPong {
    pub(crate) fn new() -> Self {
        Self(TwoWords::new().unwrap())
    }
}

impl Game for FutexPingPong {
    fn play(&self, side: u32, turns: u32) {
        let (mine, other) = (self.0.word(side), self.0.word(side + 1));
        for turn in 1..=turns {
            if side == 0 {
                mine.store(turn, SeqCst);
                futex_wake(mine);
            }
            while other.load(SeqCst) < turn {
                futex_wait(other, turn - 1);
            }
            if side == 1 {
                mine.store(turn, SeqCst);
                futex_wake(mine);
            }
        }
    }
}

/// The floor of a barrier of two: each side stores to its line and spins on the other's.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct TwoLines(TwoWords);

impl TwoLines {
    pub(crate) fn new() -> Self {
        Self(TwoWords::new().unwrap())
    }
}

impl Game for TwoLines {
    fn play(&self, side: u32, turns: u32) {
        let (mine, other) = (self.0.word(side), self.0.word(side + 1));
        for turn in 1..=turns {
            mine.store(turn, std::sync::atomic::Ordering::Release);
            while other.load(std::sync::atomic::Ordering::Acquire) < turn {
                spin_loop();
            }
        }
    }
}

/// The floor of a ping-pong: one store and one load each way, on two lines, spinning.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct LinePingPong(TwoWords);

impl LinePingPong {
    pub(crate) fn new() -> Self {
        Self(TwoWords::new().unwrap())
    }
}

impl Game for LinePingPong {
    fn play(&self, side: u32, turns: u32) {
        let (mine, other) = (self.0.word(side), self.0.word(side + 1));
        for turn in 1..=turns {
            if side == 0 {
                mine.store(turn, std::sync::atomic::Ordering::Release);
            }
            while other.load(std::sync::atomic::Ordering::Acquire) < turn {
                spin_loop();
            }
            if side == 1 {
                mine.store(turn, std::sync::atomic::Ordering::Release);
            }
        }
    }
}

/// Two events: each side sets its own and waits for the other's.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct EventPingPong([Event; 2]);

impl EventPingPong {
    pub(crate) fn new() -> Self {
        Self([Event::new().unwrap(), Event::new().unwrap()])
    }
}

impl Game for EventPingPong {
    fn play(&self, side: u32, turns: u32) {
        let [mine, other] = if side == 0 { [0, 1] } else { [1, 0] }.map(|at| &self.0[at]);
        for _ in 0..turns {
            if side == 0 {
                mine.set().unwrap();
            }
            other.wait().unwrap();
            other.clear();
            if side == 1 {
                mine.set().unwrap();
            }
        }
    }
}

/// Two semaphores: each side releases its own and acquires the other's.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SemaphorePingPong([Semaphore; 2]);

impl SemaphorePingPong {
    pub(crate) fn new() -> Self {
        Self([Semaphore::new(0).unwrap(), Semaphore::new(0).unwrap()])
    }
}

impl Game for SemaphorePingPong {
    fn play(&self, side: u32, turns: u32) {
        let [mine, other] = if side == 0 { [0, 1] } else { [1, 0] }.map(|at| &self.0[at]);
        for _ in 0..turns {
            if side == 0 {
                mine.release_bare().unwrap();
            }
            other.acquire_bare().unwrap();
            if side == 1 {
                mine.release_bare().unwrap();
            }
        }
    }
}

impl Game for multiproc::Barrier {
    fn play(&self, _: u32, turns: u32) {
        for _ in 0..turns {
            self.wait().unwrap();
        }
    }
}

impl Game for std::sync::Barrier {
    fn play(&self, _: u32, turns: u32) {
        for _ in 0..turns {
            self.wait();
        }
    }
}

/// On which processors the sides run.
#[derive(Clone, Copy)]
pub(crate) enum Seats {
    /// Wherever the system puts them.
    Anywhere,
    /// Each on its own: nobody who spins takes another's time.
    Apart,
    /// All on one: whoever waits must sleep so that another can run.
    Together,
}

fn player<G>(game: G, gate: Atomic<u32>, side: u32, sides: u32, turns: u32) -> Span
where
    G: Game + Serialize + DeserializeOwned + 'static,
{
    game.prepare(side);
    gate.fetch_add(1, Ordering::SeqCst);
    while gate.load(Ordering::SeqCst) < sides {
        thread::yield_now();
    }
    let start = now();
    game.play(side, turns);
    (start, now())
}

/// Nanoseconds a turn between processes.
pub(crate) fn processes<G>(game: &G, sides: u32, turns: u32, seats: Seats) -> f64
where
    G: Game + Clone + Serialize + DeserializeOwned + 'static,
{
    let gate = Atomic::new(0_u32).unwrap();
    let start = |side| -> Process<Span> {
        let builder = match seats {
            Seats::Anywhere => Process::builder(),
            Seats::Apart => Process::builder().affinity([side as usize]),
            Seats::Together => Process::builder().affinity([0]),
        };
        let args = (game.clone(), gate.clone(), side, sides, turns);
        builder.spawn(player::<G>, args).unwrap()
    };
    let players: Vec<_> = (0..sides).map(start).collect();
    let spans = players.into_iter().map(|player| player.join().unwrap()).collect();
    whole(spans) / f64::from(turns)
}

/// Nanoseconds a turn between threads.
pub(crate) fn threads(game: &(impl Game + Sync), sides: u32, turns: u32) -> f64 {
    let gate = AtomicU32::new(0);
    let play = |side| {
        game.prepare(side);
        gate.fetch_add(1, SeqCst);
        while gate.load(SeqCst) < sides {
            thread::yield_now();
        }
        let start = now();
        game.play(side, turns);
        (start, now())
    };
    let spans = thread::scope(|scope| {
        let players: Vec<_> = (0..sides).map(|side| scope.spawn(move || play(side))).collect();
        players.into_iter().map(|player| player.join().unwrap()).collect()
    });
    whole(spans) / f64::from(turns)
}

//! The round trip of one task: with a worker that is awake, beside two rings; and with one that sleeps, beside a bare futex. Both sides have a processor of their own, and the same ones in ours and in the other's rounds.

use super::{ROUNDS, trivial};
use crate::common::{
    game::{Game, Seats, TwoWords, futex_wait, futex_wake, processes},
    median, pin, report,
};
use multiproc::{Pool, Process, Ring, RingReceiver, RingSender};
use serde::{Deserialize, Serialize};
use std::{
    hint::spin_loop,
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

type Ends = (RingSender<u64>, RingReceiver<u64>);

#[derive(Clone, Serialize, Deserialize)]
struct RingPingPong([Ends; 2]);

impl Game for RingPingPong {
    fn play(&self, side: u32, turns: u32) {
        let [there, back] = &self.0;
        let (out, back) = if side == 0 { (there, back) } else { (back, there) };
        let (mut out, mut back) = (out.0.claim().unwrap(), back.1.claim().unwrap());
        for turn in 0..u64::from(turns) {
            if side == 0 {
                out.push(turn).unwrap();
            }
            assert_eq!(back.pop().unwrap(), turn);
            if side == 1 {
                out.push(turn).unwrap();
            }
        }
    }
}

/// Runs on a thread that has the first processor.
fn on_the_first<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            pin(0);
            body()
        });
        thread.join().unwrap()
    })
}

/// A pool whose worker has the other processor.
fn opposite() -> Pool {
    let pool = Pool::new(1).unwrap();
    pool.apply(|| pin(1), ()).unwrap();
    pool
}

fn spinning() {
    const TURNS: u32 = 20_000;
    let pool = opposite();
    let (mut ratios, mut all) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ours = on_the_first(|| {
            assert_eq!(pool.apply(trivial, (7,)).unwrap(), trivial(7));
            let start = Instant::now();
            for turn in 0..u64::from(TURNS) {
                assert_eq!(pool.apply(trivial, (turn,)).unwrap(), trivial(turn));
            }
            start.elapsed().as_nanos() as f64 / f64::from(TURNS)
        });
        let rings = RingPingPong([Ring::new(64).unwrap(), Ring::new(64).unwrap()]);
        ratios.push(ours / processes(&rings, 2, TURNS, Seats::Apart));
        all.push(ours);
    }
    println!("roundtrip_spinning_ns {:.0}", median(all));
    report("roundtrip_spinning", median(ratios), "<= 2");
}

/// Long enough for the other side to fall asleep, with some to spare for the system to put its processor to rest.
const PAUSE: Duration = Duration::from_micros(150);

fn pause() {
    let start = Instant::now();
    while start.elapsed() < PAUSE {
        spin_loop();
    }
}

/// The task of a worker whose answer is slow to come.
fn slow(x: u64) -> u64 {
    pause();
    trivial(x)
}

/// How the asker waits for the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// It is answered at once, and stays awake for that: ours does so by itself, the other is made to.
    Awake,
    /// The answer takes so long that it falls asleep; that time is taken off.
    Asleep,
}

/// Nanoseconds from the question to the answer of a side that slept.
fn time(asker: Asker, turns: u32, mut ask: impl FnMut(u32)) -> f64 {
    let mut took = 0.0;
    for turn in 1..=turns {
        pause();
        let start = Instant::now();
        ask(turn);
        took += start.elapsed().as_nanos() as f64;
        if asker == Asker::Asleep {
            took -= PAUSE.as_nanos() as f64;
        }
    }
    took / f64::from(turns)
}

/// One side of a bare futex: it sleeps for a question, and answers it.
fn answer(words: TwoWords, turns: u32, is_slow: bool) {
    for turn in 1..=turns {
        while words.word(0).load(SeqCst) != turn {
            futex_wait(words.word(0), turn - 1);
        }
        if is_slow {
            pause();
        }
        words.word(1).store(turn, SeqCst);
        futex_wake(words.word(1));
    }
}

fn asleep(name: &str, asker: Asker) {
    const TURNS: u32 = 300;
    let pool = opposite();
    let (mut ratios, mut all, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ours = on_the_first(|| {
            time(asker, TURNS, |turn| {
                let turn = u64::from(turn);
                let got = match asker {
                    Asker::Asleep => pool.apply(slow, (turn,)),
                    Asker::Awake => pool.apply(trivial, (turn,)),
                };
                assert_eq!(got.unwrap(), trivial(turn));
            })
        });
        let words = TwoWords::new().unwrap();
        let args = (words.clone(), TURNS, asker == Asker::Asleep);
        let other = Process::builder().affinity([1]).spawn(answer, args).unwrap();
        let floor = on_the_first(|| {
            time(asker, TURNS, |turn| {
                words.word(0).store(turn, SeqCst);
                futex_wake(words.word(0));
                while words.word(1).load(SeqCst) != turn {
                    match asker {
                        Asker::Asleep => futex_wait(words.word(1), turn - 1),
                        Asker::Awake => spin_loop(),
                    }
                }
            })
        });
        other.join().unwrap();
        ratios.push(ours / floor);
        all.push(ours);
        floors.push(floor);
    }
    println!("{name}_ns {:.0} futex_ns {:.0}", median(all), median(floors));
    report(name, median(ratios), "<= 1.3");
}

pub(crate) fn all() {
    spinning();
    asleep("roundtrip_asleep", Asker::Asleep);
    asleep("roundtrip_asleep_asker_awake", Asker::Awake);
}

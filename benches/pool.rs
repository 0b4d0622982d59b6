//! `Pool`: nanoseconds a task, and the round trip of one. Each value is the median of many short rounds; each ratio is that of rounds in which ours and the other take turns.
//!
//! A line `value NAME NANOSECONDS goal <= GOAL` is beside the ratios, for what is to be fast by the clock; rayon's threads are shown beside.

#[path = "pool/arrays.rs"]
mod arrays;
mod common;

use common::{
    game::{Game, Seats, processes},
    median, report,
};
use multiproc::{Pool, Process, Ring, RingReceiver, RingSender, SharedMemory};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::{
    hint::{black_box, spin_loop},
    ptr,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::{Duration, Instant},
};

const ROUNDS: usize = 21;
const TASKS: u64 = 100_000;

fn value(name: &str, nanoseconds: f64, goal: &str) {
    println!("value {name} {nanoseconds:.1} goal {goal}");
}

/// Nanoseconds a task: the median, and the best.
fn rounds(tasks: u64, mut body: impl FnMut()) -> (f64, f64) {
    body();
    let round = |_| {
        let start = Instant::now();
        body();
        start.elapsed().as_nanos() as f64 / tasks as f64
    };
    let all: Vec<f64> = (0..ROUNDS).map(round).collect();
    let best = all.iter().copied().fold(f64::MAX, f64::min);
    (median(all), best)
}

fn trivial(x: u64) -> u64 {
    x ^ 0x5555
}

/// The same, but encoded: it is no number.
fn encoded(x: (u64, u8)) -> (u64, u8) {
    (x.0 ^ 0x5555, x.1)
}

fn maps(pool: &Pool) {
    let all: Vec<u64> = (0..TASKS).collect();
    let right = |got: &[u64]| assert_eq!(got[7], trivial(7));
    let (ours, best) = rounds(TASKS, || right(&pool.map(trivial, all.iter().copied()).unwrap()));
    println!("map_pod_ns best {best:.1}");
    value("map_pod_ns", ours, "<= 5");
    let (ours, best) = rounds(TASKS, || {
        let got = pool.map(encoded, (0..TASKS).map(|x| (x, 1))).unwrap();
        assert_eq!(got[7], (trivial(7), 1));
    });
    println!("map_encoded_ns best {best:.1}");
    value("map_encoded_ns", ours, "<= 20");
    let (rayon, _) = rounds(TASKS, || {
        let got: Vec<u64> = all.par_iter().with_max_len(1).map(|&x| trivial(x)).collect();
        right(&got);
    });
    println!("rayon_chunk1_ns {rayon:.1}");
    let (ours, best) = rounds(TASKS, || {
        right(&pool.mapping().chunk_size(1).map(trivial, all.iter().copied()).unwrap());
    });
    println!("map_chunk1_ns best {best:.1}");
    value("map_chunk1_ns", ours, "<= 500");
}

fn tasks(pool: &Pool) {
    const PIPELINED: u64 = 20_000;
    let (ours, best) = rounds(PIPELINED, || {
        let results: Vec<_> =
            (0..PIPELINED).map(|x| pool.apply_async(trivial, (x,)).unwrap()).collect();
        for (x, result) in results.iter().enumerate() {
            assert_eq!(result.get().unwrap(), trivial(x as u64));
        }
    });
    println!("apply_async_ns best {best:.1}");
    value("apply_async_ns", ours, "<= 500");
}

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
            pin();
            body()
        });
        thread.join().unwrap()
    })
}

/// This thread runs on the first processor.
fn pin() {
    // SAFETY: a set of processors of which no bit is set is one.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours.
    unsafe { libc::CPU_SET(0, &mut set) };
    // SAFETY: the call reads the set.
    let failed = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
    assert_eq!(failed, 0);
}

/// A pool whose worker has the other processor.
fn opposite() -> Pool {
    let pool = Pool::builder().workers(1).pinned(true);
    let other = pool.build().unwrap();
    // The first worker has the first processor: it moves.
    let there = || {
        // SAFETY: as in `pin`.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: as in `pin`.
        unsafe { libc::CPU_SET(1, &mut set) };
        // SAFETY: as in `pin`.
        unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) }
    };
    assert_eq!(other.apply(there, ()).unwrap(), 0);
    other
}

fn roundtrip_spinning() {
    const TURNS: u32 = 20_000;
    let pool = opposite();
    let ratios = (0..ROUNDS)
        .map(|_| {
            let ours = on_the_first(|| {
                assert_eq!(pool.apply(trivial, (7,)).unwrap(), trivial(7));
                let start = Instant::now();
                for turn in 0..u64::from(TURNS) {
                    assert_eq!(pool.apply(trivial, (turn,)).unwrap(), trivial(turn));
                }
                start.elapsed().as_nanos() as f64 / f64::from(TURNS)
            });
            let rings = RingPingPong([Ring::new(64).unwrap(), Ring::new(64).unwrap()]);
            let other = processes(&rings, 2, TURNS, Seats::Apart);
            if std::env::var_os("VERBOSE").is_some() {
                println!("round trip {ours:.0}, ring {other:.0}");
            }
            ours / other
        })
        .collect();
    report("roundtrip_spinning", median(ratios), "<= 2");
}

/// Two words for a bare futex ping-pong, whose sides sleep: the other one is there.
#[derive(Clone, Serialize, Deserialize)]
struct Words(SharedMemory);

impl Words {
    fn word(&self, side: usize) -> &AtomicU32 {
        // SAFETY: the memory has both lines and lives as long as the handle; all use it by atomic operations.
        unsafe { AtomicU32::from_ptr(self.0.as_ptr().wrapping_add(side * 128).cast()) }
    }

    fn wait(&self, side: usize, seen: u32) {
        let word = self.word(side);
        while word.load(SeqCst) == seen {
            let forever = ptr::null::<libc::timespec>();
            // SAFETY: the call reads the word.
            unsafe {
                libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, seen, forever)
            };
        }
    }

    fn set(&self, side: usize, turn: u32) {
        let word = self.word(side);
        word.store(turn, SeqCst);
        // SAFETY: the call takes the address.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
    }
}

/// Long enough for the other side to fall asleep.
fn pause() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(150) {
        spin_loop();
    }
}

fn roundtrip_asleep() {
    const TURNS: u32 = 300;
    let pool = opposite();
    let ratios = (0..ROUNDS)
        .map(|_| {
            let ours = on_the_first(|| {
                let mut ours = 0.0;
                for turn in 0..u64::from(TURNS) {
                    pause();
                    let start = Instant::now();
                    assert_eq!(pool.apply(trivial, (turn,)).unwrap(), trivial(turn));
                    ours += start.elapsed().as_nanos() as f64;
                }
                ours
            });
            let words = Words(SharedMemory::create_unnamed(256).unwrap());
            let echo = |words: Words, turns: u32| {
                for turn in 1..=turns {
                    words.wait(0, turn - 1);
                    words.set(1, turn);
                }
            };
            let other = Process::builder().affinity([1]).spawn(echo, (words.clone(), TURNS));
            let floor = on_the_first(|| {
                let mut floor = 0.0;
                for turn in 1..=TURNS {
                    pause();
                    let start = Instant::now();
                    words.set(0, turn);
                    words.wait(1, turn - 1);
                    floor += start.elapsed().as_nanos() as f64;
                }
                floor
            });
            other.unwrap().join().unwrap();
            if std::env::var_os("VERBOSE").is_some() {
                let each = |sum: f64| sum / f64::from(TURNS);
                println!("asleep {:.0}, futex {:.0}", each(ours), each(floor));
            }
            ours / floor
        })
        .collect();
    report("roundtrip_asleep", median(ratios), "<= 1.3");
}

fn main() {
    multiproc::init();
    // Alone, if it is named.
    if std::env::args().any(|argument| argument == "arrays") {
        return arrays::all();
    }
    arrays::all();
    let pool = Pool::new(2).unwrap();
    maps(&pool);
    tasks(&pool);
    drop(black_box(pool));
    roundtrip_spinning();
    roundtrip_asleep();
}

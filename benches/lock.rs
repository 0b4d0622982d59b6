//! The lock beside the standard library's mutex, and the answer of sleepers to a death.
//!
//! Each ratio is the median of the ratios of many short rounds, in which ours and the other take turns.

mod common;

use common::{Span, death, median, now, report, time, whole};
use multiproc::{Atomic, Lock, Ordering, Value, spawn};
use std::{
    hint::black_box,
    sync::{Mutex, atomic::AtomicU64},
    thread,
};

const ROUNDS: usize = 41;

/// The same body, `+=` on the guarded value.
fn uncontended() {
    const COUNT: u32 = 200_000;
    let (ours, theirs) = (Value::new(0_u64).unwrap(), Mutex::new(0_u64));
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let std = time(COUNT, || *black_box(&theirs).lock().unwrap() += 1);
        let our = time(COUNT, || *black_box(&ours).lock().unwrap() += 1);
        ratios.push(our / std);
    }
    assert_eq!(ours.get().unwrap(), u64::from(COUNT) * ROUNDS as u64);
    report("lock_uncontended", median(ratios), "<= 1.1");
}

fn atomic() {
    const COUNT: u32 = 500_000;
    let (ours, theirs) = (Atomic::new(0_u64).unwrap(), AtomicU64::new(0));
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let std = time(COUNT, || {
            black_box(&theirs).fetch_add(1, Ordering::Relaxed);
        });
        let our = time(COUNT, || {
            black_box(&ours).fetch_add(1, Ordering::Relaxed);
        });
        ratios.push(our / std);
    }
    assert_eq!(ours.load(Ordering::Relaxed), u64::from(COUNT) * ROUNDS as u64);
    report("atomic_add", median(ratios), "<= 1.05");
}

/// How many operations each worker makes in a round.
const EACH: u64 = 1_000_000;

fn span(mut body: impl FnMut()) -> Span {
    let start = now();
    for _ in 0..EACH {
        body();
    }
    (start, now())
}

/// Waits until all workers of the round are there, and works.
fn contender(value: Value<u64>, gate: Atomic<u64>, parties: u64) -> Span {
    gate.fetch_add(1, Ordering::SeqCst);
    while gate.load(Ordering::SeqCst) < parties {
        thread::yield_now();
    }
    span(|| *value.lock().unwrap() += 1)
}

fn contended(parties: u64) {
    let mut ratios = Vec::new();
    for _ in 0..9 {
        let (value, gate) = (Value::new(0_u64).unwrap(), Atomic::new(0_u64).unwrap());
        let workers: Vec<_> = (0..parties)
            .map(|_| spawn(contender, (value.clone(), gate.clone(), parties)).unwrap())
            .collect();
        let ours = whole(workers.into_iter().map(|worker| worker.join().unwrap()).collect());
        assert_eq!(value.get().unwrap(), EACH * parties);

        let (value, gate) = (Mutex::new(0_u64), AtomicU64::new(0));
        let theirs = thread::scope(|scope| {
            let work = || {
                gate.fetch_add(1, Ordering::SeqCst);
                while gate.load(Ordering::SeqCst) < parties {
                    thread::yield_now();
                }
                span(|| *black_box(&value).lock().unwrap() += 1)
            };
            let workers: Vec<_> = (0..parties).map(|_| scope.spawn(work)).collect();
            whole(workers.into_iter().map(|worker| worker.join().unwrap()).collect())
        });
        assert_eq!(*value.lock().unwrap(), EACH * parties);
        ratios.push(theirs / ours);
    }
    report(&format!("lock_contended_{parties}"), median(ratios), ">= 1.0");
}

/// A fresh lock each time.
fn lock_death(sleepers: u32) -> f64 {
    death(&Lock::new().unwrap(), sleepers)
}

fn main() {
    multiproc::init();
    uncontended();
    atomic();
    contended(2);
    contended(8);
    let mut one: Vec<_> = (0..500).map(|_| lock_death(1)).collect();
    one.sort_by(f64::total_cmp);
    println!("death_one_sleeper_median_ms {:.3}", one[one.len() / 2]);
    report("death_one_sleeper_p99_ms", one[one.len() * 99 / 100], "<= 1");
    let worst = (0..100).flat_map(|_| [1, 4, 16].map(lock_death)).fold(0.0, f64::max);
    report("death_all_sleepers_ms", worst, "<= 5");
}

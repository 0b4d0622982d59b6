//! The lock beside the standard library's mutex, and the answer of sleepers to a death.
//!
//! Each ratio is the median of the ratios of many short rounds, in which ours and the other take turns.

use multiproc::{Atomic, Lock, LockError, Ordering, Process, Value, spawn};
use std::{
    hint::black_box,
    sync::{Mutex, atomic::AtomicU64},
    thread,
    time::{Duration, Instant},
};

const ROUNDS: usize = 41;

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn report(name: &str, value: f64, goal: &str) {
    println!("ratio {name} {value:.3} goal {goal}");
}

fn time(count: u32, mut body: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        body();
    }
    start.elapsed().as_secs_f64()
}

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

/// Waits until all workers of the round are there, works, and says how long it took itself.
fn contender(value: Value<u64>, gate: Value<u64>, parties: u64) -> f64 {
    gate.update(|n| n + 1).unwrap();
    while gate.get().unwrap() < parties {
        thread::yield_now();
    }
    let start = Instant::now();
    for _ in 0..EACH {
        *value.lock().unwrap() += 1;
    }
    start.elapsed().as_secs_f64()
}

fn contended(parties: u64) {
    let mut ratios = Vec::new();
    for _ in 0..9 {
        let (value, gate) = (Value::new(0_u64).unwrap(), Value::new(0_u64).unwrap());
        let workers: Vec<_> = (0..parties)
            .map(|_| spawn(contender, (value.clone(), gate.clone(), parties)).unwrap())
            .collect();
        let ours = workers.into_iter().map(|worker| worker.join().unwrap()).fold(0.0, f64::max);
        assert_eq!(value.get().unwrap(), EACH * parties);

        let (value, gate) = (Mutex::new(0_u64), Mutex::new(0_u64));
        let theirs = thread::scope(|scope| {
            let work = || {
                *gate.lock().unwrap() += 1;
                while *gate.lock().unwrap() < parties {
                    thread::yield_now();
                }
                time(EACH as u32, || *black_box(&value).lock().unwrap() += 1)
            };
            let workers: Vec<_> = (0..parties).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).fold(0.0, f64::max)
        });
        ratios.push(theirs / ours);
    }
    report(&format!("lock_contended_{parties}"), median(ratios), ">= 1.0");
}

/// Takes the lock and waits for its end.
fn hold(lock: Lock, held: Value<u32>) {
    let _guard = take(&lock);
    held.update(|n| n + 1).unwrap();
    loop {
        thread::park();
    }
}

fn take(lock: &Lock) -> multiproc::LockGuard<'_> {
    match lock.lock() {
        Ok(guard) => guard,
        Err(LockError::OwnerDied(guard) | LockError::Poisoned(guard)) => {
            guard.clear_poison();
            guard
        }
        Err(error) => panic!("{error}"),
    }
}

/// From the kill of the owner until all sleepers have gone on, with no newcomer.
fn death(sleepers: usize) -> Duration {
    let (lock, held) = (Lock::new().unwrap(), Value::new(0_u32).unwrap());
    let owner: Process<()> = spawn(hold, (lock.clone(), held.clone())).unwrap();
    while held.get().unwrap() == 0 {
        thread::yield_now();
    }
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..sleepers)
            .map(|_| {
                let lock = lock.clone();
                scope.spawn(move || {
                    drop(take(&lock));
                    Instant::now()
                })
            })
            .collect();
        // Until they sleep: a look at the kernel's word of each.
        while sleeping_threads() < sleepers {
            thread::yield_now();
        }
        let start = Instant::now();
        owner.kill().unwrap();
        let last = waiting.into_iter().map(|waiter| waiter.join().unwrap()).max().unwrap();
        assert!(owner.join().is_err());
        last - start
    })
}

/// Threads of this process that sleep, beside the one that asks.
fn sleeping_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok())
        .filter(|stat| {
            stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'))
        })
        .count()
}

fn main() {
    multiproc::init();
    uncontended();
    atomic();
    contended(2);
    contended(8);
    let mut one: Vec<_> = (0..500).map(|_| death(1).as_secs_f64() * 1e3).collect();
    one.sort_by(f64::total_cmp);
    println!("death_one_sleeper_median_ms {:.3}", one[one.len() / 2]);
    report("death_one_sleeper_p99_ms", one[one.len() * 99 / 100], "<= 1");
    let worst = (0..100).flat_map(|_| [1, 4, 16].map(death)).max().unwrap();
    report("death_all_sleepers_ms", worst.as_secs_f64() * 1e3, "<= 5");
}

//! The lock beside the standard library's mutex, and the answer of sleepers to a death.
//!
//! Each ratio is the median of the ratios of many short rounds, in which ours and the other take turns.

use multiproc::{Atomic, Lock, LockError, Ordering, Process, Value, spawn};
use std::{
    hint::black_box,
    io::Read,
    process::Stdio,
    sync::{Mutex, atomic::AtomicU64},
    thread,
    time::Instant,
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

/// Nanoseconds of the clock that all processes of the machine share; an `Instant` cannot travel.
fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a `timespec` of ours that the call may write.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(failed, 0);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

/// Start and end of one worker.
type Span = (u64, u64);

/// From the first start to the last end: all the work, whoever was made to wait.
fn whole(spans: Vec<Span>) -> f64 {
    let start = spans.iter().map(|span| span.0).min().unwrap();
    let end = spans.iter().map(|span| span.1).max().unwrap();
    (end - start) as f64
}

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

/// Takes the lock and waits for its end.
fn hold(lock: Lock, held: Atomic<u32>) {
    let _guard = take(&lock);
    held.store(1, Ordering::SeqCst);
    loop {
        thread::park();
    }
}

/// Sleeps for the lock; when it had it. Stays until all have, so that nobody's end takes the others' time.
fn sleep(lock: Lock, there: Atomic<u32>, stay: Lock) -> u64 {
    there.fetch_add(1, Ordering::SeqCst);
    drop(take(&lock));
    let gone_on = now();
    println!();
    drop(take(&stay));
    gone_on
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

/// From the kill of the owner until all sleepers, processes too, have gone on, with no newcomer. In milliseconds.
fn death(sleepers: u32) -> f64 {
    let (lock, held) = (Lock::new().unwrap(), Atomic::new(0_u32).unwrap());
    let owner: Process<()> = spawn(hold, (lock.clone(), held.clone())).unwrap();
    while held.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    let (there, stay) = (Atomic::new(0_u32).unwrap(), Lock::new().unwrap());
    let closed = stay.lock().unwrap();
    let args = (lock.clone(), there.clone(), stay.clone());
    let start = || Process::builder().stdout(Stdio::piped()).spawn(sleep, args.clone()).unwrap();
    let mut waiting: Vec<_> = (0..sleepers).map(|_| start()).collect();
    // Behind the count nothing sleeps but the lock.
    while there.load(Ordering::SeqCst) < sleepers || !waiting.iter().all(|it| sleeps(it.pid())) {
        thread::yield_now();
    }
    let start = now();
    owner.kill().unwrap();
    for waiter in &mut waiting {
        waiter.take_stdout().unwrap().read_exact(&mut [0]).unwrap();
    }
    drop(closed);
    let last = waiting.into_iter().map(|waiter| waiter.join().unwrap()).max().unwrap();
    assert!(owner.join().is_err());
    (last - start) as f64 / 1e6
}

/// Whether the main thread of the process sleeps: the kernel's word.
fn sleeps(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'))
}

fn main() {
    multiproc::init();
    uncontended();
    atomic();
    contended(2);
    contended(8);
    let mut one: Vec<_> = (0..500).map(|_| death(1)).collect();
    one.sort_by(f64::total_cmp);
    println!("death_one_sleeper_median_ms {:.3}", one[one.len() / 2]);
    report("death_one_sleeper_p99_ms", one[one.len() * 99 / 100], "<= 1");
    let worst = (0..100).flat_map(|_| [1, 4, 16].map(death)).fold(0.0, f64::max);
    report("death_all_sleepers_ms", worst, "<= 5");
}

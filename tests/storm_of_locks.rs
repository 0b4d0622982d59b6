//! A storm over the whole family of locks at once: workers that take, wait, notify and meet are killed at random moments. `MULTIPROC_STORM_KILLS` makes it longer.
//!
//! All waits are with a time, so that workers never wait for one another for ever in good order; what a death leaves must not stop anybody: the test goes on by counting turns.

#[path = "support/chance.rs"]
mod chance;
mod support;

use multiproc::{
    Atomic, Barrier, BarrierError, Condition, ErrorKind, Event, LockError, OnceValue, Ordering,
    Process, RLock, RwLock, Semaphore, spawn,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use support::watchdog;

multiproc::test_support!();

const PERMITS: u32 = 3;
const PARTIES: u32 = 2;
/// Enough for whoever runs, on a machine with two processors and many others.
const WHILE: Duration = Duration::from_millis(2);

/// What the workers share.
#[derive(Clone, Serialize, Deserialize)]
struct Shared {
    turns: Atomic<u64>,
    recursive: RLock,
    many: RwLock,
    writers: Atomic<u32>,
    permits: Semaphore,
    told: Condition,
    flag: Event,
    meeting: Barrier,
    once: OnceValue<u64>,
}

impl Shared {
    fn new() -> Self {
        Self {
            turns: Atomic::new(0).unwrap(),
            recursive: RLock::new().unwrap(),
            many: RwLock::new().unwrap(),
            writers: Atomic::new(0).unwrap(),
            permits: Semaphore::new(PERMITS).unwrap(),
            told: Condition::new().unwrap(),
            flag: Event::new().unwrap(),
            meeting: Barrier::new(PARTIES).unwrap(),
            once: OnceValue::new().unwrap(),
        }
    }
}

/// The guard, however it was got; the lock is repaired.
fn whatever<G>(got: Result<G, LockError<G>>, repair: impl Fn(&G)) -> G {
    got.or_else(LockError::into_guard).inspect(repair).unwrap()
}

fn work(shared: Shared) {
    for turn in 0_u64.. {
        {
            let clear = |guard: &multiproc::RLockGuard<'_>| guard.clear_poison();
            let _outer = whatever(shared.recursive.lock(), clear);
            let _inner = whatever(shared.recursive.lock(), clear);
            assert_eq!(shared.recursive.depth(), 2);
        }
        if turn % 4 == 0 {
            let guard = whatever(shared.many.write(), |guard| guard.clear_poison());
            // A dead writer left its number.
            shared.writers.store(std::process::id(), Ordering::SeqCst);
            assert_eq!(shared.writers.load(Ordering::SeqCst), std::process::id(), "two write");
            drop(guard);
        } else {
            let _guard = whatever(shared.many.read(), |_| shared.many.clear_poison());
            let before = shared.writers.load(Ordering::SeqCst);
            assert_eq!(shared.writers.load(Ordering::SeqCst), before, "written under a reader");
        }
        match shared.permits.acquire_timeout(WHILE) {
            Ok(permit) => drop(permit),
            Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
        }
        if turn % 2 == 0 {
            let mut guard = whatever(shared.told.lock(), |guard| guard.clear_poison());
            match shared.told.wait_timeout(&mut guard, WHILE) {
                Ok(_) => {}
                Err(LockError::OwnerDied(()) | LockError::Poisoned(())) => guard.clear_poison(),
                Err(error) => panic!("{error}"),
            }
        } else {
            let _guard = whatever(shared.told.lock(), |guard| guard.clear_poison());
            shared.told.notify(1 + turn as usize % 3).unwrap();
        }
        if turn % 3 == 0 {
            shared.flag.set().unwrap();
            shared.flag.clear();
        } else {
            shared.flag.wait_timeout(WHILE).unwrap();
        }
        match shared.meeting.wait_timeout(WHILE) {
            Ok(index) => assert!(index < PARTIES),
            Err(BarrierError::TimedOut | BarrierError::Broken) => shared.meeting.reset().unwrap(),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(*shared.once.get_or_init(|| 42).unwrap(), 42);
        shared.turns.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn nobody_is_stuck_and_nothing_is_lost() {
    let kills = chance::kills();
    let _watchdog = watchdog(120 + kills / 10);
    let mut seed = chance::seed();
    let shared = Shared::new();
    let start = || -> Process<()> { spawn(work, (shared.clone(),)).unwrap() };
    let mut workers: Vec<_> = (0..4).map(|_| start()).collect();
    for _ in 0..kills {
        // A random moment: after a random part of a few turns, as far as looking takes.
        let until = shared.turns.load(Ordering::Relaxed) + chance::random(&mut seed) % 3;
        while shared.turns.load(Ordering::Relaxed) < until {
            std::thread::yield_now();
        }
        (0..chance::random(&mut seed) % 2_000).for_each(|_| std::hint::spin_loop());
        let victim = chance::random(&mut seed) as usize % workers.len();
        let victim = std::mem::replace(&mut workers[victim], start());
        victim.kill().unwrap();
        assert!(victim.join().is_err());
    }
    let turns = shared.turns.load(Ordering::Relaxed);
    let kills = kills + workers.len() as u64;
    for worker in workers {
        worker.kill().unwrap();
        assert!(worker.join().is_err());
    }
    // Everything is to be had, and nothing was lost.
    drop(whatever(shared.recursive.lock(), |guard| guard.clear_poison()));
    assert!(!shared.recursive.is_locked());
    drop(whatever(shared.many.write(), |guard| guard.clear_poison()));
    assert_eq!(shared.many.readers(), 0);
    let permits: Vec<_> = (0..PERMITS).map(|_| shared.permits.acquire().unwrap()).collect();
    assert_eq!(shared.permits.try_acquire().map(drop).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(permits);
    assert_eq!(shared.permits.value(), PERMITS);
    assert_eq!(shared.told.n_waiting(), 0);
    shared.flag.set().unwrap();
    shared.meeting.reset().unwrap();
    assert_eq!(shared.meeting.n_waiting(), 0);
    assert_eq!(*shared.once.get_or_init(|| 42).unwrap(), 42);
    println!("kills {kills} turns {turns}");
}

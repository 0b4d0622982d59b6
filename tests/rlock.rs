//! `RLock` across processes: LK01, LK02, LK05, LK07, LK08, LK10, LK11, LK13, LK15, death row 2.

mod support;

use multiproc::{Atomic, ErrorKind, Lock, LockError, Ordering, RLock, Segment, Value, spawn};
use std::{
    thread,
    time::{Duration, Instant},
};
use support::{clean, unique, watchdog};

multiproc::test_support!();

/// LK07: as often as it was taken, it is given back; then it is free. A fourth time is impossible: there are as many guards as levels. LK02: whether it is locked can be asked.
#[test]
fn it_is_free_when_the_last_guard_is_dropped() {
    let _watchdog = watchdog(60);
    let lock = RLock::new().unwrap();
    assert!(!lock.is_locked() && lock.depth() == 0);
    let theirs = || {
        thread::scope(|scope| {
            scope.spawn(|| lock.try_lock().map(drop).map_err(|e| e.kind())).join()
        })
        .unwrap()
    };
    let mut guards = Vec::new();
    for depth in 1..=3 {
        guards.push(match depth {
            1 => lock.lock().unwrap(),
            2 => lock.try_lock().unwrap(),
            _ => lock.lock_timeout(Duration::MAX).unwrap(),
        });
        assert!(lock.is_locked() && lock.depth() == depth);
        assert_eq!(theirs(), Err(ErrorKind::WouldBlock));
    }
    // In whatever order: the first one first.
    for depth in (0..3).rev() {
        drop(guards.remove(0));
        assert_eq!(lock.depth(), depth);
        assert_eq!(theirs().is_ok(), depth == 0);
    }
    assert!(!lock.is_locked());
    for _ in 0..2 {
        let (one, two) = (lock.lock().unwrap(), lock.lock_timeout(Duration::ZERO).unwrap());
        drop((one, two));
        assert!(theirs().is_ok());
    }
}

/// LK10, LK08, LK11: another process sees that it is locked, at which depth and by whom, cannot take it, and changes nothing by trying.
#[test]
fn another_process_sees_it_and_cannot_take_it() {
    let _watchdog = watchdog(60);
    let (lock, state) = (RLock::new().unwrap(), Atomic::new(0_u32).unwrap());
    let shown = format!("{lock:?}");
    assert!(shown.contains("owner: None") && shown.contains("depth: 0"), "{shown}");
    let hold = |lock: RLock, state: Atomic<u32>| {
        let _guards = [(); 3].map(|()| lock.lock().unwrap());
        state.store(1, Ordering::SeqCst);
        while state.load(Ordering::SeqCst) == 1 {
            thread::yield_now();
        }
        assert_eq!(lock.depth(), 3);
    };
    let holder = spawn(hold, (lock.clone(), state.clone())).unwrap();
    while state.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    let shown = format!("{lock:?}");
    assert!(shown.contains(&format!("process {}", holder.pid())), "{shown}");
    assert!(shown.contains("depth: 3") && shown.contains("poisoned: false"), "{shown}");
    assert!(lock.is_locked() && lock.depth() == 3);
    assert!(matches!(lock.try_lock(), Err(LockError::WouldBlock)));
    assert!(matches!(lock.lock_timeout(Duration::ZERO), Err(LockError::WouldBlock)));
    let (start, time) = (Instant::now(), Duration::from_millis(60));
    assert!(matches!(lock.lock_timeout(time), Err(LockError::TimedOut)));
    assert!(start.elapsed() >= time && lock.depth() == 3);
    state.store(2, Ordering::SeqCst);
    holder.join().unwrap();
    let held = lock.lock().unwrap();
    let shown = format!("{lock:?} {held:?}");
    assert!(shown.contains(&format!("process {}", std::process::id())), "{shown}");
    assert!(shown.contains("depth: 1"), "{shown}");
}

/// Increments a number in two steps, under two levels.
fn count(lock: &RLock, number: &Atomic<u64>) {
    for _ in 0..2000 {
        let _outer = lock.lock().unwrap();
        let seen = number.load(Ordering::Relaxed);
        let _inner = lock.lock().unwrap();
        number.store(seen + 1, Ordering::Relaxed);
    }
}

/// LK13: nothing is lost between processes and threads.
#[test]
fn nothing_is_lost_under_the_lock() {
    let _watchdog = watchdog(60);
    let (lock, number) = (RLock::new().unwrap(), Atomic::new(0_u64).unwrap());
    let work = |lock: RLock, number: Atomic<u64>| count(&lock, &number);
    let processes = [(); 2].map(|()| spawn(work, (lock.clone(), number.clone())).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| count(&lock, &number));
        count(&lock, &number);
    });
    processes.into_iter().for_each(|process| process.join().unwrap());
    assert_eq!(number.load(Ordering::Relaxed), 8000);
    assert!(!lock.is_locked());
}

/// LK15, row 2: a holder that is killed at depth three is told once, at depth one; later ones hear that it is poisoned.
#[test]
fn a_killed_holder_is_told_to_the_next() {
    let _watchdog = watchdog(60);
    let (lock, inside) = (RLock::new().unwrap(), Atomic::new(false).unwrap());
    let hold = |lock: RLock, inside: Atomic<bool>| -> () {
        let _guards = [(); 3].map(|()| lock.lock().unwrap());
        inside.store(true, Ordering::SeqCst);
        loop {
            thread::park();
        }
    };
    let holder = spawn(hold, (lock.clone(), inside.clone())).unwrap();
    while !inside.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    holder.kill().unwrap();
    assert!(holder.join().is_err());
    let Err(LockError::OwnerDied(guard)) = lock.lock() else { panic!("nobody told") };
    assert!(lock.depth() == 1 && lock.is_poisoned());
    // Deeper levels hear of the poison too.
    assert!(matches!(lock.lock(), Err(LockError::Poisoned(_))));
    assert_eq!(lock.depth(), 1);
    drop(guard);
    assert!(!lock.is_locked());
    let Err(LockError::Poisoned(guard)) = lock.try_lock() else { panic!("not poisoned") };
    guard.clear_poison();
    let again = lock.lock().unwrap();
    drop((guard, again));
    drop(lock.lock().unwrap());
}

/// A panic in an inner level poisons, though the outer one is dropped after it.
#[test]
fn a_panic_poisons_at_every_depth() {
    let _watchdog = watchdog(60);
    for depth in 1..=3 {
        let lock = RLock::new().unwrap();
        let theirs = lock.clone();
        let panicked = thread::spawn(move || {
            let _guards: Vec<_> = (0..depth).map(|_| theirs.lock().unwrap()).collect();
            panic!("inside");
        });
        assert!(panicked.join().is_err() && !lock.is_locked());
        assert!(matches!(lock.lock(), Err(LockError::Poisoned(_))));
        lock.clear_poison();
        drop(lock.lock().unwrap());
    }
    // One that is caught inside an outer level poisons too.
    let lock = RLock::new().unwrap();
    let outer = lock.lock().unwrap();
    let caught = std::panic::catch_unwind(|| {
        let _inner = lock.lock().unwrap();
        panic!("inside");
    });
    assert!(caught.is_err() && lock.depth() == 1 && lock.is_poisoned());
    drop(outer);
    assert!(!lock.is_locked() && lock.lock().is_err());
}

/// By name; as results; a published lock is the same lock.
#[test]
fn handles_travel_and_are_published() {
    let name = unique("rlock");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let lock = RLock::new_in(&segment).unwrap();
        segment.publish("lock", &lock).unwrap();
        let held = lock.lock().unwrap();
        let find = |name: String| {
            let lock = Segment::attach(&name).unwrap().open::<RLock>("lock").unwrap();
            assert!(matches!(lock.try_lock(), Err(LockError::WouldBlock)));
            RLock::new().unwrap()
        };
        let other = spawn(find, (name.clone(),)).unwrap().join().unwrap();
        let same = segment.open::<RLock>("lock").unwrap();
        assert!(lock.same_lock(&same) && !lock.same_lock(&other));
        // The same lock by another handle: one level deeper.
        let inner = same.lock().unwrap();
        assert_eq!(lock.depth(), 2);
        drop((held, inner));
        drop(other.lock().unwrap());
        // Another kind of lock is no such lock.
        assert_eq!(
            segment.open::<Lock>("lock").map(drop).unwrap_err().kind(),
            ErrorKind::WrongType
        );
        let number = Value::new_in(&segment, 1_u64).unwrap();
        segment.publish("number", &number).unwrap();
        assert_eq!(
            segment.open::<RLock>("number").map(drop).unwrap_err().kind(),
            ErrorKind::WrongType
        );
    });
}

//! `RwLock` across processes: LK01, LK02, LK05, LK10, LK11, LK13, LK14 for a lock of readers and writers.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{Atomic, ErrorKind, Lock, LockError, Ordering, RwLock, Segment, spawn};
use std::{
    thread,
    time::{Duration, Instant},
};
use support::{clean, unique, watchdog};
use watching::{sleeps, until};

multiproc::test_support!();

/// How many readers hold it at once.
const MOST: usize = 60;

/// What another thread is told that tries to read, and to write.
fn others(lock: &RwLock) -> (Option<ErrorKind>, Option<ErrorKind>) {
    let attempt = || {
        let read = lock.try_read().err().map(|error| error.kind());
        (read, lock.try_write().err().map(|error| error.kind()))
    };
    thread::scope(|scope| scope.spawn(attempt).join().unwrap())
}

const NO: Option<ErrorKind> = Some(ErrorKind::WouldBlock);

#[test]
fn readers_are_many_and_writers_alone() {
    let _watchdog = watchdog(60);
    let lock = RwLock::new().unwrap();
    assert_eq!(others(&lock), (None, None));
    let one = lock.read().unwrap();
    let two = lock.try_read().unwrap();
    let three = lock.read_timeout(Duration::MAX).unwrap();
    assert!(lock.readers() == 3 && !lock.is_write_locked());
    assert_eq!(others(&lock), (None, NO));
    drop((one, two));
    assert_eq!(others(&lock), (None, NO));
    drop(three);
    assert!(lock.readers() == 0);
    for attempt in 0..3 {
        let held = match attempt {
            0 => lock.write(),
            1 => lock.try_write(),
            _ => lock.write_timeout(Duration::MAX),
        };
        let held = held.unwrap();
        assert!(lock.readers() == 0 && lock.is_write_locked());
        assert_eq!(others(&lock), (NO, NO));
        drop(held);
        assert!(!lock.is_write_locked());
        assert_eq!(others(&lock), (None, None));
    }
}

/// Who would wait for itself is told so.
#[test]
fn nobody_waits_for_itself() {
    let _watchdog = watchdog(60);
    let lock = RwLock::new().unwrap();
    let held = lock.write().unwrap();
    assert_eq!(lock.write().unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(lock.try_write().unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(lock.read().unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(lock.read_timeout(Duration::ZERO).unwrap_err().kind(), ErrorKind::Deadlock);
    drop(held);
    let held = lock.read().unwrap();
    assert_eq!(lock.write().unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(lock.write_timeout(Duration::ZERO).unwrap_err().kind(), ErrorKind::Deadlock);
    // The failed attempts have left nothing.
    assert!(!lock.is_write_locked() && lock.readers() == 1);
    drop(held);
    assert_eq!(others(&lock), (None, None));
}

/// LK05: times are kept, and zero means try.
#[test]
fn times_are_kept() {
    let _watchdog = watchdog(60);
    let (lock, time) = (RwLock::new().unwrap(), Duration::from_millis(60));
    let late = |attempt: &(dyn Fn(Duration) -> ErrorKind + Sync)| {
        let run = || {
            assert_eq!(attempt(Duration::ZERO), ErrorKind::WouldBlock);
            let start = Instant::now();
            assert_eq!(attempt(time), ErrorKind::TimedOut);
            assert!(start.elapsed() >= time);
        };
        thread::scope(|scope| scope.spawn(run).join().unwrap());
    };
    let held = lock.read().unwrap();
    late(&|time| lock.write_timeout(time).unwrap_err().kind());
    // The late writer is gone: readers may come.
    assert_eq!(others(&lock), (None, NO));
    drop(held);
    let held = lock.write().unwrap();
    late(&|time| lock.write_timeout(time).unwrap_err().kind());
    late(&|time| lock.read_timeout(time).unwrap_err().kind());
    drop(held);
    assert_eq!(others(&lock), (None, None));
}

/// One more reader than there are places waits for one of them, and gets it.
#[test]
fn the_reader_without_a_place_waits_for_one() {
    let _watchdog = watchdog(60);
    let lock = RwLock::new().unwrap();
    let mut guards: Vec<_> = (0..MOST).map(|_| lock.read().unwrap()).collect();
    assert_eq!(lock.readers(), MOST);
    assert_eq!(others(&lock), (NO, NO));
    let waiter = spawn(|lock: RwLock| drop(lock.read().unwrap()), (lock.clone(),)).unwrap();
    until(|| sleeps(&waiter));
    drop(guards.swap_remove(MOST / 2));
    waiter.join().unwrap();
    drop(guards);
    assert_eq!(others(&lock), (None, None));
}

/// Writers come first: while one waits, new readers wait for it.
#[test]
fn a_waiting_writer_comes_before_new_readers() {
    let _watchdog = watchdog(60);
    let (lock, written) = (RwLock::new().unwrap(), Atomic::new(0_u32).unwrap());
    let held = lock.read().unwrap();
    let write = |lock: RwLock, written: Atomic<u32>| {
        let _held = lock.write().unwrap();
        written.store(1, Ordering::Relaxed);
    };
    let writer = spawn(write, (lock.clone(), written.clone())).unwrap();
    until(|| lock.is_write_locked() && sleeps(&writer));
    assert_eq!(others(&lock), (NO, NO));
    let read = |lock: RwLock, written: Atomic<u32>| {
        let _held = lock.read().unwrap();
        written.load(Ordering::Relaxed)
    };
    let readers = [(); 2].map(|()| spawn(read, (lock.clone(), written.clone())).unwrap());
    until(|| readers.iter().all(sleeps));
    assert_eq!(written.load(Ordering::Relaxed), 0);
    drop(held);
    writer.join().unwrap();
    readers.into_iter().for_each(|reader| assert_eq!(reader.join().unwrap(), 1));
}

/// Writes both numbers, or reads that they are equal.
fn work(lock: &RwLock, (one, two): (&Atomic<u64>, &Atomic<u64>)) {
    for turn in 0..3000 {
        if turn % 3 == 0 {
            let _held = lock.write().unwrap();
            let seen = one.load(Ordering::Relaxed);
            one.store(seen + 1, Ordering::Relaxed);
            two.store(seen + 1, Ordering::Relaxed);
        } else {
            let _held = lock.read().unwrap();
            assert_eq!(one.load(Ordering::Relaxed), two.load(Ordering::Relaxed));
        }
    }
}

/// LK13: no reader sees half a write, and no write is lost, between processes and threads.
#[test]
fn nothing_is_torn_or_lost() {
    let _watchdog = watchdog(60);
    let lock = RwLock::new().unwrap();
    let (one, two) = (Atomic::new(0_u64).unwrap(), Atomic::new(0_u64).unwrap());
    let theirs = |lock: RwLock, one: Atomic<u64>, two: Atomic<u64>| work(&lock, (&one, &two));
    let args = || (lock.clone(), one.clone(), two.clone());
    let processes = [(); 2].map(|()| spawn(theirs, args()).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| work(&lock, (&one, &two)));
        work(&lock, (&one, &two));
    });
    processes.into_iter().for_each(|process| process.join().unwrap());
    assert_eq!(one.load(Ordering::Relaxed), 4000);
    assert_eq!(others(&lock), (None, None));
}

/// Holds it for writing or for reading, until it is killed.
fn hold(lock: RwLock, writes: bool, inside: Atomic<bool>) {
    let (_read, _written) = if writes {
        (None, Some(lock.write().unwrap()))
    } else {
        (Some(lock.read().unwrap()), None)
    };
    inside.store(true, Ordering::SeqCst);
    loop {
        thread::park();
    }
}

/// LK10, LK11, LK14: who writes is shown; its death is told to the next, reader or writer, and then there is poison. A dead reader is no obstacle.
#[test]
fn a_killed_writer_is_told_and_a_killed_reader_forgotten() {
    let _watchdog = watchdog(60);
    for (writes, reads_next) in [(true, true), (true, false), (false, true), (false, false)] {
        let (lock, inside) = (RwLock::new().unwrap(), Atomic::new(false).unwrap());
        let shown = format!("{lock:?}");
        assert!(shown.contains("writer: None") && shown.contains("readers: 0"), "{shown}");
        let holder = spawn(hold, (lock.clone(), writes, inside.clone())).unwrap();
        until(|| inside.load(Ordering::SeqCst));
        let shown = format!("{lock:?}");
        assert_eq!(shown.contains(&format!("process {}", holder.pid())), writes, "{shown}");
        assert_eq!(shown.contains("readers: 1"), !writes, "{shown}");
        assert_eq!((lock.is_write_locked(), lock.readers()), (writes, usize::from(!writes)));
        holder.kill().unwrap();
        assert!(holder.join().is_err());
        let told = if reads_next {
            match lock.read() {
                Ok(_) => None,
                Err(LockError::OwnerDied(_)) => Some(()),
                Err(error) => panic!("{error:?}"),
            }
        } else {
            match lock.write() {
                Ok(_) => None,
                Err(LockError::OwnerDied(_)) => Some(()),
                Err(error) => panic!("{error:?}"),
            }
        };
        assert_eq!((told.is_some(), lock.is_poisoned()), (writes, writes));
        if writes {
            assert!(matches!(lock.read(), Err(LockError::Poisoned(_))));
            let Err(LockError::Poisoned(guard)) = lock.write() else { panic!("no poison") };
            guard.clear_poison();
            drop(guard);
        }
        assert_eq!(others(&lock), (None, None));
    }
}

/// A panic of a writer poisons; that of a reader does not.
#[test]
fn a_panicking_writer_poisons() {
    let _watchdog = watchdog(60);
    let lock = RwLock::new().unwrap();
    let (one, two) = (lock.clone(), lock.clone());
    let reader = thread::spawn(move || {
        let _held = one.read().unwrap();
        panic!("inside");
    });
    assert!(reader.join().is_err() && !lock.is_poisoned());
    let writer = thread::spawn(move || {
        let _held = two.write().unwrap();
        panic!("inside");
    });
    assert!(writer.join().is_err() && lock.is_poisoned());
    assert!(matches!(lock.read(), Err(LockError::Poisoned(_))));
    lock.clear_poison();
    drop((lock.read().unwrap(), lock.read().unwrap()));
    drop(lock.write().unwrap());
}

/// By name; as results.
#[test]
fn handles_travel_and_are_published() {
    let name = unique("rwlock");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let lock = RwLock::new_in(&segment).unwrap();
        segment.publish("lock", &lock).unwrap();
        let held = lock.read().unwrap();
        let find = |name: String| {
            let lock = Segment::attach(&name).unwrap().open::<RwLock>("lock").unwrap();
            assert!(matches!(lock.try_write(), Err(LockError::WouldBlock)));
            drop(lock.read().unwrap());
            RwLock::new().unwrap()
        };
        let other = spawn(find, (name.clone(),)).unwrap().join().unwrap();
        let same = segment.open::<RwLock>("lock").unwrap();
        assert!(lock.same_lock(&same) && !lock.same_lock(&other));
        assert_eq!(same.write().unwrap_err().kind(), ErrorKind::Deadlock);
        drop(other.write().unwrap());
        assert_eq!(
            segment.open::<Lock>("lock").map(drop).unwrap_err().kind(),
            ErrorKind::WrongType
        );
        assert!(format!("{held:?}").contains("RwLockReadGuard"));
        drop(held);
        assert!(format!("{:?}", lock.write().unwrap()).contains("RwLockWriteGuard"));
    });
}

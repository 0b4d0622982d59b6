//! `Lock` across processes: LK01, LK02, LK04, LK05, LK10–LK12, LK16.

mod support;

use multiproc::{Array, Atomic, ErrorKind, Lock, LockError, Ordering, spawn};
use std::{
    hint, thread,
    time::{Duration, Instant},
};
use support::watchdog;

multiproc::test_support!();

#[test]
fn it_is_taken_once_and_given_back_at_the_end_of_the_scope() {
    let lock = Lock::new().unwrap();
    {
        let _held = lock.lock().unwrap();
        assert!(lock.is_locked());
        let again = lock.try_lock().map(drop).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Deadlock);
        let other = lock.clone();
        let theirs = thread::spawn(move || other.try_lock().map(drop).unwrap_err().kind());
        assert_eq!(theirs.join().unwrap(), ErrorKind::WouldBlock);
    }
    assert!(!lock.is_locked());
    drop(lock.try_lock().unwrap());
}

#[test]
fn another_process_sees_who_has_it() {
    let _watchdog = watchdog(60);
    let (first, second) = (Lock::new().unwrap(), Lock::new().unwrap());
    assert!(!first.same_lock(&second) && first.same_lock(&first.clone()));
    let state = Atomic::new(0_u32).unwrap();
    let hold = |lock: Lock, state: Atomic<u32>| {
        let _held = lock.lock().unwrap();
        state.store(1, Ordering::SeqCst);
        while state.load(Ordering::SeqCst) == 1 {
            thread::yield_now();
        }
    };
    assert!(format!("{first:?}").contains("owner: None"), "{first:?}");
    let holder = spawn(hold, (first.clone(), state.clone())).unwrap();
    while state.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    // One is taken, the other is not its business.
    assert!(first.is_locked() && !second.is_locked());
    assert!(matches!(first.try_lock(), Err(LockError::WouldBlock)));
    drop(second.try_lock().unwrap());
    let shown = format!("{first:?}");
    assert!(shown.contains(&format!("process {}", holder.pid())), "{shown}");
    state.store(2, Ordering::SeqCst);
    holder.join().unwrap();
    let held = first.lock().unwrap();
    let shown = format!("{first:?}");
    assert!(shown.contains(&format!("process {}", std::process::id())), "{shown}");
    drop(held);
}

/// Takes and gives back both, and counts, until it is told to stop. Nearly all the time somebody has them.
fn take_turns(lock: &Lock, array: &Array<u8>, turns: &Atomic<u64>, stop: &Atomic<bool>) {
    let hold = || (0..20_000).for_each(|_| hint::spin_loop());
    while !stop.load(Ordering::SeqCst) {
        let (held, borrowed) = (lock.lock().unwrap(), array.write().unwrap());
        turns.fetch_add(1, Ordering::SeqCst);
        hold();
        drop((held, borrowed));
    }
}

/// Tries with a time until that is up thrice, each time while the others had turns. The end of a turn rings: a wait that began anew with each ring
/// would not end by its time.
fn run_out_of_time(turns: &Atomic<u64>, mut attempt: impl FnMut(Duration) -> Option<ErrorKind>) {
    let mut late = 0;
    while late < 3 {
        let time = Duration::from_millis(40);
        let (before, start) = (turns.load(Ordering::SeqCst), Instant::now());
        // Lucky now and then.
        let Some(kind) = attempt(time) else { continue };
        assert_eq!(kind, ErrorKind::TimedOut);
        assert!(start.elapsed() >= time, "{:?}", start.elapsed());
        late += u32::from(turns.load(Ordering::SeqCst) >= before + 2);
    }
}

/// Of a lock that others, threads and processes, take and give back all the time.
#[test]
fn a_time_is_that_of_the_whole_wait() {
    let _watchdog = watchdog(60);
    let (lock, array) = (Lock::new().unwrap(), Array::<u8>::zeroed(1).unwrap());
    let (turns, stop) = (Atomic::new(0_u64).unwrap(), Atomic::new(false).unwrap());
    let work = |lock: Lock, array: Array<u8>, turns: Atomic<u64>, stop: Atomic<bool>| {
        take_turns(&lock, &array, &turns, &stop);
    };
    let args = || (lock.clone(), array.clone(), turns.clone(), stop.clone());
    let processes: Vec<_> = (0..2).map(|_| spawn(work, args()).unwrap()).collect();
    thread::scope(|scope| {
        scope.spawn(|| take_turns(&lock, &array, &turns, &stop));
        run_out_of_time(&turns, |time| lock.lock_timeout(time).err().map(|error| error.kind()));
        run_out_of_time(&turns, |time| array.write_timeout(time).err().map(|error| error.kind()));
        run_out_of_time(&turns, |time| array.read_timeout(time).err().map(|error| error.kind()));
        stop.store(true, Ordering::SeqCst);
    });
    processes.into_iter().for_each(|process| process.join().unwrap());
}

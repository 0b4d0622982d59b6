//! `Lock` across processes: LK01, LK02, LK04, LK10–LK12.

mod support;

use multiproc::{Atomic, ErrorKind, Lock, LockError, Ordering, spawn};
use std::thread;
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

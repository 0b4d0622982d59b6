//! Processes: PR02, PR03, PR08–PR10, PR19, PR25, PR26, PR34, PR38, PR40, and the deaths of workers (LK13, LK14, VA01, VA12, VA17).

mod support;

use multiproc::{ErrorKind, Lock, ProcessError, Segment, SharedMemory, Value, spawn};
use std::time::Duration;
use support::watchdog;

multiproc::test_support!();

fn sleeper() {
    std::thread::park();
    unreachable!("nobody unparks it");
}

/// PR02: a child's own pid is the parent's view of it.
#[test]
fn pid_is_the_same_on_both_sides() {
    let _watchdog = watchdog(30);
    let child = spawn(std::process::id, ()).unwrap();
    let seen = child.pid();
    assert_ne!(seen, std::process::id());
    assert_eq!(child.join().unwrap(), seen);
}

/// PR03: arguments arrive equal, results too; large ones as well.
#[test]
fn arguments_and_results_travel() {
    let _watchdog = watchdog(30);
    let echo = spawn(
        |n: i64, s: String, list: Vec<(u8, f64)>, nested: Option<Result<char, String>>| {
            (n, s, list, nested)
        },
        (-3, "ä€".to_owned(), vec![(1, 0.5), (2, -0.0)], Some(Err("no".to_owned()))),
    );
    let (n, s, list, nested) = echo.unwrap().join().unwrap();
    assert_eq!((n, &*s, list), (-3, "ä€", vec![(1, 0.5), (2, -0.0)]));
    assert_eq!(nested, Some(Err("no".to_owned())));
    let large = spawn(
        |mut v: Vec<u64>| {
            v.reverse();
            v
        },
        ((0..500_000).collect::<Vec<u64>>(),),
    )
    .unwrap();
    assert!(large.join().unwrap().into_iter().eq((0..500_000).rev()));
}

/// PR08, PR09: terminate and kill are told apart; PR10: a short wait leaves the process alive; PR19: signals after the end are nothing.
#[test]
fn signals_are_reported() {
    let _watchdog = watchdog(30);
    for (kill, number) in [(false, 15), (true, 9)] {
        let mut child = spawn(sleeper, ()).unwrap();
        assert!(child.try_join().is_none() && child.is_alive());
        if kill { child.kill() } else { child.terminate() }.unwrap();
        let fate = loop {
            if let Some(fate) = child.join_timeout(Duration::from_secs(5)) {
                break fate;
            }
        };
        assert!(
            matches!(fate, Err(ProcessError::Signalled { signal, .. }) if signal == number),
            "{fate:?}"
        );
        assert!(!child.is_alive());
        child.kill().unwrap();
    }
}

/// PR26: a panic arrives as message and place.
#[test]
fn a_panic_arrives() {
    let _watchdog = watchdog(30);
    let error = spawn(|n: i32| -> i32 { panic!("no {n}") }, (7,)).unwrap().join().unwrap_err();
    let ProcessError::Panicked { report, .. } = error else { panic!("{error:?}") };
    assert_eq!(report.message(), "no 7");
    assert!(report.location().unwrap().contains("tests/process.rs"));
}

#[test]
fn ends_without_a_result_are_told_apart() {
    let _watchdog = watchdog(30);
    let exited = spawn(|| -> u8 { std::process::exit(44) }, ()).unwrap().join();
    assert!(matches!(exited, Err(ProcessError::Exited { code: 44, .. })), "{exited:?}");
    let aborted = spawn(|| -> u8 { std::process::abort() }, ()).unwrap().join();
    assert!(matches!(aborted, Err(ProcessError::Signalled { signal: 6, .. })), "{aborted:?}");
}

/// Handles mean the same objects in the child, and come back in results.
#[test]
fn handles_travel_both_ways() {
    let _watchdog = watchdog(30);
    let there = Value::new(1_u64).unwrap();
    let made = spawn(
        |there: Value<u64>| {
            there.set(2).unwrap();
            (Value::new(40_u64).unwrap(), there)
        },
        (there.clone(),),
    );
    let (made, same) = made.unwrap().join().unwrap();
    assert_eq!((there.get().unwrap(), same.get().unwrap(), made.get().unwrap()), (2, 2, 40));
    same.set(9).unwrap();
    assert_eq!(there.get().unwrap(), 9);
}

/// PR34: a child of a child.
#[test]
fn children_have_children() {
    let _watchdog = watchdog(30);
    let total = Value::new(0_u32).unwrap();
    let outer = spawn(
        |total: Value<u32>| {
            let inner = spawn(
                |total: Value<u32>| total.update(|t| t + 1).map_err(|e| e.to_string()),
                (total.clone(),),
            );
            inner.unwrap().join().unwrap().unwrap();
            total.update(|t| t + 1).unwrap()
        },
        (total.clone(),),
    );
    assert_eq!(outer.unwrap().join().unwrap(), 2);
}

#[test]
fn handles_outside_our_transports_are_refused() {
    let lock = Lock::new().unwrap();
    assert!(postcard::to_stdvec(&lock).is_err());
    assert!(postcard::from_bytes::<Lock>(&[0; 64]).is_err());
}

/// LK13, VA12: mutual exclusion across processes, by a lock beside the value and by the value's own.
#[test]
fn nothing_is_lost_under_the_lock() {
    let _watchdog = watchdog(60);
    const EACH: u64 = 5_000;
    let (beside, own, lock) =
        (Value::new(0_u64).unwrap(), Value::new(0_u64).unwrap(), Lock::new().unwrap());
    let children: Vec<_> = (0..4)
        .map(|_| {
            spawn(
                |beside: Value<u64>, own: Value<u64>, lock: Lock| {
                    for _ in 0..EACH {
                        let held = lock.lock().unwrap();
                        beside.set(beside.get().unwrap() + 1).unwrap();
                        drop(held);
                        *own.lock().unwrap() += 1;
                    }
                },
                (beside.clone(), own.clone(), lock.clone()),
            )
        })
        .collect::<Result<_, _>>()
        .unwrap();
    for child in children {
        child.join().unwrap();
    }
    assert_eq!((beside.get().unwrap(), own.get().unwrap()), (4 * EACH, 4 * EACH));
}

/// LK14, death row 1, VA17: a holder that is killed.
#[test]
fn a_killed_holder_is_told_to_the_next() {
    let _watchdog = watchdog(60);
    for _ in 0..20 {
        let (value, lock) = (Value::new(5_u8).unwrap(), Lock::new().unwrap());
        let child = spawn(
            |value: Value<u8>, lock: Lock| {
                let _held = lock.lock().unwrap();
                let mut inside = value.lock().unwrap();
                *inside = 6;
                std::thread::park();
            },
            (value.clone(), lock.clone()),
        )
        .unwrap();
        // Sleep in the lock until the child is dead; it is killed once it holds the value.
        while value.try_lock().is_ok() {
            std::thread::yield_now();
        }
        let waiter = std::thread::spawn({
            let lock = lock.clone();
            move || lock.lock().map(drop).map_err(|error| error.kind())
        });
        child.kill().unwrap();
        assert_eq!(waiter.join().unwrap(), Err(ErrorKind::OwnerDied));
        assert!(lock.is_poisoned());
        assert_eq!(lock.try_lock().unwrap_err().kind(), ErrorKind::Poisoned);
        assert_eq!(value.get().unwrap_err().kind(), ErrorKind::OwnerDied);
        assert_eq!(value.get().unwrap_err().kind(), ErrorKind::Poisoned);
        let guard = value.lock().unwrap_err().into_guard().unwrap();
        assert_eq!(*guard, 6);
        guard.clear_poison();
        drop(guard);
        assert_eq!(value.get().unwrap(), 6);
        assert!(child.join().is_err());
    }
}

/// PR38, death row 21: children of a killed process end too, and give back what they hold.
#[test]
fn a_killed_parents_children_end() {
    let _watchdog = watchdog(60);
    let (lock, held) = (Lock::new().unwrap(), Value::new(false).unwrap());
    let outer = spawn(
        |lock: Lock, held: Value<bool>| {
            let inner = spawn(
                |lock: Lock, held: Value<bool>| -> () {
                    let _held = lock.lock().unwrap();
                    held.set(true).unwrap();
                    loop {
                        std::thread::park();
                    }
                },
                (lock, held),
            );
            inner.unwrap().join().unwrap();
        },
        (lock.clone(), held.clone()),
    )
    .unwrap();
    while !held.get().unwrap() {
        std::thread::yield_now();
    }
    assert_eq!(lock.try_lock().map(drop).unwrap_err().kind(), ErrorKind::WouldBlock);
    outer.kill().unwrap();
    assert_eq!(lock.lock().map(drop).unwrap_err().kind(), ErrorKind::OwnerDied);
    assert!(outer.join().is_err());
}

/// A program killed with all its children, one after the other: the last one out removes the session.
#[test]
fn the_last_one_out_removes_the_session() {
    let _watchdog = watchdog(60);
    // A program of its own: a child without our session.
    let program = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_program_with_a_session", "--ignored", "--nocapture"])
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut program = program.unwrap();
    let prefix = format!("-{}-", program.id());
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(program.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap().contains("ready")));
    let of_program =
        || support::shared_objects("multiproc-").iter().any(|name| name.contains(&prefix));
    assert!(of_program());
    program.kill().unwrap();
    program.wait().unwrap();
    while of_program() {
        std::thread::yield_now();
    }
}

#[test]
#[ignore = "the program of the test above"]
fn a_program_with_a_session() {
    let ready = Value::new(0_u32).unwrap();
    let children: Vec<_> = (0..3)
        .map(|_| {
            spawn(
                |ready: Value<u32>| -> () {
                    ready.update(|n| n + 1).unwrap();
                    loop {
                        std::thread::park();
                    }
                },
                (ready.clone(),),
            )
            .unwrap()
        })
        .collect();
    while ready.get().unwrap() < 3 {
        std::thread::yield_now();
    }
    println!("ready");
    for child in children {
        let _ = child.join();
    }
}

fn is_forked(result: multiproc::Result<()>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::Forked)
}

/// A raw `fork()` holds nothing, and cannot make, attach or claim anything.
#[test]
fn a_raw_fork_is_refused() {
    let _watchdog = watchdog(60);
    let (lock, value) = (Lock::new().unwrap(), Value::new(1_u8).unwrap());
    drop(lock.lock().unwrap());
    // SAFETY: the child only loads from memory, makes an error, and ends by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused = lock.lock().map(drop).is_err_and(|error| error.kind() == ErrorKind::Forked)
            && is_forked(Segment::create("mp-test-forked").map(drop))
            && is_forked(Segment::attach("mp-test-forked").map(drop))
            && is_forked(Segment::attach_read_only("mp-test-forked").map(drop))
            && is_forked(SharedMemory::create("mp-test-forked", 1).map(drop))
            && is_forked(SharedMemory::create_unnamed(1).map(drop));
        drop(value);
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(!refused)) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0);
    assert_eq!(value.get().unwrap(), 1, "the child's drop dropped nothing of ours");
}

/// Copies of guards in a forked child give nothing back.
#[test]
fn a_forked_childs_guards_are_not_the_locks() {
    let _watchdog = watchdog(60);
    let (lock, field) = (Lock::new().unwrap(), multiproc::Array::<u8>::zeroed(4).unwrap());
    let tally = multiproc::Tally::new(1).unwrap();
    let guards = (lock.lock().unwrap(), field.write().unwrap(), tally.cell(0).unwrap());
    // SAFETY: the child only drops, and ends by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(guards);
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert!(lock.is_locked());
    let seen = std::thread::scope(|scope| {
        let look = || {
            let cell = tally.cell(0).map(drop).unwrap_err().kind();
            (lock.try_lock().is_err(), field.try_read().is_err(), cell)
        };
        scope.spawn(look).join().unwrap()
    });
    assert_eq!(seen, (true, true, ErrorKind::WouldBlock));
    drop(guards);
    drop((lock.try_lock().unwrap(), field.try_write().unwrap(), tally.cell(0).unwrap()));
}

/// Nor do they say that their thread had the time for what a condition told it: when that one dies with the lock, the next is told.
#[test]
fn a_forked_childs_guard_settles_nothing() {
    let _watchdog = watchdog(60);
    let condition = multiproc::Condition::new().unwrap();
    let die = |condition: multiproc::Condition| -> () {
        let mut guard = condition.lock().unwrap();
        condition.wait(&mut guard).unwrap();
        // SAFETY: the child only drops, and ends by `_exit`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            drop(guard);
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(0) };
        }
        let mut status = 0;
        // SAFETY: waits for the child that was made above.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        std::process::abort();
    };
    let dies = spawn(die, (condition.clone(),)).unwrap();
    let wait_until_waiting = |count| {
        while condition.n_waiting() != count {
            std::thread::yield_now();
        }
    };
    wait_until_waiting(1);
    std::thread::scope(|scope| {
        let next = scope.spawn(|| {
            let mut guard = condition.lock().unwrap();
            condition.wait(&mut guard).map_err(|error| error.kind())
        });
        wait_until_waiting(2);
        let guard = condition.lock().unwrap();
        assert_eq!(condition.notify(1).unwrap(), 1);
        drop(guard);
        assert_eq!(next.join().unwrap(), Err(ErrorKind::OwnerDied));
    });
    assert!(dies.join().is_err());
}

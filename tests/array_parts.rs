//! Parts of a borrowed array: disjoint, sent once, and waited for whoever dies.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    Array, ArrayPart, Atomic, ErrorKind, LockError, Ordering, Placement, Process, ProcessError,
    spawn,
};
use std::{thread, time::Duration};
use support::watchdog;
use watching::until;

multiproc::test_support!();

fn fill(mut part: ArrayPart<u32>) -> multiproc::Result<()> {
    let number = part.index() as u32 + 1;
    part.write()?.fill(number);
    Ok(())
}

#[test]
fn parts_are_disjoint_and_cover_everything() {
    let _watchdog = watchdog(60);
    for (len, count) in [(100, 7), (3, 5), (0, 2), (60, 60), (1_000_000, 3)] {
        let field = Array::<u32>::zeroed(len).unwrap();
        let mut parts = field.write().unwrap().split(count).unwrap();
        assert_eq!((parts.len(), parts.untaken()), (count, count));
        let workers: Vec<_> = parts.by_ref().map(|part| spawn(fill, (part,)).unwrap()).collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap().unwrap());
        assert_eq!(parts.untaken(), 0);
        let field = parts.finish().unwrap();
        let sizes: Vec<_> = (1..=count as u32)
            .map(|number| field.iter().filter(|&&element| element == number).count())
            .collect();
        assert_eq!(sizes.iter().sum::<usize>(), len);
        assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
        assert!(field.is_sorted());
    }
}

#[test]
fn rows_are_not_torn_apart() {
    let field = Array::<u32>::zeroed(70).unwrap();
    let parts = field.write().unwrap().split_rows(3, 10).unwrap();
    let ranges: Vec<_> = parts.map(|part| (part.range(), part.len(), part.is_empty())).collect();
    assert_eq!(ranges, [(0..20, 20, false), (20..40, 20, false), (40..70, 30, false)]);
    let wrong = field.write().unwrap().split_rows(3, 11).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::InvalidInput);
    for count in [0, 61] {
        assert_eq!(field.split(count).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    drop(field.try_write().unwrap());
}

#[test]
fn a_part_is_written_once() {
    let _watchdog = watchdog(60);
    let field = Array::<u32>::zeroed(10).unwrap();
    let mut parts = field.split(3).unwrap();
    let mut first = parts.next().unwrap();
    let lender = first.write().unwrap_err();
    assert_eq!(lender.kind(), ErrorKind::Deadlock);
    thread::scope(|scope| {
        scope.spawn(|| {
            first.write().unwrap().fill(1);
            assert_eq!(first.write().unwrap_err().kind(), ErrorKind::StaleHandle);
        });
    });
    // Sent once, whether it arrives or not.
    let second = parts.next().unwrap();
    let twice = spawn(|_: ArrayPart<u32>, _: ArrayPart<u32>| (), (second, parts.next().unwrap()));
    twice.unwrap().join().unwrap();
    assert_eq!(parts.untaken(), 2);
    let guard = parts.finish().unwrap();
    assert_eq!(guard[..], [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    drop(guard);
    // A part of a loan that is over.
    let mut late = field.split(1).unwrap().next().unwrap();
    assert_eq!(late.write().unwrap_err().kind(), ErrorKind::StaleHandle);
    let _again = field.split(1).unwrap();
    let stale = thread::spawn(move || late.write().map(drop).unwrap_err().kind());
    assert_eq!(stale.join().unwrap(), ErrorKind::StaleHandle);
}

/// Takes its part, says so, and keeps it until it is told to go on.
fn hold(mut part: ArrayPart<u32>, state: Atomic<u32>) {
    let mut guard = part.write().unwrap();
    guard.fill(7);
    state.fetch_add(1, Ordering::SeqCst);
    until(|| state.load(Ordering::SeqCst) >= 100);
}

#[test]
fn a_dead_borrower_is_told_to_the_lender() {
    let _watchdog = watchdog(60);
    let (field, state) = (Array::<u32>::zeroed(10).unwrap(), Atomic::new(0_u32).unwrap());
    let mut parts = field.split(2).unwrap();
    let workers: Vec<_> =
        parts.by_ref().map(|part| spawn(hold, (part, state.clone())).unwrap()).collect();
    until(|| state.load(Ordering::SeqCst) == 2);
    // The lender sleeps when it happens.
    let mut workers = workers.into_iter();
    let victim = workers.next().unwrap();
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        victim.kill().unwrap();
        assert!(victim.join().is_err());
        state.fetch_add(100, Ordering::SeqCst);
    });
    match parts.finish() {
        Err(LockError::OwnerDied(guard)) => {
            assert_eq!(guard[..], [7; 10]);
            guard.clear_poison();
        }
        other => panic!("{other:?}"),
    }
    killer.join().unwrap();
    workers.next().unwrap().join().unwrap();
    assert_eq!(field.get(0).unwrap(), 7);
}

#[test]
fn a_panic_in_a_part_poisons_the_array() {
    let _watchdog = watchdog(60);
    let field = Array::<u32>::zeroed(10).unwrap();
    let mut parts = field.split(2).unwrap();
    let panics = |mut part: ArrayPart<u32>| -> () {
        let _guard = part.write().unwrap();
        panic!("in a part");
    };
    let ended = spawn(panics, (parts.next().unwrap(),)).unwrap().join();
    assert!(matches!(ended, Err(ProcessError::Panicked { .. })));
    assert!(matches!(parts.finish(), Err(LockError::Poisoned(_))));
    assert!(field.is_poisoned());
}

/// Lends the array, hands the parts to children, and lives until it is killed. The children outlive it.
fn lend(field: Array<u32>, state: Atomic<u32>) {
    let mut parts = field.split(3).unwrap();
    let _workers: Vec<_> = parts
        .by_ref()
        .take(2)
        .map(|part| {
            Process::builder().outlive_parent(true).spawn(hold, (part, state.clone())).unwrap()
        })
        .collect();
    loop {
        thread::park();
    }
}

#[test]
fn a_dead_lenders_borrowers_are_waited_for() {
    let _watchdog = watchdog(120);
    for write in [false, true] {
        let (field, state) = (Array::<u32>::zeroed(10).unwrap(), Atomic::new(0_u32).unwrap());
        let lender = spawn(lend, (field.clone(), state.clone())).unwrap();
        until(|| state.load(Ordering::SeqCst) == 2);
        lender.kill().unwrap();
        assert!(lender.join().is_err());
        // Nobody gets it while a borrower lives, whoever asks and how often.
        for _ in 0..3 {
            assert!(matches!(field.try_read().map(drop), Err(LockError::WouldBlock)));
            assert!(matches!(field.try_write().map(drop), Err(LockError::WouldBlock)));
            let late = field.read_timeout(Duration::from_millis(5)).map(drop);
            assert!(matches!(late, Err(LockError::TimedOut)));
        }
        let waiter = {
            let field = field.clone();
            thread::spawn(move || {
                let told = if write {
                    field.write().map(drop).map_err(|error| error.kind())
                } else {
                    field.read().map(drop).map_err(|error| error.kind())
                };
                told.unwrap_err()
            })
        };
        // They go; the waiter goes on.
        state.fetch_add(100, Ordering::SeqCst);
        let told = waiter.join().unwrap();
        assert!(matches!(told, ErrorKind::OwnerDied | ErrorKind::Poisoned), "{told:?}");
        field.clear_poison();
        assert_eq!(field.read().unwrap()[..], [7, 7, 7, 7, 7, 7, 0, 0, 0, 0]);
    }
}

#[test]
fn lender_and_borrowers_die_together() {
    let _watchdog = watchdog(120);
    for _ in 0..10 {
        let (field, state) = (Array::<u32>::zeroed(10).unwrap(), Atomic::new(0_u32).unwrap());
        // Without the builder's leave the children die with the lender.
        let lender = spawn(
            |field: Array<u32>, state: Atomic<u32>| -> () {
                let mut parts = field.split(3).unwrap();
                let _workers: Vec<_> = parts
                    .by_ref()
                    .map(|part| spawn(hold, (part, state.clone())).unwrap())
                    .collect();
                loop {
                    thread::park();
                }
            },
            (field.clone(), state.clone()),
        )
        .unwrap();
        until(|| state.load(Ordering::SeqCst) == 3);
        let other = field.clone();
        let waiter = thread::spawn(move || other.read().map(drop).map_err(|error| error.kind()));
        lender.kill().unwrap();
        assert!(lender.join().is_err());
        assert_eq!(waiter.join().unwrap(), Err(ErrorKind::OwnerDied));
    }
}

#[test]
fn who_writes_a_part_reserves_it() {
    let _watchdog = watchdog(60);
    let builder = Array::<u32>::builder(1 << 20).placement(Placement::FirstTouch);
    let field = builder.build().unwrap();
    let mut parts = field.split(4).unwrap();
    let workers: Vec<_> = parts.by_ref().map(|part| spawn(fill, (part,)).unwrap()).collect();
    workers.into_iter().for_each(|worker| worker.join().unwrap().unwrap());
    let guard = parts.finish().unwrap();
    assert_eq!((guard[0], guard[(1 << 20) - 1]), (1, 4));
}

//! `Tally`: one store counts and acknowledges, and a replacement goes on where a killed worker stopped.

mod support;

use multiproc::{ErrorKind, ProcessError, Segment, Tally, spawn};
use std::thread;
use support::{clean, unique, watchdog};

multiproc::test_support!();

fn count(tally: Tally, cell: usize, steps: u64) -> multiproc::Result<u64> {
    let mut cell = tally.cell(cell)?;
    let before = cell.count();
    while cell.count() < steps {
        cell.add(1);
    }
    Ok(before)
}

#[test]
fn processes_count_each_in_its_cell() {
    let _watchdog = watchdog(60);
    let tally = Tally::new(4).unwrap();
    let workers: Vec<_> =
        (0..4).map(|cell| spawn(count, (tally.clone(), cell, 50_000)).unwrap()).collect();
    for worker in workers {
        assert_eq!(worker.join().unwrap().unwrap(), 0);
    }
    assert_eq!((tally.sum(), tally.get(3), tally.get(4)), (200_000, Some(50_000), None));
    assert!(format!("{tally:?}").contains("sum: 200000"));
}

#[test]
fn a_replacement_goes_on_where_the_killed_one_stopped() {
    let _watchdog = watchdog(60);
    let tally = Tally::new(1).unwrap();
    for _ in 0..20 {
        let before = tally.sum();
        let mut worker = spawn(count, (tally.clone(), 0, u64::MAX)).unwrap();
        while tally.sum() == before {
            assert!(worker.try_join().is_none());
            thread::yield_now();
        }
        worker.kill().unwrap();
        assert!(matches!(worker.join(), Err(ProcessError::Signalled { signal: 9, .. })));
        let mut cell = tally.cell(0).unwrap();
        assert_eq!(cell.count(), tally.sum());
        cell.add(1);
        assert_eq!(cell.count(), tally.sum());
    }
}

#[test]
fn a_cell_has_one_owner() {
    let tally = Tally::new(2).unwrap();
    let mine = tally.cell(0).unwrap();
    assert_eq!(tally.cell(0).unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(tally.cell(2).unwrap_err().kind(), ErrorKind::InvalidInput);
    let theirs = spawn(count, (tally.clone(), 0, 1)).unwrap().join().unwrap().unwrap_err();
    assert_eq!(theirs.kind(), ErrorKind::WouldBlock);
    assert!(theirs.to_string().contains("counts in cell 0"), "{theirs}");
    drop(mine);
    assert_eq!(spawn(count, (tally.clone(), 0, 7)).unwrap().join().unwrap().unwrap(), 0);
    // A thread that ended with the cell in its hands is dead, though its process lives.
    let other = tally.clone();
    thread::spawn(move || std::mem::forget(other.cell(1).unwrap())).join().unwrap();
    assert_eq!(tally.cell(1).unwrap().count(), 0);
    assert_eq!(tally.sum(), 7);
    assert!(Tally::new(0).unwrap().is_empty());
    assert_eq!(Tally::new(usize::MAX).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn it_is_found_by_name() {
    let name = unique("tally");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let tally = Tally::new_in(&segment, 3).unwrap();
        segment.publish("steps", &tally).unwrap();
        let found = segment.open::<Tally>("steps").unwrap();
        found.cell(2).unwrap().add(5);
        assert_eq!((tally.len(), tally.sum()), (3, 5));
        let wrong = segment.open::<multiproc::Value<u64>>("steps").unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::WrongType);
    });
}

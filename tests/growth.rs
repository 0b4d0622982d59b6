//! Shared memory does not grow under steady use, nor under steady deaths. VA14.

mod support;

use multiproc::{Array, Atomic, AtomicArray, Lock, Process, Segment, Tally, Value, spawn};
use std::fs;
use support::{shared_objects, watchdog};

multiproc::test_support!();

/// What the session's objects take, and how many there are.
fn taken() -> (u64, usize) {
    let session = Segment::session().unwrap().name().to_owned();
    let names = shared_objects(&session);
    let bytes = names.iter().filter_map(|name| fs::metadata(format!("/dev/shm/{name}")).ok());
    (bytes.map(|data| data.len()).sum(), names.len())
}

/// Objects of all kinds, small and large.
fn churn(rounds: u32) {
    for round in 0..rounds {
        let value = Value::new(round).unwrap();
        let others = (Lock::new().unwrap(), Atomic::new(round).unwrap(), Tally::new(3).unwrap());
        assert_eq!(value.get().unwrap(), round);
        drop((value, others));
        if round % 1000 == 0 {
            drop(Array::<u8>::zeroed(3 << 20).unwrap());
            drop(AtomicArray::<u64>::zeroed(5000).unwrap());
        }
    }
}

/// Makes and keeps objects until it is killed.
fn hoard() {
    let mut kept = Vec::new();
    loop {
        kept.push(Value::new([7_u64; 8]).unwrap());
        drop(Array::<u8>::zeroed(2 << 20).unwrap());
        if kept.len() > 500 {
            kept.clear();
        }
    }
}

/// One after the other: both look at the whole session.
#[test]
fn nothing_grows() {
    let _watchdog = watchdog(300);
    values_come_and_go();
    the_dead_leave_nothing_that_grows();
}

/// A million objects come and go in an optimised build.
fn values_come_and_go() {
    churn(2000);
    let before = taken();
    churn(if cfg!(debug_assertions) { 50_000 } else { 334_000 });
    assert_eq!(taken(), before);
}

fn the_dead_leave_nothing_that_grows() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut kill = |times: u32| {
        for _ in 0..times {
            let mut workers: Vec<Process<()>> = (0..3).map(|_| spawn(hoard, ()).unwrap()).collect();
            let moment = std::time::Duration::from_micros(random.u64(1000..8000));
            // They never end by themselves.
            assert!(workers[0].join_timeout(moment).is_none());
            for worker in workers {
                worker.kill().unwrap();
                assert!(worker.join().is_err());
            }
        }
        // Whoever needs room sweeps.
        churn(2000);
        taken()
    };
    let first = kill(15);
    let second = kill(15);
    let third = kill(15);
    // Some kills come when more is in use than ever before; but it does not go on so.
    assert!(third.0 <= second.0.max(first.0) + (4 << 20), "{first:?} {second:?} {third:?}");
}

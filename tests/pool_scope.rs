//! What was given to a scope is over at its end, however it ends.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{AtomicArray, Event, Ordering, Pool, TaskError};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};
use support::watchdog;
use watching::until;

multiproc::test_support!();

fn count(counts: AtomicArray<u32>, at: usize) {
    counts[at].fetch_add(1, Ordering::SeqCst);
}

fn park(begun: Event) {
    begun.set().unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn all_is_done_at_the_end() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let counts = AtomicArray::<u32>::zeroed(40).unwrap();
    let args = |range: std::ops::Range<usize>| range.map(|at| (counts.clone(), at));
    let given = pool.scope(|scope| {
        // From two threads, and a map.
        thread::scope(|threads| {
            for part in [0..10, 10..20] {
                let args = args(part);
                threads.spawn(move || args.for_each(|args| scope.spawn(count, args).unwrap()));
            }
        });
        scope.keep(pool.starmap_async(count, args(20..40)).unwrap());
        7
    });
    assert_eq!(given.unwrap(), 7);
    assert!((0..40).all(|at| counts[at].load(Ordering::SeqCst) == 1));
    assert_eq!(pool.scope(|scope| format!("{scope:?}")).unwrap(), "PoolScope { kept: 0, .. }");
}

#[test]
fn the_first_error_is_told_when_all_are_over() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let counts = AtomicArray::<u32>::zeroed(3).unwrap();
    let error = pool
        .scope(|scope| {
            let begun = Event::new().unwrap();
            let late = pool.task(park, (begun,)).deadline(Duration::from_millis(20));
            scope.keep(late.submit().unwrap());
            scope.spawn(|| -> () { panic!("the second") }, ()).unwrap();
            (0..3).for_each(|at| scope.spawn(count, (counts.clone(), at)).unwrap());
        })
        .unwrap_err();
    assert!(matches!(error, TaskError::TimedOut { .. }), "{error}");
    assert!((0..3).all(|at| counts[at].load(Ordering::SeqCst) == 1));
    // What is not given to it is nobody's here.
    let own = pool.apply_async(|| -> () { panic!("its own") }, ()).unwrap();
    pool.scope(|scope| scope.spawn(count, (counts, 0))).unwrap().unwrap();
    assert!(matches!(own.get(), Err(TaskError::Panicked { .. })));
}

#[test]
fn a_panic_cancels_what_is_left() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let begun = Event::new().unwrap();
    let counts = AtomicArray::<u32>::zeroed(1).unwrap();
    let panics = || {
        pool.scope(|scope| {
            scope.spawn(park, (begun.clone(),)).unwrap();
            scope.spawn(count, (counts.clone(), 0)).unwrap();
            begun.wait().unwrap();
            panic!("on the way");
        })
    };
    let panic = catch_unwind(AssertUnwindSafe(panics)).map(|_: Result<(), _>| ()).unwrap_err();
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "on the way");
    until(|| pool.statistics().in_use == 0);
    assert_eq!(counts[0].load(Ordering::SeqCst), 0, "it was cancelled before it began");
    assert_eq!(pool.apply(|x: u32| x + 1, (1,)).unwrap(), 2);
}

#[test]
fn a_closed_pool_takes_nothing_in_a_scope() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let refused = pool.scope(|scope| {
        pool.terminate().unwrap();
        scope.spawn(|| 1, ()).unwrap_err()
    });
    assert!(matches!(refused.unwrap(), TaskError::Failed { .. }));
}

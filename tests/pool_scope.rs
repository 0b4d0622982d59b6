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

/// Is asked to go by the test, and says at its very end that it has gone.
fn lingers((begun, go, gone): (Event, Event, AtomicArray<u32>)) {
    gone[1].store(std::process::id(), Ordering::SeqCst);
    begun.set().unwrap();
    go.wait().unwrap();
    gone[0].store(1, Ordering::SeqCst);
}

/// What is given to a scope, which ends while it runs; for a pool of threads, and one of processes.
fn ends_while_it_runs(
    end: impl Fn(&Pool, &multiproc::PoolScope<'_>, &dyn Fn() -> (Event, Event, AtomicArray<u32>)),
    is_ended: impl Fn(&Pool) -> bool + Sync,
) {
    for is_in_process in [true, false] {
        let builder = Pool::builder().workers(1);
        let pool = if is_in_process { builder.in_process() } else { builder }.build().unwrap();
        let (begun, go) = (Event::new().unwrap(), Event::new().unwrap());
        let gone = AtomicArray::<u32>::zeroed(2).unwrap();
        thread::scope(|threads| {
            if is_in_process {
                threads.spawn(|| {
                    begun.wait().unwrap();
                    until(|| is_ended(&pool));
                    go.set().unwrap();
                });
            }
            let args = || (begun.clone(), go.clone(), gone.clone());
            let scope = || {
                pool.scope(|scope| {
                    end(&pool, scope, &args);
                })
            };
            let _ = catch_unwind(AssertUnwindSafe(scope));
        });
        let pid = gone[1].load(Ordering::SeqCst);
        assert_ne!(pid, 0, "it has run");
        if is_in_process {
            assert_eq!(gone[0].load(Ordering::SeqCst), 1, "nobody is in the middle of it");
        } else {
            assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "it was killed");
        }
    }
}

#[test]
fn a_map_that_is_cancelled_has_been_left_at_the_end() {
    let _watchdog = watchdog(60);
    ends_while_it_runs(
        |pool, scope, args| {
            let (begun, ..) = args();
            scope.keep(pool.mapping().chunk_size(1).map_async(lingers, [args(), args()]).unwrap());
            begun.wait().unwrap();
            panic!("on the way");
        },
        |pool| pool.statistics().in_use == 0,
    );
}

#[test]
fn a_pool_that_is_terminated_has_ended_at_the_end() {
    let _watchdog = watchdog(60);
    ends_while_it_runs(
        |pool, scope, args| {
            let (begun, ..) = args();
            scope.spawn(lingers, (args(),)).unwrap();
            begun.wait().unwrap();
            pool.terminate().unwrap();
        },
        |pool| pool.apply_async(|| (), ()).is_err(),
    );
}

#[derive(serde::Serialize)]
struct Refuses;

impl<'de> serde::Deserialize<'de> for Refuses {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("it was decoded")
    }
}

#[test]
fn nobody_decodes_a_result_that_nobody_wants() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let counts = AtomicArray::<u32>::zeroed(1).unwrap();
    let done = pool.scope(|scope| {
        scope.spawn(|| Refuses, ()).unwrap();
        scope.keep(pool.map_async(|_: u32| Refuses, 0..3).unwrap());
        scope.spawn(count, (counts.clone(), 0)).unwrap();
    });
    done.unwrap();
    assert_eq!(counts[0].load(Ordering::SeqCst), 1);
}

#[test]
fn an_error_says_of_which_task_it_is() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let fails = |x: u32| assert!(x != 3, "not {x}");
    let spawned = pool.scope(|scope| (0..5).for_each(|x| scope.spawn(fails, (x,)).unwrap()));
    assert!(matches!(spawned, Err(TaskError::Panicked { index: 3, .. })), "{spawned:?}");
    let kept = pool.scope(|scope| {
        // The items of this one have errors of their own.
        scope.keep(pool.mapping().try_map_async(fails, 0..5).unwrap());
        scope.keep(pool.map_async(fails, 0..5).unwrap());
    });
    assert!(matches!(kept, Err(TaskError::Panicked { index: 1, .. })), "{kept:?}");
    let died = pool.scope(|scope| {
        scope.spawn(fails, (0,)).unwrap();
        let dies = |_: u32| -> () { std::process::abort() };
        scope.keep(pool.map_async(dies, 0..3).unwrap());
    });
    assert!(matches!(died, Err(TaskError::WorkerDied { index: 1, .. })), "{died:?}");
    let told = pool.scope(|scope| {
        let sum = pool.apply_async(|| 1, ()).unwrap();
        sum.on_done(|_| panic!("the callback")).unwrap();
        scope.keep(sum);
    });
    assert!(matches!(told, Err(TaskError::CallbackPanicked { index: 0, .. })), "{told:?}");
}

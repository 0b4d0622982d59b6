//! A pool as Python's `concurrent.futures` has one: the rows of behaviours that begin with FU, but for those of callbacks and of waiting for many (`pool_results`).
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.

mod support;
#[path = "support/tasks.rs"]
mod tasks;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{AsyncResult, ErrorKind, Event, Pool, PoolWorker, TaskError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    process, thread,
    time::Duration,
};
use support::watchdog;
use tasks::{after, square};
use watching::until;

multiproc::test_support!();

const MOMENT: Duration = Duration::from_millis(20);

fn pid() -> u32 {
    process::id()
}

/// FU01, FU04: by position, or by name in a struct.
#[test]
fn submit() {
    #[derive(Serialize, Deserialize)]
    struct Power {
        base: u64,
        exponent: u32,
    }
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    assert_eq!(pool.apply_async(u64::pow, (16, 2)).unwrap().get().unwrap(), 256);
    let raise = |Power { base, exponent }: Power| base.pow(exponent);
    let named = Power { exponent: 2, base: 16 };
    assert_eq!(pool.task(raise, (named,)).submit().unwrap().get().unwrap(), 256);
    assert_eq!(Pool::new(0).unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// FU02: in order, with the error at its place; what is behind it comes, too.
#[test]
fn map() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let divide = |(x, y): (u32, u32)| x / y;
    let results: Vec<_> = pool.imap(divide, [(6, 2), (6, 0), (6, 1)]).collect();
    assert_eq!((results[0].as_ref().unwrap(), results[2].as_ref().unwrap()), (&3, &6));
    assert!(matches!(&results[1], Err(TaskError::Panicked { index: 1, .. })));
    assert_eq!(pool.map(divide, [(6, 2), (6, 0), (0, 0)]).unwrap_err().index(), 1);
}

/// FU03: what is there comes, and what is not is late.
#[test]
fn a_map_has_a_time() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let events = [Event::new().unwrap(), Event::new().unwrap()];
    events[0].set().unwrap();
    let wait = |event: Event| event.wait().unwrap();
    let mut results = pool.imap(wait, events.clone());
    results.next_timeout(Duration::from_secs(50)).unwrap().unwrap().unwrap();
    assert_eq!(results.next_timeout(MOMENT).unwrap_err().kind(), ErrorKind::TimedOut);
    let mapped = pool.map_async(wait, events.clone()).unwrap();
    assert!(mapped.get_timeout(MOMENT).is_none());
    events[1].set().unwrap();
    assert_eq!(results.count(), 1);
    mapped.get().unwrap();
}

/// FU06: an error that is empty is one.
#[test]
fn an_empty_error_is_an_error() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let silent = pool.apply(|| -> u32 { panic!("") }, ());
    assert!(
        matches!(silent, Err(TaskError::Panicked { report, .. }) if report.message().is_empty())
    );
    let nothing = pool.apply(|| -> u32 { std::panic::panic_any(()) }, ());
    assert!(matches!(nothing, Err(TaskError::Panicked { .. })));
    assert_eq!(pool.apply(|| Err::<u32, ()>(()), ()).unwrap(), Err(()));
}

/// FU08, FU09, FU10: it waits, runs, and is done, once and for all. One that runs can be cancelled, unlike Python's.
#[test]
fn a_task_waits_runs_and_is_done() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let event = Event::new().unwrap();
    let runs = pool.apply_async(after, (event.clone(), 1)).unwrap();
    let waits = pool.apply_async(after, (event.clone(), 2)).unwrap();
    let more = pool.apply_async(after, (event.clone(), 3)).unwrap();
    until(|| runs.running());
    assert!(!waits.running() && !runs.ready() && runs.successful().is_none());
    assert!(runs.get_timeout(Duration::ZERO).is_none() && runs.get_timeout(MOMENT).is_none());
    assert!(waits.cancel().unwrap());
    assert!(waits.ready() && !waits.running() && waits.successful() == Some(false));
    assert!(!waits.cancel().unwrap(), "it is over");
    event.set().unwrap();
    assert_eq!((runs.get().unwrap(), more.get().unwrap()), (1, 3));
    assert!(!runs.running() && runs.ready() && !runs.cancel().unwrap());
    assert_eq!((runs.get().unwrap(), runs.successful()), (1, Some(true)));
    assert!(matches!(waits.get(), Err(TaskError::Cancelled { .. })));

    // Who waits for one that is cancelled is told.
    let endless = pool
        .apply_async(
            || -> () {
                loop {
                    thread::park()
                }
            },
            (),
        )
        .unwrap();
    until(|| endless.running());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| endless.get());
        assert!(endless.cancel().unwrap());
        assert!(matches!(waiter.join().unwrap(), Err(TaskError::Cancelled { .. })));
    });
    assert_eq!(pool.apply(square, (3,)).unwrap(), 9);
}

/// FU14: nobody waits, and what was submitted is done.
#[test]
fn a_closed_pool_goes_on() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let event = Event::new().unwrap();
    let tasks: Vec<_> =
        (0..10).map(|x| pool.apply_async(after, (event.clone(), x)).unwrap()).collect();
    pool.close().unwrap();
    assert!(!pool.join_timeout(Duration::ZERO).unwrap());
    event.set().unwrap();
    assert!(tasks.iter().map(|task| task.get().unwrap()).eq(0..10));
}

/// FU16: never more workers than were wanted, however much waits.
#[test]
fn many_tasks_make_no_more_workers() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let event = Event::new().unwrap();
    let pids = |event: Event| {
        event.wait().unwrap();
        pid()
    };
    let tasks: Vec<_> =
        (0..300).map(|_| pool.apply_async(pids, (event.clone(),)).unwrap()).collect();
    until(|| tasks.iter().filter(|task| task.running()).count() == 2);
    assert_eq!((pool.statistics().alive, pool.statistics().waiting), (2, 298));
    event.set().unwrap();
    let workers: BTreeSet<_> = tasks.iter().map(|task| task.get().unwrap()).collect();
    assert!(workers.into_iter().eq(pool.pids().into_iter().collect::<BTreeSet<_>>()));
}

/// FU17: the same process for so many tasks, then another.
#[test]
fn a_worker_does_so_many_tasks() {
    let _watchdog = watchdog(60);
    let pool = Pool::builder().workers(1).tasks_per_child(3).build().unwrap();
    let pids: Vec<_> = (0..9).map(|_| pool.apply(pid, ()).unwrap()).collect();
    assert!(pids.chunks(3).all(|three| three.iter().all(|pid| *pid == three[0])));
    assert_eq!(pids.iter().collect::<BTreeSet<_>>().len(), 3);
}

/// FU17, FU18: with more tasks waiting than its workers live for, closed or not.
#[test]
fn a_backlog_outlives_its_workers() {
    let _watchdog = watchdog(60);
    for closes in [false, true] {
        let pool = Pool::builder().workers(1).tasks_per_child(2).build().unwrap();
        let tasks: Vec<_> = (0..9).map(|x| pool.apply_async(square, (x,)).unwrap()).collect();
        if closes {
            pool.close().unwrap();
        }
        assert!(tasks.iter().map(|task| task.get().unwrap()).eq((0..9).map(square)));
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Wrong {
    Crash,
    Exit,
    Error,
    Panic,
}

impl Wrong {
    fn happens<E>(self, error: impl FnOnce() -> E) -> E {
        match self {
            Self::Crash => process::abort(),
            Self::Exit => process::exit(3),
            Self::Error => error(),
            Self::Panic => panic!("wrong"),
        }
    }
}

/// It goes wrong where it is decoded, or encoded in another process than this.
#[derive(Debug)]
struct Trap {
    wrong: Wrong,
    when_decoded: bool,
    home: u32,
    ballast: Vec<u8>,
}

impl Trap {
    fn new(wrong: Wrong, when_decoded: bool, size: usize) -> Self {
        Self { wrong, when_decoded, home: pid(), ballast: vec![7; size] }
    }
}

impl Serialize for Trap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { wrong, when_decoded, home, ballast } = self;
        if !when_decoded && *home != pid() {
            return Err(wrong.happens(|| ser::Error::custom("wrong")));
        }
        (wrong, when_decoded, home, ballast).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Trap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (wrong, when_decoded, home, ballast) =
            <(Wrong, bool, u32, Vec<u8>)>::deserialize(deserializer)?;
        if when_decoded && home != pid() {
            return Err(wrong.happens(|| de::Error::custom("wrong")));
        }
        Ok(Self { wrong, when_decoded, home, ballast })
    }
}

/// FU19, FU21: wherever it goes wrong, that task has the error, and only that; with small and large data, and while the pool is shut down.
#[test]
fn whatever_goes_wrong_is_an_error_of_its_task() {
    let _watchdog = watchdog(60);
    let ballast = |trap: Trap| trap.ballast.len();
    let back = |trap: Trap| trap;
    let run = |wrong: Wrong| -> () { wrong.happens(|| panic!("an error")) };
    for size in [0, 1 << 20] {
        let pool = Pool::new(2).unwrap();
        for wrong in [Wrong::Crash, Wrong::Exit, Wrong::Error, Wrong::Panic] {
            let beside = pool.apply_async(square, (5,)).unwrap();
            let decoded = pool.apply(ballast, (Trap::new(wrong, true, size),)).unwrap_err();
            let encoded = pool.apply(back, (Trap::new(wrong, false, size),)).unwrap_err();
            let ran = pool.apply(run, (wrong,)).unwrap_err();
            let kinds = match wrong {
                Wrong::Crash | Wrong::Exit => {
                    let died = |error: &TaskError| matches!(error, TaskError::WorkerDied { .. });
                    died(&decoded) && died(&encoded) && died(&ran)
                }
                Wrong::Error => {
                    matches!(decoded, TaskError::Decode { .. })
                        && matches!(encoded, TaskError::Encode { .. })
                        && matches!(ran, TaskError::Panicked { .. })
                }
                Wrong::Panic => {
                    let panicked = |error: &TaskError| matches!(error, TaskError::Panicked { .. });
                    panicked(&decoded) && panicked(&encoded) && panicked(&ran)
                }
            };
            assert!(kinds, "{wrong:?}: {decoded} {encoded} {ran}");
            assert_eq!(beside.get().unwrap(), 25);
        }
        for wrong in [Wrong::Crash, Wrong::Exit] {
            let last = pool.apply_async(run, (wrong,)).unwrap();
            let behind: Vec<_> = (0..20).map(|x| pool.apply_async(square, (x,)).unwrap()).collect();
            if let Wrong::Exit = wrong {
                pool.close().unwrap();
                pool.join().unwrap();
            }
            assert!(matches!(last.get(), Err(TaskError::WorkerDied { .. })));
            assert!(behind.iter().map(|task| task.get().unwrap()).eq((0..20).map(square)));
        }
    }
}

/// FU20: the initialiser's error is that of each task that waits.
#[test]
fn an_initialiser_that_fails_is_the_error_of_all_that_wait() {
    let _watchdog = watchdog(60);
    let event = Event::new().unwrap();
    let pool = Pool::builder()
        .workers(1)
        .tasks_per_child(1)
        .state(|_: PoolWorker| {
            // The second worker has none.
            let is_first = !std::path::Path::new(&marker()).exists();
            std::fs::write(marker(), "").unwrap();
            if is_first { Ok(()) } else { Err("no state") }
        })
        .build()
        .unwrap();
    let wait = |_: &mut (), event: Event| event.wait().unwrap();
    let first = pool.apply_async(wait, (event.clone(),)).unwrap();
    let pending: Vec<_> =
        (0..5).map(|_| pool.apply_async(wait, (event.clone(),)).unwrap()).collect();
    event.set().unwrap();
    first.get().unwrap();
    for task in pending {
        match task.get() {
            Err(TaskError::InitializerFailed { message, .. }) => assert_eq!(message, "no state"),
            other => panic!("{other:?}"),
        }
    }
    std::fs::remove_file(format!("{}{}", marker_start(), pid())).unwrap();
}

fn marker_start() -> String {
    format!("{}/mp-test-state-", std::env::temp_dir().display())
}

/// Of the pool's process: in a worker, the parent's.
fn marker() -> String {
    format!("{}{}", marker_start(), multiproc::parent().map_or_else(pid, |parent| parent.pid()))
}

/// FU22: tasks that run, and those that wait, fail; a pool of which nobody waits for the end has none left.
#[test]
fn terminated_workers_fail_their_tasks() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let event = Event::new().unwrap();
    let tasks: Vec<_> =
        (0..4).map(|x| pool.apply_async(after, (event.clone(), x)).unwrap()).collect();
    until(|| tasks.iter().filter(|task| task.running()).count() == 2);
    pool.terminate().unwrap();
    let terminated =
        |task: &AsyncResult<u32>| matches!(task.get(), Err(TaskError::Terminated { .. }));
    assert!(tasks.iter().all(terminated));
    pool.join().unwrap();
    assert!(pool.pids().is_empty());
}

/// FU23: never more are taken from the iterator, and not given, than was said.
#[test]
fn a_map_looks_no_further_ahead_than_it_may() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    for ahead in [1, 3, 8] {
        let (taken, mut given) = (Cell::new(0), 0);
        let items = (0..50_u64).inspect(|_| taken.set(taken.get() + 1));
        for (x, result) in (0..).zip(pool.imap(square, items).ahead(ahead)) {
            assert_eq!(result.unwrap(), square(x));
            given += 1;
            assert!(taken.get() <= given - 1 + ahead, "{} of {given}, {ahead}", taken.get());
        }
        assert_eq!(taken.get(), 50);
    }
    // Nothing is taken before it is asked for.
    let mut items = BTreeMap::from([(1, 2)]).into_iter().inspect(|_| panic!("taken"));
    drop(pool.imap(|(_, x): (u64, u64)| x, &mut items));
}

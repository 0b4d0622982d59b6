//! A pool's worker dies at each step of a task's or a job's life, idle, or all at once, with nobody new arriving: exactly the item that it had fails or is tried again, everything else is done, and another worker is there. PO41 to PO44, death rows 10 to 18.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.
#![cfg(debug_assertions)]

mod support;
#[path = "support/tasks.rs"]
mod tasks;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    __private::die_at, Array, Atomic, AtomicArray, Event, Ordering, Pool, PoolWorker, Process,
    ProcessError, TaskError, spawn,
};
use std::{path::Path, thread, time::Duration};
use support::{wait_until_nothing_large_is_left, watchdog};
use tasks::begin_and_park;
use watching::until;

multiproc::test_support!();

fn kill(pid: u32) {
    // SAFETY: sends a signal to a worker of this test.
    assert_eq!(unsafe { libc::kill(pid as i32, libc::SIGKILL) }, 0);
}

fn arm(step: String, nth: u32) {
    die_at(&step, nth);
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.starts_with('Z') && !rest.is_empty())
}

/// What a step may do to the task that was at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// It died before it was begun, or after.
    Task { is_begun: bool },
    /// It was done.
    Nothing,
}

const BEFORE: Loss = Loss::Task { is_begun: false };
const AFTER: Loss = Loss::Task { is_begun: true };

const TASK_STEPS: &[(&str, Loss)] = &[
    ("board.claimed", BEFORE),
    ("task.begun", BEFORE),
    ("call.decoded", BEFORE),
    ("task.decoded", BEFORE),
    ("task.ran", AFTER),
    ("task.half_written", AFTER),
    ("task.written", AFTER),
    ("task.over", AFTER),
    ("board.finished", Loss::Nothing),
];

fn count(counts: AtomicArray<u32>, index: u32, filling: Vec<u8>) -> (u32, Vec<u8>) {
    counts[index as usize].fetch_add(1, Ordering::SeqCst);
    (index, filling)
}

/// Tasks, small ones and large ones.
fn play_tasks(step: &str, nth: u32, loss: Loss, retries: u32, workers: usize, bytes: usize) {
    const TASKS: u32 = 12;
    let name = format!("{step}:{nth} of {workers}, {bytes} bytes, {retries} retries");
    let pool = Pool::builder().workers(workers).retries(retries).build().unwrap();
    let counts = AtomicArray::<u32>::zeroed(TASKS as usize).unwrap();
    pool.apply(arm, (step.to_owned(), nth)).unwrap();
    let task = |index| pool.apply_async(count, (counts.clone(), index, vec![7; bytes])).unwrap();
    let results: Vec<_> = (0..TASKS).map(task).collect();
    let mut died = 0;
    for (index, result) in results.iter().enumerate() {
        match result.get() {
            Ok(value) => assert_eq!(value, (index as u32, vec![7; bytes]), "{name}"),
            Err(TaskError::WorkerDied { index: 0, signal: Some(9), .. }) => {
                assert!(retries == 0, "{name}");
                let times = counts[index].load(Ordering::SeqCst);
                assert_eq!(Loss::Task { is_begun: times == 1 }, loss, "{name}");
                died += 1;
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        }
        let times = counts[index].load(Ordering::SeqCst);
        assert!(times == 1 || times == 2 && retries > 0 && loss == AFTER, "{name}: {times}");
    }
    until(|| pool.statistics().restarts == 1 || died == 0 && workers > 1);
    if workers == 1 {
        assert_eq!(died, u32::from(retries == 0 && loss != Loss::Nothing), "{name}");
    }
    assert!(died <= 1);
    until(|| pool.pids().len() == workers);
    // Of two, the armed one may have had nothing to do until now.
    let one = pool.task(|| 42, ()).retries(1).submit().unwrap();
    assert_eq!(one.get().unwrap(), 42, "{name}");
}

#[test]
fn a_worker_dies_with_a_task() {
    let _watchdog = watchdog(300);
    for &(step, loss) in TASK_STEPS {
        for retries in [0, 1] {
            // The arming itself passes the later ones.
            let already = u32::from(loss == AFTER || step == "board.finished");
            play_tasks(step, 2 + already, loss, retries, 1, 3);
            play_tasks(step, 1 + already, loss, retries, 2, 3000);
        }
    }
}

/// With a large result that is there already, but not said to be.
#[test]
fn a_worker_dies_with_a_large_result() {
    let _watchdog = watchdog(60);
    for retries in [0, 1] {
        play_tasks("task.listed", 1, AFTER, retries, 1, 3000);
    }
    wait_until_nothing_large_is_left();
}

/// A worker dies when it has done as much as it is to do: nothing is lost with it. PO27.
#[test]
fn a_worker_dies_as_it_is_recycled() {
    let _watchdog = watchdog(60);
    for wears_out in [true, false] {
        let builder = Pool::builder().workers(1);
        let builder = if wears_out { builder.tasks_per_child(3) } else { builder };
        let pool = builder.build().unwrap();
        pool.apply(arm, ("worker.ends".to_owned(), 1)).unwrap();
        let results: Vec<_> =
            (0..6_u32).map(|x| pool.apply_async(|x: u32| x, (x,)).unwrap()).collect();
        for (x, result) in results.iter().enumerate() {
            assert_eq!(result.get().unwrap() as usize, x);
        }
        if wears_out {
            assert_eq!(pool.statistics().restarts, 1);
        }
        pool.close().unwrap();
        pool.join().unwrap();
        assert_eq!(pool.statistics().restarts, 1, "it died at its end");
    }
}

/// A worker is at work before the pool has it among its workers: it is killed for that all the same.
#[test]
fn a_task_is_cancelled_as_its_worker_comes() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    for _ in 0..150 {
        let begun = Event::new().unwrap();
        // Each has a new worker, as the last one was killed.
        let doomed = pool.apply_async(begin_and_park, (begun.clone(),)).unwrap();
        begun.wait().unwrap();
        assert!(doomed.cancel().unwrap());
        assert!(matches!(doomed.get(), Err(TaskError::Cancelled { .. })));
    }
}

/// A worker is killed while it is being stopped for what it is at, again and again: the end of the task is told once, and others go on.
#[test]
fn a_worker_dies_as_it_is_arrested() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    for round in 0..30_u32 {
        let begun = Event::new().unwrap();
        let doomed = pool.apply_async(begin_and_park, (begun.clone(),)).unwrap();
        let next = pool.apply_async(|x: u32| x, (round,)).unwrap();
        begun.wait().unwrap();
        // It may be at work before the pool names it.
        let pid = loop {
            match pool.pids()[..] {
                [pid] => break pid,
                _ => thread::yield_now(),
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                (0..round * 10).for_each(|_| thread::yield_now());
                // SAFETY: sends a signal to a worker of this pool, if it is there yet.
                unsafe { libc::kill(pid as i32, libc::SIGKILL) };
            });
            doomed.cancel().unwrap();
        });
        assert!(doomed.get().is_err());
        assert_eq!(next.get().unwrap(), round);
    }
}

/// What the items of a job are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Items {
    Numbers,
    /// Encoded, in their cells.
    Texts,
    /// Listed.
    Large,
    /// Some panic.
    Panicking,
}

const JOB_STEPS: &[(&str, Items)] = &[
    ("job.claimed", Items::Numbers),
    ("call.decoded", Items::Numbers),
    ("unit.begun", Items::Numbers),
    ("unit.begun", Items::Texts),
    ("unit.ran", Items::Numbers),
    ("unit.ran", Items::Large),
    ("row.half_written", Items::Texts),
    ("unit.written", Items::Numbers),
    ("unit.written", Items::Texts),
    ("unit.written", Items::Large),
    ("unit.written", Items::Panicking),
    ("unit.at", Items::Numbers),
    ("unit.at", Items::Large),
    ("job.table", Items::Large),
    ("job.table", Items::Panicking),
    ("job.listed", Items::Large),
    ("job.listed", Items::Panicking),
    ("unit.failed", Items::Panicking),
    ("job.unit_done", Items::Numbers),
    ("job.passed", Items::Numbers),
    ("job.over", Items::Numbers),
    ("board.finished", Items::Numbers),
];

fn item(counts: AtomicArray<u32>, index: u32) -> u32 {
    counts[index as usize].fetch_add(1, Ordering::SeqCst);
    index + 1
}

fn play_job(step: &str, nth: u32, items: Items, retries: u32, workers: usize, chunk: usize) {
    const ITEMS: u32 = 12;
    let name = format!("{step}:{nth}, {items:?}, {workers} workers, chunks of {chunk}, {retries}");
    let pool = Pool::builder().workers(workers).retries(retries).build().unwrap();
    let counts = AtomicArray::<u32>::zeroed(ITEMS as usize).unwrap();
    let already = u32::from(matches!(step, "board.finished"));
    pool.apply(arm, (step.to_owned(), nth + already)).unwrap();
    let args = (0..ITEMS).map(|index| (counts.clone(), index));
    let mapping = pool.mapping().chunk_size(chunk);
    let results: Vec<Result<u32, TaskError>> = match items {
        Items::Numbers => mapping.try_map(|(counts, index)| item(counts, index), args).unwrap(),
        Items::Texts => {
            let task = |(counts, index)| (item(counts, index), "x".to_owned());
            let results = mapping.try_map(task, args).unwrap();
            results.into_iter().map(|one| one.map(|(value, _)| value)).collect()
        }
        Items::Large => {
            let task =
                |(counts, index): (AtomicArray<u32>, u32)| (item(counts, index), vec![index; 100]);
            let results = mapping.try_map(task, args).unwrap();
            let whole = |(value, filling)| {
                assert_eq!(filling, [value - 1; 100]);
                value
            };
            results.into_iter().map(|one| one.map(whole)).collect()
        }
        Items::Panicking => {
            let task = |(counts, index): (AtomicArray<u32>, u32)| {
                let value = item(counts, index);
                assert!(index % 4 != 1, "this one");
                value
            };
            mapping.try_map(task, args).unwrap()
        }
    };
    let mut died = 0;
    for (index, result) in results.iter().enumerate() {
        let times = counts[index].load(Ordering::SeqCst);
        match result {
            Ok(value) => assert_eq!(*value as usize, index + 1, "{name}"),
            Err(TaskError::Panicked { index: which, .. }) => {
                assert!(*which == index && items == Items::Panicking && index % 4 == 1, "{name}");
            }
            Err(TaskError::WorkerDied { index: which, signal: Some(9), .. }) => {
                assert_eq!((*which, retries), (index, 0), "{name}");
                died += 1;
                assert!(times <= 1, "{name}");
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        }
        assert!(times == 1 || times == 2 && retries > 0, "{name}: {times}");
    }
    assert_eq!(results.len(), ITEMS as usize);
    assert!(died <= 1, "{name}: {died}");
    if workers == 1 {
        until(|| pool.statistics().restarts == 1);
        let is_harmless = matches!(step, "job.unit_done" | "job.passed" | "job.over")
            || step == "board.finished"
            || matches!(step, "unit.at" | "unit.failed") && chunk as u32 == nth;
        assert!(retries > 0 || died == u32::from(!is_harmless), "{name}: {died}");
    }
    until(|| pool.pids().len() == workers);
    // Of two, the armed one may have had nothing to do until now.
    let all = pool.mapping().retries(1).map(|x: u8| x + 1, [1, 2]);
    assert_eq!(all.unwrap(), [2, 3], "{name}");
}

#[test]
fn a_worker_dies_with_a_unit() {
    let _watchdog = watchdog(300);
    for &(step, items) in JOB_STEPS {
        for retries in [0, 1] {
            let nth = if items == Items::Panicking || step == "job.claimed" { 1 } else { 2 };
            let nth =
                if matches!(step, "job.passed" | "job.over" | "board.finished") { 1 } else { nth };
            play_job(step, nth, items, retries, 1, 6);
            play_job(step, 1, items, retries, 2, if step == "job.passed" { 4 } else { 1 });
        }
    }
}

/// A worker dies as an item of its has failed: either the failure stands, or the item is tried again, and then those behind it are done, too. PO19, PO42.
#[test]
fn a_worker_dies_with_an_item_that_has_failed() {
    let _watchdog = watchdog(120);
    const ITEMS: u64 = 12;
    let fails_once = |tries: &AtomicArray<u32>, x: u64| {
        let before = tries[x as usize].fetch_add(1, Ordering::SeqCst);
        assert!(x != 5 || before > 0, "only the first time");
        x
    };
    for (step, is_told) in
        [("job.table", false), ("job.listed", false), ("unit.failed", true), ("unit.limited", true)]
    {
        let pool = Pool::builder().workers(1).build().unwrap();
        // Memory in which something else lay before.
        drop(pool.mapping().chunk_size(12).map(|x: u64| 1_000 + x, 0..ITEMS).unwrap());
        pool.apply(arm, (step.to_owned(), 1)).unwrap();
        let tries = AtomicArray::<u32>::zeroed(ITEMS as usize).unwrap();
        let mapping = pool.mapping().chunk_size(12).retries(1);
        match mapping.map_with(&tries, fails_once, 0..ITEMS) {
            Ok(all) => {
                assert!(!is_told && all == (0..ITEMS).collect::<Vec<_>>(), "{step}: {all:?}")
            }
            Err(TaskError::Panicked { index: 5, .. }) => assert!(is_told, "{step}"),
            Err(error) => panic!("{step}: {error}"),
        }
        until(|| pool.statistics().restarts == 1);
        assert_eq!(tries[5].load(Ordering::SeqCst), 1 + u32::from(!is_told), "{step}");
    }
}

/// A worker sleeps, or goes to sleep, or is rung for, and dies: the others, or its successor, do what comes.
#[test]
fn a_worker_dies_idle() {
    let _watchdog = watchdog(120);
    for step in ["bells.sleep", "bells.woken", "bells.awake"] {
        for workers in [1, 2] {
            // Who is awake has a task already, as it may have been in vain that it slept.
            let retries = u32::from(step == "bells.awake");
            let pool = Pool::builder().workers(workers).retries(retries).build().unwrap();
            pool.apply(arm, (step.to_owned(), 1)).unwrap();
            for round in 0..20_u64 {
                assert_eq!(pool.apply(|x: u64| x + 1, (round,)).unwrap(), round + 1, "{step}");
                thread::yield_now();
            }
            assert_eq!(pool.map(|x: u64| x, 0..50).unwrap().len(), 50, "{step}");
        }
    }
    // All at once, again and again.
    for workers in [1, 3] {
        let pool = Pool::new(workers).unwrap();
        for round in 0..5 {
            assert_eq!(pool.apply(|| 42, ()).unwrap(), 42);
            let before = pool.pids();
            before.iter().copied().for_each(kill);
            until(|| pool.statistics().restarts == (round + 1) * workers as u64);
            until(|| pool.pids().len() == workers);
            assert!(pool.pids().iter().all(|pid| !before.contains(pid)));
        }
        pool.terminate().unwrap();
        pool.join().unwrap();
    }
}

/// PO41, PO43: in a task, by whatever.
#[test]
fn a_worker_dies_in_a_task() {
    let _watchdog = watchdog(120);
    let pool = Pool::builder().workers(2).capture_stderr().build().unwrap();
    let others: Vec<_> =
        (0..50_u64).map(|x| pool.apply_async(|x: u64| x * x, (x,)).unwrap()).collect();
    let die = |how: u32| -> u32 {
        eprintln!("last words {how}");
        match how {
            0 => std::process::exit(3),
            1 => std::process::abort(),
            2 => {
                kill(std::process::id());
                how
            }
            _ => {
                // SAFETY: this is to crash.
                unsafe { std::ptr::null_mut::<u32>().write_volatile(1) };
                how
            }
        }
    };
    let fates: Vec<_> = pool.mapping().chunk_size(2).try_map(die, 0..4).unwrap();
    let ends = [(None, Some(3)), (Some(6), None), (Some(9), None), (Some(11), None)];
    for (at, (fate, end)) in fates.into_iter().zip(ends).enumerate() {
        match fate {
            Err(TaskError::WorkerDied { index, signal, code, stderr, .. }) => {
                assert_eq!((index, (signal, code)), (at, end));
                assert!(stderr.contains(&format!("last words {at}")), "{stderr}");
            }
            other => panic!("{other:?}"),
        }
    }
    for (x, other) in others.iter().enumerate() {
        assert_eq!(other.get().unwrap(), (x * x) as u64);
    }
    assert_eq!(pool.statistics().restarts, 4);
    // The first by index is the error of a map.
    let error = pool.mapping().chunk_size(1).map(die, [2, 0]).unwrap_err();
    assert!(error.index() == 0 && error.to_string().contains("signal 9"), "{error}");
    assert_eq!(pool.apply(|| 42, ()).unwrap(), 42);
}

/// A task is tried again as often as was said, and no oftener.
#[test]
fn retries_are_counted() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let die = |counted: Atomic<u32>, times: u32| {
        if counted.fetch_add(1, Ordering::SeqCst) < times {
            std::process::abort();
        }
        times
    };
    for retries in 0..3 {
        for times in 0..4 {
            let counted = Atomic::new(0).unwrap();
            let one = pool.task(die, (counted.clone(), times)).retries(retries).submit().unwrap();
            assert_eq!(one.get().is_ok(), times <= retries);
            assert_eq!(counted.load(Ordering::SeqCst), times.min(retries) + 1);
            let counted = Atomic::new(0).unwrap();
            let all = pool.mapping().retries(retries);
            let all = all.starmap(die, [(counted.clone(), times), (counted.clone(), 0)]);
            assert_eq!(
                all.map_err(|error| error.index()),
                if times <= retries { Ok(vec![times, 0]) } else { Err(0) }
            );
        }
    }
}

/// A deadline ends the worker that is late, and no other; what that one has not begun is done by others.
#[test]
fn the_late_are_killed() {
    let _watchdog = watchdog(120);
    let pool = Pool::new(2).unwrap();
    let maybe = |x: u32| {
        if x == 2 {
            loop {
                thread::park();
            }
        }
        x
    };
    let deadline = Duration::from_millis(30);
    let one = pool.task(maybe, (2,)).deadline(deadline).submit().unwrap();
    assert!(matches!(one.get(), Err(TaskError::TimedOut { .. })));
    let all = pool.mapping().chunk_size(3).deadline(deadline).try_map(maybe, 0..9).unwrap();
    for (index, result) in all.into_iter().enumerate() {
        match result {
            Ok(value) => assert!(value as usize == index && index != 2),
            Err(TaskError::TimedOut { index: 2, .. }) => assert_eq!(index, 2),
            Err(error) => panic!("{error}"),
        }
    }
    until(|| pool.pids().len() == 2);
    // Those that wait are not late.
    let pool = Pool::builder().workers(1).deadline(Duration::from_millis(200)).build().unwrap();
    let tasks: Vec<_> = (0..5)
        .map(|_| pool.apply_async(|| thread::sleep(Duration::from_millis(60)), ()).unwrap())
        .collect();
    tasks.iter().for_each(|task| task.get().unwrap());
}

/// PO44: an initialiser that fails, panics, or kills its worker, breaks the pool.
#[test]
fn workers_that_cannot_begin_break_the_pool() {
    let _watchdog = watchdog(120);
    fn broken<S: 'static>(
        what: &str,
        make: impl Fn(PoolWorker) -> Result<S, String> + Copy + Send + Sync + 'static,
    ) {
        let pool = Pool::builder().workers(2).state(make).build().unwrap();
        let task = |_: &mut S, x: u32| x;
        let failed = match pool.apply_async(task, (1,)) {
            Ok(one) => one.get().unwrap_err(),
            Err(error) => error,
        };
        let text = failed.to_string();
        assert!(text.contains("cannot begin") && text.contains(what), "{text}");
        // It is known by now, and said at once.
        for late in [pool.map(task, [1]).unwrap_err(), pool.apply(task, (1,)).unwrap_err()] {
            assert_eq!(late.to_string(), text);
            assert!(matches!(late, TaskError::InitializerFailed { .. }), "{late:?}");
        }
        let mut all = pool.imap(task, 0..);
        assert!(matches!(all.next(), Some(Err(TaskError::InitializerFailed { .. }))));
        assert!(all.next().is_none());
        pool.close().unwrap();
        pool.join().unwrap();
    }
    broken::<()>("no licence", |_| Err("no licence".into()));
    broken::<()>("no luck", |_| panic!("no luck"));
    broken::<()>("in a row", |_| std::process::abort());
}

/// The restarts have a budget, if one is wanted.
#[test]
fn too_many_deaths_break_the_pool() {
    let _watchdog = watchdog(120);
    let pool =
        Pool::builder().workers(1).restart_budget(3, Duration::from_secs(3600)).build().unwrap();
    let die = || std::process::abort();
    for _ in 0..3 {
        assert!(matches!(pool.apply::<_, (), ()>(die, ()), Err(TaskError::WorkerDied { .. })));
    }
    let last = pool.apply::<_, (), ()>(die, ()).unwrap_err();
    assert!(matches!(last, TaskError::WorkerDied { .. }), "{last:?}");
    until(|| pool.apply(|| 1, ()).is_err());
    let broken = pool.apply(|| 1, ()).unwrap_err();
    assert!(matches!(broken, TaskError::PoolBroken { .. }), "{broken:?}");
    let text = broken.to_string();
    let how = "the pool is broken: more than 3 workers died within 3600s; the last: worker ";
    assert!(text.contains(how) && text.ends_with("killed by signal 6 (SIGABRT)"), "{text}");
    // However long ago the others died.
    let pool = Pool::builder().workers(1).restart_budget(1, Duration::MAX).build().unwrap();
    (0..2).for_each(|_| drop(pool.apply::<_, (), ()>(die, ())));
    until(|| pool.apply(|| 1, ()).is_err());
    let text = pool.apply(|| 1, ()).unwrap_err().to_string();
    assert!(text.contains("more than 1 worker died; the last: worker "), "{text}");
}

/// A pool whose process dies: the steps at which it does, while it submits, and while it repairs.
const PARENT_STEPS: &[&str] = &[
    "",
    "pool.written",
    "board.offered",
    "board.ticket",
    "supervisor.knows",
    "job.judged",
    "supervisor.repaired",
    "supervisor.rang",
    "supervisor.started",
    "supervisor.stopped",
    "supervisor.killed",
];

#[test]
fn the_parent_dies() {
    let _watchdog = watchdog(300);
    let parent = |step: String, pids: AtomicArray<u32>, ready: Event| {
        let pool = Pool::new(2).unwrap();
        pool.map(|x: u32| x, 0..10).unwrap();
        for (place, pid) in pids.iter().zip(pool.pids()) {
            place.store(pid, Ordering::SeqCst);
        }
        if !step.is_empty() {
            die_at(&step, 1);
        }
        let field = Array::<u8>::zeroed(3 << 20).unwrap();
        let park = |field: Array<u8>, begun: Atomic<u32>| -> u32 {
            begun.fetch_add(1, Ordering::SeqCst);
            loop {
                drop(field.read());
                thread::park();
            }
        };
        let begun = Atomic::new(0).unwrap();
        let args = || (field.clone(), begun.clone());
        let tasks: Vec<_> = (0..2).map(|_| pool.apply_async(park, args()).unwrap()).collect();
        until(|| begun.load(Ordering::SeqCst) == 2);
        let job = pool.mapping().chunk_size(1).starmap_async(park, (0..4).map(|_| args()));
        assert!(tasks[0].cancel().unwrap());
        // The job's first item is begun by the successor; then that one is killed with it.
        until(|| begun.load(Ordering::SeqCst) == 3);
        ready.set().unwrap();
        loop {
            for pid in pool.pids() {
                // SAFETY: sends a signal to a worker of this pool, if it is there yet.
                unsafe { libc::kill(pid as i32, libc::SIGKILL) };
            }
            if job.as_ref().unwrap().ready() {
                thread::park();
            }
        }
    };
    for &step in PARENT_STEPS {
        let pids = AtomicArray::<u32>::zeroed(2).unwrap();
        let ready = Event::new().unwrap();
        let process: Process<()> =
            spawn(parent, (step.to_owned(), pids.clone(), ready.clone())).unwrap();
        if step.is_empty() {
            ready.wait().unwrap();
            process.kill().unwrap();
        }
        match process.join() {
            Err(ProcessError::Signalled { signal: 9, .. }) => {}
            other => panic!("{step}: {other:?}"),
        }
        let gone = |pid: u32| !Path::new(&format!("/proc/{pid}")).exists() || !is_alive(pid);
        until(|| pids.iter().all(|pid| gone(pid.load(Ordering::SeqCst))));
        wait_until_nothing_large_is_left();
    }
}

/// A worker dies as it begins, each time: before it is ready that breaks the pool; afterwards it does, where the restarts have a budget.
#[test]
fn workers_that_die_at_their_beginning_break_the_pool() {
    let _watchdog = watchdog(120);
    for (step, what) in [("worker.seated", "in a row"), ("worker.ready", "within")] {
        let pool = Pool::builder()
            .workers(2)
            .env("MULTIPROC_DIE_AT", format!("{step}:1"))
            .restart_budget(5, Duration::from_secs(3600))
            .build()
            .unwrap();
        let error = match pool.apply_async(|| 42, ()) {
            Ok(one) => one.get().unwrap_err(),
            Err(error) => error,
        };
        assert!(error.to_string().contains(what), "{step}: {error}");
        pool.terminate().unwrap();
        pool.join().unwrap();
    }
}

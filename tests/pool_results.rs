//! What one can do with results of a pool: callbacks, waiting for many, progress, statistics. The names are those of behaviours.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.

mod support;
#[path = "support/tasks.rs"]
mod tasks;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    AsyncResult, AtomicArray, ErrorKind, Event, Ordering, Pool, PoolResult, Queue, TaskError,
    WaitFor, as_completed, spawn, wait, wait_results,
};
use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};
use support::watchdog;
use tasks::{after, park, square};
use watching::until;

multiproc::test_support!();

const MOMENT: Duration = Duration::from_millis(20);

/// A pool, an event that its tasks wait for, and such a task for each worker.
fn busy(workers: usize) -> (Pool, Event, Vec<AsyncResult<u32>>) {
    let (pool, event) = (Pool::new(workers).unwrap(), Event::new().unwrap());
    let tasks = (0..workers as u32).map(|x| pool.apply_async(after, (event.clone(), x)).unwrap());
    let tasks: Vec<_> = tasks.collect();
    until(|| tasks.iter().all(AsyncResult::running));
    (pool, event, tasks)
}

/// FU07, PO05, PO25: with the result, the error, and when it is cancelled; later, and here and now.
#[test]
fn callbacks_are_called_once_with_what_became_of_the_task() {
    let _watchdog = watchdog(60);
    let (pool, event, tasks) = busy(1);
    let (sender, told) = mpsc::channel();
    let tell = |name: &'static str| {
        let sender = sender.clone();
        move |result: &Result<u32, TaskError>| {
            sender.send((name, result.clone().ok(), thread::current().id())).unwrap();
        }
    };
    let fails = pool.apply_async(|| -> u32 { panic!("no") }, ()).unwrap();
    let waits = pool.apply_async(after, (event.clone(), 7)).unwrap();
    tasks[0].on_done(tell("result")).unwrap();
    tasks[0].on_done(tell("result again")).unwrap();
    fails.on_done(tell("error")).unwrap();
    waits.on_done(tell("cancelled")).unwrap();
    assert!(waits.cancel().unwrap());
    let (name, result, first) = told.recv().unwrap();
    assert_eq!((name, result), ("cancelled", None));
    event.set().unwrap();
    // Who has waited for it finds that they have been called.
    assert_eq!(tasks[0].get().unwrap(), 0);
    for expected in ["result", "result again"] {
        let (name, result, caller) = told.try_recv().unwrap();
        assert_eq!((name, result), (expected, Some(0)));
        assert!(caller == first && caller != thread::current().id(), "by one thread of the pool");
    }
    fails.wait();
    assert_eq!(told.try_recv().unwrap().0, "error");
    for (task, result) in [(&tasks[0], Some(0)), (&fails, None), (&waits, None)] {
        task.on_done(tell("at once")).unwrap();
        assert_eq!(told.try_recv().unwrap(), ("at once", result, thread::current().id()));
    }
    assert!(told.try_recv().is_err());

    let (values, errors) = (sender.clone(), sender.clone());
    let me = thread::current().id();
    for divisor in [2, 0] {
        let (values, errors) = (values.clone(), errors.clone());
        let task = pool
            .task(|x: u32| 8 / x, (divisor,))
            .callback(move |&x| values.send(("value", Some(x), me)).unwrap())
            .error_callback(move |_| errors.send(("failure", None, me)).unwrap())
            .submit()
            .unwrap();
        task.wait();
        let expected = if divisor == 2 { ("value", Some(4), me) } else { ("failure", None, me) };
        assert_eq!(told.try_recv().unwrap(), expected);
        assert!(told.try_recv().is_err());
    }
}

/// PO05: once, with the whole list, or with the error.
#[test]
fn the_callback_of_a_map_gets_the_whole_list() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let lists = Arc::new(Mutex::new(Vec::new()));
    for (divisor, index) in [(1, None), (0, Some(5))] {
        let its = Arc::clone(&lists);
        let divide = |(x, y): (u32, u32)| x / y;
        let items = (0..20).map(|x| (x, if x == 5 { divisor } else { 1 }));
        let mapped = pool.map_async(divide, items).unwrap();
        mapped.on_done(move |list| its.lock().unwrap().push(list.clone())).unwrap();
        mapped.wait();
        let lists = std::mem::take(&mut *lists.lock().unwrap());
        assert_eq!(lists.len(), 1);
        match (&lists[0], index) {
            (Ok(list), None) => assert!(list.iter().copied().eq(0..20)),
            (Err(error), Some(index)) => assert_eq!(error.index(), index),
            other => panic!("{other:?}"),
        }
    }
    let (sender, nothing) = mpsc::channel();
    let mapped = pool.map_async(square, []).unwrap();
    mapped.on_done(move |list| sender.send(list.clone().unwrap()).unwrap()).unwrap();
    assert_eq!(nothing.try_recv().unwrap(), []);
}

/// PO45, FU07: its own result is an error, the next is called, the pool lives.
#[test]
fn a_callback_that_panics_is_the_error_of_its_result() {
    let _watchdog = watchdog(60);
    let (pool, event, tasks) = busy(2);
    let (sender, told) = mpsc::channel();
    tasks[0].on_done(|_| panic!("in a callback")).unwrap();
    let its = sender.clone();
    tasks[0].on_done(move |result| its.send(result.clone().unwrap()).unwrap()).unwrap();
    tasks[1].on_done(move |result| sender.send(result.clone().unwrap()).unwrap()).unwrap();
    event.set().unwrap();
    for _ in 0..2 {
        match tasks[0].get() {
            Err(TaskError::CallbackPanicked { report, .. }) => {
                assert_eq!(report.message(), "in a callback");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((tasks[0].successful(), tasks[1].get().unwrap()), (Some(false), 1));
    let called: BTreeSet<_> = [told.recv().unwrap(), told.recv().unwrap()].into();
    assert_eq!(called, BTreeSet::from([0, 1]));
    // What is called here and now does not come through, either.
    tasks[1].on_done(|_| panic!("here")).unwrap();
    assert!(matches!(tasks[1].get(), Err(TaskError::CallbackPanicked { .. })));
    assert_eq!(pool.apply(square, (3,)).unwrap(), 9);
}

/// PO49: also `join`, and the drop of the pool's last handle.
#[test]
fn a_callback_may_end_its_pool() {
    let _watchdog = watchdog(60);
    for drops in [false, true] {
        let (pool, event, tasks) = busy(2);
        let endless = pool.apply_async(park, ()).unwrap();
        let pool = Arc::new(pool);
        let (its, over) = (Mutex::new(Some(Arc::clone(&pool))), mpsc::channel());
        let (sender, over) = over;
        tasks[0]
            .on_done(move |_| {
                let pool = its.lock().unwrap().take().unwrap();
                pool.terminate().unwrap();
                if !drops {
                    pool.join().unwrap();
                }
                drop(pool);
                sender.send(()).unwrap();
            })
            .unwrap();
        let pool = if drops {
            drop(pool);
            None
        } else {
            Some(pool)
        };
        event.set().unwrap();
        assert_eq!(tasks[0].get().unwrap(), 0);
        over.recv().unwrap();
        assert!(matches!(endless.get(), Err(TaskError::Terminated { .. })));
        if let Some(pool) = pool {
            pool.join().unwrap();
        }
    }
}

/// The last handle goes in a callback, and others wait behind it: they are called all the same.
#[test]
fn callbacks_outlive_the_pool_that_one_of_them_drops() {
    let _watchdog = watchdog(60);
    let (pool, event, tasks) = busy(1);
    let behind = pool.apply_async(square, (5,)).unwrap();
    let (sender, told) = mpsc::channel();
    behind.on_done(move |result| sender.send(result.clone().unwrap()).unwrap()).unwrap();
    let pool = Mutex::new(Some(pool));
    tasks[0].on_done(move |_| drop(pool.lock().unwrap().take())).unwrap();
    event.set().unwrap();
    assert_eq!(told.recv().unwrap(), 25);
    assert_eq!((tasks[0].get().unwrap(), behind.get().unwrap()), (0, 25));
}

/// More than the pool has room for; and each waits for another that has a callback, too.
#[test]
fn a_callback_may_submit_and_wait() {
    let _watchdog = watchdog(60);
    let pool = Arc::new(Pool::builder().workers(2).capacity(2).build().unwrap());
    let (sender, told) = mpsc::channel();
    for x in 0..20 {
        let (its, sender) = (Arc::clone(&pool), sender.clone());
        let task = pool.apply_async(square, (x,)).unwrap();
        task.on_done(move |result| {
            let more = its.apply_async(square, (result.clone().unwrap(),)).unwrap();
            more.on_done(|_| {}).unwrap();
            sender.send(more.get().unwrap()).unwrap();
        })
        .unwrap();
    }
    drop(sender);
    let all: BTreeSet<_> = told.iter().collect();
    assert!(all.into_iter().eq((0..20).map(|x| x * x * x * x)));
}

/// They are part of what is submitted.
#[test]
fn join_ends_after_all_callbacks() {
    let _watchdog = watchdog(60);
    let (pool, event, tasks) = busy(2);
    let (go, waits) = mpsc::channel::<()>();
    let called = Arc::new(Mutex::new(0));
    let waits = Mutex::new(waits);
    let its = Arc::clone(&called);
    tasks[0]
        .on_done(move |_| {
            waits.lock().unwrap().recv().unwrap();
            *its.lock().unwrap() += 1;
        })
        .unwrap();
    for task in &tasks {
        let its = Arc::clone(&called);
        task.on_done(move |_| *its.lock().unwrap() += 1).unwrap();
    }
    event.set().unwrap();
    pool.close().unwrap();
    assert!(!pool.join_timeout(MOMENT).unwrap());
    assert!(!tasks[0].ready());
    go.send(()).unwrap();
    pool.join().unwrap();
    assert_eq!(*called.lock().unwrap(), 3);
    // After the end they are called here.
    let its = Arc::clone(&called);
    tasks[0].on_done(move |_| *its.lock().unwrap() += 1).unwrap();
    assert_eq!(*called.lock().unwrap(), 4);
}

/// A death is repaired while a callback takes its time, and told to callbacks.
#[test]
fn a_slow_callback_delays_no_repair() {
    let _watchdog = watchdog(60);
    let (sender, told) = mpsc::channel();
    let (pool, event, tasks) = busy(1);
    let (go, waits) = mpsc::channel::<()>();
    let waits = Mutex::new(waits);
    let begins = sender.clone();
    tasks[0]
        .on_done(move |_| {
            begins.send("begun".to_owned()).unwrap();
            waits.lock().unwrap().recv().unwrap();
        })
        .unwrap();
    event.set().unwrap();
    assert_eq!(told.recv().unwrap(), "begun");
    let dies = pool.apply_async(|| std::process::abort(), ()).unwrap();
    assert!(matches!(dies.get(), Err::<(), _>(TaskError::WorkerDied { .. })));
    assert_eq!(pool.apply(square, (2,)).unwrap(), 4);
    let dies = pool.apply_async(|| std::process::abort(), ()).unwrap();
    let died = move |result: &Result<(), TaskError>| {
        sender.send(format!("{:?}", result.as_ref().unwrap_err())).unwrap();
    };
    dies.on_done(died).unwrap();
    go.send(()).unwrap();
    assert!(told.recv().unwrap().contains("WorkerDied"));
    assert_eq!(pool.statistics().restarts, 2);
}

/// How many threads of this process have this name.
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")));
    // The kernel keeps 15 letters.
    names.filter(|comm| comm.as_ref().is_ok_and(|comm| name.starts_with(comm.trim()))).count()
}

fn counts_threads() -> [usize; 3] {
    let pool = Pool::new(2).unwrap();
    pool.apply_async(square, (1,)).unwrap().wait();
    let before = threads("multiproc-callbacks");
    let event = Event::new().unwrap();
    let tasks: Vec<_> =
        (0..200).map(|x| pool.apply_async(after, (event.clone(), x)).unwrap()).collect();
    tasks.iter().for_each(|task| task.on_done(|_| {}).unwrap());
    let while_they_wait = threads("multiproc-callbacks");
    event.set().unwrap();
    drop(pool);
    [before, while_they_wait, threads("multiproc-callbacks")]
}

/// One thread, from the first callback to the end of the pool.
#[test]
fn there_is_no_thread_for_each_callback() {
    let _watchdog = watchdog(60);
    assert_eq!(spawn(counts_threads, ()).unwrap().join().unwrap(), [0, 1, 0]);
}

/// Where there can be no thread to call anything, nothing is submitted either.
#[test]
fn what_cannot_be_called_is_not_submitted() {
    const NAME: &str = "what_cannot_be_called_is_not_submitted";
    if std::env::var_os("MULTIPROC_PARTICIPANTS").is_none() {
        // This thread, the pool's own, and the worker's: no more.
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args([NAME, "--exact"]).env("MULTIPROC_PARTICIPANTS", "3");
        assert!(again.status().unwrap().success());
        return;
    }
    let _watchdog = watchdog(60);
    let (pool, counts) = (Pool::new(1).unwrap(), AtomicArray::<u32>::zeroed(3).unwrap());
    let count = |(counts, at): (AtomicArray<u32>, usize)| {
        counts[at].fetch_add(1, Ordering::SeqCst);
    };
    pool.apply(count, ((counts.clone(), 0),)).unwrap();
    let called = pool.task(count, ((counts.clone(), 1),)).callback(|_| {}).submit();
    assert!(matches!(called, Err(TaskError::Failed { kind: ErrorKind::TooMany, .. })));
    let told = pool.mapping().progress(|_, _| {}).map_async(count, [(counts.clone(), 2)]);
    assert!(matches!(told, Err(TaskError::Failed { kind: ErrorKind::TooMany, .. })));
    pool.close().unwrap();
    pool.join().unwrap();
    let counts: Vec<_> = counts.iter().map(|count| count.load(Ordering::SeqCst)).collect();
    assert_eq!(counts, [1, 0, 0]);
}

/// A raw `fork()` has a copy that calls nothing and is told so; the parent's callbacks are called once.
#[test]
fn callbacks_are_not_called_in_a_forked_child() {
    let _watchdog = watchdog(60);
    let forks = || {
        let (pool, event, tasks) = busy(1);
        let (sender, told) = mpsc::channel();
        tasks[0].on_done(move |_| sender.send(std::process::id()).unwrap()).unwrap();
        // SAFETY: the child, of a process that runs this alone, does nothing but look, and exits.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let refused = tasks[0].on_done(|_| {}).is_err() && wait(&[&tasks[0]], None).is_err();
            drop(tasks);
            drop(pool);
            // SAFETY: it ends here.
            unsafe { libc::_exit(if refused && told.try_recv().is_err() { 7 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: a child of its own, and a place for the answer.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        event.set().unwrap();
        let called = told.recv().unwrap() == std::process::id();
        drop(pool);
        called && told.try_recv().is_err() && libc::WEXITSTATUS(status) == 7
    };
    assert!(spawn(forks, ()).unwrap().join().unwrap());
}

/// A result beside other things, in one wait.
#[test]
fn a_result_is_waited_for_beside_a_queue_and_a_process() {
    let _watchdog = watchdog(60);
    let (pool, event, tasks) = busy(2);
    let queue = Queue::<u32>::new(1).unwrap();
    let process = spawn(|event: Event| event.wait().unwrap(), (event.clone(),)).unwrap();
    let other = Pool::new(1).unwrap();
    let endless = other.apply_async(park, ()).unwrap();
    let nothing: &[usize] = &[];
    let quickly = Some(MOMENT);
    assert_eq!(wait(&[&tasks[0], &queue, &process, &endless], quickly).unwrap(), nothing);
    queue.send(1).unwrap();
    assert_eq!(wait(&[&tasks[0], &queue, &process, &endless], None).unwrap(), [1]);
    event.set().unwrap();
    assert_eq!(wait(&[&tasks[0]], None).unwrap(), [0]);
    tasks[1].wait();
    process.join().unwrap();
    let all: [&dyn multiproc::Waitable; 3] = [&tasks[0], &tasks[1], &endless];
    assert_eq!(wait(&all, None).unwrap(), [0, 1]);
    // The end of a task by the death of its worker is news, too.
    let dies = pool.apply_async(|| std::process::abort(), ()).unwrap();
    let dies: &AsyncResult<()> = &dies;
    assert_eq!(wait(&[&endless, dies], None).unwrap(), [1]);
    other.terminate().unwrap();
    assert_eq!(wait(&[&endless], None).unwrap(), [0]);
}

/// FU11: those that are there first, each once; the message of the time-out counts.
#[test]
fn results_come_as_they_are_completed() {
    let _watchdog = watchdog(60);
    let (pool, event, mut tasks) = busy(2);
    let other = Pool::new(1).unwrap();
    let done = other.apply_async(|x: u32| x, (42,)).unwrap();
    done.wait();
    tasks.push(done);
    let mut completed = as_completed(tasks.iter().chain(&tasks).chain([&tasks[2]]));
    assert_eq!(completed.len(), 3);
    assert_eq!(completed.next().map(|(index, result)| (index, result.unwrap())), Some((2, 42)));
    let late = completed.next_timeout(MOMENT).unwrap_err();
    assert_eq!(late.kind(), multiproc::ErrorKind::TimedOut);
    assert!(late.to_string().contains("2 (of 3)"), "{late}");
    event.set().unwrap();
    let rest: BTreeSet<_> =
        completed.by_ref().map(|(index, result)| (index, result.unwrap())).collect();
    assert_eq!(rest, BTreeSet::from([(0, 0), (1, 1)]));
    assert!(completed.next().is_none());
    assert!(completed.next_timeout(MOMENT).unwrap().is_none());
    assert!(as_completed::<u32>(&[]).next().is_none());

    let many: Vec<_> = (0..3000).map(|x| pool.apply_async(square, (x,)).unwrap()).collect();
    let all: BTreeSet<_> = as_completed(&many).map(|(_, result)| result.unwrap()).collect();
    assert_eq!(all.len(), 3000);
    let died = pool.apply_async(|| -> u64 { std::process::abort() }, ()).unwrap();
    assert!(as_completed([&died]).all(|(_, result)| result.is_err()));
}

/// FU12: the first, the first error, all; what is there already, and the time.
#[test]
fn results_are_waited_for_together() {
    let _watchdog = watchdog(60);
    let (pool, event, tasks) = busy(2);
    let other = Pool::new(1).unwrap();
    let text = other.apply_async(|x: u32| x.to_string(), (1,)).unwrap();
    text.wait();
    let all: [&dyn PoolResult; 3] = [&tasks[0], &text, &tasks[1]];
    assert_eq!(wait_results(&all, WaitFor::First, None).unwrap(), [1]);
    let soon = Some(MOMENT);
    for until in [WaitFor::FirstError, WaitFor::All] {
        assert_eq!(wait_results(&all, until, soon).unwrap(), [1], "the time is up");
    }
    let none: &[usize] = &[];
    assert_eq!(wait_results(&[&tasks[0]], WaitFor::First, soon).unwrap(), none);
    assert_eq!(wait_results(&[], WaitFor::All, None).unwrap(), none);
    // One that was cancelled has not failed.
    let cancelled = pool.apply_async(park, ()).unwrap();
    assert!(cancelled.cancel().unwrap());
    cancelled.wait();
    let with: [&dyn PoolResult; 2] = [&cancelled, &tasks[0]];
    assert_eq!(wait_results(&with, WaitFor::FirstError, soon).unwrap(), [0]);
    assert!(cancelled.is_over() && !cancelled.has_failed());

    let fails = other.apply_async(|| -> Vec<u8> { panic!("no") }, ()).unwrap();
    let with: [&dyn PoolResult; 3] = [&tasks[1], &text, &fails];
    let over = wait_results(&with, WaitFor::FirstError, None).unwrap();
    assert!(over == [1, 2] && fails.has_failed());
    assert_eq!(wait_results(&with, WaitFor::FirstError, None).unwrap(), [1, 2], "already");
    let setter = thread::spawn(move || event.set().unwrap());
    assert_eq!(wait_results(&all, WaitFor::All, None).unwrap(), [0, 1, 2]);
    assert_eq!(wait_results(&all, WaitFor::FirstError, None).unwrap(), [0, 1, 2], "none fails");
    setter.join().unwrap();
}

/// How many are done, of how many, and who was told.
type Told = (usize, usize, thread::ThreadId);

/// Of forms that wait, by who waits; of the others, by the thread of the callbacks. It rises, to all.
#[test]
fn progress_is_told() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = |told: &Arc<Mutex<Vec<Told>>>| {
        let told = Arc::clone(told);
        move |done, total| told.lock().unwrap().push((done, total, thread::current().id()))
    };
    let take = || std::mem::take(&mut *told.lock().unwrap());
    let rises = |told: &[Told], to: usize| {
        assert!(told.is_sorted_by(|a, b| a.0 < b.0), "{told:?}");
        assert!(told.iter().all(|told| told.1 == 100) && told.last().unwrap().0 == to, "{told:?}");
    };
    let me = thread::current().id();
    let terms = pool.mapping().chunk_size(5).progress(tell(&told));
    terms.clone().map(square, 0..100).unwrap();
    let seen = take();
    rises(&seen, 100);
    assert!(seen.iter().all(|told| told.2 == me));
    let each = terms.clone().try_map(|x: u32| 1 / (x % 2), 0..100).unwrap();
    assert_eq!(each.iter().filter(|result| result.is_err()).count(), 50);
    rises(&take(), 100);
    let mapped = terms.clone().map_async(square, 0..100).unwrap();
    assert_eq!(mapped.get().unwrap().len(), 100);
    let seen = take();
    rises(&seen, 100);
    assert!(seen.iter().all(|told| told.2 != me));
    assert_eq!(mapped.progress(), (100, 100));
    assert_eq!(terms.clone().map(square, []).unwrap(), []);
    assert!(take().is_empty());
    // What is behind the first error is not done.
    let failed = terms.clone().map(|x: u32| 1 / (99 - x).min(1), 0..100);
    assert_eq!(failed.unwrap_err().index(), 99);
    rises(&take(), 100);
    // Deaths do not count twice.
    let dies = |x: u32| if x.is_multiple_of(25) { std::process::abort() } else { x };
    let each = terms.try_map(dies, 0..100).unwrap();
    assert_eq!(each.iter().filter(|result| result.is_err()).count(), 4);
    rises(&take(), 100);

    let panics = pool.mapping().progress(|_, _| panic!("in a callback"));
    let mapped = panics.map_async(square, 0..100).unwrap();
    assert!(matches!(mapped.get(), Err(TaskError::CallbackPanicked { .. })));
    assert_eq!(pool.map(square, 0..3).unwrap(), [0, 1, 4]);
}

/// Each end of a chunk is told when it is there, and not at the end of all.
#[test]
fn progress_comes_while_others_are_at_work() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let events: Vec<_> = (0..6).map(|_| Event::new().unwrap()).collect();
    let (sender, told) = mpsc::channel();
    let tell = move |done, total| sender.send((done, total)).unwrap();
    let waits = |event: Event| event.wait().unwrap();
    let mapped =
        pool.mapping().chunk_size(1).progress(tell).map_async(waits, events.clone()).unwrap();
    for (done, event) in (1..).zip(&events) {
        event.set().unwrap();
        assert_eq!(told.recv().unwrap(), (done, 6));
    }
    mapped.get().unwrap();
}

/// Numbers of the pool and of each worker.
#[test]
fn statistics_count() {
    let _watchdog = watchdog(60);
    let (pool, event, tasks) = busy(2);
    let waits = pool.apply_async(square, (1,)).unwrap();
    let now = pool.statistics();
    assert_eq!((now.alive, now.in_use, now.waiting, now.workers.len()), (2, 3, 1, 2));
    assert_eq!((now.tasks, now.items, now.restarts), (0, 0, 0));
    until(|| pool.statistics().oldest.unwrap() >= MOMENT);
    event.set().unwrap();
    tasks.iter().for_each(AsyncResult::wait);
    waits.wait();
    pool.mapping().chunk_size(10).map(square, 0..100).unwrap();
    until(|| pool.statistics().tasks == 13);
    let now = pool.statistics();
    assert_eq!((now.items, now.in_use, now.waiting, now.oldest), (103, 0, 0, None));
    assert_eq!(now.workers.iter().map(|worker| worker.items).sum::<u64>(), 103);
    // Those who have nothing to do sleep; those who have, do not.
    let idle = |index: usize| pool.statistics().workers[index].idle;
    let before = [idle(0), idle(1)];
    until(|| idle(0) >= before[0] + MOMENT && idle(1) >= before[1] + MOMENT);
    let spins = pool
        .apply_async(
            || -> () {
                loop {
                    std::hint::spin_loop()
                }
            },
            (),
        )
        .unwrap();
    until(|| spins.running());
    let busy = || pool.statistics().workers.iter().map(|worker| worker.busy).max().unwrap();
    let before = busy();
    until(|| busy() >= before + MOMENT);
    for worker in pool.statistics().workers {
        assert!(pool.pids().contains(&worker.pid));
        assert!(worker.private.unwrap() > 0 && worker.resident >= worker.private);
    }
    spins.cancel().unwrap();
    spins.wait();
    let now = pool.statistics();
    assert_eq!((now.tasks, now.items, now.restarts), (13, 103, 1));
    pool.terminate().unwrap();
    pool.join().unwrap();
    let now = pool.statistics();
    assert_eq!((now.alive, now.in_use, now.workers.len(), now.items), (0, 0, 0, 103));
}

/// Travels, but if it is odd, it does not arrive.
#[derive(Debug, serde::Serialize)]
struct Shy(u32);

impl<'de> serde::Deserialize<'de> for Shy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            even if even % 2 == 0 => Ok(Self(even)),
            _ => Err(serde::de::Error::custom("shy")),
        }
    }
}

/// The task was done, and its error does not say that it was not.
#[test]
fn a_result_that_cannot_be_decoded_says_so() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let shy = |x: u32| Shy(x);
    let told = |at: usize, error: TaskError| {
        assert!(
            matches!(error, TaskError::Undecodable { index, .. } if index == at),
            "{error:?} of {at}"
        );
        let text = error.to_string();
        assert!(text.starts_with(&format!("task {at} was done")) && text.contains("Shy"), "{text}");
        assert_eq!(multiproc::Error::from(error).kind(), ErrorKind::Decode);
    };
    told(0, pool.apply(shy, (1,)).unwrap_err());
    told(3, pool.map(shy, [0, 2, 4, 1, 3]).unwrap_err());
    let each = pool.try_map(shy, 0..4).unwrap();
    for results in [each, pool.imap(shy, 0..4).chunk_size(2).collect()] {
        for (at, result) in results.into_iter().enumerate() {
            match result {
                Ok(Shy(even)) => assert!(even as usize == at && at % 2 == 0),
                Err(error) => told(at, error),
            }
        }
    }
    assert!(matches!(pool.apply(|Shy(x)| x, (Shy(1),)), Err(TaskError::Decode { .. })));
}

//! The life of a pool's workers: started at once or on demand, worn out, ended by themselves, killed for what they are at and for nothing else; and threads in their place.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    Atomic, AtomicArray, DeathHint, ErrorKind, Event, Ordering, Pool, PoolWorker, TaskError,
};
use std::{
    thread,
    time::{Duration, Instant},
};
use support::watchdog;
use watching::until;

multiproc::test_support!();

fn spin(micros: u64) -> u64 {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(micros) {}
    micros
}

/// Of a worker that is late with one task, the next is not killed with it: it may have gone on to that meanwhile.
#[test]
fn only_what_is_late_dies() {
    let _watchdog = watchdog(120);
    let pool = Pool::new(1).unwrap();
    for round in 0..60 {
        let deadline = Duration::from_micros(1000);
        let late = pool.task(spin, (800 + round * 8,)).deadline(deadline).submit().unwrap();
        let next: Vec<_> = (0..20).map(|at| pool.apply_async(spin, (at,)).unwrap()).collect();
        assert!(matches!(late.get(), Ok(_) | Err(TaskError::TimedOut { .. })));
        for (at, one) in next.iter().enumerate() {
            assert_eq!(one.get().unwrap(), at as u64, "round {round}");
        }
    }
    // Each item is called once, and none fails but for its own time. One that does nothing may be late by itself, where the machine takes the time for others: but not in each of many rounds.
    let is_clean = |_| {
        let counts = AtomicArray::<u32>::zeroed(60).unwrap();
        let items = (0..60).map(|at| (counts.clone(), at));
        let task = |(counts, at): (AtomicArray<u32>, u64)| {
            counts[at as usize].fetch_add(1, Ordering::SeqCst);
            spin(if at % 2 == 0 { 900 + at * 4 } else { 0 })
        };
        let mapping = pool.mapping().chunk_size(60).deadline(Duration::from_micros(1000));
        let results = mapping.try_map(task, items).unwrap();
        results.into_iter().enumerate().all(|(at, result)| {
            let is_its_own =
                matches!(result, Err(TaskError::TimedOut { index, .. }) if index == at);
            assert!(result.is_ok() || is_its_own, "{at}: {result:?}");
            // It may be late before it comes to count.
            let counted = counts[at].load(Ordering::SeqCst);
            assert!(counted == 1 || is_its_own && counted == 0, "{at}: {counted}");
            result.is_ok() || at % 2 == 0
        })
    };
    assert!((0..50).any(is_clean), "what does nothing is late again and again");
}

/// The same for what is cancelled.
#[test]
fn only_what_is_cancelled_dies() {
    let _watchdog = watchdog(120);
    let pool = Pool::new(1).unwrap();
    for round in 0..60 {
        let doomed = pool.apply_async(spin, (round * 5,)).unwrap();
        let job = pool.mapping().chunk_size(1).map_async(spin, [1, 2, 3]).unwrap();
        let next: Vec<_> = (0..10).map(|at| pool.apply_async(spin, (at,)).unwrap()).collect();
        spin(round * 5);
        doomed.cancel().unwrap();
        job.cancel().unwrap();
        assert!(matches!(doomed.get(), Ok(_) | Err(TaskError::Cancelled { .. })));
        assert!(matches!(job.get(), Ok(_) | Err(TaskError::Cancelled { .. })));
        for (at, one) in next.iter().enumerate() {
            assert_eq!(one.get().unwrap(), at as u64, "round {round}");
        }
    }
}

/// One that was cancelled while it ran is not tried again, if its worker dies by itself before it is killed.
#[test]
fn a_cancelled_task_is_not_tried_again() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let begun = Atomic::new(0_u32).unwrap();
    let parks = |begun: Atomic<u32>| -> () {
        begun.fetch_add(1, Ordering::SeqCst);
        loop {
            thread::park();
        }
    };
    let task = pool.task(parks, (begun.clone(),)).retries(5).submit().unwrap();
    until(|| begun.load(Ordering::SeqCst) == 1);
    // SAFETY: sends a signal to a worker of this pool.
    unsafe { libc::kill(pool.pids()[0] as i32, libc::SIGKILL) };
    task.cancel().unwrap();
    assert!(matches!(task.get(), Err(TaskError::Cancelled { .. })));
    assert_eq!(pool.apply(|x: u8| x, (7,)).unwrap(), 7);
    assert!(begun.load(Ordering::SeqCst) <= 2);
}

/// A worker that has stopped is killed, if it has something to do: whoever has stopped it.
#[test]
fn a_stopped_worker_is_replaced() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let stops = |signal: i32| {
        // SAFETY: stops this process.
        unsafe { libc::raise(signal) };
        signal
    };
    for signal in [libc::SIGSTOP, libc::SIGTSTP] {
        match pool.apply(stops, (signal,)) {
            Err(error @ TaskError::WorkerDied { signal: Some(by), hint, .. }) => {
                assert_eq!((by, hint), (signal, Some(DeathHint::Stopped)));
                let text = error.to_string();
                assert!(text.contains("which was stopped by signal "), "{text}");
            }
            // A process without a terminal of its own is not stopped by it.
            Ok(_) if signal == libc::SIGTSTP => {}
            other => panic!("{other:?}"),
        }
    }
    // While it is idle, by somebody else; and one that goes on is as it was.
    let pid = pool.apply(std::process::id, ()).unwrap();
    // SAFETY: stops a worker of this pool, and lets it go on.
    unsafe { libc::kill(pid as i32, libc::SIGSTOP) };
    // SAFETY: as above.
    unsafe { libc::kill(pid as i32, libc::SIGCONT) };
    assert_eq!(pool.apply(std::process::id, ()).unwrap(), pid);
    // SAFETY: as above.
    unsafe { libc::kill(pid as i32, libc::SIGSTOP) };
    assert_ne!(pool.task(std::process::id, ()).retries(1).submit().unwrap().get().unwrap(), pid);
}

/// A worker that is stopped when its parent dies does not stay.
#[test]
fn a_stopped_worker_does_not_outlive_its_parent() {
    let _watchdog = watchdog(60);
    let pid = Atomic::new(0_u32).unwrap();
    let parent = |pid: Atomic<u32>| -> () {
        let pool = Pool::new(1).unwrap();
        let worker = pool.apply(std::process::id, ()).unwrap();
        // SAFETY: stops a worker of this pool.
        unsafe { libc::kill(worker as i32, libc::SIGSTOP) };
        while !is_stopped(worker) {}
        pid.store(worker, Ordering::SeqCst);
        std::process::abort();
    };
    assert!(multiproc::spawn(parent, (pid.clone(),)).unwrap().join().is_err());
    let pid = pid.load(Ordering::SeqCst);
    assert_ne!(pid, 0);
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    until(|| {
        state().rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with('Z'))
    });
}

fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().starts_with('T')
}

/// FU15, FU16.
#[test]
fn workers_come_on_demand() {
    let _watchdog = watchdog(60);
    let pool = Pool::builder().workers(3).on_demand().build().unwrap();
    assert_eq!((pool.pids().len(), pool.workers()), (0, 3));
    assert_eq!(pool.apply(|x: u32| x, (7,)).unwrap(), 7);
    // It may have done that before the pool names it.
    until(|| pool.pids().len() == 1);
    for _ in 0..20 {
        assert_eq!(pool.apply(|x: u32| x, (7,)).unwrap(), 7);
    }
    assert_eq!(pool.pids().len(), 1, "one that is idle is used again");
    let go = Event::new().unwrap();
    let waits = |go: Event| go.wait().unwrap();
    let two: Vec<_> = (0..2).map(|_| pool.apply_async(waits, (go.clone(),)).unwrap()).collect();
    until(|| pool.pids().len() == 2);
    let many: Vec<_> = (0..20).map(|_| pool.apply_async(waits, (go.clone(),)).unwrap()).collect();
    until(|| pool.pids().len() == 3);
    go.set().unwrap();
    two.iter().chain(&many).for_each(|one| one.get().unwrap());
    assert_eq!(pool.pids().len(), 3, "never more");
    assert_eq!(pool.map(|x: u64| x + 1, 0..100).unwrap(), (1..=100).collect::<Vec<_>>());
    // One that dies is replaced when it is needed.
    assert!(pool.apply::<_, (), ()>(|| std::process::abort(), ()).is_err());
    assert_eq!(pool.map(|x: u64| x + 1, 0..100).unwrap().len(), 100);
    // One that never began.
    let pool = Pool::builder().workers(2).on_demand().build().unwrap();
    pool.close().unwrap();
    pool.join().unwrap();
}

/// A worker that has become too large ends; it is not the shared memory that counts.
#[test]
fn workers_grow_too_large() {
    let _watchdog = watchdog(60);
    let pool = Pool::builder().workers(1).memory_per_child(48 << 20).build().unwrap();
    let shared = multiproc::Array::<u8>::zeroed(64 << 20).unwrap();
    let fills = |shared: multiproc::Array<u8>| {
        shared.write().unwrap().fill(1);
        spin(1500);
        std::process::id()
    };
    let first = pool.apply(fills, (shared,)).unwrap();
    let leaks = |bytes: usize| {
        std::mem::forget(std::hint::black_box(vec![1_u8; bytes]));
        spin(1500);
        std::process::id()
    };
    assert_eq!(pool.apply(leaks, (1 << 20,)).unwrap(), first);
    assert_eq!(pool.apply(leaks, (64 << 20,)).unwrap(), first);
    assert_ne!(pool.apply(leaks, (1 << 20,)).unwrap(), first);
    // In a map, after a chunk.
    let pids = pool.mapping().chunk_size(1).map(leaks, [64 << 20; 4]).unwrap();
    assert!(pids.windows(2).all(|pair| pair[0] != pair[1]), "{pids:?}");
    assert_eq!(pool.statistics().restarts, 0, "nothing has died");
}

/// What libraries learn of threads: what is said here, then what the environment says, then the processors.
#[test]
fn inner_threads_are_few() {
    let _watchdog = watchdog(60);
    let look = |name: String| std::env::var(name).ok();
    let of = |pool: &Pool, name: &str| pool.apply(look, (name.to_owned(),)).unwrap();
    let inherited = std::env::var("OMP_NUM_THREADS").ok();
    let pool = Pool::builder().workers(2).env("MKL_NUM_THREADS", "7").build().unwrap();
    let share = (multiproc::cpu_count() / 2).max(1).to_string();
    assert_eq!(of(&pool, "OMP_NUM_THREADS"), inherited.or(Some(share)));
    assert_eq!(of(&pool, "MKL_NUM_THREADS").as_deref(), Some("7"));
    let pool = Pool::builder().workers(2).inner_threads(5).build().unwrap();
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"] {
        assert_eq!(of(&pool, name).as_deref(), Some("5"));
    }
    let none = Pool::builder().inner_threads(0).build();
    assert_eq!(none.map(drop).unwrap_err().kind(), ErrorKind::InvalidInput);
}

struct Kept(Atomic<u32>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The worker's state is dropped when it ends by itself: that is where what is to be done at the end is done.
#[test]
fn the_state_is_dropped_at_the_end() {
    let _watchdog = watchdog(60);
    let dropped = Atomic::new(0_u32).unwrap();
    let take = |kept: &mut Option<Kept>, counter: Atomic<u32>| *kept = Some(Kept(counter));
    let make = |_: PoolWorker| Ok::<Option<Kept>, String>(None);
    for in_process in [false, true] {
        let builder = Pool::builder().workers(1).tasks_per_child(2);
        let builder = if in_process { builder.in_process() } else { builder };
        let pool = builder.state(make).build().unwrap();
        dropped.store(0, Ordering::SeqCst);
        pool.apply(take, (dropped.clone(),)).unwrap();
        // Its second task: then it is worn out.
        pool.apply(|_: &mut Option<Kept>| (), ()).unwrap();
        until(|| dropped.load(Ordering::SeqCst) == 1);
        pool.apply(take, (dropped.clone(),)).unwrap();
        drop(pool);
        assert_eq!(dropped.load(Ordering::SeqCst), 2);
    }
}

/// A state that never comes: tasks fail, those that wait and those that come later.
#[test]
fn a_state_that_is_never_made() {
    let _watchdog = watchdog(60);
    let makes = |_: PoolWorker| -> Result<(), String> {
        loop {
            thread::park();
        }
    };
    let brief = Duration::from_millis(100);
    let pool = Pool::builder().workers(2).state(makes).start_deadline(brief).build().unwrap();
    let failed = match pool.apply_async(|_: &mut ()| (), ()) {
        Ok(one) => one.get().unwrap_err(),
        Err(error) => error,
    };
    assert!(failed.to_string().contains("longer than 100ms"), "{failed}");
    pool.join_timeout(Duration::ZERO).unwrap();
    pool.join().unwrap();
    // One that is made in time, and not a second time: after a panic it is made anew.
    let makes = |_: PoolWorker| -> Result<bool, String> {
        static AGAIN: std::sync::OnceLock<()> = std::sync::OnceLock::new();
        while AGAIN.set(()).is_err() {
            thread::park();
        }
        Ok(true)
    };
    let long = Duration::from_millis(1000);
    let pool = Pool::builder().workers(1).state(makes).start_deadline(long).build().unwrap();
    let is_made = |made: &mut bool| assert!(!*made, "this one");
    assert!(matches!(pool.apply(is_made, ()), Err(TaskError::Panicked { .. })));
    until(|| pool.apply(|made: &mut bool| *made, ()).is_err());
    pool.join().unwrap();
}

/// PO20, and what both kinds of workers do alike.
#[test]
fn threads_work_as_processes_do() {
    let _watchdog = watchdog(60);
    for in_process in [true, false] {
        let builder = Pool::builder().workers(2).tasks_per_child(50);
        let pool = if in_process { builder.in_process() } else { builder }.build().unwrap();
        assert_eq!(pool.apply(spin, (5,)).unwrap(), 5);
        let own = pool.apply(std::process::id, ()).unwrap() == std::process::id();
        assert_eq!(own, in_process);
        let all = pool.mapping().chunk_size(3).map(|x: u64| x * x, 0..100).unwrap();
        assert_eq!(all, (0..100).map(|x| x * x).collect::<Vec<_>>());
        let texts = pool.map(|x: u32| "x".repeat(x as usize * 40), 0..20).unwrap();
        assert!(texts.iter().enumerate().all(|(at, text)| text.len() == at * 40));
        let context = vec![1.5, 2.5];
        let with = |context: &Vec<f64>, at: usize| context[at];
        assert_eq!(pool.map_with(&context, with, [1, 0]).unwrap(), [2.5, 1.5]);
        let squares: Result<Vec<u64>, _> = pool.imap(|x: u64| x * x, 0..50).collect();
        assert_eq!(squares.unwrap(), (0..50).map(|x| x * x).collect::<Vec<_>>());
        match pool.apply(|x: u64| assert_eq!(x, 1, "no luck"), (2,)) {
            Err(TaskError::Panicked { report, worker, .. }) => {
                assert!(report.message().contains("no luck"));
                assert_eq!(worker == std::process::id(), in_process);
            }
            other => panic!("{other:?}"),
        }
        let counter = Atomic::new(0_u32).unwrap();
        let adds = |counter: Atomic<u32>| counter.fetch_add(1, Ordering::SeqCst);
        let tasks = (0..200).map(|_| pool.apply_async(adds, (counter.clone(),)).unwrap());
        tasks.collect::<Vec<_>>().iter().for_each(|one| assert!(one.get().unwrap() < 200));
        assert_eq!(counter.load(Ordering::SeqCst), 200);
        until(|| pool.pids().len() == 2);
        pool.close().unwrap();
        assert_eq!(
            pool.apply(spin, (1,)).unwrap_err().to_string(),
            "the pool was closed: it takes no new tasks"
        );
        pool.join().unwrap();
        assert_eq!(counter.load(Ordering::SeqCst), 200);
    }
}

/// What a thread cannot have is refused; what waits can be cancelled, what runs is waited for.
#[test]
fn threads_cannot_be_killed() {
    let _watchdog = watchdog(60);
    let refused = |pool: multiproc::Result<Pool>| {
        let error = pool.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("only processes"), "{error}");
    };
    let threads = || Pool::builder().workers(1).in_process();
    refused(threads().deadline(Duration::from_secs(1)).build());
    refused(threads().start_deadline(Duration::from_secs(1)).build());
    refused(threads().memory_limit(1 << 30).build());
    refused(threads().memory_per_child(1 << 30).build());
    refused(threads().capture_stderr().build());
    refused(threads().env("A", "B").build());
    refused(threads().inner_threads(2).build());
    let pool = threads().build().unwrap();
    let timed = pool.task(spin, (1,)).deadline(Duration::from_secs(1)).submit();
    assert!(timed.unwrap_err().to_string().contains("cannot be ended"));
    assert!(pool.mapping().deadline(Duration::from_secs(1)).map(spin, [1]).is_err());
    let (begun, go) = (Event::new().unwrap(), Event::new().unwrap());
    let waits = |begun: Event, go: Event| {
        begun.set().unwrap();
        go.wait().unwrap();
        7
    };
    let runs = pool.apply_async(waits, (begun.clone(), go.clone())).unwrap();
    let queued = pool.apply_async(spin, (1,)).unwrap();
    let left = pool.apply_async(spin, (2,)).unwrap();
    let job = pool.map_async(spin, 0..10).unwrap();
    begun.wait().unwrap();
    assert!(!runs.cancel().unwrap(), "it runs");
    assert!(queued.cancel().unwrap());
    assert!(matches!(queued.get(), Err(TaskError::Cancelled { .. })));
    pool.terminate().unwrap();
    for result in [runs.get(), left.get()] {
        assert!(matches!(result, Err(TaskError::Terminated { .. })));
    }
    assert!(matches!(job.get(), Err(TaskError::Terminated { .. })));
    assert!(!pool.join_timeout(Duration::from_millis(10)).unwrap(), "one still runs");
    go.set().unwrap();
    pool.join().unwrap();
}

/// Of memory that a worker has from its start on, its successor would have as much: each does one task, or one chunk, at the least.
#[test]
fn a_worker_that_is_too_large_from_its_start() {
    let _watchdog = watchdog(60);
    let large = |_: PoolWorker| Ok::<_, String>(std::hint::black_box(vec![1_u8; 64 << 20]));
    let builder = || Pool::builder().workers(1).memory_per_child(32 << 20).state(large);
    let pool = builder().build().unwrap();
    let pid = |_: &mut Vec<u8>, _: u32| std::process::id();
    let first = pool.apply(pid, (0,)).unwrap();
    assert_ne!(pool.apply(pid, (0,)).unwrap(), first);
    assert_eq!(pool.mapping().chunk_size(2).map(pid, 0..6).unwrap().len(), 6);
    let refused = builder().memory_per_child(0).build().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
}

/// Workers are daemonic: the error says what to do, and that works.
#[test]
fn a_pool_in_a_worker_is_one_of_threads() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let processes = || Pool::new(1).map(drop).unwrap_err().to_string();
    let text = pool.apply(processes, ()).unwrap();
    assert!(text.contains("`in_process` for a pool"), "{text}");
    let threads = || {
        let inner = Pool::builder().workers(2).in_process().build().unwrap();
        inner.map(|x: u64| x * x, 0..4).unwrap()
    };
    assert_eq!(pool.apply(threads, ()).unwrap(), [0, 1, 4, 9]);
}

/// There is room for a power of two.
#[test]
fn there_is_room_for_more_than_said() {
    let _watchdog = watchdog(60);
    let pool = Pool::builder().workers(1).capacity(3).build().unwrap();
    let event = Event::new().unwrap();
    let wait = |event: Event| event.wait().unwrap();
    let all = [0; 4].map(|_| pool.apply_async(wait, (event.clone(),)).unwrap());
    assert_eq!(pool.statistics().in_use, 4);
    event.set().unwrap();
    all.iter().for_each(|one| one.get().unwrap());
}

/// Who catches a panic may go on with both.
#[test]
fn pools_and_results_are_safe_from_unwinding() {
    fn are<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>(_: &T) {}
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let result = pool.apply_async(|| 7, ()).unwrap();
    are(&pool);
    are(&result);
    std::panic::catch_unwind(|| {
        assert_eq!(result.get().unwrap(), 7);
        pool.map(|x: u64| x, (0..2).inspect(|&x| assert_ne!(x, 1))).map(drop)
    })
    .unwrap_err();
    assert_eq!((pool.apply(|| 8, ()).unwrap(), result.get().unwrap()), (8, 7));
}

static BEGUN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();

/// What an initialiser returns, for a test: the end is seen where the marker is gone.
struct Marker(std::path::PathBuf);

impl Drop for Marker {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

fn marker_of(pid: u32) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("mp-test-initialiser-{pid}"))
}

/// A pool whose tasks have no state: its initialiser is called once in each worker, whatever panics, and what it returns is dropped at the end.
#[test]
fn an_initialiser_is_called_once() {
    let _watchdog = watchdog(60);
    let begin = |worker: PoolWorker| {
        BEGUN.set(worker.index() as u32).map_err(|_| "it has begun already")?;
        let marker = marker_of(worker.pid());
        std::fs::write(&marker, "").unwrap();
        Ok::<_, &str>(Marker(marker))
    };
    let pool = Pool::builder().workers(1).tasks_per_child(3).initializer(begin).build().unwrap();
    let look = || (*BEGUN.get().unwrap(), std::process::id());
    let (index, first) = pool.apply(look, ()).unwrap();
    assert!(index == 0 && marker_of(first).exists());
    assert!(pool.apply(|| -> () { panic!("in between") }, ()).is_err());
    assert_eq!(pool.apply(look, ()).unwrap(), (0, first));
    // It has done its three.
    let (_, second) = pool.apply(look, ()).unwrap();
    assert!(first != second && marker_of(second).exists());
    until(|| !marker_of(first).exists());
    drop(pool);
    assert!(!marker_of(second).exists());
    let fails = |_: PoolWorker| Err::<(), _>("no licence");
    let pool = Pool::builder().workers(1).initializer(fails).build().unwrap();
    until(|| pool.apply(|| 1, ()).is_err());
    match pool.apply(|| 1, ()) {
        Err(TaskError::InitializerFailed { message, .. }) => assert_eq!(message, "no licence"),
        other => panic!("{other:?}"),
    }
}

//! What tasks can do to a pool, and programs with it: the task fails by name, or does not; the pool lives.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{Array, AtomicArray, DeathHint, Ordering, Pool, PoolWorker, Process, TaskError};
use std::{
    fs::File,
    io::Read,
    mem,
    panic::{self, AssertUnwindSafe},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::AtomicI32,
    thread,
    time::Duration,
};
use support::watchdog;
use watching::until;

multiproc::test_support!();

fn lives(pool: &Pool) {
    assert_eq!(pool.map(|x: u64| x + 1, 0..4).unwrap(), [1, 2, 3, 4]);
    until(|| pool.pids().len() == pool.workers());
}

#[expect(unconditional_recursion, reason = "that is the point")]
fn deeper(x: u64) -> u64 {
    std::hint::black_box([x; 64]);
    deeper(x + 1) + 1
}

#[test]
fn tasks_that_spoil_their_process() {
    let _watchdog = watchdog(120);
    let pool = Pool::builder().workers(2).memory_limit(8 << 30).build().unwrap();
    let died = |result: Result<u64, TaskError>| match result {
        Err(TaskError::WorkerDied { signal, code, .. }) => (signal, code),
        other => panic!("{other:?}"),
    };
    // Told by the runtime, where it is there yet.
    let overflown = died(pool.apply(deeper, (0,)));
    assert!(matches!(overflown, (Some(libc::SIGABRT | libc::SIGSEGV), None)), "{overflown:?}");
    lives(&pool);
    let exits = |x: u64| -> u64 { std::process::exit(x as i32) };
    assert_eq!(died(pool.apply(exits, (0,))), (None, Some(0)));
    lives(&pool);
    // It cannot have so much.
    let hungry =
        |gib: usize| std::hint::black_box(Vec::<u8>::with_capacity(gib << 30)).capacity() as u64;
    match pool.apply(hungry, (16,)) {
        Err(TaskError::WorkerDied { signal: Some(libc::SIGABRT), hint, .. }) => {
            assert_eq!(hint, Some(DeathHint::MemoryLimited));
        }
        other => panic!("{other:?}"),
    }
    lives(&pool);
    // The reason is known where its last words are.
    let talking =
        Pool::builder().workers(1).memory_limit(8 << 30).capture_stderr().build().unwrap();
    match talking.apply(hungry, (16,)) {
        Err(error @ TaskError::WorkerDied { hint: Some(DeathHint::OutOfMemory), .. }) => {
            assert!(error.to_string().contains("not enough memory"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let moves = || std::env::set_current_dir("/").map(|()| 7_u64).unwrap();
    assert_eq!(pool.apply(moves, ()).unwrap(), 7);
    lives(&pool);
    // The next task of that worker finds itself there.
    let one = Pool::new(1).unwrap();
    one.apply(moves, ()).unwrap();
    let here = || std::env::current_dir().unwrap();
    assert_eq!(one.apply(here, ()).unwrap().to_str(), Some("/"));
    let spawns = || {
        let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
        child.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
        u64::from(child.wait().unwrap().success())
    };
    assert_eq!(pool.apply(spawns, ()).unwrap(), 1);
    // A worker is daemonic: it may have no workers of its own.
    let nests = || Pool::new(1).map(drop).map_err(|error| error.kind());
    assert_eq!(pool.apply(nests, ()).unwrap(), Err(multiproc::ErrorKind::InvalidInput));
    lives(&pool);
    let forks = || {
        // SAFETY: the child makes no call but to end.
        match unsafe { libc::fork() } {
            // SAFETY: ends at once.
            0 => unsafe { libc::_exit(0) },
            child => {
                // SAFETY: waits for the child.
                unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
                9_u64
            }
        }
    };
    assert_eq!(pool.apply(forks, ()).unwrap(), 9);
    lives(&pool);
    // A child that comes back from the task is not the worker.
    // SAFETY: both go on, which is what is tried.
    let returns_twice = || u64::from(unsafe { libc::fork() } >= 0);
    assert_eq!(pool.apply(returns_twice, ()).unwrap(), 1);
    lives(&pool);
    // All descriptors are closed: the work goes on, in memory. Last, as whoever does a task in that worker has none.
    let closes = |from: i32| {
        (from..100).for_each(|descriptor| {
            // SAFETY: a number.
            unsafe { libc::close(descriptor) };
        });
        7_u64
    };
    let closed = pool.apply(closes, (0,));
    assert!(matches!(closed, Ok(7) | Err(TaskError::WorkerDied { .. })), "{closed:?}");
    lives(&pool);
}

fn limit(resource: libc::__rlimit_resource_t, most: u64) {
    let most = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: of this process.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const most) }, 0);
}

/// A job that has no room in any worker: it fails, and what comes behind it is done.
#[test]
fn a_job_that_no_worker_can_open() {
    let _watchdog = watchdog(120);
    // From now on it has room for little more than it has.
    let addresses = |_: PoolWorker| -> Result<(), String> {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages = pages.split(' ').next().unwrap().parse::<u64>().unwrap();
        limit(libc::RLIMIT_AS, (pages << 12) + (4 << 20));
        Ok(())
    };
    // Then it can neither open the job, nor say why.
    let descriptors = |_: PoolWorker| -> Result<(), String> {
        limit(libc::RLIMIT_NOFILE, 0);
        Ok(())
    };
    for workers in [1, 2] {
        for is_mute in [false, true] {
            let pool = if is_mute {
                Pool::builder().workers(workers).state(descriptors).build().unwrap()
            } else {
                Pool::builder().workers(workers).state(addresses).build().unwrap()
            };
            let same = |_: &mut (), x: u128| x;
            // Of these many one has no place in memory that the workers have already.
            let items = || 0..1_u128 << 18;
            let is_told = |error: TaskError| match error {
                TaskError::Decode { index: 0, message } => {
                    assert!(message.contains("no worker can open the job"), "{message}");
                }
                other => panic!("{other:?}"),
            };
            is_told(pool.map(same, items()).unwrap_err());
            let each = pool.try_map(same, items()).unwrap();
            assert_eq!(each.len(), 1 << 18);
            for (item, result) in each.into_iter().enumerate() {
                assert!(matches!(result, Err(TaskError::Decode { index, .. }) if index == item));
            }
            let late = pool.map_async(same, items()).unwrap();
            assert_eq!(pool.apply(same, (42,)).unwrap(), 42);
            if !is_mute {
                assert_eq!(pool.map(same, 0..4).unwrap(), [0, 1, 2, 3]);
            }
            pool.close().unwrap();
            pool.join().unwrap();
            is_told(late.get().unwrap_err());
        }
    }
}

/// A worker in which a task has left no room for a job is not the measure: another does it.
#[test]
fn a_job_that_one_worker_cannot_open() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let spoils = || {
        limit(libc::RLIMIT_NOFILE, 0);
        std::process::id()
    };
    let spoilt = pool.apply(spoils, ()).unwrap();
    assert_eq!(pool.map(|x: u64| x, 0..1 << 18).unwrap().len(), 1 << 18);
    assert_ne!(pool.apply(std::process::id, ()).unwrap(), spoilt);
}

#[test]
fn a_task_that_stops_itself_is_late() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let stops = || {
        // SAFETY: stops this process.
        unsafe { libc::raise(libc::SIGSTOP) };
    };
    let stopped = pool.task(stops, ()).deadline(Duration::from_millis(50)).submit().unwrap();
    assert!(matches!(stopped.get(), Err(TaskError::TimedOut { .. })));
    lives(&pool);
    let stopped = pool.apply_async(stops, ()).unwrap();
    assert!(stopped.get_timeout(Duration::from_millis(20)).is_none());
    pool.terminate().unwrap();
    pool.join().unwrap();
    assert!(matches!(stopped.get(), Err(TaskError::Terminated { .. })));
}

/// Forks, as a task of a pool; the child comes back when the file is there that the environment names.
fn forks() -> i32 {
    // SAFETY: both go on, which is what is tried.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let gate = std::env::var_os("MULTIPROC_TEST_GATE").unwrap();
        while !Path::new(&gate).exists() {
            thread::yield_now();
        }
    }
    child
}

/// A child that a task has forked, and that comes back from it when the task has long been over, or panics then, writes nothing in the worker's name.
#[test]
fn a_forked_child_comes_back_late() {
    let _watchdog = watchdog(60);
    let gate = std::env::temp_dir().join(format!("multiproc-gate-{}", std::process::id()));
    let comes_back = |child: i32| {
        File::create(&gate).unwrap();
        until(|| !is_alive(child as u32));
        std::fs::remove_file(&gate).unwrap();
    };
    let builder = || Pool::builder().workers(1).env("MULTIPROC_TEST_GATE", &gate);
    // It would write into the slot of the next task.
    for panics in [false, true] {
        let pool = builder().capacity(1).build().unwrap();
        let twice = |panics: bool| {
            let child = forks();
            assert!(child != 0 || !panics, "in the child");
            child
        };
        let child = pool.apply(twice, (panics,)).unwrap();
        let next = pool.apply_async(|| 7, ()).unwrap();
        until(|| pool.statistics().tasks == 2);
        comes_back(child);
        assert_eq!(next.get().unwrap(), 7);
        lives(&pool);
    }
    // It would go on with the next chunks, which the caller has again.
    let pool = builder().build().unwrap();
    let field = Array::<i32>::zeroed(8).unwrap();
    let mut guard = field.write().unwrap();
    static CHILD: AtomicI32 = AtomicI32::new(1);
    let chunk = |first: usize, chunk: &mut [i32]| {
        if first == 0 {
            CHILD.store(forks(), Ordering::SeqCst);
        }
        if first > 0 || CHILD.load(Ordering::SeqCst) != 0 {
            chunk.fill(CHILD.load(Ordering::SeqCst));
        }
    };
    pool.mapping().chunk_size(8).par_chunks_mut(&mut guard, 1, chunk).unwrap();
    let child = guard[0];
    assert_eq!(guard[..], [child; 8]);
    comes_back(child);
    assert_eq!(guard[..], [child; 8]);
    drop(guard);
    lives(&pool);
}

/// What is the same for all items panics as it arrives: that is the error of the first, and the worker lives.
#[test]
fn a_context_that_panics() {
    #[derive(Debug, serde::Serialize)]
    struct Shy;
    impl<'de> serde::Deserialize<'de> for Shy {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("I do not arrive")
        }
    }
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let pids = pool.pids();
    for items in [1, 100] {
        match pool.map_with(&Shy, |_: &Shy, x: u64| x, 0..items) {
            Err(TaskError::Panicked { index: 0, report, .. }) => {
                assert_eq!(report.message(), "I do not arrive");
            }
            other => panic!("{other:?}"),
        }
    }
    lives(&pool);
    assert_eq!(pool.pids(), pids);
}

/// A worker that has no place for a long reason says a short one, and not another.
#[test]
fn a_reason_for_which_there_is_no_room() {
    let _watchdog = watchdog(60);
    let descriptors = |_: PoolWorker| -> Result<(), String> {
        limit(libc::RLIMIT_NOFILE, 0);
        Ok(())
    };
    let pool = Pool::builder().workers(1).state(descriptors).build().unwrap();
    let panics = |_: &mut (), length: usize| -> u32 { panic!("{}", "x".repeat(length)) };
    match pool.apply(panics, (3 << 20,)) {
        Err(TaskError::Panicked { report, .. }) => {
            assert!(report.message().starts_with("xxxxxxxxxxxxxxxx"), "{report}");
        }
        other => panic!("{other:?}"),
    }
    match pool.apply(|_: &mut (), length: usize| vec![1_u8; length], (3 << 20,)) {
        Err(TaskError::Encode { message, .. }) => {
            assert!(message.ends_with("Too many open files (os error 24)"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.apply(|_: &mut (), x: u32| x, (42,)).unwrap(), 42);
    assert_eq!(pool.statistics().restarts, 0);
}

/// PO08: items that end in a panic of their own: nothing was submitted, or what was is done, and the pool lives.
#[test]
fn items_that_panic_halfway() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let caught = |act: &dyn Fn()| panic::catch_unwind(AssertUnwindSafe(act)).is_err();
    let items = |most: u64| (0..10).inspect(move |&x| assert!(x < most, "no more items"));
    for most in [0, 4] {
        let mapped = caught(&|| drop(pool.map(|x: u64| x, items(most))));
        assert!(mapped);
        let come = caught(&|| assert_eq!(pool.imap(|x: u64| x, items(most)).count(), 10));
        assert!(come);
        lives(&pool);
    }
    until(|| pool.statistics().in_use <= 4);
}

/// A gibibyte, if there is room: set `MULTIPROC_LARGE` for that, in a release build, as a byte is encoded at a time.
#[test]
fn a_large_argument() {
    let _watchdog = watchdog(120);
    let pool = Pool::new(1).unwrap();
    let length = |bytes: Vec<u8>| bytes.len();
    let size = if std::env::var_os("MULTIPROC_LARGE").is_some() { 1 << 30 } else { 16 << 20 };
    let large = vec![1; size];
    match pool.apply(length, (large,)) {
        Ok(length) => assert_eq!(length, size),
        // There may be no room.
        Err(TaskError::Failed { kind, .. }) => assert_eq!(kind, multiproc::ErrorKind::NoSpace),
        Err(error) => panic!("{error}"),
    }
    lives(&pool);
}

/// Whether there is such a process, and it has not ended.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// PO30: a pool that is never dropped ends with its process; also one with tasks that never end.
#[test]
fn a_process_exits_with_a_pool() {
    let _watchdog = watchdog(60);
    for is_busy in [false, true] {
        let leaks = |is_busy: bool| {
            let pool = Box::leak(Box::new(Pool::new(2).unwrap()));
            if is_busy {
                let endless = || loop {
                    thread::park();
                };
                let task = pool.apply_async::<_, (), ()>(endless, ()).unwrap();
                drop(task);
            }
            pool.apply(|| (), ()).unwrap();
            pool.pids()
        };
        let process: Process<Vec<u32>> = multiproc::spawn(leaks, (is_busy,)).unwrap();
        let pids = process.join().unwrap();
        until(|| !pids.iter().any(|&pid| is_alive(pid)));
    }
}

/// A worker whose task has closed all descriptors, or has put others in their places, does not outlive its parent; and what it prints does not land in shared memory.
#[test]
fn a_worker_without_descriptors_ends_with_its_parent() {
    let _watchdog = watchdog(60);
    for has_others in [false, true] {
        let dies = |workers: AtomicArray<u32>, has_others: bool| {
            let pool = Pool::new(1).unwrap();
            let spoils = |has_others: bool| {
                for descriptor in 0..100 {
                    // SAFETY: a number. What is open there is the library's, or the harness's; neither minds.
                    unsafe { libc::close(descriptor) };
                }
                if has_others {
                    // Readable at once.
                    (0..40).for_each(|_| mem::forget(File::open("/dev/zero").unwrap()));
                }
            };
            let _ = pool.apply(spoils, (has_others,));
            // Opens shared memory.
            let prints = |text: Vec<u8>| {
                print!("{}", "x".repeat(2000));
                text
            };
            let large = vec![7; 3 << 20];
            if let Ok(same) = pool.apply(prints, (large.clone(),)) {
                assert_eq!(same, large);
            }
            workers[0].store(pool.pids()[0], Ordering::SeqCst);
            std::process::abort();
        };
        let workers = AtomicArray::<u32>::zeroed(1).unwrap();
        let process: Process<()> = multiproc::spawn(dies, (workers.clone(), has_others)).unwrap();
        assert!(process.join().is_err());
        let worker = workers[0].load(Ordering::SeqCst);
        until(|| !is_alive(worker));
    }
}

/// PO32: of several workers the last cannot be started; the others are ended.
#[test]
fn workers_that_cannot_be_started_leave_none() {
    let _watchdog = watchdog(60);
    let tries = || {
        // Each worker needs some: there are enough for one or two.
        let limit = libc::rlimit { rlim_cur: 24, rlim_max: 24 };
        // SAFETY: the call reads the limit.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        let failed = Pool::new(40).map(drop).is_err();
        // SAFETY: asks whether there are children.
        let left = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
        (failed, left)
    };
    assert_eq!(multiproc::spawn(tries, ()).unwrap().join().unwrap(), (true, -1));
}

/// A program that panics while it has a pool does not wait for what never ends.
#[test]
fn a_panic_terminates() {
    let _watchdog = watchdog(60);
    let panics = || -> () {
        let pool = Pool::new(1).unwrap();
        let endless = || loop {
            thread::park();
        };
        let _task = pool.apply_async::<_, (), ()>(endless, ()).unwrap();
        panic!("elsewhere");
    };
    let error = multiproc::spawn(panics, ()).unwrap().join().unwrap_err();
    assert!(error.to_string().contains("elsewhere"), "{error}");
}

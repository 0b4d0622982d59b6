//! Room in a pool: what was cancelled, or is over and not asked for, takes none from others.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{Event, Pool};
use serde_bytes::ByteBuf;
use std::{os::unix::fs::MetadataExt, thread, time::Duration};
use support::watchdog;
use watching::until;

multiproc::test_support!();

fn identity(x: u32) -> u32 {
    x
}

fn after(begun: Event, go: Event) -> u32 {
    begun.set().unwrap();
    go.wait().unwrap();
    1
}

/// One worker, busy until the event is set.
fn busy(capacity: usize) -> (Pool, Event, multiproc::AsyncResult<u32>) {
    let pool = Pool::builder().workers(1).capacity(capacity).build().unwrap();
    let (begun, go) = (Event::new().unwrap(), Event::new().unwrap());
    let running = pool.apply_async(after, (begun.clone(), go.clone())).unwrap();
    begun.wait().unwrap();
    (pool, go, running)
}

/// Whoever submits is the one for whom the running task waits: it may not wait for that.
#[test]
fn what_was_cancelled_leaves_its_room() {
    let _watchdog = watchdog(60);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let (pool, go, running) = busy(4);
        let tasks = [(); 3].map(|()| pool.apply_async(identity, (0,)).unwrap());
        for task in order {
            assert!(tasks[task].cancel().unwrap());
        }
        // One is good, and waits; those behind it come and go.
        let waits = pool.apply_async(identity, (7,)).unwrap();
        for x in 0..20 {
            let task = pool.apply_async(identity, (x,)).unwrap();
            assert!(task.cancel().unwrap());
        }
        let last = [8, 9].map(|x| pool.apply_async(identity, (x,)).unwrap());
        go.set().unwrap();
        assert_eq!(running.get().unwrap() + waits.get().unwrap(), 8);
        assert_eq!(last.map(|one| one.get().unwrap()), [8, 9]);
    }
}

/// The same behind a map, which keeps its place and its chunks.
#[test]
fn a_map_is_not_in_the_way() {
    let _watchdog = watchdog(60);
    let (pool, go, running) = busy(4);
    let map = pool.mapping().chunk_size(1).map_async(identity, 0..50).unwrap();
    for x in 0..30 {
        let task = pool.apply_async(identity, (x,)).unwrap();
        assert!(task.cancel().unwrap());
    }
    let behind = pool.apply_async(identity, (7,)).unwrap();
    go.set().unwrap();
    assert_eq!(map.get().unwrap(), (0..50).collect::<Vec<_>>());
    assert_eq!((running.get().unwrap(), behind.get().unwrap()), (1, 7));
}

/// Nobody is there to pass the tickets of what was cancelled.
#[test]
fn there_is_room_before_the_first_worker() {
    let _watchdog = watchdog(60);
    for _ in 0..30 {
        let pool = Pool::builder().workers(1).capacity(2).on_demand().build().unwrap();
        let [a, b] = [0, 1].map(|x| pool.apply_async(identity, (x,)).unwrap());
        let are_cancelled = [b.cancel().unwrap(), a.cancel().unwrap()];
        let c = pool.apply_async(identity, (2,)).unwrap();
        let is_cancelled = c.cancel().unwrap();
        assert_eq!(pool.apply(identity, (7,)).unwrap(), 7);
        for (task, is_cancelled) in
            [(b, are_cancelled[0]), (a, are_cancelled[1]), (c, is_cancelled)]
        {
            assert_eq!(task.get().is_err(), is_cancelled);
        }
    }
}

/// Workers claim while tickets are given anew.
#[test]
fn nothing_is_lost_when_tickets_are_given_anew() {
    let _watchdog = watchdog(120);
    let pool = Pool::builder().workers(2).capacity(8).build().unwrap();
    for round in 0..300 {
        let tasks: Vec<_> = (0..8).map(|x| pool.apply_async(identity, (x,)).unwrap()).collect();
        let cancelled: Vec<_> =
            tasks.iter().map(|task| (round + 1) % 3 == 0 || task.cancel().unwrap()).collect();
        let more: Vec<_> = (0..16).map(|x| pool.apply_async(identity, (x,)).unwrap()).collect();
        for (x, task) in (0..).zip(&more) {
            assert_eq!(task.get().unwrap(), x);
        }
        for ((x, task), cancelled) in (0..).zip(&tasks).zip(cancelled) {
            match task.get() {
                Ok(value) => assert_eq!(value, x),
                Err(error) => assert!(cancelled, "{error}"),
            }
        }
    }
    assert_eq!(pool.statistics().in_use, 0);
}

/// A worker runs for what is late, but not for what was late once: the next task is not stopped for it.
#[test]
fn what_is_over_is_not_late() {
    let _watchdog = watchdog(60);
    let pool = Pool::builder().workers(1).deadline(Duration::from_millis(300)).build().unwrap();
    let quick = pool.apply_async(identity, (1,)).unwrap();
    until(|| pool.statistics().workers.iter().any(|worker| worker.tasks == 1));
    thread::park_timeout(Duration::from_millis(320));
    // A stop ends this sleep, `signal(7)`.
    let sleeps = || {
        // SAFETY: no pointers.
        let nothing = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        let mut interrupted = 0;
        for _ in 0..20 {
            let mut event = libc::epoll_event { events: 0, u64: 0 };
            // SAFETY: room for one event, of which there is none.
            let ended = unsafe { libc::epoll_wait(nothing, &raw mut event, 1, 5) };
            interrupted += u32::from(ended != 0);
        }
        interrupted
    };
    assert_eq!(pool.apply(sleeps, ()).unwrap(), 0);
    assert_eq!(quick.get().unwrap(), 1);
}

/// How many bytes the session has in shared memory.
fn shared_bytes() -> u64 {
    let prefix = format!("multiproc-{}-{}-", uid(), std::process::id());
    let files = std::fs::read_dir("/dev/shm").unwrap().map_while(Result::ok);
    let ours = files.filter(|file| file.file_name().to_string_lossy().starts_with(&prefix));
    ours.filter_map(|file| file.metadata().ok()).map(|facts| facts.blocks() * 512).sum()
}

fn uid() -> u32 {
    // SAFETY: asks for a number.
    unsafe { libc::getuid() }
}

/// Nobody asks for the results of these, and they take no memory for ever.
#[test]
fn what_is_not_asked_for_takes_no_memory() {
    const MIB: usize = 1 << 20;
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    for _ in 0..20 {
        let bytes = ByteBuf::from(vec![1; 16 * MIB]);
        drop(pool.apply_async(|bytes: ByteBuf| bytes, (bytes,)).unwrap());
    }
    until(|| pool.statistics().in_use == 0);
    // Some is kept for the next, by each process.
    until(|| shared_bytes() < 160 * MIB as u64);
}

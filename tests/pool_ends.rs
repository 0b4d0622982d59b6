//! Pools come to their ends, whatever is in the way.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{Array, Event, Pool, TaskError};
use std::{
    panic,
    process::{Command, ExitStatus},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};
use support::watchdog;
use watching::until;

multiproc::test_support!();

fn next(x: u32) -> u32 {
    x + 1
}

/// It does not hear that the pool is closed.
#[test]
fn an_idle_worker_is_stopped_as_the_pool_ends() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    assert_eq!(pool.apply(next, (1,)).unwrap(), 2);
    until(|| pool.pids().len() == 2);
    // SAFETY: stops a worker of this pool.
    unsafe { libc::kill(pool.pids()[0] as i32, libc::SIGSTOP) };
    pool.close().unwrap();
    pool.join().unwrap();
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("as it goes");
    }
}

struct State;

impl Drop for State {
    fn drop(&mut self) {
        panic::panic_any(Bomb);
    }
}

/// The supervisor has what it panicked with.
#[test]
fn a_thread_ends_with_a_panic_that_panics() {
    let _watchdog = watchdog(60);
    let pool = Pool::builder().workers(1).in_process().state(|_| Ok::<_, String>(State));
    let pool = pool.build().unwrap();
    assert_eq!(pool.apply(|_: &mut State| 1, ()).unwrap(), 1);
    pool.close().unwrap();
    pool.join().unwrap();
}

/// The chunks of an array are over when no worker is at them, whatever callbacks do then.
#[test]
fn a_callback_waits_for_who_waits_for_chunks() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let (field, begun) = (Array::<u64>::zeroed(8).unwrap(), Event::new().unwrap());
    let mutex = Arc::new(Mutex::new(()));
    thread::scope(|scope| {
        let (locked, is_locked) = mpsc::channel();
        let (pool, mutex, event) = (&pool, &mutex, begun.clone());
        scope.spawn(move || {
            let _held = mutex.lock().unwrap();
            locked.send(()).unwrap();
            let endless = |begun: &Event, _: usize, _: &mut [u64]| loop {
                begun.set().unwrap();
                thread::park();
            };
            let mut guard = field.write().unwrap();
            let chunks = pool.par_chunks_mut_with::<_, _, _, ()>(&event, &mut guard, 1, endless);
            assert!(matches!(chunks, Err(TaskError::Terminated { .. })), "{chunks:?}");
        });
        is_locked.recv().unwrap();
        begun.wait().unwrap();
        let waits = Arc::clone(mutex);
        let other = pool.task(next, (1,)).error_callback(move |_| drop(waits.lock()));
        let other = other.submit().unwrap();
        pool.terminate().unwrap();
        assert!(other.get().is_err());
    });
}

/// A thread that goes on with a cancelled job is none for what comes next.
#[test]
fn threads_on_demand_come_beside_a_cancelled_job() {
    let _watchdog = watchdog(60);
    let pool = Pool::builder().workers(4).on_demand().in_process().build().unwrap();
    let (begun, go) = (Event::new().unwrap(), Event::new().unwrap());
    let waits = |begun: Event, go: Event| {
        begun.set().unwrap();
        go.wait().unwrap();
    };
    let job = pool.starmap_async(waits, [(begun.clone(), go.clone())]).unwrap();
    begun.wait().unwrap();
    assert!(job.cancel().unwrap());
    assert_eq!(pool.apply(next, (1,)).unwrap(), 2);
    go.set().unwrap();
}

/// It is told that it has no business with the result, which stays its parent's.
#[test]
fn a_forked_child_asks_for_a_result() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let result = pool.apply_async(|| vec![7_u8; 100_000], ()).unwrap();
    until(|| pool.statistics().tasks == 1);
    // SAFETY: the child only asks, and ends.
    match unsafe { libc::fork() } {
        0 => {
            let is_refused = result.get().is_err();
            // SAFETY: ends at once.
            unsafe { libc::_exit(i32::from(!is_refused)) }
        }
        child => {
            let mut status = 0;
            // SAFETY: waits for the child.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(status, 0, "the child got it");
        }
    }
    assert_eq!(result.get().unwrap(), [7; 100_000]);
}

/// Runs a test of this file, that is ignored otherwise, in a session that has room for so few threads.
fn with_participants(test: &str, most: u32) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = command.args([test, "--exact", "--include-ignored", "--nocapture"]);
    command.env("MULTIPROC_PARTICIPANTS", most.to_string()).status().unwrap()
}

fn has_children() -> bool {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: a place for the answer.
    unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options) == 0 }
}

#[test]
fn a_pool_that_cannot_be_made_leaves_no_workers() {
    let _watchdog = watchdog(60);
    // For some numbers the workers have room, and the supervisor has none.
    for most in 4..9 {
        assert!(with_participants("inner_more_workers_than_room", most).success(), "{most}");
    }
}

#[test]
#[ignore = "a_pool_that_cannot_be_made_leaves_no_workers runs it"]
fn inner_more_workers_than_room() {
    match Pool::new(6) {
        Ok(pool) => drop(pool),
        Err(_) => until(|| !has_children()),
    }
}

#[test]
fn a_thread_too_many_drops_a_pool() {
    let _watchdog = watchdog(60);
    assert!(with_participants("inner_a_thread_too_many", 5).success());
}

#[test]
#[ignore = "a_thread_too_many_drops_a_pool runs it"]
fn inner_a_thread_too_many() {
    let pool = Pool::new(1).unwrap();
    assert_eq!(pool.apply(next, (1,)).unwrap(), 2);
    // Others take what room there is.
    let event = Event::new().unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| event.wait_timeout(Duration::from_secs(1)));
        }
        scope.spawn(|| drop(pool));
    });
    until(|| !has_children());
}

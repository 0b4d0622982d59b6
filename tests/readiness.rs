//! `Readiness`: a descriptor that says that there is something in a queue.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    ErrorKind, Event, JoinableQueue, Queue, Readable, Readiness, Receiver, Sender, channel, spawn,
    wait,
};
use std::{
    fs, io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use support::watchdog;
use watching::{own_thread, thread_sleeps, until};

multiproc::test_support!();

/// They count descriptors: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Another loop than the library's.
struct Epoll(OwnedFd);

impl Epoll {
    fn new() -> Self {
        // SAFETY: the call takes a number only.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        assert!(descriptor >= 0);
        // SAFETY: made just now, and nobody else has it.
        Self(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }

    fn add(&self, descriptor: &impl AsFd, events: i32, number: u64) {
        let mut event = libc::epoll_event { events: events as u32, u64: number };
        let descriptor = descriptor.as_fd().as_raw_fd();
        // SAFETY: open descriptors, and an event that lives through the call.
        let answer = unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, descriptor, &raw mut event)
        };
        assert_eq!(answer, 0, "{}", io::Error::last_os_error());
    }

    /// The number of one that is ready, within this time (-1: as long as it takes).
    fn wait(&self, milliseconds: i32) -> Option<u64> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: an open descriptor, and room for one event.
        match unsafe { libc::epoll_wait(self.0.as_raw_fd(), &raw mut event, 1, milliseconds) } {
            0 => None,
            1 => Some(event.u64),
            _ => panic!("{}", io::Error::last_os_error()),
        }
    }
}

fn is_readable(readiness: &Readiness) -> bool {
    !wait(&[&Readable(readiness)], Some(Duration::ZERO)).unwrap().is_empty()
}

fn wait_until_readable(readiness: &Readiness) {
    assert_eq!(wait(&[&Readable(readiness)], None).unwrap(), [0]);
}

#[test]
fn it_is_readable_while_something_is_there() {
    let (_alone, _watchdog) = (alone(), watchdog(60));
    let queue = Queue::new(4).unwrap();
    let readiness = queue.readiness().unwrap();
    assert!(!is_readable(&readiness));
    queue.send(1).unwrap();
    wait_until_readable(&readiness);
    queue.send(2).unwrap();
    assert!(is_readable(&readiness), "until it is cleared");
    readiness.clear().unwrap();
    wait_until_readable(&readiness);
    assert_eq!(queue.try_recv().unwrap(), 1);
    assert!(is_readable(&readiness));
    readiness.clear().unwrap();
    wait_until_readable(&readiness);
    readiness.clear().unwrap();
    let _ = queue.try_recv();
    // It may have been made readable before the item was taken.
    while is_readable(&readiness) {
        readiness.clear().unwrap();
    }
    queue.close().unwrap();
    wait_until_readable(&readiness);
    readiness.clear().unwrap();
    wait_until_readable(&readiness);
    assert_eq!(queue.try_recv().unwrap_err().kind(), ErrorKind::Closed);
}

fn count(sender: Sender<u32>, to: u32) -> multiproc::Result<()> {
    for number in 0..to {
        sender.send(number)?;
    }
    Ok(())
}

/// Receives all, and waits by a loop that hears of changes only (`EPOLLET`), or of what is (0).
fn receive(receiver: &Receiver<u32>, mode: i32) -> Vec<u32> {
    let readiness = receiver.readiness().unwrap();
    let epoll = Epoll::new();
    epoll.add(&readiness, libc::EPOLLIN | mode, 7);
    let mut items = Vec::new();
    loop {
        assert_eq!(epoll.wait(-1), Some(7));
        readiness.clear().unwrap();
        loop {
            match receiver.try_recv() {
                Ok(item) => items.push(item),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Disconnected);
                    return items;
                }
            }
        }
    }
}

#[test]
fn other_loops_receive_everything_and_the_end() {
    let (_alone, _watchdog) = (alone(), watchdog(60));
    for mode in [0, libc::EPOLLET] {
        for capacity in [1, 3, 100] {
            let (sender, receiver) = channel(capacity).unwrap();
            let worker = spawn(count, (sender, 200)).unwrap();
            assert_eq!(receive(&receiver, mode), (0..200).collect::<Vec<_>>());
            worker.join().unwrap().unwrap();
        }
    }
}

#[test]
fn the_death_of_the_last_sender_is_heard_of() {
    let (_alone, _watchdog) = (alone(), watchdog(60));
    let hold = |sender: Sender<u32>, held: Event| {
        sender.send(0).unwrap();
        held.set().unwrap();
        thread::park();
    };
    let (sender, receiver) = channel(2).unwrap();
    let held = Event::new().unwrap();
    let worker = spawn(hold, (sender, held.clone())).unwrap();
    held.wait().unwrap();
    let me = own_thread();
    let items = thread::scope(|scope| {
        scope.spawn(|| {
            until(|| receiver.is_empty() && thread_sleeps(&me));
            worker.kill().unwrap();
        });
        receive(&receiver, libc::EPOLLET)
    });
    assert_eq!(items, [0]);
    worker.join().unwrap_err();
}

#[test]
fn a_readiness_is_no_receiver() {
    let (_alone, _watchdog) = (alone(), watchdog(60));
    let (sender, receiver) = channel(2).unwrap();
    let readiness = receiver.readiness().unwrap();
    drop(receiver);
    assert_eq!(sender.send(1).unwrap_err().kind(), ErrorKind::Disconnected);
    wait_until_readable(&readiness);
}

#[test]
fn many_are_watched_and_none_is_mixed_up() {
    let (_alone, _watchdog) = (alone(), watchdog(60));
    let queues: Vec<_> = (0..100).map(|_| JoinableQueue::new(2).unwrap()).collect();
    let all: Vec<_> = queues.iter().map(|queue| queue.readiness().unwrap()).collect();
    let epoll = Epoll::new();
    for (number, readiness) in all.iter().enumerate() {
        epoll.add(readiness, libc::EPOLLIN, number as u64);
    }
    assert_eq!(epoll.wait(5), None);
    for chosen in [0, 99, 42, 42, 7] {
        queues[chosen].send(1).unwrap();
        assert_eq!(epoll.wait(-1), Some(chosen as u64));
        queues[chosen].recv().unwrap();
        queues[chosen].task_done().unwrap();
        all[chosen].clear().unwrap();
        assert_eq!(epoll.wait(5), None);
    }
}

#[test]
fn dropped_ones_leave_nothing() {
    let (_alone, _watchdog) = (alone(), watchdog(60));
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    let queue = Queue::new(2).unwrap();
    // The bridge is there from now on.
    drop(queue.readiness().unwrap());
    let before = open();
    let readiness = queue.readiness().unwrap();
    let epoll = Epoll::new();
    epoll.add(&readiness, libc::EPOLLIN, 0);
    thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let sleeper = scope.spawn(move || {
            tell.send(own_thread()).unwrap();
            // Nothing comes any more.
            epoll.wait(50)
        });
        let thread = told.recv().unwrap();
        until(|| thread_sleeps(&thread));
        drop(readiness);
        queue.send(1).unwrap();
        assert_eq!(sleeper.join().unwrap(), None);
    });
    for _ in 0..100 {
        drop(queue.readiness().unwrap());
    }
    // The bridge closes them when it has looked.
    until(|| open() <= before);
}

/// Who was forked keeps the descriptor open, so a loop that was not told goes on to look at it.
#[test]
fn a_dropped_one_is_not_readable_though_a_forked_process_has_it() {
    let (_alone, _watchdog) = (alone(), watchdog(60));
    let queue = Queue::new(1).unwrap();
    let readiness = queue.readiness().unwrap();
    let epoll = Epoll::new();
    epoll.add(&readiness, libc::EPOLLIN, 7);
    queue.send(1).unwrap();
    assert_eq!(epoll.wait(-1), Some(7));
    // SAFETY: the child does nothing until it is killed.
    let child = unsafe { libc::fork() };
    if child == 0 {
        loop {
            // SAFETY: no pointers.
            unsafe { libc::pause() };
        }
    }
    drop(readiness);
    let after = epoll.wait(0);
    // SAFETY: the child that was made above, which nobody has waited for.
    unsafe { libc::kill(child, libc::SIGKILL) };
    // SAFETY: waits for it, once; no status is asked for.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    assert_eq!(after, None);
}

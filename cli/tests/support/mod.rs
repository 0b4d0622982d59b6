//! Names of segments, a watchdog, and the assertion that nothing is left.
#![allow(dead_code, reason = "each test executable uses some of it")]

pub(crate) mod terminal;

use assert_cmd::Command;
use multiproc::{Barrier, Event, InPlace, Lock, Process, Queue, Segment, spawn};
use std::{
    fs,
    sync::mpsc::{Sender, channel},
    time::Duration,
};

/// The command.
pub(crate) fn multiproc() -> Command {
    let mut command = Command::cargo_bin("multiproc").unwrap();
    command.timeout(Duration::from_secs(60));
    command
}

/// Whether the system tells everybody of this user, and so the command, whether the process sleeps: else the command must say that it does not know.
pub(crate) fn is_told_of(pid: u32) -> bool {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    scope.map_or(true, |scope| scope.trim() == "0")
        && fs::File::open(format!("/proc/{pid}/mem")).is_ok()
        && fs::read(format!("/proc/{pid}/syscall")).is_ok()
}

/// A name that nobody else has.
pub(crate) fn unique(what: &str) -> String {
    format!("mp-cli-{}-{what}", std::process::id())
}

/// Ends the test executable after two minutes, unless it is dropped before.
pub(crate) fn watchdog() -> Sender<()> {
    let (alive, ended) = channel();
    std::thread::spawn(move || {
        let late = ended.recv_timeout(Duration::from_secs(120));
        if late == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            eprintln!("a test still ran after two minutes: it hangs");
            std::process::abort();
        }
    });
    alive
}

/// Runs the body, and asserts that no name is left that begins so.
pub(crate) fn clean(prefix: &str, body: impl FnOnce()) {
    let alive = watchdog();
    body();
    drop(alive);
    let left = fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(prefix)).collect();
    assert!(left.is_empty(), "{left:?}");
}

fn take_both(first: Lock, second: Lock, both: Barrier) {
    let _first = first.lock().unwrap();
    both.wait().unwrap();
    drop(second.lock());
}

/// Two processes, each with a lock for which the other waits; they are killed when it is dropped.
pub(crate) struct Deadlocked(Vec<Process<()>>);

impl Deadlocked {
    pub(crate) fn new(segment: &Segment) -> Self {
        let [left, right] = ["left", "right"].map(|name| {
            let lock = Lock::new_in(segment).unwrap();
            segment.publish(name, &lock).unwrap();
            lock
        });
        let both = Barrier::new_in(segment, 2).unwrap();
        let pairs = [(&left, &right), (&right, &left)];
        let children = pairs.map(|(first, second)| {
            spawn(take_both, (first.clone(), second.clone(), both.clone())).unwrap()
        });
        Self(children.into())
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.0.iter().map(Process::pid).collect()
    }
}

impl Drop for Deadlocked {
    fn drop(&mut self) {
        for child in self.0.drain(..) {
            let _ = child.kill();
            let _ = child.join();
        }
    }
}

/// A segment of that name, with a lock `results` and a queue `samples` of eight numbers.
pub(crate) fn published(name: &str) -> (Segment, Lock, Queue<u64, InPlace>) {
    let segment = Segment::create(name).unwrap();
    let lock = Lock::new_in(&segment).unwrap();
    segment.publish("results", &lock).unwrap();
    let queue = Queue::in_place_in(&segment, 8).unwrap();
    segment.publish("samples", &queue).unwrap();
    (segment, lock, queue)
}

fn hold(lock: Lock, told: Event) {
    let _held = lock.lock().unwrap();
    told.set().unwrap();
    Event::new().unwrap().wait().unwrap();
}

/// A process that holds the lock until it is killed.
pub(crate) fn holder_of(lock: &Lock, segment: &Segment) -> Process<()> {
    let told = Event::new_in(segment).unwrap();
    let holder = spawn(hold, (lock.clone(), told.clone())).unwrap();
    told.wait().unwrap();
    holder
}

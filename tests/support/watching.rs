//! How tests wait for each other without pauses.
#![allow(dead_code, reason = "each test executable uses some of it")]

use multiproc::Process;
use std::{fs, thread};

pub(crate) fn until(reached: impl Fn() -> bool) {
    while !reached() {
        thread::yield_now();
    }
}

/// The state letter in a stat line.
fn state(path: &str) -> char {
    let stat = fs::read_to_string(path).unwrap_or_else(|_| "() X".into());
    stat.rsplit(')').next().unwrap().trim_start().chars().next().unwrap()
}

/// Whether its main thread sleeps in the kernel, or is gone.
pub(crate) fn sleeps<R>(process: &Process<R>) -> bool {
    matches!(state(&format!("/proc/{}/stat", process.pid())), 'S' | 'Z' | 'X')
}

/// Whether it has ended.
pub(crate) fn is_gone<R>(process: &Process<R>) -> bool {
    matches!(state(&format!("/proc/{}/stat", process.pid())), 'Z' | 'X')
}

/// The kernel's name of the calling thread, for [`thread_sleeps`].
pub(crate) fn own_thread() -> String {
    fs::read_link("/proc/thread-self").unwrap().to_str().unwrap().to_owned()
}

/// Whether that thread sleeps in the kernel, or is gone.
pub(crate) fn thread_sleeps(thread: &str) -> bool {
    matches!(state(&format!("/proc/{thread}/stat")), 'S' | 'Z' | 'X')
}

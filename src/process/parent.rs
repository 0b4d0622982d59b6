//! A worker does not outlive its parent.
//!
//! The parent-death signal of `prctl(2)` fires when the *thread* ends that started the worker, so a thread of the worker watches the parent by
//! pidfd instead. The last one out removes the session. A process that is stopped runs no thread: so its parent-death signal is SIGCONT, which does nothing to one that runs.

use crate::{
    Result,
    os::{pidfd::PidFd, signals},
    segment::{self, Place},
};
use std::{os::unix::process::parent_id, thread};

/// Watches the parent with this pid; ends this process when it ends.
pub(super) fn watch(parent: u32, session: Place) -> Result<()> {
    // Before one looks whether it has died.
    signals::go_on_when_the_parent_dies();
    let descriptor = PidFd::open(parent);
    // The pid may have become another process's before the descriptor was made: then this is somebody else's child now.
    let descriptor = match descriptor {
        Ok(descriptor) if parent_id() == parent => descriptor,
        _ => {
            segment::leave(&session);
            signals::kill_self()
        }
    };
    let watch = move || {
        while !matches!(descriptor.wait(None), Ok(true)) {}
        segment::leave(&session);
        signals::kill_self();
    };
    thread::Builder::new()
        .name("multiproc-parent".into())
        .stack_size(64 << 10)
        .spawn(watch)
        .map(|_| ())
        .map_err(|error| crate::Error::os("starting a thread", error))
}

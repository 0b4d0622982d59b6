//! A worker does not outlive its parent.
//!
//! The parent-death signal of `prctl(2)` fires when the *thread* ends that started the worker, so a thread of the worker watches the parent by
//! pidfd instead. The last one out removes the session. A process that is stopped runs no thread: so its parent-death signal is SIGCONT, which does nothing to one that runs.

use crate::{
    Result,
    os::{descriptor_set::DescriptorSet, pidfd::PidFd, signals},
    segment::{self, Place},
};
use std::{
    mem,
    os::{fd::AsFd, unix::process::parent_id},
    thread,
};

/// Watches the parent with this pid; ends this process when it ends.
pub(super) fn watch(parent: u32, session: Place) -> Result<()> {
    // Before one looks whether it has died.
    signals::go_on_when_the_parent_dies();
    // Made here, so that a process without room for them does not begin.
    let mut descriptor = PidFd::open(parent);
    let set = DescriptorSet::new()?;
    let watch = move || {
        // The pid may have become another process's before the descriptor was made: then this is somebody else's child now. And the program may have closed the descriptor, or have another file by its number: so what counts is whose
        // child this is, and the descriptor only says when to look.
        while let Ok(known) = &descriptor
            && parent_id() == parent
        {
            let _ = known.wait(None);
            if parent_id() != parent {
                break;
            }
            match PidFd::open(parent) {
                // The number of the known one may be another file's, which is not closed here.
                Ok(another) => mem::forget(mem::replace(&mut descriptor, Ok(another))),
                // The program may have no room for descriptors any more: `poll` does not take the known one then, but `epoll` does.
                Err(_) if set.add(known.as_fd(), 0).and_then(|()| set.wait()).is_ok() => {}
                Err(_) => break,
            }
        }
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

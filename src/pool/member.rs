//! A worker, as the parent knows it: a process, or a thread of this one.

use super::{fate::Fate, warrant::Warrant, worker::End};
use crate::{
    Process, ProcessError, Result,
    os::{clock::Deadline, descriptor_set::DescriptorSet, eventfd::EventFd, poll::readable},
    process::{Grip, panic},
    sync::{Watch, Watchable},
};
use std::{
    os::fd::AsFd,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// What does the work.
#[derive(Debug)]
pub(super) enum Body {
    Process(Process<End>),
    Thread {
        thread: JoinHandle<End>,
        /// Readable from its end on.
        ended: Arc<EventFd>,
    },
}

impl Body {
    pub(super) fn pid(&self) -> u32 {
        match self {
            Self::Process(process) => process.pid(),
            Self::Thread { .. } => std::process::id(),
        }
    }

    /// Has its end told.
    pub(super) fn watch(&self, ends: &DescriptorSet, number: u64) -> Result<()> {
        match self {
            Self::Process(process) => match process.watch()? {
                Watch::Descriptor(descriptor) => ends.add(descriptor, number),
                // A process is watched by its descriptor.
                Watch::Words(_) | Watch::Over => Ok(()),
            },
            Self::Thread { ended, .. } => ends.add(ended.as_fd(), number),
        }
    }

    /// Ends it, if it is a process. It may have ended by itself.
    pub(super) fn kill(&self) {
        if let Self::Process(process) = self {
            let _ = process.kill();
        }
    }

    /// Of a process: how to stop it.
    pub(super) fn grip(&self) -> Option<Grip> {
        match self {
            Self::Process(process) => Some(process.grip()),
            Self::Thread { .. } => None,
        }
    }

    /// How it came to its end, which it has.
    pub(super) fn outcome(self) -> Result<End, Fate> {
        let pid = self.pid();
        match self {
            Self::Process(mut process) => {
                // Its last words may take a moment.
                let outcome = process.join_timeout(Duration::ZERO).unwrap_or(Ok(End::Done));
                outcome.map_err(|error: ProcessError| Fate::of_process(pid, error))
            }
            Self::Thread { thread, .. } => {
                thread.join().map_err(|payload| {
                    let fate = Fate::of_thread(pid, &*payload);
                    // It may panic once more as it goes.
                    drop(panic::catch(|| drop(payload)));
                    fate
                })
            }
        }
    }

    /// Waits for its end, of which it is known that it comes soon.
    pub(super) fn wait(&self) {
        match self {
            Self::Process(process) => {
                if let Ok(Watch::Descriptor(descriptor)) = process.watch() {
                    let _ = readable(&[descriptor], Deadline::NEVER);
                }
            }
            Self::Thread { ended, .. } => drop(readable(&[ended.as_fd()], Deadline::NEVER)),
        }
    }

    /// Waits for its end, and forgets it.
    pub(super) fn join(self) {
        self.wait();
        drop(self.outcome());
    }
}

/// A worker.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) body: Body,
    /// Of its end.
    pub(super) number: u64,
    pub(super) since: Instant,
    /// Why it was killed.
    pub(super) sentence: Option<Warrant>,
}

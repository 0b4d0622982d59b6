//! A process that this one has started, as the library keeps it: by descriptor, until it has ended and was waited for.

use super::{call::Call, children, log::tell};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicBool, AtomicU64, Ordering},
    os::{
        fork,
        pidfd::{self, PidFd},
        signals,
    },
    segment::Block,
};
use std::{
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What the process was started for, and what must stay until it has ended.
#[derive(Debug)]
pub(super) enum Work {
    /// A call of a function, with the handles in its arguments: those of other segments are kept by nobody else.
    Call { call: Call, handles: Vec<Block> },
    /// Another program.
    Command,
}

/// A child process.
#[derive(Debug)]
pub(super) struct Child {
    /// Never used again, as a pid is.
    pub(super) serial: u64,
    pub(super) name: String,
    pub(super) pid: u32,
    pub(super) is_daemon: bool,
    descriptor: PidFd,
    process: Mutex<std::process::Child>,
    work: Mutex<Option<Work>>,
    /// Its handle was dropped.
    is_nobodys: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Child {
    /// For a process that was just started. It is in the list of children from now on.
    pub(super) fn new(
        mut process: std::process::Child,
        name: String,
        is_daemon: bool,
        work: Work,
    ) -> Result<Arc<Self>> {
        let pid = process.id();
        let descriptor = PidFd::open(pid).inspect_err(|_| {
            // Nobody could wait for it.
            let _ = process.kill();
            let _ = process.wait();
        })?;
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let (process, work) = (Mutex::new(process), Mutex::new(Some(work)));
        let is_nobodys = AtomicBool::new(false);
        let child = Self { serial, name, pid, is_daemon, descriptor, process, work, is_nobodys };
        let child = Arc::new(child);
        children::add(&child);
        if child.has_arguments() {
            // Where no thread can be made, they are taken back when somebody waits for it.
            let _ = children::watch(&child);
        }
        Ok(child)
    }

    pub(super) fn descriptor(&self) -> &PidFd {
        &self.descriptor
    }

    /// Waits for its end, for this time at the most; `None` if it still runs. From its end on it is no zombie.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> Result<Option<ExitStatus>> {
        if !self.descriptor.wait(timeout)? {
            return Ok(None);
        }
        // It has ended: this waits for nothing. The status is kept for who asks again.
        let status = lock(&self.process).wait();
        if children::remove(self) {
            tell!(DEBUG, name = self.name, pid = self.pid, ?status, "process ended");
            self.take_arguments_back();
        }
        status.map(Some).map_err(|error| {
            if !pidfd::is_no_child(&error) {
                return Error::os("waiting for a process", error);
            }
            let message = "how the process ended is not known: something else in this program waits for all children, or ignores SIGCHLD";
            Error::new(ErrorKind::NotFound, message).with_source(error)
        })
    }

    pub(super) fn is_alive(&self) -> bool {
        self.descriptor.has_exited().is_ok_and(|exited| !exited)
    }

    /// Sends a signal; nothing happens once it has ended.
    pub(super) fn signal(&self, signal: i32) -> Result<()> {
        match self.descriptor.send_signal(signal) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            sent => sent,
        }
    }

    /// The signal that has stopped it, if it is stopped now.
    pub(super) fn stopped_by(&self) -> Result<Option<i32>> {
        self.descriptor.stopped_by()
    }

    pub(super) fn terminate(&self) -> Result<()> {
        self.signal(signals::SIGTERM)
    }

    pub(super) fn kill(&self) -> Result<()> {
        self.signal(signals::SIGKILL)
    }

    /// Whether handles are on their way to it.
    fn has_arguments(&self) -> bool {
        match &*lock(&self.work) {
            Some(Work::Call { call, handles }) => call.lists_arguments() || !handles.is_empty(),
            _ => false,
        }
    }

    /// It has ended: if that was before it had its arguments, nobody ever has them. Those who wait for what others would have done with them find out, although nobody joins it.
    pub(super) fn take_arguments_back(&self) {
        if fork::is_forked() {
            return;
        }
        if let Some(Work::Call { call, handles }) = &mut *lock(&self.work) {
            call.arguments_are_nobodys();
            handles.clear();
        }
    }

    /// Its handle is gone.
    pub(super) fn leave(&self) {
        self.is_nobodys.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_nobodys(&self) -> bool {
        self.is_nobodys.load(Ordering::SeqCst)
    }

    /// What it was started for; once.
    pub(super) fn take_work(&self) -> Option<Work> {
        lock(&self.work).take()
    }

    /// What could not be done with it now.
    pub(super) fn put_work_back(&self, work: Work) {
        *lock(&self.work) = Some(work);
    }

    /// Whether nobody has taken its result.
    pub(super) fn has_work(&self) -> bool {
        lock(&self.work).is_some()
    }
}

//! `Process`: a function, or another program, running in a process of its own.

use super::{
    ProcessBuilder, ProcessError,
    call::Outcome,
    child::{Child, Work},
    children,
    grip::Grip,
    log::tell,
    stderr_tail::StderrTail,
};
use crate::{
    Error, ErrorKind, Result,
    shared::decode,
    sync::{Waitable, Watch, Watchable},
};
use serde::de::DeserializeOwned;
use std::{
    fmt,
    marker::PhantomData,
    os::{fd::AsFd, unix::process::ExitStatusExt},
    process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus},
    sync::Arc,
    time::Duration,
};

/// A process that runs a function. Its result comes from [`join`](Self::join).
///
/// It comes from [`spawn`](crate::spawn), or from a [builder](Process::builder) that says more about it. Dropping it neither ends
/// nor waits for the process, and leaves no zombie. When this process exits, it waits for its children, and terminates the daemonic ones.
#[must_use = "join it for the function's result, or for its fate"]
pub struct Process<R> {
    child: Arc<Child>,
    tail: Option<Arc<StderrTail>>,
    pipes: Pipes,
    _result: PhantomData<fn() -> R>,
}

/// This process's ends of the standard streams.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

impl Process<()> {
    /// How a process is to be: its name, environment, processors, limits and streams.
    pub fn builder() -> ProcessBuilder {
        ProcessBuilder::default()
    }
}

impl<R> Process<R> {
    pub(super) fn new(child: Arc<Child>, pipes: Pipes) -> Self {
        Self { child, tail: None, pipes, _result: PhantomData }
    }

    pub(super) fn capture(&mut self, tail: Arc<StderrTail>) {
        self.tail = Some(tail);
    }

    pub(super) fn put_stderr(&mut self, pipe: Option<ChildStderr>) {
        self.pipes.stderr = pipe;
    }

    /// A grip on it, for who stops and kills it while this handle is elsewhere.
    pub(crate) fn grip(&self) -> Grip {
        Grip(Arc::clone(&self.child))
    }

    /// Its name: `Process-1` and so on, unless the builder gave it one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.child.name
    }

    /// Its process id. Once it has ended and was joined, another process may have it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid
    }

    /// Whether it is terminated when this process exits.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.child.is_daemon
    }

    /// Whether it still runs; it may end at any time.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.child.is_alive()
    }

    /// How it ended, if it has: the system's word, whatever became of the function.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    #[doc(alias = "exitcode")]
    pub fn exit_status(&self) -> Result<Option<ExitStatus>> {
        self.child.wait(Some(Duration::ZERO))
    }

    /// Asks it to end: SIGTERM. Nothing happens once it has ended.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn terminate(&self) -> Result<()> {
        self.child.terminate()
    }

    /// Ends it: SIGKILL. Nothing happens once it has ended.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn kill(&self) -> Result<()> {
        self.child.kill()
    }

    /// The last lines of its standard error until now, if they are [captured](ProcessBuilder::capture_stderr).
    #[must_use]
    pub fn captured_stderr(&self) -> Option<String> {
        self.tail.as_ref().map(|tail| tail.text())
    }

    /// The writing end of its standard input, if that is a pipe. Once.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.pipes.stdin.take()
    }

    /// The reading end of its standard output, if that is a pipe. Once.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.pipes.stdout.take()
    }

    /// The reading end of its standard error, if that is a pipe and not captured. Once.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.pipes.stderr.take()
    }
}

impl<R: DeserializeOwned> Process<R> {
    /// Waits for the process to end, and gives the function's result.
    ///
    /// # Errors
    ///
    /// What became of a process that has no result: it panicked, was killed, or exited.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{ProcessError, spawn};
    ///
    /// let divide = |a: u32, b: u32| a / b;
    /// assert_eq!(spawn(divide, (84, 2))?.join()?, 42);
    /// match spawn(divide, (84, 0))?.join() {
    ///     Err(ProcessError::Panicked { report, .. }) => assert!(report.message().contains("zero")),
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn join(mut self) -> Result<R, ProcessError> {
        // Nobody will write to it any more.
        self.pipes.stdin = None;
        self.join_by(None).unwrap_or_else(|| {
            Err(Error::new(ErrorKind::TimedOut, "the wait for a process ended early").into())
        })
    }

    /// As [`join`](Self::join), but waits for this time at the most: `None` if the process still runs.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join); and when it was joined before.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use std::time::Duration;
    ///
    /// let mut sleeper = multiproc::spawn(std::thread::park, ())?;
    /// assert!(sleeper.join_timeout(Duration::from_millis(10)).is_none());
    /// sleeper.kill()?;
    /// assert!(sleeper.join_timeout(Duration::MAX).unwrap().is_err());
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn join_timeout(&mut self, timeout: Duration) -> Option<Result<R, ProcessError>> {
        self.join_by(Some(timeout))
    }

    /// As [`join_timeout`](Self::join_timeout) with no time at all.
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](Self::join_timeout).
    pub fn try_join(&mut self) -> Option<Result<R, ProcessError>> {
        self.join_timeout(Duration::ZERO)
    }

    fn join_by(&self, timeout: Option<Duration>) -> Option<Result<R, ProcessError>> {
        let status = match self.child.wait(timeout) {
            Ok(status) => Ok(status?),
            // Whoever else in this program waits for all children has its status; not its result.
            Err(error) if !self.child.is_alive() => Err(error),
            Err(error) => return Some(Err(error.into())),
        };
        Some(match self.child.take_work() {
            Some(Work::Call { call, handles }) => match call.outcome() {
                // Not to be had now: it may be later.
                Err(error) => {
                    self.child.put_work_back(Work::Call { call, handles });
                    Err(error.into())
                }
                Ok(Some(outcome)) => self.returned(outcome.message()),
                Ok(None) => status.map_err(Into::into).and_then(|status| Err(self.died(status))),
            },
            Some(Work::Command) => status.map_err(Into::into).and_then(|status| {
                if status.success() { Ok(decode(&[])?) } else { Err(self.died(status)) }
            }),
            None => {
                Err(Error::new(ErrorKind::InvalidInput, "the process was joined already").into())
            }
        })
    }

    fn returned(&self, outcome: &[u8]) -> Result<R, ProcessError> {
        let pid = self.pid();
        match decode(outcome)? {
            Outcome::Returned(bytes) => Ok(decode(&bytes)?),
            Outcome::Panicked(report) => Err(ProcessError::Panicked { pid, report }),
            Outcome::NotDecoded(message) => Err(ProcessError::Decode { pid, message }),
            Outcome::NotEncoded(message) => Err(ProcessError::Encode { pid, message }),
        }
    }

    /// It ended without a word.
    fn died(&self, status: ExitStatus) -> ProcessError {
        let pid = self.pid();
        let stderr = self.tail.as_ref().map(|tail| tail.last_words()).unwrap_or_default();
        tell!(WARN, name = self.name(), pid, %status, "process died");
        match (status.signal(), status.code()) {
            (Some(signal), _) => ProcessError::Signalled { pid, signal, stderr },
            (None, code) => ProcessError::Exited { pid, code: code.unwrap_or(-1), stderr },
        }
    }
}

impl<R> Watchable for Process<R> {
    fn watch(&self) -> Result<Watch<'_>> {
        Ok(Watch::Descriptor(self.child.descriptor().as_fd()))
    }
}

/// It is ready when the process has ended.
impl<R> Waitable for Process<R> {}

impl<R> Drop for Process<R> {
    fn drop(&mut self) {
        if crate::os::fork::is_forked() || !self.child.has_work() {
            return;
        }
        match self.child.wait(Some(Duration::ZERO)) {
            Ok(None) => {
                self.child.leave();
                // Where no thread can be made, the zombie stays until this process ends.
                let _ = children::watch(&self.child);
            }
            _ => drop(self.child.take_work()),
        }
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("alive", &self.is_alive())
            .finish_non_exhaustive()
    }
}

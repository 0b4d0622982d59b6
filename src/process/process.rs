//! `spawn` and `Process`: a function running in a process of its own.

use super::{
    Function, ProcessError,
    call::{Call, Collected, Outcome},
    function::FunctionId,
    worker::{self, Errand, VARIABLE},
};
use crate::{
    Error, ErrorKind, Result,
    os::{executable, pidfd::PidFd, signals},
    segment::{self, Block},
    shared::{Message, decode, encode},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    marker::PhantomData,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus},
    thread,
    time::Duration,
};

/// Starts a process that calls `function` with the arguments of a tuple.
///
/// The function is a named function, a generic one, or a closure that captures nothing; what it needs goes in as arguments. Handles of
/// shared objects ([`Value`](crate::Value), [`Lock`](crate::Lock)) travel among them and mean the same objects there.
///
/// The process is the same executable, run again; so `main` must begin with [`init`](crate::init). It dies with this process, whatever ends it.
///
/// # Errors
///
/// [`ErrorKind::NotInitialised`] without `init`; [`ErrorKind::Encode`] for arguments that cannot be encoded; [`ErrorKind::InvalidFunction`] for a function in
/// a shared library; and what the system says when it cannot start a process.
///
/// ```
/// # multiproc::test_support!();
/// let twice = multiproc::spawn(|x: u64| 2 * x, (21,))?;
/// assert_eq!(twice.join()?, 42);
/// # Ok::<(), multiproc::Error>(())
/// ```
pub fn spawn<F, A>(function: F, args: A) -> Result<Process<F::Output>>
where
    F: Function<A, Output: Serialize + DeserializeOwned + 'static>,
    A: Serialize + DeserializeOwned + 'static,
{
    if !worker::is_initialised() {
        return Err(Error::new(
            ErrorKind::NotInitialised,
            "no process was started: write multiproc::init() as the first line of main (or multiproc::test_support!() in a test), \
             so that the new process can begin its work there instead of running main again",
        ));
    }
    let id = FunctionId::of::<F, A>(function)?;
    let Message { bytes, handles } = encode(&args)?;
    let root = segment::session()?;
    let call = Call::new(&root, id, &bytes)?;
    let errand = Errand {
        session: root.place().clone(),
        nonce: root.nonce(),
        call: call.place(),
        parent: std::process::id(),
    };
    let program = executable::worker_executable()?;
    let child = Command::new(&program)
        .env(VARIABLE, errand.to_text())
        .spawn()
        .map_err(|error| Error::os(format_args!("starting {}", program.display()), error))?;
    Ok(Process { running: Some(Running { child, call, _handles: handles }), _result: PhantomData })
}

/// A process that runs a function. Its result comes from [`join`](Self::join).
///
/// Dropping it neither ends nor waits for the process, and leaves no zombie.
#[must_use = "join it for the function's result, or for its fate"]
pub struct Process<R> {
    running: Option<Running>,
    _result: PhantomData<fn() -> R>,
}

struct Running {
    child: Child,
    call: Call,
    /// Pinned until the process has pinned them, or has ended.
    _handles: Vec<Block>,
}

impl<R: DeserializeOwned> Process<R> {
    /// Waits for the process to end, and gives the function's result.
    ///
    /// # Errors
    ///
    /// What became of a process that has no result: it panicked, was killed, or exited.
    pub fn join(mut self) -> Result<R, ProcessError> {
        let Some(mut running) = self.running.take() else { return Err(already_joined()) };
        let status = wait(&mut running.child)?;
        result(&running, status)
    }

    /// As [`join`](Self::join), but waits for this time at the most: `None` if the process still runs.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join); and when it was joined before.
    pub fn join_timeout(&mut self, timeout: Duration) -> Option<Result<R, ProcessError>> {
        let Some(running) = &mut self.running else { return Some(Err(already_joined())) };
        let ended =
            PidFd::open(running.child.id()).and_then(|descriptor| descriptor.wait(Some(timeout)));
        match ended {
            Ok(false) => return None,
            Err(error) => return Some(Err(error.into())),
            Ok(true) => {}
        }
        let mut running = self.running.take()?;
        Some(
            wait(&mut running.child)
                .map_err(Into::into)
                .and_then(|status| result(&running, status)),
        )
    }

    /// As [`join_timeout`](Self::join_timeout) with no time at all.
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](Self::join_timeout).
    pub fn try_join(&mut self) -> Option<Result<R, ProcessError>> {
        self.join_timeout(Duration::ZERO)
    }
}

impl<R> Process<R> {
    /// Its process id; `None` once it was joined.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.child.id())
    }

    /// Whether it still runs; it may end at any time.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.running.as_ref().is_some_and(|running| {
            PidFd::open(running.child.id())
                .and_then(|descriptor| descriptor.has_exited())
                .is_ok_and(|exited| !exited)
        })
    }

    /// Asks it to end: SIGTERM. Nothing happens once it has ended.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn terminate(&self) -> Result<()> {
        self.signal(signals::SIGTERM)
    }

    /// Ends it: SIGKILL. Nothing happens once it has ended.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn kill(&self) -> Result<()> {
        self.signal(signals::SIGKILL)
    }

    fn signal(&self, signal: i32) -> Result<()> {
        let Some(running) = &self.running else { return Ok(()) };
        match PidFd::open(running.child.id())?.send_signal(signal) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            sent => sent,
        }
    }
}

fn already_joined() -> ProcessError {
    Error::new(ErrorKind::InvalidInput, "the process was joined already").into()
}

fn wait(child: &mut Child) -> Result<ExitStatus> {
    child.wait().map_err(|error| Error::os("waiting for a process", error))
}

fn result<R: DeserializeOwned>(running: &Running, status: ExitStatus) -> Result<R, ProcessError> {
    let pid = running.child.id();
    let Some(collected) = running.call.collect()? else {
        return Err(match (status.signal(), status.code()) {
            (Some(signal), _) => ProcessError::Signalled { pid, signal },
            (None, code) => ProcessError::Exited { pid, code: code.unwrap_or(-1) },
        });
    };
    outcome(pid, &collected)
}

fn outcome<R: DeserializeOwned>(pid: u32, collected: &Collected) -> Result<R, ProcessError> {
    match decode(&collected.bytes)? {
        Outcome::Returned(bytes) => Ok(decode(&bytes)?),
        Outcome::Panicked(report) => Err(ProcessError::Panicked { pid, report }),
        Outcome::NotDecoded(message) => Err(ProcessError::Decode { pid, message }),
        Outcome::NotEncoded(message) => Err(ProcessError::Encode { pid, message }),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Joined, or ended: reaped here. Otherwise somebody must wait, or a zombie stays.
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let Ok(descriptor) = PidFd::open(self.child.id()) else { return };
        let pid = self.child.id();
        let wait = move || {
            let _ = descriptor.wait(None);
            crate::os::signals::reap(pid);
        };
        // Where no thread can be made, the zombie stays until this process ends.
        let _ =
            thread::Builder::new().name("multiproc-reaper".into()).stack_size(64 << 10).spawn(wait);
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("pid", &self.pid())
            .field("alive", &self.is_alive())
            .finish()
    }
}

//! What became of a process that has no result.

use super::PanicReport;
use crate::{Error, ErrorKind, os::signals::signal_name};

/// The process ended without the function's result.
///
/// ```
/// # multiproc::test_support!();
/// use multiproc::{ProcessError, spawn};
///
/// let fate = |process: multiproc::Process<()>| match process.join() {
///     Ok(()) => "returned",
///     Err(ProcessError::Panicked { .. }) => "panicked",
///     Err(ProcessError::Signalled { signal: 6, .. }) => "aborted",
///     Err(ProcessError::Exited { code: 3, .. }) => "exited",
///     Err(error) => panic!("{error}"),
/// };
/// assert_eq!(fate(spawn(|| (), ())?), "returned");
/// assert_eq!(fate(spawn(|| -> () { panic!("no convergence") }, ())?), "panicked");
/// assert_eq!(fate(spawn(|| -> () { std::process::abort() }, ())?), "aborted");
/// assert_eq!(fate(spawn(|| -> () { std::process::exit(3) }, ())?), "exited");
/// # Ok::<(), multiproc::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// The function panicked.
    #[error("process {pid} {report}")]
    Panicked {
        /// Of the process.
        pid: u32,
        /// Message, place, and backtrace where it was asked for.
        report: PanicReport,
    },
    /// A signal ended it: a crash, or somebody killed it.
    #[error("process {pid} was killed by signal {signal} ({}){}", signal_name(*signal), last_words(stderr))]
    Signalled {
        /// Of the process.
        pid: u32,
        /// The signal's number.
        signal: i32,
        /// The last lines of its standard error, if they were [captured](crate::ProcessBuilder::capture_stderr).
        stderr: String,
    },
    /// It exited by itself before the function returned; another program exited with a code that is not 0.
    #[error("process {pid} exited with code {code}{}", last_words(stderr))]
    Exited {
        /// Of the process.
        pid: u32,
        /// The exit code.
        code: i32,
        /// The last lines of its standard error, if they were [captured](crate::ProcessBuilder::capture_stderr).
        stderr: String,
    },
    /// The arguments could not be decoded there; the function was not called.
    #[error("process {pid} did not call the function: {message}")]
    Decode {
        /// Of the process.
        pid: u32,
        /// Why.
        message: String,
    },
    /// The result could not be encoded there.
    #[error("process {pid} called the function, but: {message}")]
    Encode {
        /// Of the process.
        pid: u32,
        /// Why.
        message: String,
    },
    /// This process could not wait for it, or decode its result.
    #[error(transparent)]
    Failed(#[from] Error),
}

fn last_words(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("; it wrote: {stderr}") }
}

impl From<ProcessError> for Error {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::Failed(error) => error,
            other => Self::new(ErrorKind::ProcessFailed, other.to_string()).with_source(other),
        }
    }
}

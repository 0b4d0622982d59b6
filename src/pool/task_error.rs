//! Why a task has no result.

use super::DeathHint;
use crate::{Error, ErrorKind, os::signals::signal_name, process::PanicReport};
use std::time::Duration;

/// A task of a pool has no result. The pool works on.
///
/// ```
/// # multiproc::test_support!();
/// use multiproc::{Pool, TaskError};
///
/// let pool = Pool::new(2)?;
/// let divide = |x: u32| 84 / x;
/// assert_eq!(pool.map(divide, [2, 1])?, [42, 84]);
/// match pool.map(divide, [2, 0, 1]) {
///     Err(TaskError::Panicked { index: 1, report, .. }) => assert!(report.message().contains("zero")),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), multiproc::Error>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The function panicked; its worker goes on.
    #[error("task {index} {report}")]
    Panicked {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
        /// Message, place, and backtrace where it was asked for.
        report: PanicReport,
        /// The process id of the worker.
        worker: u32,
    },
    /// The worker that ran it ended: a crash, an exit, or somebody killed it. Nobody knows how far the task was.
    #[error("task {index} died with its {}", death(*pid, *signal, *code, stderr, *hint))]
    WorkerDied {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
        /// The process id of the worker.
        pid: u32,
        /// The signal that ended it, or [stopped](DeathHint::Stopped) it.
        signal: Option<i32>,
        /// The code with which it exited.
        code: Option<i32>,
        /// The last lines of its standard error, if they are [captured](crate::PoolBuilder::capture_stderr). If it has neither signal nor code, what else is known of its end.
        stderr: String,
        /// Why it may have died.
        hint: Option<DeathHint>,
    },
    /// It ran for longer than it may. Its worker was killed.
    #[error("task {index} ran for longer than {deadline:?}, and its worker was killed")]
    TimedOut {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
        /// For how long it could run.
        deadline: Duration,
    },
    /// It was cancelled.
    #[error("task {index} was cancelled")]
    Cancelled {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
    },
    /// The arguments could not be decoded in the worker; the function was not called.
    #[error("task {index} was not begun: {message}")]
    Decode {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
        /// Why.
        message: String,
    },
    /// The task was done, but its result cannot be decoded here: its type's own `Deserialize` refuses it.
    #[error("task {index} was done, but its result cannot be had: {message}")]
    Undecodable {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
        /// Why.
        message: String,
    },
    /// The arguments, or the result, could not be encoded.
    #[error("task {index}: {message}")]
    Encode {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
        /// Why.
        message: String,
    },
    /// The pool was terminated before.
    #[error("task {index} was not done: the pool was terminated")]
    Terminated {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
    },
    /// The pool is broken for another reason: more workers died than [may](crate::PoolBuilder::restart_budget), or nobody could look after them any more.
    #[error("task {index} was not done: the pool is broken: {message}")]
    PoolBroken {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
        /// Why.
        message: String,
    },
    /// Workers cannot begin; the pool is broken.
    #[error("task {index} was not done: the workers of the pool cannot begin: {message}")]
    InitializerFailed {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
        /// What the initialiser said, or how the workers died.
        message: String,
    },
    /// A callback of the result panicked, in this process. The task was done.
    #[error("a callback of task {index} {report}")]
    CallbackPanicked {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
        /// Message, place, and backtrace where it was asked for.
        report: PanicReport,
    },
    /// The task could not be submitted, or its result not be had.
    #[error("{message}")]
    Failed {
        /// Of the item among those that were mapped; 0 for a task of its own.
        index: usize,
        /// What went wrong.
        kind: ErrorKind,
        /// In full.
        message: String,
    },
}

impl TaskError {
    /// The same of another item.
    pub(super) fn with_index(mut self, item: usize) -> Self {
        match &mut self {
            Self::Panicked { index, .. }
            | Self::WorkerDied { index, .. }
            | Self::TimedOut { index, .. }
            | Self::Cancelled { index }
            | Self::Decode { index, .. }
            | Self::Undecodable { index, .. }
            | Self::Encode { index, .. }
            | Self::Terminated { index }
            | Self::InitializerFailed { index, .. }
            | Self::PoolBroken { index, .. }
            | Self::CallbackPanicked { index, .. }
            | Self::Failed { index, .. } => *index = item,
        }
        self
    }

    /// Of the item among those that were mapped; 0 for a task of its own.
    #[must_use]
    pub fn index(&self) -> usize {
        match self {
            Self::Panicked { index, .. }
            | Self::WorkerDied { index, .. }
            | Self::TimedOut { index, .. }
            | Self::Cancelled { index }
            | Self::Decode { index, .. }
            | Self::Undecodable { index, .. }
            | Self::Encode { index, .. }
            | Self::Terminated { index }
            | Self::InitializerFailed { index, .. }
            | Self::PoolBroken { index, .. }
            | Self::CallbackPanicked { index, .. }
            | Self::Failed { index, .. } => *index,
        }
    }
}

/// How a worker died.
pub(super) fn death(
    pid: u32,
    signal: Option<i32>,
    code: Option<i32>,
    stderr: &str,
    hint: Option<DeathHint>,
) -> String {
    let is_stopped = hint == Some(DeathHint::Stopped);
    let how = match (signal, code) {
        (Some(signal), _) => {
            let signal = format!("by signal {signal} ({})", signal_name(signal));
            if is_stopped {
                format!("which was stopped {signal}, and killed, as nobody let it go on")
            } else {
                format!("which was killed {signal}")
            }
        }
        (None, Some(code)) => format!("which exited with code {code}"),
        (None, None) if stderr.is_empty() => "of whose end nothing is known".into(),
        // Nobody has captured that: it is what is known.
        (None, None) => return format!("worker {pid}, which ended so: {stderr}"),
    };
    let hint = guess(hint.filter(|_| !is_stopped));
    format!("worker {pid}, {how}{hint}{}", last_words(stderr))
}

fn guess(hint: Option<DeathHint>) -> String {
    hint.map_or_else(String::new, |hint| format!("; {hint}"))
}

fn last_words(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("; it wrote: {stderr}") }
}

/// One of a task that was made an [`Error`] comes back as it was.
impl From<Error> for TaskError {
    fn from(error: Error) -> Self {
        let source = std::error::Error::source(&error);
        if let Some(own) = source.and_then(|source| source.downcast_ref::<Self>()) {
            return own.clone();
        }
        match error.kind() {
            ErrorKind::Encode => Self::Encode { index: 0, message: error.to_string() },
            kind => Self::Failed { index: 0, kind, message: error.to_string() },
        }
    }
}

impl From<TaskError> for Error {
    fn from(error: TaskError) -> Self {
        let kind = match &error {
            TaskError::Failed { kind, .. } => *kind,
            TaskError::Encode { .. } => ErrorKind::Encode,
            TaskError::Decode { .. } | TaskError::Undecodable { .. } => ErrorKind::Decode,
            TaskError::TimedOut { .. } => ErrorKind::TimedOut,
            _ => ErrorKind::TaskFailed,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_told_in_its_own_words() {
        let told = |signal, code, stderr, hint| death(7, signal, code, stderr, hint);
        assert_eq!(
            told(Some(9), None, "oh", Some(DeathHint::OutOfMemory)),
            "worker 7, which was killed by signal 9 (SIGKILL); it seems that there was not enough memory; it wrote: oh"
        );
        assert_eq!(
            told(Some(19), None, "", Some(DeathHint::Stopped)),
            "worker 7, which was stopped by signal 19 (SIGSTOP), and killed, as nobody let it go on"
        );
        assert_eq!(told(None, Some(3), "", None), "worker 7, which exited with code 3");
        assert_eq!(told(None, None, "", None), "worker 7, of whose end nothing is known");
        assert_eq!(told(None, None, "no seat", None), "worker 7, which ended so: no seat");
    }
}

//! What became of a task that its worker could say nothing about, as the parent knows it.

use super::{DeathHint, TaskError, failure::Failure, task_error::death};
use crate::{Error, process::ProcessError};
use std::{any::Any, fmt, time::Duration};

/// Why there is no result.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    Died {
        pid: u32,
        signal: Option<i32>,
        code: Option<i32>,
        stderr: String,
        hint: Option<DeathHint>,
    },
    TimedOut(Duration),
    Cancelled,
    Terminated,
    /// Workers cannot begin.
    NoState(String),
    /// The pool is broken for another reason.
    Broken(String),
    /// Of a job's items that are not done: no worker can open it.
    Unopened(String),
}

impl Fate {
    /// Of a worker that did not end by itself.
    pub(super) fn of_process(pid: u32, error: ProcessError) -> Self {
        let (signal, code, stderr) = match error {
            ProcessError::Signalled { signal, stderr, .. } => (Some(signal), None, stderr),
            ProcessError::Exited { code, stderr, .. } => (None, Some(code), stderr),
            other => (None, None, other.to_string()),
        };
        Self::Died { pid, signal, code, stderr, hint: None }
    }

    /// Of a worker that was a thread, and panicked outside of a task.
    pub(super) fn of_thread(pid: u32, payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or_default();
        Self::Died { pid, signal: None, code: None, stderr: text.to_owned(), hint: None }
    }

    pub(super) fn into_error(self, index: usize) -> TaskError {
        match self {
            Self::Died { pid, signal, code, stderr, hint } => {
                TaskError::WorkerDied { index, pid, signal, code, stderr, hint }
            }
            Self::TimedOut(deadline) => TaskError::TimedOut { index, deadline },
            Self::Cancelled => TaskError::Cancelled { index },
            Self::Terminated => TaskError::Terminated { index },
            Self::NoState(message) => TaskError::InitializerFailed { index, message },
            Self::Broken(message) => TaskError::PoolBroken { index, message },
            Self::Unopened(message) => TaskError::Decode { index, message },
        }
    }
}

/// Of a worker, whatever it was at.
impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died { pid, signal, code, stderr, hint } => {
                f.write_str(&death(*pid, *signal, *code, stderr, *hint))
            }
            other => other.clone().into_error(0).fmt(f),
        }
    }
}

impl Failure {
    pub(super) fn into_error(self, index: usize) -> TaskError {
        match self {
            Self::Panicked { report, worker } => TaskError::Panicked { index, report, worker },
            Self::Decode(message) => TaskError::Decode { index, message },
            Self::Encode(message) => TaskError::Encode { index, message },
        }
    }
}

/// A result that this process could not read.
pub(super) fn unread(index: usize, error: &Error) -> TaskError {
    TaskError::Undecodable { index, message: error.to_string() }
}

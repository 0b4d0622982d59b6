//! Why a party did not pass a barrier.

use super::raw_barrier::Refusal;
use crate::{Error, ErrorKind};
use std::fmt;

/// The caller did not pass the [`Barrier`](crate::Barrier), and nobody does until somebody calls [`reset`](crate::Barrier::reset).
#[non_exhaustive]
pub enum BarrierError {
    /// It is broken, or was reset meanwhile: a party died, was late or panicked, or somebody aborted or reset it.
    Broken,
    /// The caller's time was up, which broke the barrier for all.
    TimedOut,
    /// Something else: the caller waits for itself, or the segment cannot be used.
    Failed(Error),
}

impl BarrierError {
    /// What this is, as the crate's error has it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Broken => ErrorKind::Broken,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Failed(error) => error.kind(),
        }
    }

    fn message(&self) -> &'static str {
        match self {
            Self::Broken => {
                "the barrier is broken: a party died, was late or panicked, or somebody aborted or reset it; when all parties are ready to begin anew, call `reset`"
            }
            Self::TimedOut => {
                "not all parties came to the barrier in time, so it is broken now; when all parties are ready to begin anew, call `reset`"
            }
            Self::Failed(_) => "the barrier cannot be used",
        }
    }
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            _ => f.write_str(self.message()),
        }
    }
}

impl fmt::Debug for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            _ => write!(f, "{:?}", self.kind()),
        }
    }
}

impl std::error::Error for BarrierError {}

impl From<Refusal> for BarrierError {
    #[cold]
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Broken => Self::Broken,
            Refusal::Late => Self::TimedOut,
            Refusal::Recursive => Self::Failed(Error::new(
                ErrorKind::Deadlock,
                "this thread runs the barrier's action and would wait for itself; wait after the action",
            )),
        }
    }
}

impl From<Error> for BarrierError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<BarrierError> for Error {
    fn from(error: BarrierError) -> Self {
        match error {
            BarrierError::Failed(error) => error,
            other => Self::new(other.kind(), other.message()),
        }
    }
}

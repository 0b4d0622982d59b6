//! Why a worker may have died.

use std::fmt;

/// Why a worker of a pool has died, as far as that can be guessed: in [`TaskError::WorkerDied`](crate::TaskError::WorkerDied).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeathHint {
    /// The system has ended a process for want of memory meanwhile; or the last lines of its standard error say that an allocation failed.
    OutOfMemory,
    /// It crashed, and its memory is [limited](crate::PoolBuilder::memory_limit).
    MemoryLimited,
    /// The last lines of its standard error say that a thread needed more stack than it had.
    StackOverflow,
    /// It was stopped, and nobody let it go on: so it was killed.
    Stopped,
}

impl fmt::Display for DeathHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfMemory => "it seems that there was not enough memory",
            Self::MemoryLimited => "its memory is limited, and perhaps it needed more",
            Self::StackOverflow => "it seems that it needed more stack than it had",
            Self::Stopped => "it was stopped, and nobody let it go on",
        })
    }
}

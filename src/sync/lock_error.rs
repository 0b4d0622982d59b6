//! Why a lock was not got as one would wish.

use super::{Taken, raw_lock::NotTaken};
use crate::{Error, ErrorKind, os::clock::Deadline};
use std::fmt;

/// The lock was not got, or was got from somebody who died or panicked in it: then the guard is inside.
///
/// After the standard library's [`PoisonError`](std::sync::PoisonError). A poisoned lock stays so until somebody says
/// that the data is repaired: `clear_poison` of the lock or the guard.
///
/// ```
/// use multiproc::{Lock, LockError};
/// # fn main() -> multiproc::Result<()> {
/// let lock = Lock::new()?;
/// let guard = match lock.lock() {
///     Err(LockError::OwnerDied(guard)) => {
///         // … look at the data, repair it …
///         guard.clear_poison();
///         guard
///     }
///     other => other?,
/// };
/// # drop(guard);
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub enum LockError<G> {
    /// The last holder died inside. The caller holds the lock now; the data may be half changed.
    OwnerDied(G),
    /// Somebody died or panicked inside, and nobody has repaired the data since. The caller holds the lock now.
    Poisoned(G),
    /// Another thread holds it, and the call was a `try`.
    WouldBlock,
    /// Another thread holds it, and the time is up.
    TimedOut,
    /// Something else: the calling thread holds it already, or the segment cannot be used.
    Failed(Error),
}

impl<G> LockError<G> {
    /// The guard, if the lock was got. It stays poisoned.
    ///
    /// # Errors
    ///
    /// The error again, if the lock was not got.
    pub fn into_guard(self) -> Result<G, Self> {
        match self {
            Self::OwnerDied(guard) | Self::Poisoned(guard) => Ok(guard),
            other => Err(other),
        }
    }

    /// What this is, as the crate's error has it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::OwnerDied(_) => ErrorKind::OwnerDied,
            Self::Poisoned(_) => ErrorKind::Poisoned,
            Self::WouldBlock => ErrorKind::WouldBlock,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Failed(error) => error.kind(),
        }
    }

    #[cold]
    pub(crate) fn not_taken(why: NotTaken, deadline: Deadline) -> Self {
        match why {
            NotTaken::Late if deadline == Deadline::NOW => Self::WouldBlock,
            NotTaken::Late => Self::TimedOut,
            NotTaken::Recursive => Self::Failed(Error::new(
                ErrorKind::Deadlock,
                "this thread holds the lock already and would wait for itself; drop the first guard before",
            )),
        }
    }

    /// The guard, or the guard in an error that says how it was got.
    #[inline(always)]
    pub(crate) fn judge(taken: Taken, guard: G) -> Result<G, Self> {
        match taken {
            Taken::Clean => Ok(guard),
            Taken::Poisoned => Err(Self::Poisoned(guard)),
            Taken::OwnerDied => Err(Self::OwnerDied(guard)),
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::OwnerDied(_) => {
                "a holder of the lock died inside: the data may be half changed; repair it and clear the poison"
            }
            Self::Poisoned(_) => {
                "a holder of the lock died or panicked inside, and nobody has repaired the data since; repair it and clear the poison"
            }
            Self::WouldBlock => "another thread holds the lock",
            Self::TimedOut => "another thread held the lock until the time was up",
            Self::Failed(_) => "the lock cannot be taken",
        }
    }
}

impl<G> fmt::Display for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            _ => f.write_str(self.message()),
        }
    }
}

impl<G> fmt::Debug for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            _ => write!(f, "{:?}", self.kind()),
        }
    }
}

impl<G> std::error::Error for LockError<G> {}

impl<G> From<Error> for LockError<G> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Drops the guard, if there is one; the lock stays poisoned.
impl<G> From<LockError<G>> for Error {
    fn from(error: LockError<G>) -> Self {
        match error {
            LockError::Failed(error) => error,
            other => Self::new(other.kind(), other.message().to_owned()),
        }
    }
}

//! `RwLock`: many readers or one writer, of threads in any processes.

use super::{
    LockError, RawBorrow, Thread,
    placed::{Placed, object},
};
use crate::{
    Result,
    os::{clock::Deadline, fork},
};
use std::{fmt, marker::PhantomData, time::Duration};

/// A lock that many readers hold at once, or one writer. Handles are cheap to clone; all clones are the same lock.
///
/// Python's module has none. It guards what you say it guards; an [`Array`](crate::Array) has such a lock of its own, whose guards are slices.
///
/// Writers come first: while a writer waits for readers, new readers wait for it. So a thread that reads, and asks to read again while a writer waits, would wait for itself. 60 readers hold it at
/// once; the next waits for one of them.
///
/// # When a holder dies
///
/// A dead reader has changed nothing: its place is free. A dead writer is told to the next one, reader or writer, by [`LockError::OwnerDied`], and later ones get
/// [`LockError::Poisoned`] until [`clear_poison`](Self::clear_poison).
///
/// ```
/// use multiproc::RwLock;
/// # fn main() -> multiproc::Result<()> {
/// let lock = RwLock::new()?;
/// let (one, other) = (lock.read()?, lock.read()?);
/// assert_eq!(lock.readers(), 2);
/// drop((one, other));
/// let writing = lock.write()?;
/// assert!(lock.is_write_locked());
/// # drop(writing);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RwLock(Placed<RawBorrow>);

object!(RwLock, b"mp.RwLoc", "A new lock, free");

impl RwLock {
    fn raw(&self) -> &RawBorrow {
        self.0.words()
    }

    /// Takes it for reading, together with other readers; waits while somebody writes or waits to write.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] and [`LockError::Poisoned`] hold the guard; [`LockError::Failed`] if this thread writes.
    #[inline]
    pub fn read(&self) -> Result<RwLockReadGuard<'_>, LockError<RwLockReadGuard<'_>>> {
        self.read_by(Deadline::NEVER)
    }

    /// Takes it for reading if it need not wait.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`LockError::WouldBlock`].
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_>, LockError<RwLockReadGuard<'_>>> {
        self.read_by(Deadline::NOW)
    }

    /// Takes it for reading; waits for this time at the most, by the monotonic clock. Zero means try.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`LockError::TimedOut`].
    pub fn read_timeout(
        &self,
        timeout: Duration,
    ) -> Result<RwLockReadGuard<'_>, LockError<RwLockReadGuard<'_>>> {
        self.read_by(Deadline::after(timeout))
    }

    #[inline(always)]
    fn read_by(
        &self,
        deadline: Deadline,
    ) -> Result<RwLockReadGuard<'_>, LockError<RwLockReadGuard<'_>>> {
        let thread = self.0.thread()?;
        let (cell, taken) = self
            .raw()
            .read(&thread, deadline)
            .map_err(|why| LockError::not_taken(why, deadline))?;
        let guard = RwLockReadGuard { raw: self.raw(), thread, cell, _thread: PhantomData };
        LockError::judge(taken, guard)
    }

    /// Takes it for writing; waits for the other writers, and for the readers.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] and [`LockError::Poisoned`] hold the guard; [`LockError::Failed`] if this thread reads or writes.
    pub fn write(&self) -> Result<RwLockWriteGuard<'_>, LockError<RwLockWriteGuard<'_>>> {
        self.write_by(Deadline::NEVER)
    }

    /// Takes it for writing if it need not wait.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and [`LockError::WouldBlock`].
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_>, LockError<RwLockWriteGuard<'_>>> {
        self.write_by(Deadline::NOW)
    }

    /// Takes it for writing; waits for this time at the most, by the monotonic clock. Zero means try.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and [`LockError::TimedOut`].
    pub fn write_timeout(
        &self,
        timeout: Duration,
    ) -> Result<RwLockWriteGuard<'_>, LockError<RwLockWriteGuard<'_>>> {
        self.write_by(Deadline::after(timeout))
    }

    fn write_by(
        &self,
        deadline: Deadline,
    ) -> Result<RwLockWriteGuard<'_>, LockError<RwLockWriteGuard<'_>>> {
        let thread = self.0.thread()?;
        let taken = self
            .raw()
            .write(&thread, deadline)
            .map_err(|why| LockError::not_taken(why, deadline))?;
        let panicking = std::thread::panicking();
        let guard = RwLockWriteGuard { raw: self.raw(), thread, panicking, _thread: PhantomData };
        LockError::judge(taken, guard)
    }

    /// How many readers hold it, dead or alive, at this moment; it may change at any time.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.raw().readers()
    }

    /// Whether a writer, dead or alive, holds it or waits for its readers at this moment.
    #[must_use]
    pub fn is_write_locked(&self) -> bool {
        self.raw().writer().owner().is_some()
    }

    /// Whether a writer died or panicked and nobody has cleared the poison since.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.raw().writer().is_poisoned()
    }

    /// Says that what the lock guards is whole again.
    pub fn clear_poison(&self) {
        self.raw().writer().set_poison(false);
    }

    /// Whether both handles are of one lock.
    #[must_use]
    pub fn same_lock(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }
}

impl fmt::Debug for RwLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writer = self.raw().writer().owner();
        f.debug_struct("RwLock")
            .field("writer", &writer.map(|owner| self.0.root().participants().describe(owner)))
            .field("readers", &self.readers())
            .field("poisoned", &self.is_poisoned())
            .finish()
    }
}

/// The lock is held for reading while this lives. It belongs to the thread that took it.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct RwLockReadGuard<'a> {
    raw: &'a RawBorrow,
    thread: Thread<'a>,
    cell: usize,
    /// The thread's name is on the cell: not `Send`.
    _thread: PhantomData<*const ()>,
}

impl Drop for RwLockReadGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // A forked child has a copy of the guard, but not the lock.
        if !fork::is_forked_holder() {
            self.raw.end_read(&self.thread, self.cell);
        }
    }
}

impl fmt::Debug for RwLockReadGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLockReadGuard").finish_non_exhaustive()
    }
}

/// The lock is held for writing while this lives. It belongs to the thread that took it.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct RwLockWriteGuard<'a> {
    raw: &'a RawBorrow,
    thread: Thread<'a>,
    panicking: bool,
    /// The thread's name is on the word: not `Send`.
    _thread: PhantomData<*const ()>,
}

impl RwLockWriteGuard<'_> {
    /// Says that what the lock guards is whole again.
    pub fn clear_poison(&self) {
        self.raw.writer().set_poison(false);
    }
}

impl Drop for RwLockWriteGuard<'_> {
    fn drop(&mut self) {
        // A forked child has a copy of the guard, but not the lock.
        if fork::is_forked_holder() {
            return;
        }
        // A panic that began while it was held: the data may be half changed.
        let poison = !self.panicking && std::thread::panicking();
        self.raw.end_write(&self.thread, poison);
    }
}

impl fmt::Debug for RwLockWriteGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLockWriteGuard").finish_non_exhaustive()
    }
}

//! `RLock`: mutual exclusion that its holder can enter again.

use super::{
    LockError, RawLock, Taken, Thread,
    lock::{lock_contended, unlock_contended},
    party::Party,
    placed::{Placed, object},
    raw_lock::NotTaken,
    told,
};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, Ordering},
    os::{clock::Deadline, fork},
};
use std::{fmt, marker::PhantomData, time::Duration};

/// The words: the lock, and how often its owner has taken it.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RecursiveWords {
    pub(super) lock: RawLock,
    /// Written by the owner alone; whoever takes the lock from nobody or from a dead one begins with 1. With [`TOLD`].
    pub(super) depth: AtomicU32,
}

/// In the depth, whose other bits are the levels: the owner came back from a wait for a condition in which it was told, and has something to settle (`sync::told`) when it gives the last level back,
/// through whichever guard.
const TOLD: u32 = 1 << 31;

/// The levels of a depth.
#[inline]
pub(super) fn levels(depth: u32) -> u32 {
    depth & !TOLD
}

/// A lock that processes share, and that its holder can take again. Handles are cheap to clone; all clones are the same lock.
///
/// Python's `RLock`: the thread that has it takes it as often as it likes, and gives it back when the last of its guards is dropped. Only that thread can: a guard belongs to
/// its thread.
///
/// # When a holder dies
///
/// As [`Lock`](crate::Lock), at whatever depth it was: the next one gets it with [`LockError::OwnerDied`], at depth one, and it is poisoned until [`clear_poison`](Self::clear_poison).
///
/// ```
/// use multiproc::RLock;
/// # fn main() -> multiproc::Result<()> {
/// let lock = RLock::new()?;
/// let outer = lock.lock()?;
/// let inner = lock.lock()?;
/// assert_eq!(lock.depth(), 2);
/// drop((inner, outer));
/// assert!(!lock.is_locked());
/// # Ok(())
/// # }
/// ```
#[doc(alias("recursive", "reentrant", "acquire", "release"))]
#[derive(Clone)]
pub struct RLock(Placed<RecursiveWords>);

object!(RLock, b"mp.RLock", "A new lock, free");

impl RLock {
    #[inline]
    pub(super) fn raw(&self) -> &RawLock {
        &self.0.words().lock
    }

    /// Takes the lock; waits as long as it takes, unless this thread has it already.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] and [`LockError::Poisoned`] hold the guard.
    #[inline]
    pub fn lock(&self) -> Result<RLockGuard<'_>, LockError<RLockGuard<'_>>> {
        self.lock_by(Deadline::NEVER)
    }

    /// Takes the lock if nobody else living has it.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock), and [`LockError::WouldBlock`].
    pub fn try_lock(&self) -> Result<RLockGuard<'_>, LockError<RLockGuard<'_>>> {
        self.lock_by(Deadline::NOW)
    }

    /// Takes the lock; waits for this time at the most, by the monotonic clock. Zero means try; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock), and [`LockError::TimedOut`].
    pub fn lock_timeout(
        &self,
        timeout: Duration,
    ) -> Result<RLockGuard<'_>, LockError<RLockGuard<'_>>> {
        self.lock_by(Deadline::after(timeout))
    }

    #[inline(always)]
    fn lock_by(&self, deadline: Deadline) -> Result<RLockGuard<'_>, LockError<RLockGuard<'_>>> {
        let thread = self.0.thread()?;
        let RecursiveWords { lock, depth } = self.0.words();
        // Relaxed: only the owner reads what it has written itself.
        let taken = if lock.lock_at_once(thread.id()) {
            depth.store(1, Ordering::Relaxed);
            Taken::Clean
        } else {
            match lock_contended(lock, thread, deadline) {
                Ok(taken) => {
                    depth.store(1, Ordering::Relaxed);
                    taken
                }
                Err(NotTaken::Recursive) => self.lock_again()?,
                Err(why) => return Err(LockError::not_taken(why, deadline)),
            }
        };
        let guard = RLockGuard {
            words: self.0.words(),
            thread,
            panicking: std::thread::panicking(),
            _thread: PhantomData,
        };
        LockError::judge(taken, guard)
    }

    /// One level deeper, as the owner.
    fn lock_again(&self) -> Result<Taken> {
        let RecursiveWords { lock, depth } = self.0.words();
        let before = depth.load(Ordering::Relaxed);
        if levels(before) == levels(u32::MAX) {
            return Err(Error::new(
                ErrorKind::TooMany,
                "this thread has taken the lock 2^31 - 1 times and never given it back",
            ));
        }
        depth.store(before + 1, Ordering::Relaxed);
        Ok(if lock.is_poisoned() { Taken::Poisoned } else { Taken::Clean })
    }

    /// Whether somebody, dead or alive, has it at this moment; it may change at any time.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.raw().owner().is_some()
    }

    /// How often its holder has taken it; 0 when it is free. It may change at any time, unless this thread has it.
    #[must_use]
    pub fn depth(&self) -> u32 {
        if self.is_locked() { levels(self.0.words().depth.load(Ordering::Relaxed)) } else { 0 }
    }

    /// Whether a holder died or panicked and nobody has cleared the poison since.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.raw().is_poisoned()
    }

    /// Says that what the lock guards is whole again.
    pub fn clear_poison(&self) {
        self.raw().set_poison(false);
    }

    /// Whether both handles are of one lock.
    #[must_use]
    pub fn same_lock(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }

    /// As the owner: gives it back whole; the answer is the depth, for [`Self::retake`].
    pub(super) fn release_all(&self, thread: Thread<'_>) -> u32 {
        let depth = self.0.words().depth.load(Ordering::Relaxed);
        self.raw().unlock(&thread, false);
        levels(depth)
    }

    /// Takes it again, at that depth.
    pub(super) fn retake(&self, thread: Thread<'_>, depth: u32) -> Result<Taken, NotTaken> {
        let taken = self.raw().lock(&thread, Deadline::NEVER)?;
        self.0.words().depth.store(depth, Ordering::Relaxed);
        Ok(taken)
    }
}

impl fmt::Debug for RLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.raw().owner();
        f.debug_struct("RLock")
            .field("owner", &owner.map(|owner| self.0.root().participants().describe(owner)))
            .field("depth", &self.depth())
            .field("poisoned", &self.is_poisoned())
            .finish()
    }
}

/// One level of the lock is held while this lives. It belongs to the thread that took it.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<multiproc::RLockGuard<'static>>();
/// ```
#[must_use = "the lock is given back when the guard is dropped"]
pub struct RLockGuard<'a> {
    words: &'a RecursiveWords,
    thread: Thread<'a>,
    panicking: bool,
    /// The thread's name is on the lock: not `Send`.
    _thread: PhantomData<*const ()>,
}

impl RLockGuard<'_> {
    /// Says that what the lock guards is whole again.
    pub fn clear_poison(&self) {
        self.words.lock.set_poison(false);
    }

    #[inline]
    pub(super) fn raw(&self) -> &RawLock {
        &self.words.lock
    }

    /// When the last level is given back, there is something to settle.
    pub(super) fn set_told(&mut self) {
        self.words.depth.fetch_or(TOLD, Ordering::Relaxed);
    }
}

impl Drop for RLockGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // A forked child has a copy of the guard, but not the lock.
        if fork::is_forked_holder() {
            return;
        }
        let RecursiveWords { lock, depth } = self.words;
        // A panic that began while it was held: the data may be half changed.
        let poison = !self.panicking && std::thread::panicking();
        let left = depth.load(Ordering::Relaxed).saturating_sub(1);
        depth.store(left, Ordering::Relaxed);
        if levels(left) > 0 {
            if poison {
                panicked_inside(lock, self.thread);
            }
        } else if poison || left == TOLD || !lock.unlock_at_once(self.thread.id()) {
            unlock_contended(lock, self.thread, poison);
        }
    }
}

/// A panic that leaves an inner level: the thread has the lock still, but what it guards may be half changed.
#[cold]
#[inline(never)]
fn panicked_inside(lock: &RawLock, thread: Thread<'_>) {
    lock.set_poison(true);
    told::settle(lock, &thread, true);
}

impl fmt::Debug for RLockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RLockGuard")
            .field("depth", &levels(self.words.depth.load(Ordering::Relaxed)))
            .field("poisoned", &self.words.lock.is_poisoned())
            .finish_non_exhaustive()
    }
}

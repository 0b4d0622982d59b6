//! `Lock`: mutual exclusion of threads in any processes.

use super::{
    LockError, RawLock, Taken, Thread,
    party::Party,
    placed::{Placed, object},
    raw_lock::NotTaken,
    told,
};
use crate::{
    Result,
    os::{clock::Deadline, fork},
    segment::Block,
};
use std::{fmt, marker::PhantomData, ptr::NonNull, time::Duration};

/// A lock that processes share. Handles are cheap to clone; all clones are the same lock.
///
/// Python's `Lock`, with a guard in place of `acquire` and `release`. It is not recursive: a thread that takes it twice gets an error,
/// not a deadlock. It lies in the session's shared memory.
///
/// # When a holder dies
///
/// The kernel marks the death, and the next one that asks, or a waiter, at once, gets the lock with
/// [`LockError::OwnerDied`]. From then on it is poisoned, as after a panic in a holder, until
/// [`clear_poison`](Self::clear_poison).
///
/// ```
/// use multiproc::Lock;
/// # fn main() -> multiproc::Result<()> {
/// let lock = Lock::new()?;
/// let guard = lock.lock()?;
/// assert!(lock.is_locked());
/// drop(guard);
/// assert!(!lock.is_locked());
/// # Ok(())
/// # }
/// ```
#[doc(alias("mutex", "acquire", "release"))]
#[derive(Clone)]
pub struct Lock(Placed<RawLock>);

object!(Lock, b"mp.Lock.", "A new lock, free");

impl Lock {
    /// For a block that is known to begin with a lock.
    pub(crate) fn of_block(block: Block) -> Self {
        Self(Placed::of_block(block))
    }

    #[inline]
    pub(super) fn raw(&self) -> &RawLock {
        self.0.words()
    }

    /// Takes the lock; waits as long as it takes.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] and [`LockError::Poisoned`] hold the guard; [`LockError::Failed`] if this thread has it already.
    #[inline]
    pub fn lock(&self) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        self.lock_by(Deadline::NEVER)
    }

    /// Takes the lock if nobody living has it.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock), and [`LockError::WouldBlock`].
    pub fn try_lock(&self) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
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
    ) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        self.lock_by(Deadline::after(timeout))
    }

    /// Where the block begins: objects with a lock of their own have it there.
    #[inline]
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.0.start()
    }

    /// Takes the lock and tells how; who judges is the caller.
    #[inline(always)]
    pub(crate) fn take<G>(
        &self,
        deadline: Deadline,
    ) -> Result<(Taken, LockGuard<'_>), LockError<G>> {
        let thread = self.0.thread()?;
        let raw = self.raw();
        if raw.lock_at_once(thread.id()) {
            return Ok((Taken::Clean, LockGuard::new(raw, thread)));
        }
        match lock_contended(raw, thread, deadline) {
            Ok(taken) => Ok((taken, LockGuard::new(raw, thread))),
            Err(why) => Err(LockError::not_taken(why, deadline)),
        }
    }

    #[inline(always)]
    fn lock_by(&self, deadline: Deadline) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        let (taken, guard) = self.take(deadline)?;
        LockError::judge(taken, guard)
    }

    /// Who has it, for messages.
    pub(crate) fn describe_owner(&self) -> Option<String> {
        self.raw().owner().map(|owner| self.0.root().participants().describe(owner))
    }

    /// Whether somebody, dead or alive, has it at this moment; it may change at any time.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.raw().owner().is_some()
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
}

// By value: a thread whose address is taken would be stored on the fast path too, and an atomic exchange waits for all stores before it.

#[cold]
#[inline(never)]
pub(super) fn lock_contended(
    raw: &RawLock,
    thread: Thread<'_>,
    deadline: Deadline,
) -> Result<Taken, NotTaken> {
    raw.lock_contended(&thread, deadline, |_| true)
}

#[cold]
#[inline(never)]
pub(super) fn unlock_contended(raw: &RawLock, thread: Thread<'_>, poison: bool) {
    raw.unlock_contended(&thread, poison);
    told::settle(raw, &thread, poison);
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("owner", &self.describe_owner())
            .field("poisoned", &self.is_poisoned())
            .finish()
    }
}

/// The lock is held while this lives. It belongs to the thread that took it.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<multiproc::LockGuard<'static>>();
/// ```
///
/// ```
/// use multiproc::{Lock, LockError};
/// # fn main() -> multiproc::Result<()> {
/// let lock = Lock::new()?;
/// let panicked = std::thread::scope(|scope| {
///     let inside = || {
///         let _guard = lock.lock().unwrap();
///         panic!("in the middle of a change");
///     };
///     scope.spawn(inside).join().is_err()
/// });
/// assert!(panicked);
/// match lock.lock() {
///     // … look at the data, repair it …
///     Err(LockError::Poisoned(guard)) => guard.clear_poison(),
///     other => panic!("{other:?}"),
/// }
/// assert!(lock.lock().is_ok());
/// # Ok(())
/// # }
/// ```
#[must_use = "the lock is given back when the guard is dropped"]
pub struct LockGuard<'a> {
    raw: &'a RawLock,
    thread: Thread<'a>,
    panicking: bool,
    /// Whether it came back from a wait for a condition in which it was told: see `sync::told`.
    told: bool,
    /// The thread's name is on the lock: not `Send`.
    _thread: PhantomData<*const ()>,
}

impl<'a> LockGuard<'a> {
    #[inline]
    pub(crate) fn new(raw: &'a RawLock, thread: Thread<'a>) -> Self {
        let panicking = std::thread::panicking();
        Self { raw, thread, panicking, told: false, _thread: PhantomData }
    }

    /// Says that what the lock guards is whole again.
    pub fn clear_poison(&self) {
        self.raw.set_poison(false);
    }

    pub(super) fn raw(&self) -> &RawLock {
        self.raw
    }

    /// When it is dropped, there is something to settle.
    pub(super) fn set_told(&mut self) {
        self.told = true;
    }
}

impl Drop for LockGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // A forked child has a copy of the guard, but not the lock.
        if fork::is_forked_holder() {
            return;
        }
        // A panic that began while it was held: the data may be half changed.
        let poison = !self.panicking && std::thread::panicking();
        if poison || self.told || !self.raw.unlock_at_once(self.thread.id()) {
            unlock_contended(self.raw, self.thread, poison);
        }
    }
}

impl fmt::Debug for LockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard")
            .field("poisoned", &self.raw.is_poisoned())
            .finish_non_exhaustive()
    }
}

//! `Condition`: threads of any processes wait, with a lock, until they are told.

use super::{
    Lock, LockError, LockGuard, RLock, RLockGuard, RawLock, Taken, Thread,
    party::Party,
    placed::Placed,
    raw_condition::{Chairs, RawCondition},
    raw_lock::NotTaken,
    told,
};
use crate::{
    Error, ErrorKind, Result,
    os::clock::Deadline,
    segment::{Block, Root},
};
use std::{fmt, sync::Arc, time::Duration};

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Lock {}
    impl Sealed for super::RLock {}
}

/// A lock with which one can wait for a [`Condition`]: [`Lock`] and [`RLock`].
#[allow(private_interfaces, reason = "sealed: nobody outside names its methods")]
pub trait ConditionLock: sealed::Sealed + Clone {
    /// What one has while one has the lock.
    type Guard<'a>
    where
        Self: 'a;

    #[doc(hidden)]
    fn as_block(&self) -> &Block;
    #[doc(hidden)]
    fn raw_lock(&self) -> &RawLock;
    #[doc(hidden)]
    fn raw_of_guard<'g>(guard: &'g Self::Guard<'_>) -> &'g RawLock;
    /// Whoever gives the lock back settles what the thread was told: see `sync::told`.
    #[doc(hidden)]
    fn set_told(guard: &mut Self::Guard<'_>);
    /// Gives it back, at whatever depth; the answer is the depth.
    #[doc(hidden)]
    fn release(&self, thread: Thread<'_>) -> u32;
    #[doc(hidden)]
    fn retake(&self, thread: Thread<'_>, depth: u32) -> Result<Taken, NotTaken>;
}

#[allow(private_interfaces, reason = "sealed: nobody outside names its methods")]
impl ConditionLock for Lock {
    type Guard<'a> = LockGuard<'a>;

    fn as_block(&self) -> &Block {
        self.as_block()
    }

    fn raw_lock(&self) -> &RawLock {
        self.raw()
    }

    fn raw_of_guard<'g>(guard: &'g LockGuard<'_>) -> &'g RawLock {
        guard.raw()
    }

    fn set_told(guard: &mut LockGuard<'_>) {
        guard.set_told();
    }

    fn release(&self, thread: Thread<'_>) -> u32 {
        self.raw().unlock(&thread, false);
        1
    }

    fn retake(&self, thread: Thread<'_>, _: u32) -> Result<Taken, NotTaken> {
        self.raw().lock(&thread, Deadline::NEVER)
    }
}

#[allow(private_interfaces, reason = "sealed: nobody outside names its methods")]
impl ConditionLock for RLock {
    type Guard<'a> = RLockGuard<'a>;

    fn as_block(&self) -> &Block {
        self.as_block()
    }

    fn raw_lock(&self) -> &RawLock {
        self.raw()
    }

    fn raw_of_guard<'g>(guard: &'g RLockGuard<'_>) -> &'g RawLock {
        guard.raw()
    }

    fn set_told(guard: &mut RLockGuard<'_>) {
        guard.set_told();
    }

    fn release(&self, thread: Thread<'_>) -> u32 {
        self.release_all(thread)
    }

    fn retake(&self, thread: Thread<'_>, depth: u32) -> Result<Taken, NotTaken> {
        self.retake(thread, depth)
    }
}

/// Threads of any processes wait here, with a lock, until another tells them that something has changed. Handles are cheap to clone; all clones are the same condition.
///
/// Python's `Condition`, over an [`RLock`] unless said otherwise, or over a [`Lock`]. Who waits gives the lock back, at whatever depth, and has it again afterwards. It is told by [`notify`](Self::notify) and
/// [`notify_all`](Self::notify_all), which need the lock; the oldest is told first. Without waiters they make no system call.
///
/// The guard stays where it is while its thread waits; what the lock guards may be changed by others meanwhile. Look at it again after each wait, or use [`wait_for`](Self::wait_for).
///
/// # When a process dies
///
/// - A waiter that is killed is passed by. What it was told and had no time for, the next one is told: no notification is lost with a dead process. So after a death one may be told without need:
///   use [`wait_for`](Self::wait_for), which looks again. The end of a thread that has given the lock back after it was told is no such death.
/// - A waiter that was told and panics in the lock is as a dead one: the next is told in its place, and hears of the panic.
/// - A holder of the lock that is killed is told to the next one that gets the lock, also to one that comes back from a wait: the wait is [`LockError::OwnerDied`] then, and the lock is held all the same. Who is
///   told so repairs what the lock guards, and notifies those who may wait for it, before it clears the poison.
///
/// ```
/// use multiproc::{Condition, Value};
///
/// fn worker(ready: Condition, value: Value<u32>) -> multiproc::Result<u32> {
///     let mut guard = ready.lock()?;
///     ready.wait_for(&mut guard, || value.get().is_ok_and(|value| value > 0))?;
///     value.get()
/// }
///
/// fn main() -> multiproc::Result<()> {
///     multiproc::init();
///     let (ready, value) = (Condition::new()?, Value::new(0)?);
///     let worker = multiproc::spawn(worker, (ready.clone(), value.clone()))?;
///     let guard = ready.lock()?;
///     value.set(42)?;
///     ready.notify(1)?;
///     drop(guard);
///     assert_eq!(worker.join()??, 42);
///     Ok(())
/// }
/// ```
#[doc(alias("Condvar", "notify_one"))]
#[derive(Clone)]
pub struct Condition<L: ConditionLock = RLock> {
    words: Placed<RawCondition>,
    lock: L,
}

impl Placed<RawCondition> {
    pub(super) fn chairs(&self) -> Chairs<'_> {
        Chairs { seats: self.seats(&self.words().used), tickets: self.second_seats() }
    }
}

impl Condition {
    /// A new condition in the session's shared memory, with an [`RLock`] of its own.
    ///
    /// # Errors
    ///
    /// When the shared memory cannot be made or grown: [`ErrorKind::NoSpace`] and the like.
    pub fn new() -> Result<Self> {
        Self::new_in_root(&crate::segment::session()?)
    }

    pub(crate) fn new_in_root(root: &Arc<Root>) -> Result<Self> {
        Self::over(&RLock::new_in_root(root)?)
    }

    /// Takes the condition's lock.
    ///
    /// # Errors
    ///
    /// As [`RLock::lock`].
    pub fn lock(&self) -> Result<RLockGuard<'_>, LockError<RLockGuard<'_>>> {
        self.lock.lock()
    }
}

impl Condition<Lock> {
    /// Takes the condition's lock.
    ///
    /// # Errors
    ///
    /// As [`Lock::lock`].
    pub fn lock(&self) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        self.lock.lock()
    }
}

impl<L: ConditionLock> Condition<L> {
    /// The kind of object, for handles.
    pub(crate) const HANDLE: u64 = u64::from_be_bytes(*b"mp.Condi");

    /// A new condition over a lock, in the same segment.
    ///
    /// # Errors
    ///
    /// As [`new`](Condition::new).
    pub fn over(lock: &L) -> Result<Self> {
        let words = Placed::new(lock.as_block().root(), Self::HANDLE)?;
        Ok(Self { words, lock: lock.clone() })
    }

    /// From handles that have travelled.
    pub(crate) fn from_parts(block: Block, lock: L) -> Result<Self> {
        Ok(Self { words: Placed::open(block)?, lock })
    }

    pub(crate) fn parts(&self) -> (&Block, &L) {
        (self.words.block(), &self.lock)
    }

    /// The lock with which one waits.
    #[must_use]
    pub fn as_lock(&self) -> &L {
        &self.lock
    }

    fn chairs(&self) -> Chairs<'_> {
        self.words.chairs()
    }

    /// Waits until it is told. The lock, which the guard is of, is free meanwhile.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] and [`LockError::Poisoned`]: the wait is over and the guard holds the lock again, but somebody has died or panicked in it. [`LockError::Failed`] if the guard is of another lock.
    pub fn wait(&self, guard: &mut L::Guard<'_>) -> Result<(), LockError<()>> {
        self.wait_by(guard, Deadline::NEVER).map(|_| ())
    }

    /// As [`wait`](Self::wait), for this time at the most, by the monotonic clock; `false` when the time was up before. Zero gives the lock back for a moment.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(
        &self,
        guard: &mut L::Guard<'_>,
        timeout: Duration,
    ) -> Result<bool, LockError<()>> {
        self.wait_by(guard, Deadline::after(timeout))
    }

    /// Waits until the predicate holds, which is asked at once, and again whenever this is told.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_for(
        &self,
        guard: &mut L::Guard<'_>,
        holds: impl FnMut() -> bool,
    ) -> Result<(), LockError<()>> {
        self.wait_for_by(guard, Deadline::NEVER, holds).map(|_| ())
    }

    /// As [`wait_for`](Self::wait_for), for this time at the most, however often it is told; what the predicate said last.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_for_timeout(
        &self,
        guard: &mut L::Guard<'_>,
        timeout: Duration,
        holds: impl FnMut() -> bool,
    ) -> Result<bool, LockError<()>> {
        self.wait_for_by(guard, Deadline::after(timeout), holds)
    }

    fn wait_for_by(
        &self,
        guard: &mut L::Guard<'_>,
        deadline: Deadline,
        mut holds: impl FnMut() -> bool,
    ) -> Result<bool, LockError<()>> {
        while !holds() {
            if !self.wait_by(guard, deadline)? {
                return Ok(holds());
            }
        }
        Ok(true)
    }

    fn wait_by(&self, guard: &mut L::Guard<'_>, deadline: Deadline) -> Result<bool, LockError<()>> {
        if !std::ptr::eq(L::raw_of_guard(guard), self.lock.raw_lock()) {
            return Err(LockError::Failed(Error::new(
                ErrorKind::InvalidInput,
                "the guard is of another lock than the condition's: wait with the lock that it was made over",
            )));
        }
        let thread = self.words.thread()?;
        let (words, chairs) = (self.words.words(), self.chairs());
        let waiting = words.begin(chairs, &thread);
        let depth = self.lock.release(thread);
        // By this condition or by another over the same lock, earlier with the same guard.
        told::settle(self.lock.raw_lock(), &thread, false);
        let (told, dependence) = words.wait(chairs, &thread, &waiting, deadline);
        let taken = self.lock.retake(thread, depth);
        words.end(&thread, waiting, told);
        drop(dependence);
        if told {
            told::remember(self.lock.raw_lock(), self.lock.as_block(), &self.words);
            L::set_told(guard);
        }
        match taken {
            Ok(Taken::Clean) => Ok(told),
            Ok(Taken::Poisoned) => Err(LockError::Poisoned(())),
            Ok(Taken::OwnerDied) => Err(LockError::OwnerDied(())),
            Err(why) => Err(LockError::not_taken(why, Deadline::NEVER)),
        }
    }

    /// Tells up to so many of those who wait, the longest waiting first; the answer is how many there were. They go on when they get the lock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotOwner`] if this thread does not have the lock.
    pub fn notify(&self, count: usize) -> Result<usize> {
        let thread = self.words.thread()?;
        if self.lock.raw_lock().owner() != Some(thread.id()) {
            return Err(Error::new(
                ErrorKind::NotOwner,
                "this thread does not have the condition's lock: take it, change what others wait for, and notify while you have it",
            ));
        }
        Ok(self.words.words().tell(self.chairs(), &thread, count))
    }

    /// Tells all who wait at this moment; the answer is how many there were.
    ///
    /// # Errors
    ///
    /// As [`notify`](Self::notify).
    pub fn notify_all(&self) -> Result<usize> {
        self.notify(usize::MAX)
    }

    /// How many threads wait at this moment; it may change at any time, unless this thread has the lock: then it can only become less.
    #[must_use]
    pub fn n_waiting(&self) -> usize {
        self.words.thread().map_or(0, |thread| self.words.words().waiting(self.chairs(), &thread))
    }

    /// Whether both handles are of one condition.
    #[must_use]
    pub fn same_condition(&self, other: &Self) -> bool {
        self.words.is_same(&other.words)
    }
}

impl<L: ConditionLock + fmt::Debug> fmt::Debug for Condition<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("waiting", &self.n_waiting())
            .field("lock", &self.lock)
            .finish()
    }
}

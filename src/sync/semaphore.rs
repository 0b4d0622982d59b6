//! `Semaphore`: permits that threads of any processes take and give back.

use super::{
    RawSemaphore, Thread,
    placed::Placed,
    raw_semaphore::{Claim, MAX, MAX_HELD, NoPermit},
};
use crate::{
    Error, ErrorKind, Result,
    os::{clock::Deadline, fork},
    segment::{Block, Root},
};
use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

/// A number of permits: whoever takes one when there is none waits until one comes back. Handles are cheap to clone; all clones are the same semaphore.
///
/// Python's `Semaphore`, in two forms. [`acquire`](Self::acquire) gives a guard, a [`Permit`] that belongs to the thread. [`acquire_bare`](Self::acquire_bare) and
/// [`release_bare`](Self::release_bare) only count: anybody may release, however often. Without waiters neither makes a system call.
///
/// # When a process dies
///
/// The permits of its guards come back, at once where somebody waits for one. ([`value`](Self::value) has them when somebody has looked for a permit in vain.) A bare permit is nobody's, so nobody knows
/// that its taker died: it is lost until somebody releases one more.
///
/// ```
/// use multiproc::{Atomic, Ordering, Semaphore};
///
/// fn worker(two: Semaphore, inside: Atomic<u32>) -> multiproc::Result<u32> {
///     let _permit = two.acquire()?;
///     let inside_with_me = inside.fetch_add(1, Ordering::SeqCst) + 1;
///     inside.fetch_sub(1, Ordering::SeqCst);
///     Ok(inside_with_me)
/// }
///
/// fn main() -> multiproc::Result<()> {
///     multiproc::init();
///     let (two, inside) = (Semaphore::new(2)?, Atomic::new(0)?);
///     let workers: Vec<_> = (0..4)
///         .map(|_| multiproc::spawn(worker, (two.clone(), inside.clone())))
///         .collect::<Result<_, _>>()?;
///     for worker in workers {
///         assert!(worker.join()?? <= 2);
///     }
///     assert_eq!(two.value(), 2);
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Semaphore(Placed<RawSemaphore>);

impl Semaphore {
    /// The kind of object, for handles.
    pub(crate) const HANDLE: u64 = u64::from_be_bytes(*b"mp.Semap");

    /// The most permits that can be free: 2^31 - 1.
    pub const MAX: u32 = MAX;

    /// A new semaphore with these permits in the session's shared memory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for more than [`MAX`](Self::MAX); and when the shared memory cannot be made or grown: [`ErrorKind::NoSpace`] and the like.
    pub fn new(permits: u32) -> Result<Self> {
        Self::new_in_root(&crate::segment::session()?, permits)
    }

    pub(crate) fn new_in_root(root: &Arc<Root>, permits: u32) -> Result<Self> {
        Self::new_of_kind(root, permits, MAX, Self::HANDLE)
    }

    /// `bound` is the most that may be free, `kind` the handle.
    pub(super) fn new_of_kind(
        root: &Arc<Root>,
        permits: u32,
        bound: u32,
        kind: u64,
    ) -> Result<Self> {
        if permits > MAX {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("a semaphore with {permits} permits was wanted; it has {MAX} at the most"),
            ));
        }
        let placed = Placed::<RawSemaphore>::new(root, kind)?;
        placed.words().begin(permits, bound);
        Ok(Self(placed))
    }

    pub(crate) fn open(block: Block) -> Result<Self> {
        Placed::open(block).map(Self)
    }

    pub(crate) fn as_block(&self) -> &Block {
        self.0.block()
    }

    /// Takes a permit; waits as long as it takes.
    ///
    /// # Errors
    ///
    /// When this thread cannot take part in the segment: [`ErrorKind::TooMany`], [`ErrorKind::Forked`]. Also [`ErrorKind::TooMany`] when it holds 255 permits of this semaphore.
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_>> {
        self.acquire_by(Deadline::NEVER)
    }

    /// Takes a permit if there is one.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire), and [`ErrorKind::WouldBlock`].
    pub fn try_acquire(&self) -> Result<Permit<'_>> {
        self.acquire_by(Deadline::NOW)
    }

    /// Takes a permit; waits for this time at the most, by the monotonic clock. Zero means try; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire), and [`ErrorKind::TimedOut`] ([`ErrorKind::WouldBlock`] if the time is zero).
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>> {
        self.acquire_by(Deadline::after(timeout))
    }

    #[inline]
    fn acquire_by(&self, deadline: Deadline) -> Result<Permit<'_>> {
        let thread = self.0.thread()?;
        match self.take(thread, Claim::Named, deadline) {
            Ok(()) => Ok(Permit { semaphore: &self.0, thread, _thread: PhantomData }),
            Err(why) => Err(no_permit(why, deadline)),
        }
    }

    #[inline]
    fn take(&self, thread: Thread<'_>, claim: Claim, deadline: Deadline) -> Result<(), NoPermit> {
        let raw = self.0.words();
        raw.acquire(&thread, self.0.seats(&raw.used), claim, deadline)
    }

    /// Takes a permit that belongs to nobody; waits as long as it takes. Whoever wants to gives it back, with [`release_bare`](Self::release_bare). If the taker dies before, it is lost.
    ///
    /// # Errors
    ///
    /// When this thread cannot take part in the segment: [`ErrorKind::TooMany`], [`ErrorKind::Forked`].
    #[doc(alias("acquire", "wait", "down"))]
    #[inline]
    pub fn acquire_bare(&self) -> Result<()> {
        self.acquire_bare_by(Deadline::NEVER).map(|_| ())
    }

    /// Takes a permit that belongs to nobody; `false` when there is none.
    ///
    /// # Errors
    ///
    /// As [`acquire_bare`](Self::acquire_bare).
    #[doc(alias = "acquire")]
    pub fn try_acquire_bare(&self) -> Result<bool> {
        self.acquire_bare_by(Deadline::NOW)
    }

    /// Takes a permit that belongs to nobody; `false` when there was none for this time, by the monotonic clock. Zero means try; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// As [`acquire_bare`](Self::acquire_bare).
    #[doc(alias = "acquire")]
    pub fn acquire_bare_timeout(&self, timeout: Duration) -> Result<bool> {
        self.acquire_bare_by(Deadline::after(timeout))
    }

    #[inline]
    fn acquire_bare_by(&self, deadline: Deadline) -> Result<bool> {
        Ok(self.take(self.0.thread()?, Claim::Bare, deadline).is_ok())
    }

    /// Adds one permit, whoever took it or nobody. A guard gives its permit back by itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if there would be more than there can be; the value stays. When this thread cannot take part in the segment, as
    /// [`acquire_bare`](Self::acquire_bare).
    #[doc(alias("release", "post", "up"))]
    #[inline]
    pub fn release_bare(&self) -> Result<()> {
        self.release_many(1)
    }

    /// Adds this many permits at once.
    ///
    /// # Errors
    ///
    /// As [`release_bare`](Self::release_bare): all of them or none. [`ErrorKind::InvalidInput`] for zero.
    #[doc(alias = "release")]
    #[inline]
    pub fn release_many(&self, count: u32) -> Result<()> {
        if count == 0 {
            return Err(none_released());
        }
        let raw = self.0.words();
        raw.release_bare(&self.0.thread()?, self.0.seats(&raw.used), count)
            .map_err(|value| too_many_released(count, value, raw.bound()))
    }

    /// The free permits at this moment; it may change at any time. Those of dead holders come to it when somebody looks for a permit and finds none.
    #[doc(alias = "get_value")]
    #[inline]
    #[must_use]
    pub fn value(&self) -> u32 {
        self.0.words().value()
    }

    /// The most permits that may be free.
    pub(super) fn bound(&self) -> u32 {
        self.0.words().bound()
    }

    /// Whether both handles are of one semaphore.
    #[must_use]
    pub fn same_semaphore(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }

    /// Who holds how many, for messages.
    pub(super) fn describe_holders(&self) -> Vec<String> {
        let raw = self.0.words();
        let describe =
            |(name, count)| format!("{count}: {}", self.0.root().participants().describe(name));
        raw.holders(self.0.seats(&raw.used)).into_iter().map(describe).collect()
    }
}

#[cold]
fn none_released() -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        "a release of no permits was wanted; it is one at the least",
    )
}

#[cold]
fn too_many_released(count: u32, value: u32, bound: u32) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        format!(
            "{count} more permits than the {value} that are free would be more than the {bound} that there can be: somebody releases what nobody took"
        ),
    )
}

#[cold]
fn no_permit(why: NoPermit, deadline: Deadline) -> Error {
    match why {
        NoPermit::Late if deadline == Deadline::NOW => {
            Error::new(ErrorKind::WouldBlock, "the semaphore has no free permit")
        }
        NoPermit::Late => Error::new(
            ErrorKind::TimedOut,
            "the semaphore had no free permit until the time was up",
        ),
        NoPermit::Full => Error::new(
            ErrorKind::TooMany,
            format!(
                "this thread holds {MAX_HELD} permits of the semaphore, the most that are counted for one; drop some, or use acquire_bare"
            ),
        ),
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("value", &self.value())
            .field("holders", &self.describe_holders())
            .finish()
    }
}

/// A permit of a [`Semaphore`] or a [`BoundedSemaphore`](crate::BoundedSemaphore), given back when this is dropped. It belongs to the thread that took it, and comes back if that dies.
///
/// Where others have released more than they took, so that there is no room for it, dropping it adds nothing.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<multiproc::Permit<'static>>();
/// ```
///
/// ```
/// # fn main() -> multiproc::Result<()> {
/// let semaphore = multiproc::Semaphore::new(2)?;
/// let permit = semaphore.acquire()?;
/// assert_eq!(semaphore.value(), 1);
/// drop(permit);
/// assert_eq!(semaphore.value(), 2);
/// # Ok(())
/// # }
/// ```
#[must_use = "the permit is given back when the guard is dropped"]
pub struct Permit<'a> {
    semaphore: &'a Placed<RawSemaphore>,
    thread: Thread<'a>,
    /// The thread's seat counts it: not `Send`.
    _thread: PhantomData<*const ()>,
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        // A forked child has a copy of the guard, but not the permit.
        if fork::is_forked_holder() {
            return;
        }
        let raw = self.semaphore.words();
        raw.release(&self.thread, self.semaphore.seats(&raw.used));
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

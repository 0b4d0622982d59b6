//! `BoundedSemaphore`: a semaphore that never has more permits than at first.

use super::{Permit, Semaphore};
use crate::{
    Result,
    segment::{Block, Root},
};
use std::{fmt, sync::Arc, time::Duration};

/// A [`Semaphore`] for which it is an error to release more than was taken. Handles are cheap to clone; all clones are the same semaphore.
///
/// Python's `BoundedSemaphore`. The check is exact, whoever releases at the same time. All else is as with [`Semaphore`], and when a process dies too.
///
/// ```
/// use multiproc::{BoundedSemaphore, ErrorKind};
/// # fn main() -> multiproc::Result<()> {
/// let semaphore = BoundedSemaphore::new(2)?;
/// semaphore.acquire_bare()?;
/// semaphore.release_bare()?;
/// assert_eq!(semaphore.release_bare().unwrap_err().kind(), ErrorKind::InvalidInput);
/// assert_eq!(semaphore.value(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BoundedSemaphore(Semaphore);

impl BoundedSemaphore {
    /// The kind of object, for handles.
    pub(crate) const HANDLE: u64 = u64::from_be_bytes(*b"mp.BoSem");

    /// The most permits that one can begin with: 2^31 - 1.
    pub const MAX: u32 = Semaphore::MAX;

    /// A new semaphore with these permits, and never more, in the session's shared memory.
    ///
    /// # Errors
    ///
    /// As [`Semaphore::new`].
    pub fn new(permits: u32) -> Result<Self> {
        Self::new_in_root(&crate::segment::session()?, permits)
    }

    pub(crate) fn new_in_root(root: &Arc<Root>, permits: u32) -> Result<Self> {
        Semaphore::new_of_kind(root, permits, permits, Self::HANDLE).map(Self)
    }

    pub(crate) fn open(block: Block) -> Result<Self> {
        Semaphore::open(block).map(Self)
    }

    pub(crate) fn as_block(&self) -> &Block {
        self.0.as_block()
    }

    /// As [`Semaphore::acquire`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_>> {
        self.0.acquire()
    }

    /// As [`Semaphore::try_acquire`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_acquire(&self) -> Result<Permit<'_>> {
        self.0.try_acquire()
    }

    /// As [`Semaphore::acquire_timeout`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>> {
        self.0.acquire_timeout(timeout)
    }

    /// As [`Semaphore::acquire_bare`].
    ///
    /// # Errors
    ///
    /// As there.
    #[doc(alias("acquire", "wait", "down"))]
    pub fn acquire_bare(&self) -> Result<()> {
        self.0.acquire_bare()
    }

    /// As [`Semaphore::try_acquire_bare`].
    ///
    /// # Errors
    ///
    /// As there.
    #[doc(alias = "acquire")]
    pub fn try_acquire_bare(&self) -> Result<bool> {
        self.0.try_acquire_bare()
    }

    /// As [`Semaphore::acquire_bare_timeout`].
    ///
    /// # Errors
    ///
    /// As there.
    #[doc(alias = "acquire")]
    pub fn acquire_bare_timeout(&self, timeout: Duration) -> Result<bool> {
        self.0.acquire_bare_timeout(timeout)
    }

    /// Adds one permit, whoever took it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if there would be more than at first; the value stays. Others as [`Semaphore::release_bare`].
    #[doc(alias("release", "post", "up"))]
    pub fn release_bare(&self) -> Result<()> {
        self.0.release_bare()
    }

    /// Adds this many permits at once.
    ///
    /// # Errors
    ///
    /// As [`release_bare`](Self::release_bare): all of them or none. Also for zero.
    #[doc(alias = "release")]
    pub fn release_many(&self, count: u32) -> Result<()> {
        self.0.release_many(count)
    }

    /// The free permits at this moment, as [`Semaphore::value`].
    #[doc(alias = "get_value")]
    #[inline]
    #[must_use]
    pub fn value(&self) -> u32 {
        self.0.value()
    }

    /// The permits that it began with.
    #[must_use]
    pub fn bound(&self) -> u32 {
        self.0.bound()
    }

    /// Whether both handles are of one semaphore.
    #[must_use]
    pub fn same_semaphore(&self, other: &Self) -> bool {
        self.0.same_semaphore(&other.0)
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("value", &self.value())
            .field("bound", &self.bound())
            .field("holders", &self.0.describe_holders())
            .finish()
    }
}

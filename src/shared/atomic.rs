//! `Atomic`: one number in shared memory that is touched without a claim.
#![allow(unsafe_code)]
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{AtomicCell, AtomicValue, Fingerprint, Segment, names::Published, transport};
use crate::{
    Result,
    atomic::Ordering,
    segment::{Block, Root},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, ops::Deref, ptr::NonNull, sync::Arc};

/// A number, or a `bool`, that processes share and change by single instructions: no lock, nobody to wait for, nothing to repair.
/// Handles are cheap to clone; all clones are the same number.
///
/// The operations are those of [`AtomicCell`], to which it dereferences. Each has happened or not when its process is killed.
///
/// ```
/// use multiproc::{Atomic, Ordering};
/// # fn main() -> multiproc::Result<()> {
/// let hits = Atomic::new(40_u64)?;
/// assert_eq!(hits.fetch_add(2, Ordering::Relaxed), 40);
/// assert_eq!(hits.load(Ordering::Relaxed), 42);
/// let worst = Atomic::new(0.0_f64)?;
/// worst.fetch_max(1.5, Ordering::Relaxed);
/// assert_eq!(worst.load(Ordering::Relaxed), 1.5);
/// # Ok(())
/// # }
/// ```
pub struct Atomic<T> {
    /// Where the block begins, which never changes.
    cell: NonNull<AtomicCell<T>>,
    block: Block,
}

impl<T> Clone for Atomic<T> {
    fn clone(&self) -> Self {
        Self { cell: self.cell, block: self.block.clone() }
    }
}

// SAFETY: the number is touched by atomic operations only, from whatever thread or process.
unsafe impl<T: AtomicValue> Send for Atomic<T> {}
// SAFETY: as above.
unsafe impl<T: AtomicValue> Sync for Atomic<T> {}

impl<T: AtomicValue> Atomic<T> {
    /// A new number in the session's shared memory.
    ///
    /// # Errors
    ///
    /// When the shared memory cannot be made or grown.
    pub fn new(value: T) -> Result<Self> {
        Self::new_in_root(&crate::segment::session()?, value)
    }

    /// A new number in a segment, where it can be [published](Segment::publish).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(segment: &Segment, value: T) -> Result<Self> {
        Self::new_in_root(segment.root(), value)
    }

    fn new_in_root(root: &Arc<Root>, value: T) -> Result<Self> {
        let new = Self::of_block(root.allocate(size_of::<T>(), T::FINGERPRINT)?);
        new.store(value, Ordering::Relaxed);
        Ok(new)
    }

    /// For a block that is known to hold a number of this type.
    fn of_block(block: Block) -> Self {
        Self { cell: block.as_ptr().cast(), block }
    }
}

impl<T: AtomicValue> Deref for Atomic<T> {
    type Target = AtomicCell<T>;

    #[inline]
    fn deref(&self) -> &AtomicCell<T> {
        // SAFETY: the block is a cache line that holds the number at its beginning, lives as long as its pin, and is touched by atomic operations only.
        unsafe { self.cell.as_ref() }
    }
}

impl<T: AtomicValue + fmt::Debug> fmt::Debug for Atomic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Atomic").field(&self.load(Ordering::Relaxed)).finish()
    }
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn).
impl<T: AtomicValue> Serialize for Atomic<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transport::send(&self.block, serializer)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error.
impl<'de, T: AtomicValue> Deserialize<'de> for Atomic<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        transport::receive(deserializer, T::FINGERPRINT, std::any::type_name::<Self>())
            .map(Self::of_block)
    }
}

impl<T: AtomicValue + Fingerprint> Published for Atomic<T> {
    const FINGERPRINT: u64 = <T as Fingerprint>::FINGERPRINT.rotate_left(1) ^ 3;

    fn type_name() -> String {
        format!("Atomic<{}>", T::type_name())
    }

    fn block(&self) -> &Block {
        &self.block
    }

    fn from_block(block: Block) -> Result<Self> {
        Ok(Self::of_block(block))
    }
}

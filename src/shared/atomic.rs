//! `Atomic`: one number in shared memory that is touched without a claim.
#![allow(unsafe_code)]
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{
    AtomicBits, AtomicNumber, AtomicValue, Fingerprint, Segment, names::Published, transport,
};
use crate::{
    Result,
    atomic::Ordering,
    segment::{Block, Root},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, ptr::NonNull, sync::Arc};

/// A number, or a `bool`, that processes share and change by single instructions: no lock, nobody to wait for, nothing to repair.
/// Handles are cheap to clone; all clones are the same number.
///
/// The operations and their [`Ordering`] are those of [`std::sync::atomic`]; arithmetic wraps. Each has happened or not when its process is killed.
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
///
/// # Panics
///
/// Loads and stores panic for orderings that they do not have, as the standard library's.
pub struct Atomic<T> {
    /// Where the block begins, which never changes.
    at: NonNull<T>,
    block: Block,
}

impl<T> Clone for Atomic<T> {
    fn clone(&self) -> Self {
        Self { at: self.at, block: self.block.clone() }
    }
}

// SAFETY: the number is touched by atomic operations only, from whatever thread or process.
unsafe impl<T: AtomicValue> Send for Atomic<T> {}
// SAFETY: as above.
unsafe impl<T: AtomicValue> Sync for Atomic<T> {}

/// Calls an operation of the sealed traits on the number.
macro_rules! operation {
    ($($(#[$doc:meta])* $operation:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $operation(&self, value: T, order: Ordering) -> T {
            // SAFETY: the block is a cache line that holds the number at its beginning, lives as long as its pin, and is only touched so.
            unsafe { T::$operation(self.at, value, order) }
        }
    )*};
}

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
        Self { at: block.as_ptr().cast(), block }
    }

    /// The number at this moment.
    #[inline]
    #[must_use]
    pub fn load(&self, order: Ordering) -> T {
        // SAFETY: as in the operations below.
        unsafe { T::load(self.at, order) }
    }

    /// Puts another number there.
    #[inline]
    pub fn store(&self, value: T, order: Ordering) {
        // SAFETY: as in the operations below.
        unsafe { T::store(self.at, value, order) }
    }

    operation! {
        /// Puts another number there, and gives what was there.
        swap;
    }

    /// Puts `new` there if `current` is there. Floats are compared by their bits.
    ///
    /// # Errors
    ///
    /// What is there, if it is another.
    #[inline]
    pub fn compare_exchange(
        &self,
        current: T,
        new: T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<T, T> {
        // SAFETY: as in the operations below.
        unsafe { T::compare_exchange(self.at, current, new, success, failure) }
    }
}

impl<T: AtomicNumber> Atomic<T> {
    operation! {
        /// Adds, and gives what was there.
        fetch_add;
        /// Subtracts, and gives what was there.
        fetch_sub;
        /// Keeps the smaller, and gives what was there.
        fetch_min;
        /// Keeps the larger, and gives what was there.
        fetch_max;
    }
}

impl<T: AtomicBits> Atomic<T> {
    operation! {
        /// Combines by "and", and gives what was there.
        fetch_and;
        /// Combines by "or", and gives what was there.
        fetch_or;
        /// Combines by "exclusive or", and gives what was there.
        fetch_xor;
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

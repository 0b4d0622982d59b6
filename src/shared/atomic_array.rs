//! `AtomicArray`: many numbers in shared memory that are touched without a claim.
#![allow(unsafe_code)]
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{
    AtomicBits, AtomicNumber, AtomicValue, Fingerprint, Segment, names::Published, transport,
};
use crate::{
    Error, ErrorKind, Result,
    atomic::Ordering,
    segment::{Block, Root},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, ptr::NonNull, sync::Arc};

/// An array of fixed length, of numbers or `bool`s that processes share and change one by one, by single instructions. Handles are cheap to clone; all
/// clones are the same array.
///
/// Nobody borrows it, so nobody waits and a death leaves nothing to repair; but only one element at a time is whole. For slices, and for many elements that belong
/// together, there is [`Array`](crate::Array).
///
/// The operations and their [`Ordering`] are those of [`std::sync::atomic`]; arithmetic wraps.
///
/// ```
/// use multiproc::{AtomicArray, Ordering};
/// # fn main() -> multiproc::Result<()> {
/// let counts = AtomicArray::<u64>::zeroed(256)?;
/// for byte in b"hello" {
///     counts.fetch_add(usize::from(*byte), 1, Ordering::Relaxed);
/// }
/// assert_eq!(counts.load(usize::from(b'l'), Ordering::Relaxed), 2);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Every operation on an element panics beyond the end, as a slice does; loads and stores panic for orderings that they do not have.
pub struct AtomicArray<T> {
    /// In the block, from its beginning.
    elements: NonNull<[T]>,
    block: Block,
}

impl<T> Clone for AtomicArray<T> {
    fn clone(&self) -> Self {
        Self { elements: self.elements, block: self.block.clone() }
    }
}

// SAFETY: the elements are touched by atomic operations only, from whatever thread or process.
unsafe impl<T: AtomicValue> Send for AtomicArray<T> {}
// SAFETY: as above.
unsafe impl<T: AtomicValue> Sync for AtomicArray<T> {}

/// Calls an operation of the sealed traits on an element.
macro_rules! operation {
    ($($(#[$doc:meta])* $operation:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $operation(&self, index: usize, value: T, order: Ordering) -> T {
            // SAFETY: `at` gives the place of an element, which is aligned and only touched so.
            unsafe { T::$operation(self.at(index), value, order) }
        }
    )*};
}

impl<T: AtomicValue> AtomicArray<T> {
    /// Of the type within this executable.
    const HANDLE: u64 = T::FINGERPRINT.rotate_left(32) ^ u64::from_be_bytes(*b"mp.atarr");

    /// A new array of zeros (or `false`) in the session's shared memory. The length may be zero.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSpace`] if there is not that much shared memory; [`ErrorKind::InvalidInput`] for a length that no address space has.
    pub fn zeroed(len: usize) -> Result<Self> {
        Self::zeroed_in_root(&crate::segment::session()?, len)
    }

    /// A new array of zeros in a segment, where it can be [published](Segment::publish).
    ///
    /// # Errors
    ///
    /// As [`zeroed`](Self::zeroed).
    pub fn zeroed_in(segment: &Segment, len: usize) -> Result<Self> {
        Self::zeroed_in_root(segment.root(), len)
    }

    /// A new array with a copy of these elements in the session's shared memory.
    ///
    /// # Errors
    ///
    /// As [`zeroed`](Self::zeroed).
    pub fn from_slice(elements: &[T]) -> Result<Self> {
        let array = Self::zeroed(elements.len())?;
        array.copy_from(0, elements);
        Ok(array)
    }

    fn zeroed_in_root(root: &Arc<Root>, len: usize) -> Result<Self> {
        let bytes = len.checked_mul(size_of::<T>());
        let bytes = bytes.filter(|&bytes| bytes <= isize::MAX as usize / 2).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "{len} elements of {} bytes are more than an address space has",
                    size_of::<T>()
                ),
            )
        })?;
        Self::of_block(root.allocate(bytes, Self::HANDLE)?)
    }

    /// For a block that is known to hold an array of this type.
    fn of_block(block: Block) -> Result<Self> {
        let (_, length) = block.contents();
        let bytes = usize::try_from(length).ok().filter(|&bytes| {
            bytes <= block.member().block_bytes() && bytes.is_multiple_of(size_of::<T>())
        });
        let bytes = bytes.ok_or_else(|| {
            Error::new(
                ErrorKind::WrongType,
                format!("{length} bytes are no array of {}", std::any::type_name::<T>()),
            )
        })?;
        let elements = NonNull::slice_from_raw_parts(block.as_ptr().cast(), bytes / size_of::<T>());
        Ok(Self { elements, block })
    }

    /// How many elements; it never changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn at(&self, index: usize) -> NonNull<T> {
        let len = self.len();
        assert!(index < len, "the index is {index}, but the array has {len} elements");
        // SAFETY: inside the array, which lies in the block and lives as long as its pin.
        unsafe { self.elements.cast::<T>().add(index) }
    }

    /// An element at this moment.
    #[inline]
    #[must_use]
    pub fn load(&self, index: usize, order: Ordering) -> T {
        // SAFETY: as in the operations below.
        unsafe { T::load(self.at(index), order) }
    }

    /// Puts another number there.
    #[inline]
    pub fn store(&self, index: usize, value: T, order: Ordering) {
        // SAFETY: as in the operations below.
        unsafe { T::store(self.at(index), value, order) }
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
        index: usize,
        current: T,
        new: T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<T, T> {
        // SAFETY: as in the operations below.
        unsafe { T::compare_exchange(self.at(index), current, new, success, failure) }
    }

    /// Copies elements from `start` on, one by one (relaxed): each is whole, but they are not of one moment if others write.
    ///
    /// # Panics
    ///
    /// If they end beyond the end.
    pub fn copy_to(&self, start: usize, elements: &mut [T]) {
        self.check(start, elements.len());
        for (index, element) in elements.iter_mut().enumerate() {
            *element = self.load(start + index, Ordering::Relaxed);
        }
    }

    /// Puts elements there from `start` on, one by one (relaxed).
    ///
    /// # Panics
    ///
    /// If they end beyond the end.
    pub fn copy_from(&self, start: usize, elements: &[T]) {
        self.check(start, elements.len());
        for (index, &element) in elements.iter().enumerate() {
            self.store(start + index, element, Ordering::Relaxed);
        }
    }

    fn check(&self, start: usize, count: usize) {
        let len = self.len();
        assert!(
            start.checked_add(count).is_some_and(|end| end <= len),
            "{count} elements from {start} on, but the array has {len}"
        );
    }

    /// The elements, copied one by one.
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        (0..self.len()).map(|index| self.load(index, Ordering::Relaxed)).collect()
    }
}

impl<T: AtomicNumber> AtomicArray<T> {
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

impl<T: AtomicBits> AtomicArray<T> {
    operation! {
        /// Combines by "and", and gives what was there.
        fetch_and;
        /// Combines by "or", and gives what was there.
        fetch_or;
        /// Combines by "exclusive or", and gives what was there.
        fetch_xor;
    }
}

impl<T: AtomicValue + fmt::Debug> fmt::Debug for AtomicArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elements = (0..self.len()).map(|index| self.load(index, Ordering::Relaxed));
        f.debug_list().entries(elements).finish()
    }
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn).
impl<T: AtomicValue> Serialize for AtomicArray<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transport::send(&self.block, serializer)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error.
impl<'de, T: AtomicValue> Deserialize<'de> for AtomicArray<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let block = transport::receive(deserializer, Self::HANDLE, std::any::type_name::<Self>())?;
        Self::of_block(block).map_err(serde::de::Error::custom)
    }
}

impl<T: AtomicValue + Fingerprint> Published for AtomicArray<T> {
    const FINGERPRINT: u64 = <T as Fingerprint>::FINGERPRINT.rotate_left(1) ^ 4;

    fn type_name() -> String {
        format!("AtomicArray<{}>", T::type_name())
    }

    fn block(&self) -> &Block {
        &self.block
    }

    fn from_block(block: Block) -> Result<Self> {
        Self::of_block(block)
    }
}

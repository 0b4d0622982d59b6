//! `AtomicArray`: many numbers in shared memory that are touched without a claim.
#![allow(unsafe_code)]
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{AtomicCell, AtomicValue, Fingerprint, Segment, names::Published, transport};
use crate::{
    Error, ErrorKind, Result,
    atomic::Ordering,
    segment::{Block, Root},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, ops::Deref, ptr::NonNull, sync::Arc};

/// An array of fixed length, of numbers or `bool`s that processes share and change one by one, by single instructions. Handles are cheap to clone; all
/// clones are the same array.
///
/// Nobody borrows it, so nobody waits and a death leaves nothing to repair; but only one element at a time is whole. For slices, and for many elements that belong
/// together, there is [`Array`](crate::Array).
///
/// It dereferences to a slice of [`AtomicCell`]s, whose operations are those of [`std::sync::atomic`].
///
/// ```
/// use multiproc::{AtomicArray, Ordering};
/// # fn main() -> multiproc::Result<()> {
/// let counts = AtomicArray::<u64>::zeroed(256)?;
/// for byte in b"hello" {
///     counts[usize::from(*byte)].fetch_add(1, Ordering::Relaxed);
/// }
/// assert_eq!(counts[usize::from(b'l')].load(Ordering::Relaxed), 2);
/// # Ok(())
/// # }
/// ```
pub struct AtomicArray<T> {
    /// In the block, from its beginning.
    cells: NonNull<[AtomicCell<T>]>,
    block: Block,
}

impl<T> Clone for AtomicArray<T> {
    fn clone(&self) -> Self {
        Self { cells: self.cells, block: self.block.clone() }
    }
}

// SAFETY: the elements are touched by atomic operations only, from whatever thread or process.
unsafe impl<T: AtomicValue> Send for AtomicArray<T> {}
// SAFETY: as above.
unsafe impl<T: AtomicValue> Sync for AtomicArray<T> {}

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
        let cells = NonNull::slice_from_raw_parts(block.as_ptr().cast(), bytes / size_of::<T>());
        Ok(Self { cells, block })
    }

    /// Copies elements from `start` on, one by one (relaxed): each is whole, but they are not of one moment if others write.
    ///
    /// # Panics
    ///
    /// If they end beyond the end.
    pub fn copy_to(&self, start: usize, elements: &mut [T]) {
        self.check(start, elements.len());
        for (index, element) in elements.iter_mut().enumerate() {
            *element = self[start + index].load(Ordering::Relaxed);
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
            self[start + index].store(element, Ordering::Relaxed);
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
        self.iter().map(|cell| cell.load(Ordering::Relaxed)).collect()
    }
}

impl<T: AtomicValue> Deref for AtomicArray<T> {
    type Target = [AtomicCell<T>];

    #[inline]
    fn deref(&self) -> &[AtomicCell<T>] {
        // SAFETY: `of_block` found room for the cells in the block; they live as long as its pin, and are touched by atomic operations only.
        unsafe { self.cells.as_ref() }
    }
}

impl<T: AtomicValue + fmt::Debug> fmt::Debug for AtomicArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
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

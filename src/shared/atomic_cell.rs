//! `AtomicCell`: a number in a shared struct that is touched without the struct's lock.
#![allow(unsafe_code)]

use super::{AtomicBits, AtomicNumber, AtomicValue, Fingerprint};
use crate::atomic::Ordering;
use std::{cell::UnsafeCell, fmt, ptr::NonNull};

/// A number, or a `bool`, that lies in a struct and is changed by single instructions: the standard library's atomics for every [`AtomicValue`], floats
/// included; arithmetic wraps. In a [`Shared`](struct@crate::Shared) struct it is reached without the lock.
///
/// ```
/// use multiproc::{AtomicCell, Ordering};
///
/// let cell = AtomicCell::new(1.5_f64);
/// cell.fetch_add(1.0, Ordering::Relaxed);
/// assert_eq!(cell.into_inner(), 2.5);
/// ```
///
/// # Panics
///
/// Loads and stores panic for orderings that they do not have, as the standard library's.
#[repr(transparent)]
#[derive(Default)]
pub struct AtomicCell<T>(UnsafeCell<T>);

// SAFETY: the number is touched by atomic operations only, from whatever thread or process.
unsafe impl<T: AtomicValue> Sync for AtomicCell<T> {}
// SAFETY: a plain number.
unsafe impl<T: AtomicValue> Send for AtomicCell<T> {}

/// Calls an operation of the sealed traits on the number.
macro_rules! operation {
    ($($(#[$doc:meta])* $operation:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $operation(&self, value: T, order: Ordering) -> T {
            // SAFETY: the cell lives as long as the reference, is aligned (`T` has the alignment of its size on the systems of this crate), and is only touched so.
            unsafe { T::$operation(self.at(), value, order) }
        }
    )*};
}

impl<T: AtomicValue> AtomicCell<T> {
    /// A cell with this number.
    pub const fn new(value: T) -> Self {
        const { assert!(align_of::<T>() == size_of::<T>()) };
        Self(UnsafeCell::new(value))
    }

    /// The number.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }

    #[inline]
    fn at(&self) -> NonNull<T> {
        NonNull::from(&self.0).cast()
    }

    /// The number at this moment.
    #[inline]
    #[must_use]
    pub fn load(&self, order: Ordering) -> T {
        // SAFETY: as in the operations below.
        unsafe { T::load(self.at(), order) }
    }

    /// Puts another number there.
    #[inline]
    pub fn store(&self, value: T, order: Ordering) {
        // SAFETY: as in the operations below.
        unsafe { T::store(self.at(), value, order) }
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
        unsafe { T::compare_exchange(self.at(), current, new, success, failure) }
    }
}

impl<T: AtomicNumber> AtomicCell<T> {
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

impl<T: AtomicBits> AtomicCell<T> {
    operation! {
        /// Combines by "and", and gives what was there.
        fetch_and;
        /// Combines by "or", and gives what was there.
        fetch_or;
        /// Combines by "exclusive or", and gives what was there.
        fetch_xor;
    }
}

impl<T: AtomicValue + fmt::Debug> fmt::Debug for AtomicCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(Ordering::Relaxed).fmt(f)
    }
}

/// For the derive: what two programs compare of an atomic field.
pub trait AtomicField {
    /// Of the number in it.
    const FINGERPRINT: u64;
}

impl<T: AtomicValue + Fingerprint> AtomicField for AtomicCell<T> {
    const FINGERPRINT: u64 = <T as Fingerprint>::FINGERPRINT;
}

//! What an [`Atomic`](super::Atomic) can hold, and the operations of the processor for it.
#![allow(unsafe_code)]

use crate::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize, Ordering,
};
use std::ptr::NonNull;

/// Integers, `bool`, `f32` and `f64`. Sealed: memory is only ever touched by the processor's atomic operations of the type's size.
pub trait AtomicValue: Copy + PartialEq + sealed::Cell + 'static {}

/// What can be added and compared: integers and floats.
pub trait AtomicNumber: AtomicValue + sealed::Number {}

/// What has bits to combine: integers and `bool`.
pub trait AtomicBits: AtomicValue + sealed::Bits {}

pub(super) mod sealed {
    use super::{NonNull, Ordering};

    /// # Safety of every function
    ///
    /// `at` is aligned and lives through the call, and everybody who touches the memory does so by atomic operations of this size.
    #[allow(clippy::missing_safety_doc, reason = "said once, above")]
    pub trait Cell: Sized {
        const FINGERPRINT: u64;
        unsafe fn load(at: NonNull<Self>, order: Ordering) -> Self;
        unsafe fn store(at: NonNull<Self>, value: Self, order: Ordering);
        unsafe fn swap(at: NonNull<Self>, value: Self, order: Ordering) -> Self;
        unsafe fn compare_exchange(
            at: NonNull<Self>,
            current: Self,
            new: Self,
            success: Ordering,
            failure: Ordering,
        ) -> Result<Self, Self>;
    }

    #[allow(clippy::missing_safety_doc, reason = "as `Cell`")]
    pub trait Number: Cell {
        unsafe fn fetch_add(at: NonNull<Self>, value: Self, order: Ordering) -> Self;
        unsafe fn fetch_sub(at: NonNull<Self>, value: Self, order: Ordering) -> Self;
        unsafe fn fetch_min(at: NonNull<Self>, value: Self, order: Ordering) -> Self;
        unsafe fn fetch_max(at: NonNull<Self>, value: Self, order: Ordering) -> Self;
    }

    #[allow(clippy::missing_safety_doc, reason = "as `Cell`")]
    pub trait Bits: Cell {
        unsafe fn fetch_and(at: NonNull<Self>, value: Self, order: Ordering) -> Self;
        unsafe fn fetch_or(at: NonNull<Self>, value: Self, order: Ordering) -> Self;
        unsafe fn fetch_xor(at: NonNull<Self>, value: Self, order: Ordering) -> Self;
    }
}

/// The operations that the standard library's atomic has under the same name.
macro_rules! forward {
    ($atomic:ident: $($operation:ident)*) => {$(
        #[inline]
        unsafe fn $operation(at: NonNull<Self>, value: Self, order: Ordering) -> Self {
            // SAFETY: the caller's, by the contract of the trait.
            unsafe { $atomic::from_ptr(at.as_ptr().cast()) }.$operation(value, order)
        }
    )*};
}

macro_rules! cell {
    ($($value:ident $atomic:ident $kind:literal;)*) => {$(
        impl AtomicValue for $value {}

        impl sealed::Cell for $value {
            const FINGERPRINT: u64 = u64::from_be_bytes([b'm', b'p', b'.', b'a', b't', b'o', $kind, size_of::<Self>() as u8]);

            #[inline]
            unsafe fn load(at: NonNull<Self>, order: Ordering) -> Self {
                // SAFETY: the caller's, by the contract of the trait.
                unsafe { $atomic::from_ptr(at.as_ptr()) }.load(order)
            }

            #[inline]
            unsafe fn store(at: NonNull<Self>, value: Self, order: Ordering) {
                // SAFETY: the caller's, by the contract of the trait.
                unsafe { $atomic::from_ptr(at.as_ptr()) }.store(value, order);
            }

            #[inline]
            unsafe fn compare_exchange(
                at: NonNull<Self>,
                current: Self,
                new: Self,
                success: Ordering,
                failure: Ordering,
            ) -> Result<Self, Self> {
                // SAFETY: the caller's, by the contract of the trait.
                unsafe { $atomic::from_ptr(at.as_ptr()) }.compare_exchange(current, new, success, failure)
            }

            forward!($atomic: swap);
        }
    )*};
}

macro_rules! integer {
    ($($value:ident $atomic:ident;)*) => {$(
        impl AtomicNumber for $value {}
        impl AtomicBits for $value {}

        impl sealed::Number for $value {
            forward!($atomic: fetch_add fetch_sub fetch_min fetch_max);
        }

        impl sealed::Bits for $value {
            forward!($atomic: fetch_and fetch_or fetch_xor);
        }
    )*};
}

cell! {
    u8 AtomicU8 b'u'; u16 AtomicU16 b'u'; u32 AtomicU32 b'u'; u64 AtomicU64 b'u'; usize AtomicUsize b's';
    i8 AtomicI8 b'i'; i16 AtomicI16 b'i'; i32 AtomicI32 b'i'; i64 AtomicI64 b'i'; isize AtomicIsize b'z';
}

integer! {
    u8 AtomicU8; u16 AtomicU16; u32 AtomicU32; u64 AtomicU64; usize AtomicUsize;
    i8 AtomicI8; i16 AtomicI16; i32 AtomicI32; i64 AtomicI64; isize AtomicIsize;
}

impl AtomicValue for bool {}
impl AtomicBits for bool {}

/// A byte, of which anything but 0 is true: another process may have written any.
impl sealed::Cell for bool {
    const FINGERPRINT: u64 = u64::from_be_bytes(*b"mp.atob\x01");

    #[inline]
    unsafe fn load(at: NonNull<Self>, order: Ordering) -> Self {
        // SAFETY: the caller's; a bool is a byte.
        unsafe { <u8 as sealed::Cell>::load(at.cast(), order) != 0 }
    }

    #[inline]
    unsafe fn store(at: NonNull<Self>, value: Self, order: Ordering) {
        // SAFETY: the caller's; a bool is a byte.
        unsafe { <u8 as sealed::Cell>::store(at.cast(), u8::from(value), order) }
    }

    #[inline]
    unsafe fn swap(at: NonNull<Self>, value: Self, order: Ordering) -> Self {
        // SAFETY: the caller's; a bool is a byte.
        unsafe { <u8 as sealed::Cell>::swap(at.cast(), u8::from(value), order) != 0 }
    }

    #[inline]
    unsafe fn compare_exchange(
        at: NonNull<Self>,
        current: Self,
        new: Self,
        success: Ordering,
        failure: Ordering,
    ) -> Result<Self, Self> {
        // SAFETY: the caller's; a bool is a byte.
        let done = unsafe {
            <u8 as sealed::Cell>::compare_exchange(
                at.cast(),
                u8::from(current),
                u8::from(new),
                success,
                failure,
            )
        };
        done.map(|byte| byte != 0).map_err(|byte| byte != 0)
    }
}

macro_rules! bool_bits {
    ($($operation:ident)*) => {$(
        #[inline]
        unsafe fn $operation(at: NonNull<Self>, value: Self, order: Ordering) -> Self {
            // SAFETY: the caller's; a bool is a byte.
            unsafe { <u8 as sealed::Bits>::$operation(at.cast(), u8::from(value), order) != 0 }
        }
    )*};
}

impl sealed::Bits for bool {
    bool_bits!(fetch_and fetch_or fetch_xor);
}

/// Floats have no instructions of their own: their bits are exchanged, and arithmetic is a loop.
macro_rules! float {
    ($($value:ident $bits:ident $kind:literal;)*) => {$(
        impl AtomicValue for $value {}
        impl AtomicNumber for $value {}

        impl sealed::Cell for $value {
            const FINGERPRINT: u64 = u64::from_be_bytes([b'm', b'p', b'.', b'a', b't', b'o', $kind, size_of::<Self>() as u8]);

            #[inline]
            unsafe fn load(at: NonNull<Self>, order: Ordering) -> Self {
                // SAFETY: the caller's; a float and its bits have one size and alignment.
                Self::from_bits(unsafe { <$bits as sealed::Cell>::load(at.cast(), order) })
            }

            #[inline]
            unsafe fn store(at: NonNull<Self>, value: Self, order: Ordering) {
                // SAFETY: as in `load`.
                unsafe { <$bits as sealed::Cell>::store(at.cast(), value.to_bits(), order) }
            }

            #[inline]
            unsafe fn swap(at: NonNull<Self>, value: Self, order: Ordering) -> Self {
                // SAFETY: as in `load`.
                Self::from_bits(unsafe { <$bits as sealed::Cell>::swap(at.cast(), value.to_bits(), order) })
            }

            #[inline]
            unsafe fn compare_exchange(
                at: NonNull<Self>,
                current: Self,
                new: Self,
                success: Ordering,
                failure: Ordering,
            ) -> Result<Self, Self> {
                // SAFETY: as in `load`.
                let done = unsafe {
                    <$bits as sealed::Cell>::compare_exchange(at.cast(), current.to_bits(), new.to_bits(), success, failure)
                };
                done.map(Self::from_bits).map_err(Self::from_bits)
            }
        }

        impl sealed::Number for $value {
            float!(@ $value: fetch_add |a, b| a + b; fetch_sub |a, b| a - b; fetch_min |a, b| a.min(b); fetch_max |a, b| a.max(b););
        }
    )*};
    (@ $value:ident: $($operation:ident |$a:ident, $b:ident| $result:expr;)*) => {$(
        #[inline]
        unsafe fn $operation(at: NonNull<Self>, value: Self, order: Ordering) -> Self {
            // SAFETY: the caller's, by the contract of the trait.
            let mut seen = unsafe { <Self as sealed::Cell>::load(at, Ordering::Relaxed) };
            loop {
                let ($a, $b) = (seen, value);
                // SAFETY: as above.
                let done = unsafe { <Self as sealed::Cell>::compare_exchange(at, seen, $result, order, Ordering::Relaxed) };
                match done {
                    Ok(before) => return before,
                    Err(now) => seen = now,
                }
            }
        }
    )*};
}

float! {
    f32 u32 b'f';
    f64 u64 b'f';
}

//! The one facade for atomics: the standard library's, or loom's under `cfg(loom)`.
//!
//! Words in a segment are always the standard library's; algorithms that loom explores import their
//! words from here and run on the heap there.

#[cfg(not(loom))]
pub use std::sync::atomic::Ordering;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr, AtomicU8,
    AtomicU16, AtomicU32, AtomicU64, AtomicUsize, fence,
};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

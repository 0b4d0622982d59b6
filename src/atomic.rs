//! The one facade for atomics: the standard library's, or loom's under `cfg(loom)`.
//!
//! Words in a segment are always the standard library's; algorithms that loom explores import their
//! words from here and run on the heap there.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering,
};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

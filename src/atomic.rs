//! The one facade for atomics: the standard library's here, those of `loom` in the crate `models`, which explores the protocols.
//!
//! The files of a protocol take their words from `crate::atomic`, so `models` includes the same files with a facade of its own.

pub use std::sync::atomic::Ordering;
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr, AtomicU8,
    AtomicU16, AtomicU32, AtomicU64, AtomicUsize, compiler_fence, fence,
};

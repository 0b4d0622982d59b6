//! Processes that share memory: Python's `multiprocessing` for Rust.
//!
//! # Hello, world
//!
//! ```
//! use multiproc::{Lock, Segment, Value};
//!
//! # fn main() -> multiproc::Result<()> {
//! let (counter, lock) = (Value::new(0_i32)?, Lock::new()?);
//! {
//!     let _held = lock.lock()?; // Err if the last holder died inside; the error holds the guard
//!     counter.set(counter.get()? + 1)?;
//! }
//! assert_eq!(counter.get()?, 1);
//! # Ok(())
//! # }
//! ```
#![deny(unsafe_code, missing_docs)]

mod atomic;
mod error;
mod os;
mod segment;
mod sync;
mod shared;
mod process;

#[doc(hidden)]
pub mod __private;

pub use error::{Error, ErrorKind, Result};
pub use process::{Function, PanicReport};
pub use shared::{Fingerprint, Segment, SegmentBuilder, Value, ValueGuard};
pub use sync::{Lock, LockError, LockGuard};

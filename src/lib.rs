//! Processes that share memory: Python's `multiprocessing` for Rust.
//!
//! # Hello, world
//!
//! ```
//! use multiproc::{Lock, Value};
//!
//! fn worker(counter: Value<i32>, lock: Lock, id: u32) -> multiproc::Result<()> {
//!     for _ in 0..5 {
//!         let _held = lock.lock()?; // Err if the last holder died inside; the error holds the guard
//!         counter.set(counter.get()? + 1)?;
//!         println!("worker {id}: {}", counter.get()?);
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> multiproc::Result<()> {
//!     multiproc::init(); // a worker serves here and never returns; in the parent: nothing
//!     let (counter, lock) = (Value::new(0)?, Lock::new()?);
//!     let workers: Vec<_> = (0..3)
//!         .map(|id| multiproc::spawn(worker, (counter.clone(), lock.clone(), id)))
//!         .collect::<Result<_, _>>()?;
//!     for worker in workers {
//!         worker.join()??; // the process's fate, then the function's own result
//!     }
//!     assert_eq!(counter.get()?, 15);
//!     Ok(())
//! }
//! ```
#![deny(unsafe_code, missing_docs)]

mod atomic;
#[cfg(feature = "raw-sync")]
pub mod compat;
mod error;
mod os;
mod process;
mod segment;
mod shared;
mod sync;

#[doc(hidden)]
pub mod __private;

pub use atomic::Ordering;
pub use error::{Error, ErrorKind, Result};
pub use multiproc_macros::Shared;
pub use os::cpus::cpu_count;
pub use process::{
    ActiveChild, CurrentProcess, Function, PanicReport, ParentProcess, Process, ProcessBuilder,
    ProcessError, active_children, current, init, parent, spawn,
};
#[cfg(feature = "tracing")]
pub use process::{log_level, set_log_level};
pub use shared::{
    Array, ArrayBuilder, ArrayPart, ArrayPartGuard, ArrayParts, ArrayReadGuard, ArrayWriteGuard,
    Atomic, AtomicArray, AtomicBits, AtomicCell, AtomicNumber, AtomicValue, AtomicView, FileArray,
    FileArrayBuilder, Fingerprint, Placement, Published, Rows, RowsMut, Segment, SegmentBuilder,
    SegmentView, Shared, SharedFields, SharedGuard, SharedMemory, Tally, TallyCell, Value,
    ValueGuard,
};
pub use sync::{Lock, LockError, LockGuard};

/// Makes a test, doctest or bench executable serve as worker, without a call of [`init`] in a `main` that one cannot write.
///
/// Once in the executable, anywhere at module level. It runs before `main`, where the Rust runtime is not all there yet: a worker's main thread
/// has no name, for example. Programs with a `main` of their own call [`init`] there instead.
///
/// ```
/// multiproc::test_support!();
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! test_support {
    () => {
        const _: () = {
            #[used]
            #[unsafe(link_section = ".init_array")]
            static HOOK: extern "C" fn() = $crate::__private::init_before_main;
        };
    };
}

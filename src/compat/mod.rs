//! For programs that use the crate `raw_sync`: its traits, with locks and events that survive a killed process. Feature `raw-sync`.
//!
//! `raw_sync` puts pthread mutexes and condition variables into memory that the program gives it, and hands out
//! `Box<dyn LockImpl>` and `Box<dyn EventImpl>`. A process that is killed while it holds such a lock, or waits for such an event, hangs the others for ever. [`Mutex`] and [`Event`] here
//! implement the same traits, so a program changes by changing a type:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use multiproc::compat::Mutex; // was: use raw_sync::locks::Mutex;
//! use raw_sync::locks::{LockImpl, LockInit};
//!
//! let mut memory = [0_u64; 16];
//! let (start, data) = (memory.as_mut_ptr().cast::<u8>(), memory.as_mut_ptr().wrapping_add(15).cast());
//! // SAFETY: there is room for the lock, and nobody else uses the memory.
//! let (lock, used) = unsafe { Mutex::new(start, data) }?;
//! assert!(used <= 15 * 8);
//! {
//!     let guard = lock.lock()?;
//!     // SAFETY: the data lies behind the lock, and the lock is held.
//!     unsafe { guard.cast::<u64>().write(42) };
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What differs
//!
//! - Memory that `raw_sync` has initialised is not taken for ours, and the other way round: all programs that share it change together.
//! - After an owner died, each lock object that was there before hears of it once: its next `lock` or `try_lock` that would have got the lock is an
//!   [`Error`](crate::Error) of the kind [`OwnerDied`](crate::ErrorKind::OwnerDied). The lock is sound then, and nobody has it: lock again, look at the data, and repair it if nobody has done so.
//!   There is no poison: the guards of `raw_sync` have no place for it. Who opens the lock after the death was found hears nothing, so keep a word of your own in the data that says whether it is whole.
//! - `from_existing` of memory that holds no lock or event of ours is an error.
//! - Time-outs are exact, total and monotonic. A time-out of zero is a try.
//! - A thread that locks twice gets an error. A `release` by who does not hold the lock is an error and changes nothing.
//! - There is no `RwLock`: a pthread lock for readers cannot survive a dead reader. `rlock` of [`Mutex`] locks for one; [`Array`](crate::Array) has borrows for many.
//!
//! New programs use [`Lock`](crate::Lock) and [`Value`](crate::Value): they are faster, and their guards tell of the dead.

mod event;
mod mutex;
mod robust_lock;

pub use event::Event;
pub use mutex::Mutex;

/// A time-out of `raw_sync`.
fn deadline(timeout: raw_sync::Timeout) -> crate::os::clock::Deadline {
    use crate::os::clock::Deadline;
    match timeout {
        raw_sync::Timeout::Infinite => Deadline::NEVER,
        raw_sync::Timeout::Val(span) => Deadline::after(span),
    }
}

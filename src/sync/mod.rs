//! Locks across processes, and what happens when a holder dies.

mod bounded_semaphore;
mod event;
mod lock;
mod lock_error;
mod party;
mod placed;
mod raw_borrow;
mod raw_event;
mod raw_loan;
mod raw_lock;
mod raw_semaphore;
mod seats;
mod semaphore;
mod thread;

/// How many readers of one array, or parts of its writer, there can be at once: whoever waits for them watches each one's life,
/// and the kernel takes 128 words.
pub(crate) const CELLS: usize = 60;

pub use bounded_semaphore::BoundedSemaphore;
pub use event::Event;
pub use lock::{Lock, LockGuard};
pub use lock_error::LockError;
pub(crate) use raw_borrow::RawBorrow;
pub(crate) use raw_event::RawEvent;
pub(crate) use raw_lock::{RawLock, Taken};
pub(crate) use raw_semaphore::RawSemaphore;
pub(crate) use seats::Seats;
pub use semaphore::{Permit, Semaphore};
pub(crate) use thread::Thread;

//! Locks across processes, and what happens when a holder dies.

mod lock;
mod lock_error;
mod party;
mod raw_borrow;
mod raw_loan;
mod raw_lock;
mod thread;

pub use lock::{Lock, LockGuard};
pub use lock_error::LockError;
pub(crate) use raw_borrow::{CELLS, RawBorrow};
pub(crate) use raw_lock::{RawLock, Taken};
pub(crate) use thread::Thread;

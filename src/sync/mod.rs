//! Locks across processes, and what happens when a holder dies.

mod barrier;
mod barrier_error;
mod bounded_semaphore;
mod condition;
mod event;
mod lock;
mod lock_error;
pub(crate) mod outline;
pub(crate) mod party;
mod placed;
mod raw_barrier;
mod raw_bells;
mod raw_borrow;
mod raw_condition;
mod raw_event;
mod raw_guest;
mod raw_loan;
mod raw_lock;
mod raw_semaphore;
mod rlock;
mod rw_lock;
mod seats;
mod semaphore;
mod thread;
mod told;
mod waiting;

/// How many readers of one array, or parts of its writer, there can be at once: whoever waits for them watches each one's life,
/// and the kernel takes 128 words.
pub(crate) const CELLS: usize = 60;

pub use barrier::{Barrier, BarrierBuilder};
pub use barrier_error::BarrierError;
pub use bounded_semaphore::BoundedSemaphore;
pub use condition::{Condition, ConditionLock};
pub use event::Event;
pub use lock::{Lock, LockGuard};
pub use lock_error::LockError;
pub(crate) use placed::{Placed, Words};
pub(crate) use raw_barrier::RawBarrier;
pub(crate) use raw_bells::{Looked, RawBells, Watcher};
pub(crate) use raw_borrow::RawBorrow;
pub(crate) use raw_event::RawEvent;
pub(crate) use raw_lock::{RawLock, Taken};
pub(crate) use raw_semaphore::RawSemaphore;
pub use rlock::{RLock, RLockGuard};
pub use rw_lock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub(crate) use seats::Seats;
pub use semaphore::{Permit, Semaphore};
pub(crate) use thread::Thread;
pub use waiting::{Readable, Readiness, Waitable, wait};
pub(crate) use waiting::{Slept, Spots, Watch, Watchable, Watching};

//! The library's files of this layer that have protocols.

#[path = "../../src/sync/party.rs"]
pub mod party;
#[path = "../../src/sync/raw_barrier.rs"]
pub mod raw_barrier;
#[path = "../../src/sync/raw_bells.rs"]
pub mod raw_bells;
#[path = "../../src/sync/raw_borrow.rs"]
pub mod raw_borrow;
#[path = "../../src/sync/raw_condition.rs"]
pub mod raw_condition;
#[path = "../../src/sync/raw_event.rs"]
pub mod raw_event;
#[path = "../../src/sync/raw_guest.rs"]
mod raw_guest;
#[path = "../../src/sync/raw_loan.rs"]
mod raw_loan;
#[path = "../../src/sync/raw_lock.rs"]
pub mod raw_lock;
#[path = "../../src/sync/raw_semaphore.rs"]
pub mod raw_semaphore;
#[path = "../../src/sync/seats.rs"]
pub mod seats;

/// Few, so that all of them are looked at soon. With one, readers wait for cells.
pub const CELLS: usize = if cfg!(feature = "one_cell") { 1 } else { 2 };

pub(crate) use raw_bells::{Looked, RawBells, Watcher};
pub(crate) use raw_borrow::RawBorrow;
pub(crate) use raw_lock::RawLock;
pub(crate) use seats::Seats;

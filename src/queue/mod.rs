//! Items between processes: rings and queues.

mod format;
mod handles;
mod lease;
mod loan;
mod memory;
#[expect(clippy::module_inception, reason = "one type a file, by its name")]
mod queue;
mod queue_builder;
mod raw_queue;
mod send_error;
mod slot;

pub use format::{Encoded, Format, InPlace};
use handles::fingerprint;
pub use lease::Lease;
pub use loan::{Loan, Received};
pub use queue::Queue;
pub use queue_builder::QueueBuilder;
pub use send_error::SendError;

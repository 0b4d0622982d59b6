//! Items between processes: rings and queues.

mod channel;
mod channel_side;
mod format;
mod handles;
mod joinable_queue;
mod lease;
mod loan;
mod memory;
#[expect(clippy::module_inception, reason = "one type a file, by its name")]
mod queue;
mod queue_builder;
mod raw_queue;
mod send_error;
mod slot;

pub use channel::{Receiver, Sender, channel, channel_in_place};
pub use format::{Encoded, Format, InPlace};
use handles::fingerprint;
pub use joinable_queue::JoinableQueue;
pub use lease::Lease;
pub use loan::{Loan, Received};
pub use queue::Queue;
pub use queue_builder::QueueBuilder;
pub use send_error::SendError;

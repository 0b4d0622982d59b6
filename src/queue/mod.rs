//! Items between processes: rings and queues.

mod batch;
mod channel;
mod channel_side;
mod format;
mod handles;
mod joinable_queue;
mod lease;
mod loan;
mod memory;
mod published;
#[expect(clippy::module_inception, reason = "one type a file, by its name")]
mod queue;
mod queue_builder;
mod raw_queue;
mod raw_ring;
mod ring;
mod ring_consumer;
mod ring_error;
mod ring_handles;
mod ring_memory;
mod ring_producer;
mod ring_read_chunk;
mod ring_write_chunk;
mod send_error;
mod slot;
mod transfer;

pub use channel::{Receiver, Sender, channel, channel_in_place};
pub use format::{Encoded, Format, InPlace};
use handles::fingerprint;
pub use joinable_queue::JoinableQueue;
pub use lease::Lease;
pub use loan::{Loan, Received};
pub use queue::Queue;
pub use queue_builder::QueueBuilder;
pub use ring::Ring;
pub use ring_consumer::{RingConsumer, RingItems};
pub use ring_error::RingError;
pub use ring_handles::{RingReceiver, RingSender};
pub use ring_producer::RingProducer;
pub use ring_read_chunk::RingReadChunk;
pub use ring_write_chunk::RingWriteChunk;
pub use send_error::SendError;

//! Items between processes: rings and queues.

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
mod slot;

pub use ring::Ring;
pub use ring_consumer::{RingConsumer, RingItems};
pub use ring_error::RingError;
pub use ring_handles::{RingReceiver, RingSender};
pub use ring_producer::RingProducer;
pub use ring_read_chunk::RingReadChunk;
pub use ring_write_chunk::RingWriteChunk;

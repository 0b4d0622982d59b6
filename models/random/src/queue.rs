//! The library's files of this layer that have protocols.

#[path = "../../../src/queue/raw_queue.rs"]
pub mod raw_queue;
#[path = "../../../src/queue/slot.rs"]
pub mod slot;

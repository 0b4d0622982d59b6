//! Items between processes: rings and queues.

mod raw_queue;
mod slot;

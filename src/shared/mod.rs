//! Typed data in shared memory.

mod fingerprint;
mod names;
mod segment;
mod value;

pub use fingerprint::Fingerprint;
pub use names::Published;
pub use segment::{Segment, SegmentBuilder};
pub use value::{Value, ValueGuard};

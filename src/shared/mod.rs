//! Typed data in shared memory.

mod array;
mod codec;
mod fingerprint;
mod lock_handle;
mod names;
mod segment;
mod transport;
mod value;

pub use array::{Array, ArrayReadGuard, ArrayWriteGuard};
pub(crate) use codec::{Message, decode, encode};
pub use fingerprint::Fingerprint;
pub use names::Published;
pub use segment::{Segment, SegmentBuilder};
pub use value::{Value, ValueGuard};

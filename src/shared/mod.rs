//! Typed data in shared memory.

mod array;
mod array_builder;
mod array_parts;
mod atomic;
mod atomic_array;
mod atomic_value;
mod codec;
mod file_array;
mod fingerprint;
mod lock_handle;
mod names;
mod rows;
mod segment;
mod tally;
mod transport;
mod value;
mod view;

pub use array::{Array, ArrayReadGuard, ArrayWriteGuard};
pub use array_builder::{ArrayBuilder, Placement};
pub use array_parts::{ArrayPart, ArrayPartGuard, ArrayParts};
pub use atomic::Atomic;
pub use atomic_array::AtomicArray;
pub use atomic_value::{AtomicBits, AtomicNumber, AtomicValue};
pub(crate) use codec::{Message, decode, encode};
pub use file_array::{FileArray, FileArrayBuilder};
pub use fingerprint::Fingerprint;
pub use names::Published;
pub use rows::{Rows, RowsMut};
pub use segment::{Segment, SegmentBuilder};
pub use tally::{Tally, TallyCell};
pub use value::{Value, ValueGuard};
pub use view::{AtomicView, SegmentView};

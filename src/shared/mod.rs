//! Typed data in shared memory.

mod array;
mod array_builder;
mod array_host;
mod array_loan;
mod array_parts;
mod atomic;
mod atomic_array;
mod atomic_cell;
mod atomic_value;
mod codec;
mod file_array;
mod fingerprint;
mod name_outline;
mod names;
mod once_value;
mod rows;
mod segment;
mod shared_memory;
mod shared_struct;
mod sync_handles;
mod tally;
pub(crate) mod transport;
mod value;
mod view;

pub use array::{Array, ArrayReadGuard, ArrayWriteGuard};
pub use array_builder::{ArrayBuilder, Placement};
pub(crate) use array_host::ArrayHost;
pub(crate) use array_loan::{ArrayLoan, ArraySeats};
pub use array_parts::{ArrayPart, ArrayPartGuard, ArrayParts};
pub use atomic::Atomic;
pub use atomic_array::AtomicArray;
pub use atomic_cell::{AtomicCell, AtomicField};
pub use atomic_value::{AtomicBits, AtomicNumber, AtomicValue};
pub(crate) use codec::{
    Encoded, Message, decode, decode_all, encode, encode_into, encode_short, reuse,
};
pub use file_array::{FileArray, FileArrayBuilder};
pub use fingerprint::Fingerprint;
pub(crate) use fingerprint::{START, mix, mix_text};
pub(crate) use name_outline::NameOutline;
pub use names::Published;
pub use once_value::OnceValue;
pub use rows::{Rows, RowsMut};
pub use segment::{Segment, SegmentBuilder};
pub use shared_memory::SharedMemory;
pub use shared_struct::{Shared, SharedFields, SharedGuard};
pub use tally::{Tally, TallyCell};
pub use value::{Value, ValueGuard};
pub use view::{AtomicView, SegmentView};

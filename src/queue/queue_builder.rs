//! `QueueBuilder`: a queue with more said about it.

use super::Queue;
use crate::{Error, ErrorKind, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::marker::PhantomData;

/// How many bytes of an item lie in its slot, if nothing else is said and the type is not larger: with what a slot says about it, two cache lines.
const INLINE_BYTES: usize = 112;
/// The most bytes of an item that lie in its slot.
const MAX_INLINE_BYTES: usize = 1 << 20;

/// Makes a [`Queue`] with more said about it: see [`Queue::builder`].
#[derive(Debug)]
#[must_use = "`build` makes the queue"]
pub struct QueueBuilder<T> {
    capacity: usize,
    inline_bytes: usize,
    _items: PhantomData<fn(T) -> T>,
}

impl<T: Serialize + DeserializeOwned + 'static> QueueBuilder<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let inline_bytes = INLINE_BYTES.max(size_of::<T>()).min(MAX_INLINE_BYTES);
        Self { capacity, inline_bytes, _items: PhantomData }
    }

    /// Items that are encoded in so many bytes, 112 or the size of the type if nothing is said, lie in the queue; larger ones get a block of the shared memory each, which costs some hundred nanoseconds.
    pub fn inline_bytes(self, bytes: usize) -> Self {
        Self { inline_bytes: bytes, ..self }
    }

    /// The queue, in the session's shared memory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a capacity of zero, one that is absurd, or more than 1 MiB for each item. When the shared memory cannot be made or grown: [`ErrorKind::NoSpace`] and the like.
    pub fn build(self) -> Result<Queue<T>> {
        let Self { capacity, inline_bytes, .. } = self;
        check_inline_bytes(inline_bytes)?;
        Queue::make(&crate::segment::session()?, capacity, inline_bytes)
    }
}

/// An error if that is more than an item may have in its slot.
pub(super) fn check_inline_bytes(bytes: usize) -> Result<()> {
    if bytes > MAX_INLINE_BYTES {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "{bytes} bytes in the slot of each item were wanted; it is {MAX_INLINE_BYTES} at the most, and larger items need no slot of their size"
            ),
        ));
    }
    Ok(())
}

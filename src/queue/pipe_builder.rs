//! `PipeBuilder`: a pipe with more said about it.

use super::{Connection, Incoming, Outgoing, messages::one_way, queue_builder::check_inline_bytes};
use crate::{Result, segment::session};

const CAPACITY: usize = 64;
/// With what a slot says about its message, a KiB.
const INLINE_BYTES: usize = 1024 - 12;

/// Makes the ends of a pipe with more said about it: see [`Pipe::builder`](crate::Pipe::builder).
#[derive(Clone, Copy, Debug)]
#[must_use = "`build` makes the ends"]
pub struct PipeBuilder {
    capacity: usize,
    inline_bytes: usize,
}

impl PipeBuilder {
    pub(super) fn new() -> Self {
        Self { capacity: CAPACITY, inline_bytes: INLINE_BYTES }
    }

    /// How many messages may be on their way, each way; 64 if nothing is said. Who sends one more waits.
    pub fn capacity(self, messages: usize) -> Self {
        Self { capacity: messages, ..self }
    }

    /// Messages of so many bytes, 1,012 if nothing is said, lie in the pipe itself; larger ones, and those with handles in them, get a block of the shared memory each, which costs some hundred nanoseconds.
    pub fn inline_bytes(self, bytes: usize) -> Self {
        Self { inline_bytes: bytes, ..self }
    }

    /// Two ends, both of which send and receive, in the session's shared memory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a capacity of zero, one that is absurd, or more than 1 MiB for each message. When the shared memory cannot be made or grown:
    /// [`ErrorKind::NoSpace`](crate::ErrorKind::NoSpace) and the like.
    pub fn build(self) -> Result<(Connection, Connection)> {
        let Self { capacity, inline_bytes } = self;
        check_inline_bytes(inline_bytes)?;
        let root = session()?;
        let (first_in, second_out) = one_way(&root, capacity, inline_bytes)?;
        let (second_in, first_out) = one_way(&root, capacity, inline_bytes)?;
        Ok((
            Connection::of_ends(Some(first_in), Some(first_out))?,
            Connection::of_ends(Some(second_in), Some(second_out))?,
        ))
    }

    /// A reader and a writer, in the session's shared memory.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_one_way(self) -> Result<(Connection<Incoming>, Connection<Outgoing>)> {
        let Self { capacity, inline_bytes } = self;
        check_inline_bytes(inline_bytes)?;
        let (incoming, outgoing) = one_way(&session()?, capacity, inline_bytes)?;
        Ok((Connection::of_ends(Some(incoming), None)?, Connection::of_ends(None, Some(outgoing))?))
    }
}

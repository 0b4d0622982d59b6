//! Handles in messages: how a block travels, and that it travels only with us.
//!
//! While one of our transports encodes a message, each handle in it leaves its block here, so that the transport can keep the blocks
//! pinned until the message has arrived. Serialising a handle elsewhere is an error: bytes own nothing.

use crate::{
    Error, ErrorKind, Result,
    os::object::Access,
    segment::{self, Block, BlockId, MemberId, Place},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

/// What one of our transports does on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    Outside,
    Sending,
    Receiving,
}

/// Beside the mode: handles have left something. Messages without handles do not look.
const HAS_LEFT: u8 = 1 << 7;

/// What the handles of a message have left.
#[derive(Default)]
struct Left {
    blocks: Vec<Block>,
    /// The first error of a handle that arrives: the decoder's own has no room for it.
    error: Option<Error>,
}

thread_local! {
    static MODE: Cell<u8> = const { Cell::new(Mode::Outside as u8) };
    /// Of the transport that runs, if its mode says so, behind that of those within which it runs.
    static LEFT: RefCell<Vec<Left>> = const { RefCell::new(Vec::new()) };
}

/// An encoder or decoder runs on this thread until this is dropped, by a panic perhaps; within another one, perhaps.
#[derive(Debug)]
pub(crate) struct Transport {
    before: u8,
}

impl Transport {
    /// It begins.
    #[inline]
    pub(crate) fn begin(mode: Mode) -> Self {
        Self { before: MODE.replace(mode as u8) }
    }

    /// It has ended; whether there were handles.
    #[inline]
    pub(crate) fn has_left(self) -> bool {
        MODE.get() & HAS_LEFT != 0
    }

    /// It has ended; the blocks of all handles that it met.
    #[inline]
    pub(crate) fn blocks(self) -> Vec<Block> {
        if MODE.get() & HAS_LEFT == 0 { Vec::new() } else { take_left().blocks }
    }

    /// It has ended with this error, in the place of which is that of a handle that it met.
    #[cold]
    pub(crate) fn error_or(self, error: Error) -> Error {
        let left = (MODE.get() & HAS_LEFT != 0).then(take_left);
        left.and_then(|left| left.error).unwrap_or(error)
    }
}

impl Drop for Transport {
    #[inline]
    fn drop(&mut self) {
        if MODE.replace(self.before) & HAS_LEFT != 0 {
            drop_left();
        }
    }
}

/// The caller's own.
#[cold]
fn take_left() -> Left {
    MODE.set(MODE.get() & !HAS_LEFT);
    LEFT.with_borrow_mut(Vec::pop).unwrap_or_default()
}

#[cold]
fn drop_left() {
    drop(LEFT.with_borrow_mut(Vec::pop));
}

/// Leaves something for the transport.
fn leave(change: impl FnOnce(&mut Left)) {
    let mode = MODE.get();
    LEFT.with_borrow_mut(|all| {
        if mode & HAS_LEFT == 0 {
            all.push(Left::default());
        }
        if let Some(left) = all.last_mut() {
            change(left);
        }
    });
    MODE.set(mode | HAS_LEFT);
}

fn is(mode: Mode) -> bool {
    MODE.get() & !HAS_LEFT == mode as u8
}

/// A handle as it travels.
#[derive(Debug, Serialize, Deserialize)]
struct Wire {
    /// Where the root is, unless it is the session's.
    place: Option<Place>,
    nonce: [u8; 16],
    member: u32,
    member_generation: u32,
    block: u32,
    generation: u32,
    fingerprint: u64,
}

#[cold]
fn outside<E: ser::Error>() -> E {
    E::custom(
        "a handle of shared memory can be sent as an argument, a result or an item of a queue only: outside these nothing \
         would keep the object alive",
    )
}

/// Serialises the handle of something that is in no segment, and keeps itself alive: what is sent instead of it.
pub(crate) fn send_other<S: Serializer>(
    wire: &impl Serialize,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    if !is(Mode::Sending) {
        return Err(outside());
    }
    wire.serialize(serializer)
}

/// Serialises a handle.
pub(crate) fn send<S: Serializer>(
    block: &Block,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    if !is(Mode::Sending) {
        return Err(outside());
    }
    leave(|left| left.blocks.push(block.clone()));
    let BlockId { member, block: number } = block.id();
    let root = block.root();
    let is_session = segment::session().is_ok_and(|session| Arc::ptr_eq(&session, root));
    Wire {
        place: (!is_session).then(|| root.place().clone()),
        nonce: root.nonce(),
        member: member.index,
        member_generation: member.generation,
        block: number,
        generation: block.generation(),
        fingerprint: block.contents().0,
    }
    .serialize(serializer)
}

/// Deserialises a handle of an object with this fingerprint, and pins its block.
pub(crate) fn receive<'de, D: Deserializer<'de>>(
    deserializer: D,
    fingerprint: u64,
    wanted: &str,
) -> std::result::Result<Block, D::Error> {
    receive_other(deserializer, |wire| open(&wire, fingerprint, wanted))
}

/// Deserialises what was sent instead of a handle, and makes the handle of it.
pub(crate) fn receive_other<'de, D: Deserializer<'de>, W: Deserialize<'de>, T>(
    deserializer: D,
    open: impl FnOnce(W) -> Result<T>,
) -> std::result::Result<T, D::Error> {
    let wire = W::deserialize(deserializer)?;
    let opened = if is(Mode::Receiving) {
        open(wire)
    } else {
        Err(Error::new(
            ErrorKind::OutsideTransport,
            "a handle of shared memory can be received as an argument, a result or an item of a queue only",
        ))
    };
    opened.map_err(|error| {
        let text = error.to_string();
        leave(|left| {
            left.error.get_or_insert(error);
        });
        de::Error::custom(text)
    })
}

fn open(wire: &Wire, fingerprint: u64, wanted: &str) -> Result<Block> {
    let root = match (segment::find_nonce(wire.nonce), &wire.place) {
        (Some(root), _) => root,
        (None, Some(place)) => segment::attach(place.clone(), Access::ReadWrite)?,
        (None, None) => segment::session()?,
    };
    if root.nonce() != wire.nonce {
        return Err(Error::new(
            ErrorKind::StaleHandle,
            format!(
                "the handle names an object of another segment that was called {}",
                root.name()
            ),
        ));
    }
    let member = MemberId { index: wire.member, generation: wire.member_generation };
    let block = root.pin(BlockId { member, block: wire.block }, wire.generation)?;
    if wire.fingerprint != fingerprint || block.contents().0 != fingerprint {
        return Err(Error::new(
            ErrorKind::WrongType,
            format!("the handle does not name an object of type {wanted}"),
        ));
    }
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic;

    fn leave_error() {
        let error = || Error::new(ErrorKind::WrongType, "of a handle");
        leave(|left| left.error = Some(error()));
    }

    fn is_nothing_left() -> bool {
        is(Mode::Outside) && LEFT.with_borrow(Vec::is_empty)
    }

    #[test]
    fn what_handles_leave_is_of_the_transport_that_met_them() {
        let outer = Transport::begin(Mode::Sending);
        leave_error();
        let inner = Transport::begin(Mode::Receiving);
        assert!(is(Mode::Receiving));
        assert!(!inner.has_left());
        let inner = Transport::begin(Mode::Receiving);
        leave_error();
        let other = Error::new(ErrorKind::Decode, "of the decoder");
        assert_eq!(inner.error_or(other).kind(), ErrorKind::WrongType);
        assert!(is(Mode::Sending) && outer.has_left());
        assert!(is_nothing_left());
    }

    #[test]
    fn a_panic_ends_it() {
        let panics = || {
            let _sending = Transport::begin(Mode::Sending);
            leave_error();
            panic!("in the middle");
        };
        assert!(panic::catch_unwind(panics).is_err());
        assert!(is_nothing_left());
    }
}

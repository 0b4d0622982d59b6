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
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Outside,
    Sending,
    Receiving,
}

/// What the handles of a message have left.
#[derive(Default)]
struct Left {
    blocks: Vec<Block>,
    /// The first error of a handle that arrives: the decoder's own has no room for it.
    error: Option<Error>,
}

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode::Outside) };
    /// Whether there is something in `LEFT`: messages without handles do not look.
    static HAS_LEFT: Cell<bool> = const { Cell::new(false) };
    static LEFT: RefCell<Left> = const { RefCell::new(Left { blocks: Vec::new(), error: None }) };
}

/// Runs an encoder or decoder; gives what the handles that it met have left.
#[inline]
fn during<T>(mode: Mode, work: impl FnOnce() -> T) -> (T, Option<Left>) {
    let before = MODE.replace(mode);
    let outer = HAS_LEFT.replace(false).then(|| LEFT.take());
    let done = work();
    MODE.set(before);
    let left = HAS_LEFT.replace(false).then(|| LEFT.take());
    if let Some(outer) = outer {
        LEFT.set(outer);
        HAS_LEFT.set(true);
    }
    (done, left)
}

/// Leaves something for the transport.
fn leave(change: impl FnOnce(&mut Left)) {
    LEFT.with_borrow_mut(change);
    HAS_LEFT.set(true);
}

/// Runs an encoder; gives the blocks of all handles that it met.
#[inline]
pub(crate) fn sending<T>(encode: impl FnOnce() -> T) -> (T, Vec<Block>) {
    let (encoded, left) = during(Mode::Sending, encode);
    (encoded, left.map_or_else(Vec::new, |left| left.blocks))
}

/// Runs a decoder. An error of a handle in the message takes the place of the decoder's.
#[inline]
pub(crate) fn receiving<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    let (decoded, left) = during(Mode::Receiving, decode);
    match left.and_then(|left| left.error) {
        Some(error) => decoded.map_err(|_| error),
        None => decoded,
    }
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
    if MODE.get() != Mode::Sending {
        return Err(outside());
    }
    wire.serialize(serializer)
}

/// Serialises a handle.
pub(crate) fn send<S: Serializer>(
    block: &Block,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    if MODE.get() != Mode::Sending {
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
    let opened = if MODE.get() == Mode::Receiving {
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

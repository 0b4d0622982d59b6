//! How messages lie in a connection's slots: encoded values, whose type each call says, and bytes as they are. A mark beside each tells which.

use super::{
    Queue, Receiver, Sender, channel,
    format::{BYTES, SlotFormat, is_bytes, of_bytes, prepare_bytes, prepare_value, read_encoded},
    memory::Memory,
    raw_queue::{Claim, Peers},
    transfer::{self, Found},
};
use crate::{Error, ErrorKind, Result, os::clock::Deadline, segment::Root, shared::decode};
use serde::{Serialize, de::DeserializeOwned};
use std::{alloc::Layout, sync::Arc};

/// The format of messages.
#[derive(Debug)]
pub(crate) enum Messages {}

pub(crate) type MessageSender = Sender<(), Messages>;
pub(crate) type MessageReceiver = Receiver<(), Messages>;

impl SlotFormat<()> for Messages {
    const HAS_LARGE_ITEMS: bool = true;
    const KIND: u64 = u64::from_be_bytes(*b"mp.Conn.");

    fn layout(inline_bytes: usize) -> Layout {
        of_bytes(inline_bytes)
    }
}

/// One direction: both its ends.
pub(crate) fn one_way(
    root: &Arc<Root>,
    capacity: usize,
    inline_bytes: usize,
) -> Result<(MessageReceiver, MessageSender)> {
    let (sender, receiver) = channel::both(Queue::make(root, capacity, inline_bytes)?)?;
    Ok((receiver, sender))
}

/// Sends a value.
pub(crate) fn send<T: Serialize + ?Sized>(
    memory: &Memory,
    value: &T,
    peers: &impl Peers,
    deadline: Deadline,
) -> Result<()> {
    let thread = memory.thread()?;
    prepare_value(memory, value, |body| transfer::put(memory, thread, body, 0, peers, deadline))?
}

/// Sends bytes.
pub(crate) fn send_bytes(
    memory: &Memory,
    bytes: &[u8],
    peers: &impl Peers,
    deadline: Deadline,
) -> Result<()> {
    let thread = memory.thread()?;
    prepare_bytes(memory, bytes, |body| {
        transfer::put(memory, thread, body, BYTES, peers, deadline)
    })?
}

/// Receives a value.
pub(crate) fn recv<T: DeserializeOwned>(
    memory: &Memory,
    peers: &impl Peers,
    deadline: Deadline,
) -> Result<T> {
    let read = |claim| {
        if is_bytes(memory, claim) {
            return Found::Refused(refused("bytes, which `recv_bytes` receives", "a value"));
        }
        Found::of(read_encoded(memory, claim, decode))
    };
    get(memory, peers, deadline, read)
}

/// Receives bytes: what `take` makes of them.
pub(crate) fn recv_bytes<R>(
    memory: &Memory,
    peers: &impl Peers,
    deadline: Deadline,
    mut take: impl FnMut(&[u8]) -> R,
) -> Result<R> {
    let read = |claim| {
        if !is_bytes(memory, claim) {
            return Found::Refused(refused("a value, which `recv` receives", "bytes"));
        }
        Found::of(read_encoded(memory, claim, |bytes| Ok(take(bytes))))
    };
    get(memory, peers, deadline, read)
}

fn get<R>(
    memory: &Memory,
    peers: &impl Peers,
    deadline: Deadline,
    read: impl FnMut(Claim) -> Found<R>,
) -> Result<R> {
    transfer::get(memory, peers, deadline, |_, _| false, read)
}

#[cold]
fn refused(found: &str, wanted: &str) -> Error {
    Error::new(
        ErrorKind::WrongType,
        format!("the next message is {found}, and {wanted} was wanted; it is still there"),
    )
}

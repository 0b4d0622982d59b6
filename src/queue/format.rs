//! How items lie in a queue's slots.

use super::{
    memory::Memory,
    raw_queue::{Claim, Closing},
};
use crate::{
    Error, ErrorKind, Result,
    atomic::Ordering,
    segment::{Block, Parcel},
    shared::{Encoded as Bytes, Message, decode, encode_into, reuse},
};
use bytemuck::Pod;
use serde::{Serialize, de::DeserializeOwned};
use std::{alloc::Layout, any::type_name, sync::Arc};

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Encoded {}
    impl Sealed for super::InPlace {}
}

/// What the slots are like in which items of type `T` lie.
pub(crate) trait SlotFormat<T>: 'static {
    /// Whether items may be larger than a slot.
    const HAS_LARGE_ITEMS: bool;
    const KIND: u64;

    /// What a slot holds that has at least so many bytes.
    fn layout(inline_bytes: usize) -> Layout;
}

/// How items of type `T` lie in a queue: [`Encoded`] or [`InPlace`].
#[allow(private_interfaces, private_bounds, reason = "sealed: nobody outside names its methods")]
pub trait Format<T>: sealed::Sealed + SlotFormat<T> {
    /// Runs `then` with the item as it is written.
    #[doc(hidden)]
    fn prepare<R>(memory: &Memory, item: &T, then: impl FnOnce(Body<'_>) -> R) -> Result<R>;

    /// Copies the item in a slot that may change hands meanwhile; `false` where it cannot be had without having the slot.
    #[doc(hidden)]
    fn copy(memory: &Memory, index: u32, item: &mut Option<T>) -> bool;

    /// The item in a slot that the caller has for reading; `None` when somebody that died has had it already.
    #[doc(hidden)]
    fn read(memory: &Memory, claim: Claim) -> Result<Option<T>>;
}

/// Any type that can be serialised, handles included. The item is encoded into its slot, or into a block of its own if it is larger or has handles in it.
#[derive(Debug)]
pub enum Encoded {}

/// Types whose bytes are all there is to them ([`Pod`]): the item lies in its slot as it is, can be written there, and read there.
#[derive(Debug)]
pub enum InPlace {}

/// An item as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    Inline(&'a [u8]),
    Large(&'a Parcel),
}

/// In a slot's length: the item is listed in the table.
const LARGE: u32 = 1 << 31;
/// In a slot's length: the item is bytes as somebody gave them, and no encoded value. No inline item is as long.
pub(crate) const BYTES: u32 = 1 << 30;
/// A large item of a queue.
const ITEM: u64 = u64::from_be_bytes(*b"mp.item.");
/// How many bytes an item may have that is encoded without a detour over the heap.
const SMALL: usize = 256;

/// The most bytes of one item.
pub(crate) const MAX_ITEM_BYTES: usize = 1 << 30;

impl Body<'_> {
    /// Writes it to a slot that the caller has for writing, and beside it what else is said of it: nothing, or [`BYTES`].
    #[inline]
    pub(crate) fn write(self, memory: &Memory, claim: Claim, mark: u32) {
        let length = match self {
            Self::Inline(bytes) => {
                memory.write(claim, bytes);
                bytes.len() as u32
            }
            Self::Large(item) => {
                memory.list(claim, item);
                LARGE
            }
        };
        if let Some(place) = memory.length(claim) {
            // Relaxed, as all that lies beside a slot's word: the word carries it.
            place.store(length | mark, Ordering::Relaxed);
        }
    }
}

/// The item in the slot is the caller's, whatever becomes of the caller: if it was large, it is listed no more.
#[inline]
pub(crate) fn acknowledge(memory: &Memory, claim: Claim) {
    if length(memory, claim) & LARGE != 0 {
        memory.unlist(claim.index);
    }
}

/// What the writer of a slot said of its item.
#[inline]
fn length(memory: &Memory, claim: Claim) -> u32 {
    memory.length(claim).map_or(0, |length| length.load(Ordering::Relaxed))
}

/// Whether the item in a slot that the caller has is bytes as somebody gave them.
pub(crate) fn is_bytes(memory: &Memory, claim: Claim) -> bool {
    length(memory, claim) & BYTES != 0
}

impl<T: Serialize + DeserializeOwned + 'static> SlotFormat<T> for Encoded {
    const HAS_LARGE_ITEMS: bool = true;
    const KIND: u64 = u64::from_be_bytes(*b"mp.Queue");

    fn layout(inline_bytes: usize) -> Layout {
        of_bytes(inline_bytes)
    }
}

/// What holds so many bytes.
pub(crate) fn of_bytes(count: usize) -> Layout {
    Layout::from_size_align(count, 1).unwrap_or(Layout::new::<u8>())
}

#[allow(private_interfaces, private_bounds, reason = "sealed: nobody outside names its methods")]
impl<T: Serialize + DeserializeOwned + 'static> Format<T> for Encoded {
    #[inline]
    fn prepare<R>(memory: &Memory, item: &T, then: impl FnOnce(Body<'_>) -> R) -> Result<R> {
        prepare_value(memory, item, then)
    }

    #[inline]
    fn copy(_: &Memory, _: u32, _: &mut Option<T>) -> bool {
        false
    }

    fn read(memory: &Memory, claim: Claim) -> Result<Option<T>> {
        read_encoded(memory, claim, decode)
    }
}

/// Runs `then` with a value as it is written.
#[inline]
pub(crate) fn prepare_value<T: Serialize + ?Sized, R>(
    memory: &Memory,
    value: &T,
    then: impl FnOnce(Body<'_>) -> R,
) -> Result<R> {
    let mut buffer = [0; SMALL];
    let room = memory.item_bytes().min(SMALL);
    match encode_into(value, &mut buffer[..room])? {
        Bytes::Written(bytes) => Ok(then(Body::Inline(bytes))),
        Bytes::Message(Message { bytes, handles })
            if handles.is_empty() && bytes.len() <= memory.item_bytes() =>
        {
            let answer = then(Body::Inline(&bytes));
            reuse(bytes);
            Ok(answer)
        }
        Bytes::Message(Message { bytes, handles }) => {
            let item = parcel(memory, type_name::<T>(), &bytes, &handles)?;
            // Before the wait for room.
            reuse(bytes);
            Ok(then(Body::Large(&item)))
        }
    }
}

/// Runs `then` with bytes as they are written.
pub(crate) fn prepare_bytes<R>(
    memory: &Memory,
    bytes: &[u8],
    then: impl FnOnce(Body<'_>) -> R,
) -> Result<R> {
    if bytes.len() <= memory.item_bytes() {
        return Ok(then(Body::Inline(bytes)));
    }
    let item = parcel(memory, "message", bytes, &[])?;
    Ok(then(Body::Large(&item)))
}

/// Runs `then` with the bytes of the item in a slot that the caller has for reading; `None` when somebody that died has had it already, or the queue was closed at once.
pub(crate) fn read_encoded<R>(
    memory: &Memory,
    claim: Claim,
    then: impl FnOnce(&[u8]) -> Result<R>,
) -> Result<Option<R>> {
    let length = length(memory, claim) & !BYTES;
    if length & LARGE == 0 {
        return then(memory.read(claim, length as usize)).map(Some);
    }
    match memory.listed(claim, ITEM) {
        Ok(Some(item)) => then(item.message()).map(Some),
        Ok(None) => Ok(None),
        // It went in between.
        Err(_) if memory.raw().closing() == Some(Closing::AtOnce) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A block for a large item.
#[cold]
fn parcel(memory: &Memory, what: &str, bytes: &[u8], handles: &[Block]) -> Result<Parcel> {
    if bytes.len() > MAX_ITEM_BYTES {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "a {what} of {} bytes is larger than an item of a queue can be, {MAX_ITEM_BYTES} bytes; send it in parts, or as an Array",
                bytes.len()
            ),
        ));
    }
    let root = memory.root();
    if let Some(foreign) = handles.iter().find(|block| !Arc::ptr_eq(block.root(), root)) {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "a handle of an object of {} cannot be an item of a queue of {}: nobody would keep the object alive until it is received",
                foreign.root().name(),
                root.name()
            ),
        ));
    }
    let parcel = Parcel::new(root, ITEM, handles.len(), &[bytes])?;
    handles.iter().enumerate().for_each(|(index, block)| parcel.list(index, block));
    Ok(parcel)
}

impl<T: Pod> SlotFormat<T> for InPlace {
    const HAS_LARGE_ITEMS: bool = false;
    const KIND: u64 = u64::from_be_bytes(*b"mp.QueuP");

    fn layout(_: usize) -> Layout {
        // A block begins at a cache line; so an item with more could not lie aligned.
        const {
            assert!(
                align_of::<T>() <= 64,
                "items in place can be aligned to 64 bytes at the most: a cache line"
            );
        }
        Layout::new::<T>()
    }
}

#[allow(private_interfaces, private_bounds, reason = "sealed: nobody outside names its methods")]
impl<T: Pod> Format<T> for InPlace {
    #[inline]
    fn prepare<R>(_: &Memory, item: &T, then: impl FnOnce(Body<'_>) -> R) -> Result<R> {
        Ok(then(Body::Inline(bytemuck::bytes_of(item))))
    }

    #[inline]
    fn copy(memory: &Memory, index: u32, item: &mut Option<T>) -> bool {
        if !memory.is_small() {
            return false;
        }
        let mut copied = T::zeroed();
        memory.copy(index, bytemuck::bytes_of_mut(&mut copied));
        *item = Some(copied);
        true
    }

    #[inline]
    fn read(memory: &Memory, claim: Claim) -> Result<Option<T>> {
        let mut item = T::zeroed();
        let bytes = bytemuck::bytes_of_mut(&mut item);
        if memory.is_small() {
            memory.copy(claim.index, bytes);
        } else {
            bytes.copy_from_slice(memory.read(claim, size_of::<T>()));
        }
        Ok(Some(item))
    }
}

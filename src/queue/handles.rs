//! The handles of queues: they travel, also through queues.

use super::{Queue, Receiver, Sender, channel_side::Side, format::SlotFormat, memory::Memory};
use crate::{Result, segment::Block, shared::transport};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    any::{TypeId, type_name},
    hash::{DefaultHasher, Hash, Hasher},
};

/// The fingerprint of a queue's block, by which it is known within one executable.
pub(super) fn fingerprint<T: 'static, F: SlotFormat<T>>() -> u64 {
    let mut hasher = DefaultHasher::new();
    (F::KIND, TypeId::of::<T>()).hash(&mut hasher);
    MARK | hasher.finish() >> MARK_BITS
}

/// In every fingerprint of a queue, above the number for its type: by it, and by its sizes, who looks from outside knows a queue. 48 bits are left for the type, and no
/// constant of the other objects, all of which begin with `mp`, can be among them.
const MARK: u64 = u64::from_be_bytes(*b"mq\0\0\0\0\0\0");
const MARK_BITS: u32 = 16;

/// Whether a fingerprint may be that of a queue.
pub(super) fn is_queue(fingerprint: u64) -> bool {
    fingerprint >> (u64::BITS - MARK_BITS) == MARK >> (u64::BITS - MARK_BITS)
}

/// A block on its way.
struct Handle<'a>(&'a Block);

impl Serialize for Handle<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transport::send(self.0, serializer)
    }
}

/// The block of a queue that has arrived.
struct Arrived<T, F>(Block, std::marker::PhantomData<fn(T, F)>);

impl<'de, T: 'static, F: SlotFormat<T>> Deserialize<'de> for Arrived<T, F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = fingerprint::<T, F>();
        transport::receive(deserializer, wanted, type_name::<Queue<T, F>>())
            .map(|block| Self(block, std::marker::PhantomData))
    }
}

/// The block of its table.
struct Table(Block);

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        transport::receive(deserializer, Memory::TABLE, "the table of a queue").map(Self)
    }
}

/// The token of a side that has arrived.
struct Token<const FINGERPRINT: u64>(Block);

impl<'de, const FINGERPRINT: u64> Deserialize<'de> for Token<FINGERPRINT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        transport::receive(deserializer, FINGERPRINT, "one side of a channel").map(Self)
    }
}

/// The ends of a channel.
macro_rules! ends {
    ($($name:ident $fingerprint:ident;)*) => {$(
        /// Inside this crate's transports only: see [`spawn`](crate::spawn).
        impl<T: 'static, F: SlotFormat<T>> Serialize for $name<T, F> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let (queue, side) = self.parts();
                let (token, other) = side.parts();
                (queue, other, Handle(token)).serialize(serializer)
            }
        }

        /// Inside this crate's transports only; a stale or forged handle is an error.
        impl<'de, T: 'static, F: SlotFormat<T>> Deserialize<'de> for $name<T, F> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // The token is last: from then on nothing fails, and the end is there, which tells the other side when it goes.
                let (queue, other, Token(token)): (_, _, Token<{ Side::$fingerprint }>) =
                    Deserialize::deserialize(deserializer)?;
                Ok(Self::of_parts(queue, Side::of_parts(token, other)))
            }
        }
    )*};
}

ends! {
    Sender SENDERS;
    Receiver RECEIVERS;
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn).
impl<T: 'static, F: SlotFormat<T>> Serialize for Queue<T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (block, table) = self.memory().blocks();
        (Handle(block), table.map(Handle)).serialize(serializer)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error.
impl<'de, T: 'static, F: SlotFormat<T>> Deserialize<'de> for Queue<T, F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (arrived, table): (Arrived<T, F>, Option<Table>) =
            Deserialize::deserialize(deserializer)?;
        let table = table.filter(|_| F::HAS_LARGE_ITEMS).map(|Table(table)| table);
        // Without it, the slots would seem to be others than they are.
        if table.is_none() && F::HAS_LARGE_ITEMS {
            return Err(de::Error::custom(
                "the handle of a queue names no table: it is damaged or forged",
            ));
        }
        Memory::open(arrived.0, table, F::layout(0)).map(Self::of_memory).map_err(de::Error::custom)
    }
}

//! The handles of a ring's ends: they travel, and can be published.
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{
    RingConsumer, RingProducer,
    raw_ring::{End, Peer},
    ring_memory::RingMemory,
};
use crate::{
    Result,
    segment::Block,
    shared::{Fingerprint, Published, transport},
};
use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// A block on its way.
struct Handle<'a>(&'a Block);

impl Serialize for Handle<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transport::send(self.0, serializer)
    }
}

/// The memory of a ring that has arrived.
struct Arrived<T>(RingMemory<T>);

impl<'de, T: Pod> Deserialize<'de> for Arrived<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::any::type_name::<Self>();
        let block = transport::receive(deserializer, RingMemory::<T>::fingerprint(), name)?;
        RingMemory::open(block).map(Self).map_err(de::Error::custom)
    }
}

/// Both ends, each with its name, what its claim gives, and a number of its own.
macro_rules! handles {
    ($(#[$docs:meta] $name:ident $end:ident $active:ident $number:literal $one:literal;)*) => {$(
        #[$docs]
        pub struct $name<T>(RingMemory<T>);

        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl<T: Pod> $name<T> {
            pub(super) fn of(memory: RingMemory<T>) -> Self {
                Self(memory)
            }

            #[doc = concat!("Takes this end of the ring for the calling thread, which has it until it drops the ", $one, ", or dies. An end that was dropped, or whose holder died, can be taken again: the ring goes on.")]
            ///
            /// The first claim in a process that has several threads takes some milliseconds: the process registers for `membarrier`, so that its pushes and pops need no fence.
            ///
            /// # Errors
            ///
            /// [`ErrorKind::InUse`](crate::ErrorKind::InUse) if a living thread has it, this one included. When this thread cannot take part in the segment:
            /// [`ErrorKind::TooMany`](crate::ErrorKind::TooMany), [`ErrorKind::Forked`](crate::ErrorKind::Forked).
            ///
            /// ```
            /// use multiproc::{ErrorKind, Ring};
            /// # fn main() -> multiproc::Result<()> {
            /// let (sender, receiver) = Ring::<u32>::new(8)?;
            /// let (mine, theirs) = (sender.claim()?, receiver.claim()?);
            /// assert_eq!(sender.claim().unwrap_err().kind(), ErrorKind::InUse);
            /// assert_eq!(receiver.claim().unwrap_err().kind(), ErrorKind::InUse);
            /// drop((mine, theirs));
            /// assert!(sender.claim().is_ok() && receiver.claim().is_ok());
            /// # Ok(())
            /// # }
            /// ```
            pub fn claim(&self) -> Result<$active<T>> {
                self.0.claim(End::$end, stringify!($end))?;
                Ok($active::of(self.0.clone()))
            }

            /// Whether a living thread has this end, at this moment.
            #[must_use]
            pub fn is_claimed(&self) -> bool {
                matches!(self.0.holder(End::$end), Peer::Here { .. })
            }

            /// How many items the ring has room for.
            #[must_use]
            pub fn capacity(&self) -> usize {
                self.0.capacity() as usize
            }

            /// How many items there are: exact while nobody pushes or pops.
            #[must_use]
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Whether there is no item, at this moment.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether there is no room, at this moment.
            #[must_use]
            pub fn is_full(&self) -> bool {
                self.len() == self.capacity()
            }

            /// Whether both handles are of one ring.
            #[must_use]
            pub fn same_ring(&self, other: &Self) -> bool {
                self.0.block() == other.0.block()
            }
        }

        impl<T: Pod> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("len", &self.len())
                    .field("capacity", &self.capacity())
                    .field("holder", &format_args!("{}", self.0.describe(End::$end)))
                    .finish()
            }
        }

        /// Inside this crate's transports only: see [`spawn`](crate::spawn).
        impl<T: Pod> Serialize for $name<T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                ($number as u8, Handle(self.0.block())).serialize(serializer)
            }
        }

        /// Inside this crate's transports only; a stale or forged handle is an error.
        impl<'de, T: Pod> Deserialize<'de> for $name<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let (number, Arrived(memory)): (u8, _) = Deserialize::deserialize(deserializer)?;
                if number != $number {
                    return Err(de::Error::custom(concat!("the handle is not that of a ", stringify!($name))));
                }
                Ok(Self(memory))
            }
        }

        impl<T: Pod + Fingerprint> Published for $name<T> {
            const FINGERPRINT: u64 = T::FINGERPRINT.rotate_left(2) ^ (0x7269_6e67 + $number);

            fn type_name() -> String {
                format!(concat!(stringify!($name), "<{}>"), T::type_name())
            }

            fn block(&self) -> &Block {
                self.0.block()
            }

            fn from_block(block: Block) -> Result<Self> {
                RingMemory::open(block).map(Self)
            }
        }
    )*};
}

handles! {
    /// The sending end of a [`Ring`](crate::Ring), wherever it is: [`claim`](Self::claim) it to push.
    RingSender Sending RingProducer 1 "[`RingProducer`]";
    /// The receiving end of a [`Ring`](crate::Ring), wherever it is: [`claim`](Self::claim) it to pop.
    RingReceiver Receiving RingConsumer 2 "[`RingConsumer`]";
}

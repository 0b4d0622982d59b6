//! The handles of locks and their relatives: they travel, and can be published.
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{Segment, names::Published, transport};
use crate::{
    Result,
    segment::Block,
    sync::{
        Barrier, BarrierBuilder, BoundedSemaphore, Condition, ConditionLock, Event, Lock, RLock,
        RwLock, Semaphore,
    },
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What every handle of these has: the type has `HANDLE`, `open` and `as_block`.
macro_rules! handles {
    ($($name:ident)*) => {$(
        /// Inside this crate's transports only: see [`spawn`](crate::spawn).
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                transport::send(self.as_block(), serializer)
            }
        }

        /// Inside this crate's transports only; a stale or forged handle is an error.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let block = transport::receive(deserializer, Self::HANDLE, stringify!($name))?;
                Self::open(block).map_err(de::Error::custom)
            }
        }

        impl Published for $name {
            const FINGERPRINT: u64 = Self::HANDLE;

            fn type_name() -> String {
                stringify!($name).into()
            }

            fn block(&self) -> &Block {
                self.as_block()
            }

            fn from_block(block: Block) -> Result<Self> {
                Self::open(block)
            }
        }
    )*};
}

handles! { Barrier BoundedSemaphore Event Lock RLock RwLock Semaphore }

/// Inside this crate's transports only: see [`spawn`](crate::spawn). The lock travels with it.
impl<L: ConditionLock + Serialize> Serialize for Condition<L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (block, lock) = self.parts();
        (Handle(block), lock).serialize(serializer)
    }
}

/// A block on its way.
struct Handle<'a>(&'a Block);

impl Serialize for Handle<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transport::send(self.0, serializer)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error.
impl<'de, L: ConditionLock + Deserialize<'de>> Deserialize<'de> for Condition<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (Arrived(block), lock) = Deserialize::deserialize(deserializer)?;
        Self::from_parts(block, lock).map_err(de::Error::custom)
    }
}

/// The block of a condition that has arrived.
struct Arrived(Block);

impl<'de> Deserialize<'de> for Arrived {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        transport::receive(deserializer, Condition::<RLock>::HANDLE, "Condition").map(Self)
    }
}

impl Condition {
    /// A new condition in a segment, with an [`RLock`] of its own. It travels in messages; it cannot be published.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(segment: &Segment) -> Result<Self> {
        Self::new_in_root(segment.root())
    }
}
/// Those that are made of nothing else.
macro_rules! new_in {
    ($($name:ident $what:literal)*) => {$(
        impl $name {
            #[doc = concat!("A new ", $what, " in a segment, where it can be [published](Segment::publish).")]
            ///
            /// # Errors
            ///
            /// As [`new`](Self::new).
            pub fn new_in(segment: &Segment) -> Result<Self> {
                Self::new_in_root(segment.root())
            }
        }
    )*};
}

new_in! {
    Event "event"
    Lock "lock"
    RLock "recursive lock"
    RwLock "lock"
}

impl Barrier {
    /// A new barrier in a segment, where it can be [published](Segment::publish).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(segment: &Segment, parties: u32) -> Result<Self> {
        Self::builder(parties).build_in(segment)
    }
}

impl BarrierBuilder {
    /// The barrier in a segment, where it can be [published](Segment::publish).
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_in(self, segment: &Segment) -> Result<Barrier> {
        self.build_in_root(segment.root())
    }
}

/// Those that begin with permits.
macro_rules! new_in_with_permits {
    ($($name:ident $what:literal)*) => {$(
        impl $name {
            #[doc = concat!("A new ", $what, " with these permits in a segment, where it can be [published](Segment::publish).")]
            ///
            /// # Errors
            ///
            /// As [`new`](Self::new).
            pub fn new_in(segment: &Segment, permits: u32) -> Result<Self> {
                Self::new_in_root(segment.root(), permits)
            }
        }
    )*};
}

new_in_with_permits! {
    BoundedSemaphore "semaphore"
    Semaphore "semaphore"
}

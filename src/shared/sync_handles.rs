//! The handles of locks and their relatives: they travel, and can be published.
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{Segment, names::Published, transport};
use crate::{
    Result,
    segment::Block,
    sync::{BoundedSemaphore, Event, Lock, Semaphore},
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

handles! { BoundedSemaphore Event Lock Semaphore }

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

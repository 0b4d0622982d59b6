//! The handle of a [`Lock`]: it travels, and can be published.
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{Segment, names::Published, transport};
use crate::{Result, segment::Block, sync::Lock};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

impl Lock {
    /// A new lock in a segment, where it can be [published](Segment::publish).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(segment: &Segment) -> Result<Self> {
        Self::new_in_root(segment.root())
    }
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn).
impl Serialize for Lock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transport::send(self.as_block(), serializer)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error.
impl<'de> Deserialize<'de> for Lock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        transport::receive(deserializer, Self::HANDLE, "Lock").map(Self::of_block)
    }
}

impl Published for Lock {
    const FINGERPRINT: u64 = Self::HANDLE;

    fn type_name() -> String {
        "Lock".into()
    }

    fn block(&self) -> &Block {
        self.as_block()
    }

    fn from_block(block: Block) -> Result<Self> {
        Ok(Self::of_block(block))
    }
}

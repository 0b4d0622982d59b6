//! A borrowed array that other processes read under the same borrow.

use super::{Array, ArrayReadGuard};
use crate::{
    Result,
    os::clock::Deadline,
    segment::OwnerId,
    sync::{LockError, Thread, party::Party},
};
use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where others find the read borrow of a host, as long as it has it: see "Guests" in `sync::raw_borrow`.
#[derive(Debug)]
pub(crate) struct ArrayHost<T: Pod> {
    array: Array<T>,
    cell: usize,
    host: OwnerId,
}

impl<T: Pod> ArrayHost<T> {
    /// From now on there may be guests.
    pub(crate) fn new(guard: &ArrayReadGuard<'_, T>) -> Self {
        guard.raw.host();
        Self { array: guard.array.clone(), cell: guard.cell, host: guard.thread.id() }
    }

    /// Reads under the host's borrow; `None` when that is over.
    pub(crate) fn visit(&self) -> Result<Option<ArrayReadGuard<'_, T>>> {
        let (array, raw) = (&self.array, self.array.raw());
        let thread = Thread::current(array.block.root())?;
        let cell = raw
            .visit(&thread, (self.cell, self.host), Deadline::NEVER)
            .map_err(|why| LockError::<()>::not_taken(why, Deadline::NEVER))?;
        let elements = array.elements();
        Ok(cell.map(|cell| ArrayReadGuard { array, raw, thread, cell, elements }))
    }
}

/// Inside this crate's transports only.
impl<T: Pod> Serialize for ArrayHost<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.array, self.cell, self.host.bits()).serialize(serializer)
    }
}

/// Inside this crate's transports only.
impl<'de, T: Pod> Deserialize<'de> for ArrayHost<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (array, cell, host): (_, _, u32) = Deserialize::deserialize(deserializer)?;
        let host = OwnerId::from_bits(host)
            .ok_or_else(|| serde::de::Error::custom("a borrowed array without a host"))?;
        Ok(Self { array, cell, host })
    }
}

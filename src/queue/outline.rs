//! What the copied bytes of a queue say, for those who look from outside.

use super::{
    handles::is_queue,
    memory::{SHAPE_AT, SLOTS_AT, Shape, Sizes},
    raw_queue::RawQueue,
    slot::{State, Word},
};
use crate::segment::Copied;
use std::{alloc::Layout, mem::offset_of};

/// A queue's sizes, checked against its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueOutline {
    pub(crate) capacity: u32,
    pub(crate) is_closed: bool,
    stride: usize,
}

/// What its slots are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SlotCounts {
    pub(crate) full: u32,
    pub(crate) writing: u32,
    pub(crate) reading: u32,
}

impl QueueOutline {
    /// How many bytes it is read from.
    pub(crate) const BYTES: usize = SLOTS_AT;

    /// From the first bytes of an object; `None` if it is no queue.
    pub(crate) fn of(fingerprint: u64, length: u64, words: Copied<'_>) -> Option<Self> {
        if !is_queue(fingerprint) {
            return None;
        }
        let shape = words.from(SHAPE_AT);
        let item_bytes = usize::try_from(shape.u64(offset_of!(Shape, item_bytes))).ok()?;
        let align = shape.u32(offset_of!(Shape, align)) as usize;
        let item = Layout::from_size_align(item_bytes, align).ok()?;
        let capacity = shape.u32(offset_of!(Shape, capacity));
        // Whether there is a table is not said there; where it makes a difference, the length tells.
        let sizes = [true, false].into_iter().find_map(|has_length| {
            Sizes::new(capacity as usize, item, has_length)
                .filter(|sizes| sizes.total() as u64 == length)
        })?;
        let is_closed = words.u32(offset_of!(RawQueue, closing)) != 0;
        Some(Self { capacity, is_closed, stride: sizes.stride })
    }

    /// Where the slots lie: their first byte, and how many bytes each has.
    pub(crate) fn slots(self) -> (u64, usize) {
        (SLOTS_AT as u64, self.stride)
    }

    /// Counts copied slots.
    pub(crate) fn count(self, slots: &[u8], counts: &mut SlotCounts) {
        for slot in slots.chunks(self.stride) {
            match Word(Copied(slot).u64(0)).state() {
                State::Free => {}
                State::Full => counts.full += 1,
                State::Writing => counts.writing += 1,
                State::Reading => counts.reading += 1,
            }
        }
    }
}

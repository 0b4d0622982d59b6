//! Items of a ring, to be read in place.
#![allow(unsafe_code)]

use super::{RingConsumer, ring_memory::RingMemory, ring_write_chunk::parts};
use crate::os::{fork, step::step};
use bytemuck::Pod;
use std::fmt;

/// Items in a [`Ring`](crate::Ring), read where they lie. Those that are [committed](Self::commit) are popped; the others stay, all of them if it is dropped, or its process killed.
///
/// ```
/// # fn main() -> multiproc::Result<()> {
/// let (sender, receiver) = multiproc::Ring::<u16>::new(100)?;
/// sender.claim()?.push_all(&[1, 2, 3, 4, 5])?;
/// let mut consumer = receiver.claim()?;
/// let items = consumer.read_chunk(3)?;
/// assert_eq!((items.iter().sum::<u16>(), items.get(2)), (6, Some(&3)));
/// items.commit(2);
/// assert_eq!(consumer.pop()?, 3);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is popped before it is committed"]
pub struct RingReadChunk<'a, T: Pod> {
    consumer: &'a mut RingConsumer<T>,
    count: usize,
}

impl<'a, T: Pod> RingReadChunk<'a, T> {
    /// The consumer has so many.
    pub(super) fn new(consumer: &'a mut RingConsumer<T>, count: usize) -> Self {
        Self { consumer, count }
    }

    /// How many items these are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none: it was asked for none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The parts in their order: see [`RingWriteChunk`](super::RingWriteChunk). Together they have [`len`](Self::len) items.
    pub fn parts(&self) -> impl Iterator<Item = &[T]> {
        let memory = &self.consumer.memory;
        parts(memory, self.consumer.head, self.count).map(|(at, count)| {
            // SAFETY: there are items at these places, which nobody writes before the head has passed them; that is so only when the chunk is gone. All bytes are a `T`.
            unsafe { memory.part(&at, count).as_ref() }
        })
    }

    /// The items in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.parts().flatten()
    }

    /// One item.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&T> {
        let mut before = index;
        self.parts().find_map(|part| {
            let found = part.get(before);
            before = before.wrapping_sub(part.len());
            found
        })
    }

    /// Copies the first items, as many as there are and the slice has places; says how many.
    pub fn copy_to_slice(&self, items: &mut [T]) -> usize {
        let mut count = 0;
        for part in self.parts() {
            let now = part.len().min(items.len() - count);
            items[count..count + now].copy_from_slice(&part[..now]);
            count += now;
        }
        count
    }

    /// The first so many items are popped: their places are free. If this process is killed before, its successor gets all of them.
    ///
    /// # Panics
    ///
    /// If it has not so many.
    pub fn commit(self, count: usize) {
        assert!(count <= self.count, "{count} items of a chunk of {}", self.count);
        let RingConsumer { memory, head, .. } = &mut *self.consumer;
        // A forked child has a copy of the consumer, but not its end.
        if count == 0 || fork::is_forked_holder() {
            return;
        }
        let mut rest = count;
        while rest > 0 {
            let now = (head.left::<&RingMemory<T>>() as usize).min(rest);
            head.advance(&&*memory, now as u32);
            rest -= now;
        }
        // The next look is at the cell where it is now.
        head.forget();
        step!("ring.reading");
        memory.raw().taken(head);
        self.consumer.ring_if_awaited();
    }

    /// All items are popped.
    pub fn commit_all(self) {
        let count = self.count;
        self.commit(count);
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for RingReadChunk<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

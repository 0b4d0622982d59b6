//! Room in a ring, to be written in place.
#![allow(unsafe_code)]

use super::{RingProducer, raw_ring::Cursor, ring_memory::RingMemory};
use crate::os::{fork, step::step};
use bytemuck::Pod;
use std::{fmt, iter};

/// Room for items in a [`Ring`](crate::Ring): what lies there is old, and whatever of it is [committed](Self::commit) are items. Dropped, it has put nothing.
///
/// Memory of a ring is in parts, each as many items as a cache line has room for beside a word of the ring; large items are parts of one.
///
/// ```
/// # fn main() -> multiproc::Result<()> {
/// let (sender, receiver) = multiproc::Ring::<[f64; 512]>::new(4)?;
/// let (mut producer, mut consumer) = (sender.claim()?, receiver.claim()?);
/// let mut room = producer.write_chunk(1)?;
/// let item = room.get_mut(0).unwrap();
/// item.fill(0.5);
/// room.commit(1);
/// let items = consumer.read_chunk(1)?;
/// assert_eq!(items.get(0).unwrap().iter().sum::<f64>(), 256.0);
/// items.commit(1);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is put before it is committed"]
pub struct RingWriteChunk<'a, T: Pod> {
    producer: &'a mut RingProducer<T>,
    count: usize,
}

/// The parts from a cursor on, with so many items together.
pub(super) fn parts<'a, T: Pod>(
    memory: &'a RingMemory<T>,
    from: Cursor,
    count: usize,
) -> impl Iterator<Item = (Cursor, u32)> + 'a {
    let (mut at, mut rest) = (from, count);
    iter::from_fn(move || {
        let now = (at.left::<&RingMemory<T>>() as usize).min(rest) as u32;
        let part = (at, now);
        at.advance(&memory, now);
        rest -= now as usize;
        (now > 0).then_some(part)
    })
}

impl<'a, T: Pod> RingWriteChunk<'a, T> {
    /// The producer has room for so many.
    pub(super) fn new(producer: &'a mut RingProducer<T>, count: usize) -> Self {
        Self { producer, count }
    }

    /// For how many items there is room here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no room: it was asked for none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The parts in their order; together they have [`len`](Self::len) items.
    pub fn parts_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        let memory = &self.producer.memory;
        parts(memory, self.producer.tail, self.count).map(|(at, count)| {
            // SAFETY: these places are the sender's: nobody else reads or writes them before their cell's word says so. The chunk borrows the sender exclusively, and no two parts overlap,
            // as there are not more of them than places.
            unsafe { memory.part(&at, count).as_mut() }
        })
    }

    /// One item's place.
    #[must_use]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let mut before = index;
        self.parts_mut().find_map(|part| {
            let found = before < part.len();
            if !found {
                before -= part.len();
            }
            found.then(|| &mut part[before])
        })
    }

    /// Writes items from its beginning on, as many as there is room for; says how many.
    pub fn copy_from_slice(&mut self, items: &[T]) -> usize {
        let mut rest = items;
        for part in self.parts_mut() {
            let (now, later) = rest.split_at(part.len().min(rest.len()));
            part[..now.len()].copy_from_slice(now);
            rest = later;
        }
        items.len() - rest.len()
    }

    /// The first so many items are put: the consumer can pop them. If this process is killed in the midst of it, some of the first are put.
    ///
    /// # Panics
    ///
    /// If it has not so many.
    pub fn commit(self, count: usize) {
        assert!(count <= self.count, "{count} items of a chunk of {}", self.count);
        let RingProducer { memory, tail, .. } = &mut *self.producer;
        // A forked child has a copy of the producer, but not its end.
        if count == 0 || fork::is_forked_holder() {
            return;
        }
        let mut rest = count;
        while rest > 0 {
            let now = (tail.left::<&RingMemory<T>>() as usize).min(rest);
            step!("ring.committing");
            memory.raw().put_in_cell(&&*memory, tail, now as u32);
            rest -= now;
        }
        self.producer.ring_if_awaited();
    }

    /// All items are put.
    pub fn commit_all(self) {
        let count = self.count;
        self.commit(count);
    }
}

impl<T: Pod> fmt::Debug for RingWriteChunk<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingWriteChunk").field("len", &self.count).finish_non_exhaustive()
    }
}

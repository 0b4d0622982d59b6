//! The sending end of a ring, as one thread has it.

use super::{
    RingError, RingSender, RingWriteChunk,
    raw_ring::{Cursor, End, Peer},
    ring_memory::RingMemory,
};
use crate::os::{clock::Deadline, fork, step::step};
use bytemuck::Pod;
use std::{fmt, marker::PhantomData, time::Duration};

/// The sending end of a [`Ring`](crate::Ring), which this thread has until it drops it: it pushes.
///
/// ```
/// use multiproc::Ring;
/// # fn main() -> multiproc::Result<()> {
/// let (sender, receiver) = Ring::<f64>::new(100)?;
/// let (mut producer, mut consumer) = (sender.claim()?, receiver.claim()?);
/// producer.push(0.5)?;
/// producer.push_all(&[1.5, 2.5])?;
/// assert_eq!((producer.len(), consumer.pop()?), (3, 0.5));
/// # Ok(())
/// # }
/// ```
#[must_use = "the end is given back when this is dropped"]
pub struct RingProducer<T: Pod> {
    pub(super) memory: RingMemory<T>,
    pub(super) tail: Cursor,
    /// The thread's name is on the end: it is not `Send`.
    _thread: PhantomData<*mut ()>,
}

impl<T: Pod> RingProducer<T> {
    /// For a thread that has just taken the end.
    pub(super) fn of(memory: RingMemory<T>) -> Self {
        let tail = memory.raw().first_to_send(&&memory, memory.capacity());
        Self { memory, tail, _thread: PhantomData }
    }

    /// Puts an item at the end; waits while there is no room.
    ///
    /// # Errors
    ///
    /// [`Disconnected`](RingError::Disconnected) if there is no room, and whoever popped is gone; [`Failed`](RingError::Failed) if the ring is damaged or this process was forked.
    #[inline]
    #[doc(alias("send", "put"))]
    pub fn push(&mut self, item: T) -> Result<(), RingError> {
        self.push_by(item, Deadline::NEVER)
    }

    /// Puts an item at the end if there is room.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and [`WouldBlock`](RingError::WouldBlock).
    #[inline]
    #[doc(alias("try_send", "put_nowait"))]
    pub fn try_push(&mut self, item: T) -> Result<(), RingError> {
        self.push_by(item, Deadline::NOW)
    }

    /// Puts an item at the end; waits for room for this time at the most. Zero means try.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and [`TimedOut`](RingError::TimedOut).
    pub fn push_timeout(&mut self, item: T, timeout: Duration) -> Result<(), RingError> {
        self.push_by(item, Deadline::after(timeout))
    }

    #[inline(always)]
    fn push_by(&mut self, item: T, deadline: Deadline) -> Result<(), RingError> {
        if self.tail.known() == 0 || fork::is_forked_holder() {
            self.wait_for_room(deadline)?;
        }
        self.memory.write(&self.tail, item);
        step!("ring.written");
        self.memory.raw().put_in_cell(&&self.memory, &mut self.tail, 1);
        step!("ring.put");
        self.ring_if_awaited();
        Ok(())
    }

    /// Puts items of a slice at the end, as many as there is room for; waits while there is no room at all. Says how many there were: none for an empty slice.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    ///
    /// ```
    /// # fn main() -> multiproc::Result<()> {
    /// let (sender, _) = multiproc::Ring::<u8>::new(4)?;
    /// let mut producer = sender.claim()?;
    /// assert_eq!(producer.push_slice(b"abc")?, 3);
    /// assert_eq!(producer.push_slice(b"def")?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn push_slice(&mut self, items: &[T]) -> Result<usize, RingError> {
        self.push_slice_by(items, Deadline::NEVER)
    }

    /// The same, without waiting.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and [`WouldBlock`](RingError::WouldBlock) if there is no room at all.
    pub fn try_push_slice(&mut self, items: &[T]) -> Result<usize, RingError> {
        self.push_slice_by(items, Deadline::NOW)
    }

    /// The same, waiting for this time at the most. Zero means try.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and [`TimedOut`](RingError::TimedOut) if there was no room at all.
    pub fn push_slice_timeout(
        &mut self,
        items: &[T],
        timeout: Duration,
    ) -> Result<usize, RingError> {
        self.push_slice_by(items, Deadline::after(timeout))
    }

    /// Puts all items of a slice at the end; waits as often as there is no room.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push); then the first ones are there: as many as there was room for.
    pub fn push_all(&mut self, items: &[T]) -> Result<(), RingError> {
        let mut rest = items;
        while !rest.is_empty() {
            let count = self.push_slice(rest)?;
            rest = &rest[count..];
        }
        Ok(())
    }

    fn push_slice_by(&mut self, items: &[T], deadline: Deadline) -> Result<usize, RingError> {
        if items.is_empty() {
            return Ok(0);
        }
        let count = self.room(items.len(), deadline)?;
        let mut rest = &items[..count];
        while !rest.is_empty() {
            let left = self.tail.left::<&RingMemory<T>>() as usize;
            let (now, later) = rest.split_at(left.min(rest.len()));
            self.memory.write_slice(&self.tail, now);
            step!("ring.written.slice");
            self.memory.raw().put_in_cell(&&self.memory, &mut self.tail, now.len() as u32);
            rest = later;
        }
        self.ring_if_awaited();
        Ok(count)
    }

    /// Room for items that are written where they will be read: up to so many, and at least one. Waits while there is no room at all. Asked for none, it gives none.
    ///
    /// They are there for the consumer when they are [committed](RingWriteChunk::commit).
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn write_chunk(&mut self, most: usize) -> Result<RingWriteChunk<'_, T>, RingError> {
        self.write_chunk_by(most, Deadline::NEVER)
    }

    /// The same, without waiting.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and [`WouldBlock`](RingError::WouldBlock).
    pub fn try_write_chunk(&mut self, most: usize) -> Result<RingWriteChunk<'_, T>, RingError> {
        self.write_chunk_by(most, Deadline::NOW)
    }

    /// The same, waiting for this time at the most. Zero means try.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and [`TimedOut`](RingError::TimedOut).
    pub fn write_chunk_timeout(
        &mut self,
        most: usize,
        timeout: Duration,
    ) -> Result<RingWriteChunk<'_, T>, RingError> {
        self.write_chunk_by(most, Deadline::after(timeout))
    }

    fn write_chunk_by(
        &mut self,
        most: usize,
        deadline: Deadline,
    ) -> Result<RingWriteChunk<'_, T>, RingError> {
        let count = if most == 0 { 0 } else { self.room(most, deadline)? };
        Ok(RingWriteChunk::new(self, count))
    }

    /// For how many of these there is room: for one at least.
    fn room(&mut self, wanted: usize, deadline: Deadline) -> Result<usize, RingError> {
        if self.tail.known() < wanted as u64 || fork::is_forked_holder() {
            let now = if self.tail.known() > 0 { Deadline::NOW } else { deadline };
            match self.wait_for_room(now) {
                Err(RingError::WouldBlock | RingError::Disconnected) if self.tail.known() > 0 => {}
                other => other?,
            }
        }
        Ok(usize::try_from(self.tail.known()).unwrap_or(usize::MAX).min(wanted))
    }

    #[cold]
    fn wait_for_room(&mut self, deadline: Deadline) -> Result<(), RingError> {
        let Self { memory, tail, .. } = self;
        if fork::is_forked_holder() {
            return Err(RingError::Failed(RingMemory::<T>::refuse_fork()));
        }
        let thread = memory.thread().map_err(RingError::Failed)?;
        memory
            .raw()
            .wait_for_room(&thread, tail, memory.capacity(), deadline)
            .map_err(|why| RingError::refused(why, deadline))
    }

    #[inline]
    pub(super) fn ring_if_awaited(&self) {
        if self.memory.raw().is_awaited(End::Sending) {
            self.ring();
        }
    }

    #[cold]
    fn ring(&self) {
        if let Ok(thread) = self.memory.thread() {
            self.memory.raw().ring(&thread, End::Sending);
        }
    }

    /// How many items are not popped yet, at this moment; it can only become less by itself.
    #[must_use]
    pub fn len(&self) -> usize {
        self.memory.raw().len_of_sender(&self.tail, self.memory.capacity()) as usize
    }

    /// Whether all is popped, at this moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room, at this moment.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// How many items the ring has room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.capacity() as usize
    }

    /// Whether whoever popped is gone, and nobody has taken its place, at this moment. `false` before somebody has come for the first time.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.memory.holder(End::Receiving) == Peer::Gone
    }

    /// After [`Disconnected`](RingError::Disconnected): waits for a successor at the other end, or for room that one has made and gone, for this time at the most; whether that was so.
    ///
    /// # Errors
    ///
    /// [`Failed`](RingError::Failed) if this process was forked.
    pub fn wait_for_consumer(&mut self, timeout: Duration) -> Result<bool, RingError> {
        let Self { memory, tail, .. } = self;
        let thread = memory.thread().map_err(RingError::Failed)?;
        let deadline = Deadline::after(timeout);
        Ok(memory.raw().wait_for_receiver(&thread, tail, memory.capacity(), deadline))
    }

    /// A handle of this end, for a successor.
    #[must_use]
    pub fn handle(&self) -> RingSender<T> {
        RingSender::of(self.memory.clone())
    }
}

impl<T: Pod> Drop for RingProducer<T> {
    fn drop(&mut self) {
        self.memory.leave(End::Sending);
    }
}

impl<T: Pod> fmt::Debug for RingProducer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingProducer")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("consumer", &format_args!("{}", self.memory.describe(End::Receiving)))
            .finish()
    }
}

//! The receiving end of a ring, as one thread has it.

use super::{
    RingError, RingReadChunk, RingReceiver,
    raw_ring::{Cursor, End, Peer},
    ring_memory::RingMemory,
};
use crate::os::{clock::Deadline, fork, step::step};
use bytemuck::Pod;
use std::{fmt, marker::PhantomData, time::Duration};

/// The receiving end of a [`Ring`](crate::Ring), which this thread has until it drops it: it pops.
///
/// ```
/// use multiproc::Ring;
/// # fn main() -> multiproc::Result<()> {
/// let (sender, receiver) = Ring::<u32>::new(100)?;
/// let (mut producer, mut consumer) = (sender.claim()?, receiver.claim()?);
/// producer.push_all(&[1, 2, 3, 4])?;
/// assert_eq!((consumer.pop()?, consumer.len()), (1, 3));
/// let mut items = [0; 2];
/// assert_eq!((consumer.pop_into(&mut items)?, items), (2, [2, 3]));
/// drop(producer);
/// assert_eq!(consumer.iter().collect::<Vec<_>>(), [4]);
/// # Ok(())
/// # }
/// ```
#[must_use = "the end is given back when this is dropped"]
pub struct RingConsumer<T: Pod> {
    pub(super) memory: RingMemory<T>,
    pub(super) head: Cursor,
    /// The thread's name is on the end: it is not `Send`.
    _thread: PhantomData<*mut ()>,
}

impl<T: Pod> RingConsumer<T> {
    /// For a thread that has just taken the end.
    pub(super) fn of(memory: RingMemory<T>) -> Self {
        let head = memory.raw().first_to_receive(&&memory);
        Self { memory, head, _thread: PhantomData }
    }

    /// Takes the first item; waits while there is none.
    ///
    /// # Errors
    ///
    /// [`Disconnected`](RingError::Disconnected) if there is none, and whoever pushed is gone; [`Failed`](RingError::Failed) if the ring is damaged or this process was forked.
    #[inline]
    #[doc(alias("recv", "get"))]
    pub fn pop(&mut self) -> Result<T, RingError> {
        self.pop_by(Deadline::NEVER)
    }

    /// Takes the first item if there is one.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop), and [`WouldBlock`](RingError::WouldBlock).
    #[inline]
    #[doc(alias("try_recv", "get_nowait"))]
    pub fn try_pop(&mut self) -> Result<T, RingError> {
        self.pop_by(Deadline::NOW)
    }

    /// Takes the first item; waits for one for this time at the most. Zero means try.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop), and [`TimedOut`](RingError::TimedOut).
    pub fn pop_timeout(&mut self, timeout: Duration) -> Result<T, RingError> {
        self.pop_by(Deadline::after(timeout))
    }

    #[inline(always)]
    fn pop_by(&mut self, deadline: Deadline) -> Result<T, RingError> {
        if self.head.known() == 0 || fork::is_forked_holder() {
            self.look_or_wait(deadline)?;
        }
        let item = self.memory.read(&self.head);
        step!("ring.read");
        self.head.advance(&&self.memory, 1);
        self.memory.raw().taken(&self.head);
        step!("ring.taken");
        self.ring_if_awaited();
        Ok(item)
    }

    /// Takes as many items as there are, and the slice has places; waits while there is none at all. Says how many there were: none for an empty slice.
    ///
    /// If this process is killed in the midst of it, none was taken: its successor gets all of them.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub fn pop_into(&mut self, items: &mut [T]) -> Result<usize, RingError> {
        self.pop_into_by(items, Deadline::NEVER)
    }

    /// The same, without waiting.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop), and [`WouldBlock`](RingError::WouldBlock).
    pub fn try_pop_into(&mut self, items: &mut [T]) -> Result<usize, RingError> {
        self.pop_into_by(items, Deadline::NOW)
    }

    /// The same, waiting for this time at the most. Zero means try.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop), and [`TimedOut`](RingError::TimedOut).
    pub fn pop_into_timeout(
        &mut self,
        items: &mut [T],
        timeout: Duration,
    ) -> Result<usize, RingError> {
        self.pop_into_by(items, Deadline::after(timeout))
    }

    fn pop_into_by(&mut self, items: &mut [T], deadline: Deadline) -> Result<usize, RingError> {
        if items.is_empty() {
            return Ok(0);
        }
        if self.head.known() == 0 || fork::is_forked_holder() {
            self.look_or_wait(deadline)?;
        }
        let Self { memory, head, .. } = self;
        let mut count = 0;
        loop {
            // No further than the end of the cell.
            let now = (head.known() as usize).min(items.len() - count);
            memory.read_slice(head, &mut items[count..count + now]);
            step!("ring.read.slice");
            head.advance(&&*memory, now as u32);
            count += now;
            let more = count < items.len()
                && (head.known() > 0
                    || memory.raw().look_for_news(&&*memory, head, memory.capacity())
                        == Some(Ok(())));
            if !more {
                break;
            }
        }
        memory.raw().taken(head);
        self.ring_if_awaited();
        Ok(count)
    }

    /// Items to be read where they are: as many as there are, up to so many, and at least one. Waits while there is none at all. Asked for none, it gives none.
    ///
    /// Their places are free for the producer when they are [committed](RingReadChunk::commit).
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub fn read_chunk(&mut self, most: usize) -> Result<RingReadChunk<'_, T>, RingError> {
        self.read_chunk_by(most, Deadline::NEVER)
    }

    /// The same, without waiting.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop), and [`WouldBlock`](RingError::WouldBlock).
    pub fn try_read_chunk(&mut self, most: usize) -> Result<RingReadChunk<'_, T>, RingError> {
        self.read_chunk_by(most, Deadline::NOW)
    }

    /// The same, waiting for this time at the most. Zero means try.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop), and [`TimedOut`](RingError::TimedOut).
    pub fn read_chunk_timeout(
        &mut self,
        most: usize,
        timeout: Duration,
    ) -> Result<RingReadChunk<'_, T>, RingError> {
        self.read_chunk_by(most, Deadline::after(timeout))
    }

    fn read_chunk_by(
        &mut self,
        most: usize,
        deadline: Deadline,
    ) -> Result<RingReadChunk<'_, T>, RingError> {
        let mut count = 0;
        if most > 0 {
            if self.head.known() == 0 || fork::is_forked_holder() {
                self.look_or_wait(deadline)?;
            }
            count = self.len().min(most);
        }
        Ok(RingReadChunk::new(self, count))
    }

    #[inline]
    fn look_or_wait(&mut self, deadline: Deadline) -> Result<(), RingError> {
        let Self { memory, head, .. } = self;
        let looked = memory.raw().look_for_news(&&*memory, head, memory.capacity());
        if looked == Some(Ok(())) && !fork::is_forked_holder() {
            return Ok(());
        }
        self.wait_for_news(deadline)
    }

    #[cold]
    fn wait_for_news(&mut self, deadline: Deadline) -> Result<(), RingError> {
        let Self { memory, head, .. } = self;
        if fork::is_forked_holder() {
            return Err(RingError::Failed(RingMemory::<T>::refuse_fork()));
        }
        let thread = memory.thread().map_err(RingError::Failed)?;
        memory
            .raw()
            .wait_for_news(&thread, &&*memory, head, memory.capacity(), deadline)
            .map_err(|why| RingError::refused(why, deadline))
    }

    #[inline]
    pub(super) fn ring_if_awaited(&self) {
        if self.memory.raw().is_awaited(End::Receiving) {
            self.ring();
        }
    }

    #[cold]
    fn ring(&self) {
        if let Ok(thread) = self.memory.thread() {
            self.memory.raw().ring(&thread, End::Receiving);
        }
    }

    /// The items one by one, each waited for, until nobody is left who would push: it ends when an error would be [`Disconnected`](RingError::Disconnected), and at any other.
    pub fn iter(&mut self) -> RingItems<'_, T> {
        RingItems(self)
    }

    /// How many items there are, at this moment; it can only become more by itself.
    #[must_use]
    pub fn len(&self) -> usize {
        let capacity = self.memory.capacity();
        self.memory.raw().count_from(&&self.memory, &self.head, capacity) as usize
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

    /// How many items the ring has room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.capacity() as usize
    }

    /// Whether whoever pushed is gone, and nobody has taken its place, at this moment. `false` before somebody has come for the first time. There may be items left.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.memory.holder(End::Sending) == Peer::Gone
    }

    /// After [`Disconnected`](RingError::Disconnected): waits for a successor at the other end, or for items that one has pushed and gone, for this time at the most; whether that was so.
    ///
    /// # Errors
    ///
    /// [`Failed`](RingError::Failed) if this process was forked.
    pub fn wait_for_producer(&mut self, timeout: Duration) -> Result<bool, RingError> {
        let Self { memory, head, .. } = self;
        let thread = memory.thread().map_err(RingError::Failed)?;
        let deadline = Deadline::after(timeout);
        let capacity = memory.capacity();
        Ok(memory.raw().wait_for_sender(&thread, &&*memory, head, capacity, deadline))
    }

    /// A handle of this end, for a successor.
    #[must_use]
    pub fn handle(&self) -> RingReceiver<T> {
        RingReceiver::of(self.memory.clone())
    }
}

impl<T: Pod> Drop for RingConsumer<T> {
    fn drop(&mut self) {
        self.memory.leave(End::Receiving);
    }
}

impl<T: Pod> fmt::Debug for RingConsumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingConsumer")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("producer", &format_args!("{}", self.memory.describe(End::Sending)))
            .finish()
    }
}

/// The items of a ring, one by one: see [`RingConsumer::iter`].
#[derive(Debug)]
pub struct RingItems<'a, T: Pod>(&'a mut RingConsumer<T>);

impl<T: Pod> Iterator for RingItems<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.0.pop().ok()
    }
}

impl<'a, T: Pod> IntoIterator for &'a mut RingConsumer<T> {
    type Item = T;
    type IntoIter = RingItems<'a, T>;

    fn into_iter(self) -> RingItems<'a, T> {
        self.iter()
    }
}

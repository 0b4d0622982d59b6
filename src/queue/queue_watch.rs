//! A queue, and the receiving end of a channel, as something that one can wait for beside other things.

use super::{
    CanRecv, Connection, JoinableQueue, Queue, Receiver,
    memory::Memory,
    raw_queue::{Anybody, NEWS, Peers},
};
use crate::{
    Result,
    segment::OwnerId,
    sync::{Looked, Readiness, Slept, Spots, Waitable, Watch, Watchable, Watching},
};
use std::{borrow::Borrow, fmt};

/// One who watches a queue for items, and for its end when those peers are gone.
#[derive(Debug)]
struct QueueWatch<M, P> {
    memory: M,
    peers: P,
    /// On whom it depended at the last look.
    lives: Vec<OwnerId>,
}

impl<M: Borrow<Memory>, P: Peers> QueueWatch<M, P> {
    fn new(memory: M, peers: P) -> Self {
        Self { memory, peers, lives: Vec::new() }
    }
}

impl<M: Borrow<Memory> + fmt::Debug, P: Peers + fmt::Debug> Watching for QueueWatch<M, P> {
    fn look(&mut self, spots: &mut Spots) -> Result<bool> {
        let memory = self.memory.borrow();
        let (raw, thread) = (memory.raw(), memory.thread()?);
        let watcher = raw.bells().watch(NEWS);
        let mut looked = Looked::default();
        if raw.has_news(&thread, memory, &self.peers, &mut looked) {
            self.lives.clear();
            return Ok(true);
        }
        self.lives = spots.add_watch(&thread, watcher.places(), looked);
        Ok(false)
    }

    fn has_slept(&mut self, slept: Slept) {
        let memory = self.memory.borrow();
        if let Ok(thread) = memory.thread() {
            thread.has_watched(slept, &self.lives);
            if slept.by_others {
                memory.raw().bells().pass_on(&thread);
            }
        }
    }
}

pub(super) fn watch<'a>(memory: &'a Memory, peers: impl Peers + fmt::Debug + 'a) -> Watch<'a> {
    Watch::Words(Box::new(QueueWatch::new(memory, peers)))
}

pub(super) fn readiness(
    memory: &Memory,
    peers: impl Peers + fmt::Debug + Send + 'static,
) -> Result<Readiness> {
    Readiness::of(Box::new(QueueWatch::new(memory.clone(), peers)))
}

impl<T, F> Watchable for Queue<T, F> {
    fn watch(&self) -> Result<Watch<'_>> {
        Ok(watch(self.memory(), Anybody))
    }
}

/// It is ready when there is an item, or it is closed.
impl<T, F> Waitable for Queue<T, F> {}

impl<T> Watchable for JoinableQueue<T> {
    fn watch(&self) -> Result<Watch<'_>> {
        self.queue.watch()
    }
}

/// As a [`Queue`].
impl<T> Waitable for JoinableQueue<T> {}

impl<T, F> Watchable for Receiver<T, F> {
    fn watch(&self) -> Result<Watch<'_>> {
        let (queue, side) = self.parts();
        Ok(watch(queue.memory(), side.watched_others()))
    }
}

/// It is ready when there is an item, or all senders are gone.
impl<T, F> Waitable for Receiver<T, F> {}

impl<D: CanRecv> Watchable for Connection<D> {
    fn watch(&self) -> Result<Watch<'_>> {
        self.incoming()?.watch()
    }
}

/// It is ready when there is a message, or the other end is closed.
impl<D: CanRecv> Waitable for Connection<D> {}

impl<T, F> Queue<T, F> {
    /// A descriptor that is readable when there is an item, or the queue is closed: for other loops than [`wait`](crate::wait).
    ///
    /// # Errors
    ///
    /// When the system gives no descriptor or thread, or the thread that watches cannot take part in the segment: as [`recv`](Self::recv).
    ///
    /// ```
    /// use multiproc::{Queue, Readable, wait};
    /// # fn main() -> multiproc::Result<()> {
    /// let queue = Queue::new(4)?;
    /// let readiness = queue.readiness()?;
    /// queue.send(7)?;
    /// // Any loop that knows descriptors would do.
    /// wait(&[&Readable(&readiness)], None)?;
    /// readiness.clear()?;
    /// assert_eq!(queue.try_recv()?, 7);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("as_fd", "fileno"))]
    pub fn readiness(&self) -> Result<Readiness> {
        readiness(self.memory(), Anybody)
    }
}

impl<T> JoinableQueue<T> {
    /// A descriptor that is readable when there is an item, or the queue is closed: see [`Queue::readiness`].
    ///
    /// # Errors
    ///
    /// As [`Queue::readiness`].
    pub fn readiness(&self) -> Result<Readiness> {
        self.queue.readiness()
    }
}

impl<T, F> Receiver<T, F> {
    /// A descriptor that is readable when there is an item, or all senders are gone: see [`Readiness`].
    ///
    /// # Errors
    ///
    /// As [`Queue::readiness`].
    #[doc(alias("as_fd", "fileno"))]
    pub fn readiness(&self) -> Result<Readiness> {
        let (queue, side) = self.parts();
        readiness(queue.memory(), side.watched_others())
    }
}

impl<D: CanRecv> Connection<D> {
    /// A descriptor that is readable when there is a message, or the other end is closed: see [`Readiness`].
    ///
    /// # Errors
    ///
    /// As [`Queue::readiness`], and as [`poll`](Self::poll).
    #[doc(alias("as_fd", "fileno"))]
    pub fn readiness(&self) -> Result<Readiness> {
        self.incoming()?.readiness()
    }
}

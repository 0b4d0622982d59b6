//! `JoinableQueue`: a queue that one can wait for, until all that was put in is done.

use super::{Lease, Queue, SendError, memory::Memory, raw_queue::Claim, transfer::Finishing};
use crate::{
    Error, ErrorKind, Result,
    os::{clock::Deadline, fork},
    segment::BlockId,
    sync::party::Party,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

/// A [`Queue`] that knows which items are done. Handles are cheap to clone; all clones are the same queue.
///
/// Python's `JoinableQueue`. Each item that is received is worked on until the thread that received it says [`task_done`](Self::task_done), or until its [lease](Self::lease) is [done](Lease::done);
/// [`join`](Self::join) waits until all are. An item that is not done keeps its place in the queue.
///
/// # When a process dies
///
/// What it had received and not done, another one gets: nothing is lost, and nobody joins too early. Where nobody is left who receives, [`join_timeout`](Self::join_timeout) and [`unfinished`](Self::unfinished) say so.
///
/// ```
/// use multiproc::{Atomic, JoinableQueue, Ordering};
///
/// fn worker(queue: JoinableQueue<u64>, sum: Atomic<u64>) -> multiproc::Result<()> {
///     while let Ok(item) = queue.recv() {
///         sum.fetch_add(item, Ordering::Relaxed);
///         queue.task_done()?;
///     }
///     Ok(())
/// }
///
/// fn main() -> multiproc::Result<()> {
///     multiproc::init();
///     let (queue, sum) = (JoinableQueue::new(4)?, Atomic::new(0)?);
///     let worker = multiproc::spawn(worker, (queue.clone(), sum.clone()))?;
///     queue.send_all(1..=10)?;
///     queue.join()?;
///     assert_eq!(sum.load(Ordering::Relaxed), 55);
///     queue.close()?;
///     worker.join()?
/// }
/// ```
pub struct JoinableQueue<T> {
    pub(super) queue: Queue<T>,
    received: Arc<Received>,
}

/// What threads of this process have received and not done: one list for each queue, however many handles have come here.
struct Received {
    memory: Memory,
    claims: Mutex<Vec<Claim>>,
}

/// The lists of this process. As long as one is there, so is its queue's block: no other queue has the place meanwhile.
type Lists = HashMap<([u8; 16], BlockId), Weak<Received>>;

fn lists() -> MutexGuard<'static, Lists> {
    static LISTS: LazyLock<Mutex<Lists>> = LazyLock::new(Mutex::default);
    LISTS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Received {
    fn of<T>(queue: &Queue<T>) -> Arc<Self> {
        let mut lists = lists();
        let memory = queue.memory().clone();
        let place = Self::place(&memory);
        if let Some(known) = lists.get(&place).and_then(Weak::upgrade) {
            // Before it may be the last one, whose end takes the lists.
            drop(lists);
            return known;
        }
        let new = Arc::new(Self { memory, claims: Mutex::default() });
        lists.insert(place, Arc::downgrade(&new));
        new
    }

    fn place(memory: &Memory) -> ([u8; 16], BlockId) {
        (memory.root().nonce(), memory.blocks().0.id())
    }

    fn claims(&self) -> MutexGuard<'_, Vec<Claim>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Serialize + DeserializeOwned + 'static> JoinableQueue<T> {
    /// A new queue for so many items, in the session's shared memory.
    ///
    /// # Errors
    ///
    /// As [`Queue::new`].
    pub fn new(capacity: usize) -> Result<Self> {
        Queue::new(capacity).map(Self::over)
    }

    fn over(queue: Queue<T>) -> Self {
        let received = Received::of(&queue);
        Self { queue, received }
    }

    /// Puts an item in; waits until there is room.
    ///
    /// # Errors
    ///
    /// As [`Queue::send`].
    #[doc(alias = "put")]
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        self.queue.send(item)
    }

    /// As [`send`](Self::send), if there is room at once.
    ///
    /// # Errors
    ///
    /// As [`Queue::try_send`].
    pub fn try_send(&self, item: T) -> Result<(), SendError<T>> {
        self.queue.try_send(item)
    }

    /// As [`send`](Self::send), waiting for this time at the most.
    ///
    /// # Errors
    ///
    /// As [`Queue::send_timeout`].
    pub fn send_timeout(&self, item: T, timeout: Duration) -> Result<(), SendError<T>> {
        self.queue.send_timeout(item, timeout)
    }

    /// The next item; waits until there is one. This thread has it until it says [`task_done`](Self::task_done).
    ///
    /// # Errors
    ///
    /// As [`Queue::recv`]. An item that is not a `T` is done.
    #[doc(alias = "get")]
    pub fn recv(&self) -> Result<T> {
        self.recv_by(Deadline::NEVER)
    }

    /// As [`recv`](Self::recv), if there is one at once.
    ///
    /// # Errors
    ///
    /// As [`Queue::try_recv`].
    pub fn try_recv(&self) -> Result<T> {
        self.recv_by(Deadline::NOW)
    }

    /// As [`recv`](Self::recv), waiting for this time at the most.
    ///
    /// # Errors
    ///
    /// As [`Queue::recv_timeout`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T> {
        self.recv_by(Deadline::after(timeout))
    }

    pub(super) fn recv_by(&self, deadline: Deadline) -> Result<T> {
        let (claim, item) = self.queue.lease_by(deadline)?.keep();
        self.keep(claim);
        Ok(item)
    }

    /// This thread has an item until it says that it is done.
    pub(super) fn keep(&self, claim: Claim) {
        self.received.claims().push(claim);
    }

    pub(super) fn queue(&self) -> &Queue<T> {
        &self.queue
    }

    /// The item that this thread received first of those that it has not done, is done.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotOwner`] if this thread has received none that is not done.
    pub fn task_done(&self) -> Result<()> {
        let memory = self.queue.memory();
        let thread = memory.thread()?;
        let mut claims = self.received.claims();
        let Some(at) = claims.iter().position(|claim| claim.owner() == Some(thread.id())) else {
            return Err(Error::new(
                ErrorKind::NotOwner,
                "task_done was called more often than this thread has received items",
            ));
        };
        let claim = claims.remove(at);
        drop(claims);
        let named = memory.raw().bells().name(&thread);
        drop(Finishing { memory, thread, claim });
        drop(named);
        Ok(())
    }

    /// The next item, as a guard that says by itself when it is done: see [`Queue::lease`].
    ///
    /// # Errors
    ///
    /// As [`Queue::lease`].
    pub fn lease(&self) -> Result<Lease<'_, T>> {
        self.queue.lease()
    }

    /// As [`lease`](Self::lease), if there is one at once.
    ///
    /// # Errors
    ///
    /// As [`Queue::try_lease`].
    pub fn try_lease(&self) -> Result<Lease<'_, T>> {
        self.queue.try_lease()
    }

    /// As [`lease`](Self::lease), waiting for this time at the most.
    ///
    /// # Errors
    ///
    /// As [`Queue::lease_timeout`].
    pub fn lease_timeout(&self, timeout: Duration) -> Result<Lease<'_, T>> {
        self.queue.lease_timeout(timeout)
    }

    /// Waits until all that was put in is done. At once, if nothing was.
    ///
    /// # Errors
    ///
    /// When this thread cannot take part in the segment, as [`Queue::send`].
    pub fn join(&self) -> Result<()> {
        self.join_by(Deadline::NEVER).map(|_| ())
    }

    /// As [`join`](Self::join), waiting for this time at the most; `false` when the time was up before.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn join_timeout(&self, timeout: Duration) -> Result<bool> {
        self.join_by(Deadline::after(timeout))
    }

    fn join_by(&self, deadline: Deadline) -> Result<bool> {
        let memory = self.queue.memory();
        Ok(memory.raw().join(&memory.thread()?, memory, deadline))
    }

    /// How many items are not done at this moment, whether or not somebody works on them; it may change at any time.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        let memory = self.queue.memory();
        memory.raw().in_use(memory) as usize
    }

    /// How many items wait to be received at this moment; it may change at any time.
    #[doc(alias = "qsize")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits to be received at this moment; it may change at any time.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether there is no room at this moment; it may change at any time.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// How many items there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// Nothing more is sent: see [`Queue::close`].
    ///
    /// # Errors
    ///
    /// As [`Queue::close`].
    pub fn close(&self) -> Result<()> {
        self.queue.close()
    }

    /// Nothing more is sent or received: see [`Queue::shut_down`].
    ///
    /// # Errors
    ///
    /// As [`Queue::close`].
    #[doc(alias = "shutdown")]
    pub fn shut_down(&self) -> Result<()> {
        self.queue.shut_down()
    }

    /// Whether it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Whether both handles are of one queue.
    #[must_use]
    pub fn same_queue(&self, other: &Self) -> bool {
        self.queue.same_queue(&other.queue)
    }
}

impl<T> Clone for JoinableQueue<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), received: Arc::clone(&self.received) }
    }
}

impl<T> fmt::Debug for JoinableQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.queue.memory();
        f.debug_struct("JoinableQueue")
            .field("queue", &self.queue)
            .field("unfinished", &memory.raw().in_use(memory))
            .finish()
    }
}

/// The last handle of the process goes: what was received and is not done is somebody else's.
impl Drop for Received {
    fn drop(&mut self) {
        if fork::is_forked_holder() {
            return;
        }
        let mut lists = lists();
        let place = Self::place(&self.memory);
        // Unless a handle has come here since, and has a list of its own.
        if lists.get(&place).is_some_and(|list| list.strong_count() == 0) {
            lists.remove(&place);
        }
        drop(lists);
        let claims = std::mem::take(&mut *self.claims());
        if let (false, Ok(thread)) = (claims.is_empty(), self.memory.thread()) {
            for claim in claims {
                self.memory.raw().give_back(&thread, &self.memory, claim);
            }
        }
    }
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn).
impl<T: Serialize + DeserializeOwned + 'static> Serialize for JoinableQueue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.queue.serialize(serializer)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error.
impl<'de, T: Serialize + DeserializeOwned + 'static> Deserialize<'de> for JoinableQueue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Queue::deserialize(deserializer).map(Self::over)
    }
}

//! `Queue`: items for whoever comes first, between any processes.

use super::{
    Encoded, Format, InPlace, Lease, Loan, QueueBuilder, Received, SendError,
    format::SlotFormat,
    memory::Memory,
    raw_queue::{Anybody, Closing, Taken, in_slot},
    transfer::{self, no_room},
};
use crate::{
    ErrorKind, Result,
    os::{clock::Deadline, spin},
};
use bytemuck::Pod;
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, iter, marker::PhantomData, time::Duration};

/// A bounded queue that processes share: any of them puts items in, any of them gets them out, each item once. Handles are cheap to clone; all clones are the same queue.
///
/// Python's `Queue`. Items are of any type that can be serialised, handles of shared memory and other queues included; those of a [`Pod`] type can lie in the queue as they are: see
/// [`in_place`](Self::in_place). Those of one producer come out in the order in which it put them in.
///
/// Sending and receiving make no system call unless somebody sleeps. Each form waits as long as it takes, not at all (`try_`), or for a time (`_timeout`, by the monotonic clock, of the whole call).
///
/// # Large items
///
/// What does not fit its [slot](QueueBuilder::inline_bytes) gets a block of the shared memory, which is used again for the next such item. Blocks of up to 1 MiB stay with the session, as many as were in use at once. Of larger ones, each
/// process keeps up to 32 MiB that are free; what is more goes back to the system as soon as it is received, and all of it when a process ends or when there is no room for something else.
///
/// # The end
///
/// [`close`](Self::close) says that nothing more is sent: receivers get what is left, and then [`ErrorKind::Closed`]; so [`iter`](Self::iter) ends. [`shut_down`](Self::shut_down) ends it at once.
///
/// # When a process dies
///
/// - While it sends: the item was sent, completely, or was not.
/// - While it receives: another one gets the item, unless it had it already, at the last moment. Such an item may overtake others.
///   After such a death, until the ring has gone round, there may be room for fewer items than [`capacity`](Self::capacity).
/// - With an item that it has [leased](Self::lease): likewise. An item that [`recv`](Self::recv) has returned is the caller's, and dies with it.
///
/// ```
/// use multiproc::Queue;
///
/// fn worker(tasks: Queue<u64>, results: Queue<(u64, u64)>) -> multiproc::Result<()> {
///     for task in tasks.iter() {
///         let task = task?;
///         results.send((task, task * task))?;
///     }
///     Ok(())
/// }
///
/// fn main() -> multiproc::Result<()> {
///     multiproc::init();
///     let (tasks, results) = (Queue::new(8)?, Queue::new(8)?);
///     let worker = multiproc::spawn(worker, (tasks.clone(), results.clone()))?;
///     for task in 0..4 {
///         tasks.send(task)?;
///     }
///     tasks.close()?;
///     let mut sum = 0;
///     for _ in 0..4 {
///         sum += results.recv()?.1;
///     }
///     worker.join()??;
///     assert_eq!(sum, 14);
///     Ok(())
/// }
/// ```
#[doc(alias("put", "get", "mpmc"))]
pub struct Queue<T, F = Encoded> {
    memory: Memory,
    _items: PhantomData<fn(T) -> (T, F)>,
}

impl<T: Serialize + DeserializeOwned + 'static> Queue<T> {
    /// A new queue for so many items, in the session's shared memory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a capacity of zero or one that is absurd. When the shared memory cannot be made or grown: [`ErrorKind::NoSpace`] and the like.
    pub fn new(capacity: usize) -> Result<Self> {
        Self::builder(capacity).build()
    }

    /// A queue with more said about it.
    pub fn builder(capacity: usize) -> QueueBuilder<T> {
        QueueBuilder::new(capacity)
    }
}

impl<T: Pod> Queue<T, InPlace> {
    /// A new queue for so many items that lie in it as they are: nothing is encoded, and [`loan`](Self::loan) and [`recv_in_place`](Self::recv_in_place) copy nothing.
    ///
    /// Items can be aligned to 64 bytes at the most; with more, this does not compile.
    ///
    /// ```compile_fail
    /// #[derive(Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
    /// #[repr(C, align(128))]
    /// struct Wide([u8; 128]);
    ///
    /// multiproc::Queue::<Wide, _>::in_place(4).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Queue::new).
    ///
    /// ```
    /// # fn main() -> multiproc::Result<()> {
    /// let frames = multiproc::Queue::<[u8; 4096], _>::in_place(4)?;
    /// let mut frame = frames.loan()?;
    /// frame.fill(7);
    /// frame.send()?;
    /// assert_eq!(frames.recv_in_place()?[4095], 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_place(capacity: usize) -> Result<Self> {
        Self::make(&crate::segment::session()?, capacity, 0)
    }

    /// A slot to write the next item in; waits until there is room. What is in it is what somebody left there. The item is sent by [`Loan::send`]; those that other threads send later are received later.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`]. When this thread cannot take part in the segment: [`ErrorKind::TooMany`], [`ErrorKind::PermissionDenied`] (attached for reading only),
    /// [`ErrorKind::Forked`].
    pub fn loan(&self) -> Result<Loan<'_, T>> {
        self.loan_by(Deadline::NEVER)
    }

    /// As [`loan`](Self::loan), if there is room at once.
    ///
    /// # Errors
    ///
    /// As [`loan`](Self::loan), and [`ErrorKind::WouldBlock`].
    pub fn try_loan(&self) -> Result<Loan<'_, T>> {
        self.loan_by(Deadline::NOW)
    }

    /// As [`loan`](Self::loan), waiting for this time at the most.
    ///
    /// # Errors
    ///
    /// As [`loan`](Self::loan), and [`ErrorKind::TimedOut`].
    pub fn loan_timeout(&self, timeout: Duration) -> Result<Loan<'_, T>> {
        self.loan_by(Deadline::after(timeout))
    }

    fn loan_by(&self, deadline: Deadline) -> Result<Loan<'_, T>> {
        let (memory, thread) = (&self.memory, self.memory.thread()?);
        let raw = memory.raw();
        let named = raw.bells().name(&thread);
        let claim = raw.claim(&thread, memory, &Anybody, deadline);
        let claim = claim.map_err(|why| no_room(why, deadline))?;
        raw.holds(&thread);
        drop(named);
        Ok(Loan::new(memory, thread, claim))
    }

    /// The next item, where it lies; waits until there is one. It is gone when the answer is dropped; if the thread dies before, another one gets it.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_in_place(&self) -> Result<Received<'_, T>> {
        self.recv_in_place_by(Deadline::NEVER)
    }

    /// As [`recv_in_place`](Self::recv_in_place), if there is one at once.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`ErrorKind::WouldBlock`].
    pub fn try_recv_in_place(&self) -> Result<Received<'_, T>> {
        self.recv_in_place_by(Deadline::NOW)
    }

    /// As [`recv_in_place`](Self::recv_in_place), waiting for this time at the most.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`ErrorKind::TimedOut`].
    pub fn recv_in_place_timeout(&self, timeout: Duration) -> Result<Received<'_, T>> {
        self.recv_in_place_by(Deadline::after(timeout))
    }

    fn recv_in_place_by(&self, deadline: Deadline) -> Result<Received<'_, T>> {
        let thread = self.memory.thread()?;
        let named = self.memory.raw().bells().name(&thread);
        loop {
            let taken = transfer::take(&self.memory, thread, &Anybody, deadline, in_slot)?;
            if let Taken::Claim(claim) = taken {
                self.memory.raw().holds(&thread);
                drop(named);
                spin::count_item(true);
                return Ok(Received::new(&self.memory, thread, claim));
            }
        }
    }
}

impl<T, F: Format<T>> Queue<T, F> {
    /// Puts an item in; waits until there is room.
    ///
    /// # Errors
    ///
    /// The error holds the item. [`ErrorKind::Closed`]; [`ErrorKind::Encode`] if the item's own `Serialize` refuses; [`ErrorKind::InvalidInput`] if it is larger than an item can be, or has handles of another segment in it;
    /// [`ErrorKind::NoSpace`] if there is no room in shared memory for a large one. When this thread cannot take part in the segment: [`ErrorKind::TooMany`], [`ErrorKind::PermissionDenied`]
    /// (attached for reading only), [`ErrorKind::Forked`].
    #[doc(alias = "put")]
    #[inline]
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        self.send_by(item, Deadline::NEVER)
    }

    /// As [`send`](Self::send), if there is room at once.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`ErrorKind::WouldBlock`].
    #[doc(alias = "put_nowait")]
    #[inline]
    pub fn try_send(&self, item: T) -> Result<(), SendError<T>> {
        self.send_by(item, Deadline::NOW)
    }

    /// As [`send`](Self::send), waiting for this time at the most. Zero means try; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`ErrorKind::TimedOut`].
    pub fn send_timeout(&self, item: T, timeout: Duration) -> Result<(), SendError<T>> {
        self.send_by(item, Deadline::after(timeout))
    }

    #[inline]
    fn send_by(&self, item: T, deadline: Deadline) -> Result<(), SendError<T>> {
        transfer::send::<T, F>(&self.memory, &item, &Anybody, deadline)
            .map_err(|error| SendError::new(item, error))
    }

    /// The next item; waits until there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] when the queue is closed and empty. [`ErrorKind::Decode`], [`ErrorKind::StaleHandle`] and the like if this item is not a `T`, or an object in it is gone: the item is, the queue goes on. Where there are too few
    /// descriptors or too little memory for a large item or an object in it ([`ErrorKind::Os`], [`ErrorKind::NoSpace`], [`ErrorKind::TooMany`]), the item is given back, and can be received later. When this
    /// thread cannot take part in the segment, as [`send`](Self::send).
    #[doc(alias = "get")]
    #[inline]
    pub fn recv(&self) -> Result<T> {
        self.recv_by(Deadline::NEVER)
    }

    /// As [`recv`](Self::recv), if there is one at once.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`ErrorKind::WouldBlock`].
    #[doc(alias = "get_nowait")]
    #[inline]
    pub fn try_recv(&self) -> Result<T> {
        self.recv_by(Deadline::NOW)
    }

    /// As [`recv`](Self::recv), waiting for this time at the most. Zero means try; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`ErrorKind::TimedOut`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T> {
        self.recv_by(Deadline::after(timeout))
    }

    #[inline]
    pub(super) fn recv_by(&self, deadline: Deadline) -> Result<T> {
        transfer::recv::<T, F>(&self.memory, &Anybody, deadline)
    }

    /// The next item, to be worked on: it is gone when [`Lease::done`] says so. If the lease is dropped before, or its thread dies, another one gets the item. Waits until there is one.
    ///
    /// A leased item keeps its place in the queue: so many fewer are sent meanwhile.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn lease(&self) -> Result<Lease<'_, T>> {
        self.lease_by(Deadline::NEVER)
    }

    /// As [`lease`](Self::lease), if there is one at once.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`ErrorKind::WouldBlock`].
    pub fn try_lease(&self) -> Result<Lease<'_, T>> {
        self.lease_by(Deadline::NOW)
    }

    /// As [`lease`](Self::lease), waiting for this time at the most.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`ErrorKind::TimedOut`].
    pub fn lease_timeout(&self, timeout: Duration) -> Result<Lease<'_, T>> {
        self.lease_by(Deadline::after(timeout))
    }

    pub(super) fn lease_by(&self, deadline: Deadline) -> Result<Lease<'_, T>> {
        transfer::lease::<T, F>(&self.memory, &Anybody, deadline)
    }

    /// The items until the queue is closed and empty, or an error.
    pub fn iter(&self) -> impl Iterator<Item = Result<T>> {
        self.items(Deadline::NEVER)
    }

    /// The items that are there.
    pub fn try_iter(&self) -> impl Iterator<Item = Result<T>> {
        self.items(Deadline::NOW)
    }

    fn items(&self, deadline: Deadline) -> impl Iterator<Item = Result<T>> {
        iter::from_fn(move || match self.recv_by(deadline) {
            Err(error) if matches!(error.kind(), ErrorKind::Closed | ErrorKind::WouldBlock) => None,
            item => Some(item),
        })
    }

    /// How many items wait to be received at this moment; it may change at any time.
    #[doc(alias = "qsize")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.memory.raw().len(&self.memory) as usize
    }

    /// Whether none waits to be received at this moment; it may change at any time.
    #[doc(alias = "empty")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room at this moment; it may change at any time.
    #[doc(alias = "full")]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.memory.raw().in_use(&self.memory) == self.memory.capacity()
    }

    /// How many items there is room for.
    #[doc(alias = "maxsize")]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.capacity() as usize
    }

    /// Nothing more is sent, by nobody. What is in the queue can be received; whoever waits for more is told. To close it again does nothing.
    ///
    /// # Errors
    ///
    /// When this thread cannot take part in the segment, as [`send`](Self::send).
    pub fn close(&self) -> Result<()> {
        self.close_how(Closing::Gently)
    }

    /// Nothing more is sent or received, by nobody; what is in the queue is dropped.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    #[doc(alias = "shutdown")]
    pub fn shut_down(&self) -> Result<()> {
        self.close_how(Closing::AtOnce)?;
        let (memory, thread) = (&self.memory, self.memory.thread()?);
        let named = memory.raw().bells().name(&thread);
        memory.raw().drop_left(&thread, memory);
        drop(named);
        Ok(())
    }

    fn close_how(&self, how: Closing) -> Result<()> {
        self.memory.raw().close(&self.memory.thread()?, how);
        Ok(())
    }

    /// Whether it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.memory.raw().closing().is_some()
    }

    /// Whether both handles are of one queue.
    #[must_use]
    pub fn same_queue(&self, other: &Self) -> bool {
        self.memory.is_same(&other.memory)
    }
}

#[allow(private_bounds, reason = "inside this layer only")]
impl<T, F: SlotFormat<T>> Queue<T, F> {
    pub(super) fn make(
        root: &std::sync::Arc<crate::segment::Root>,
        capacity: usize,
        inline_bytes: usize,
    ) -> Result<Self>
    where
        T: 'static,
    {
        let layout = F::layout(inline_bytes);
        let fingerprint = super::fingerprint::<T, F>();
        Memory::new(root, fingerprint, capacity, layout, F::HAS_LARGE_ITEMS).map(Self::of_memory)
    }

    pub(super) fn of_memory(memory: Memory) -> Self {
        Self { memory, _items: PhantomData }
    }
}

impl<T, F> Queue<T, F> {
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }
}

impl<T, F> Clone for Queue<T, F> {
    fn clone(&self) -> Self {
        Self { memory: self.memory.clone(), _items: PhantomData }
    }
}

impl<T, F> fmt::Debug for Queue<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = self.memory.raw();
        f.debug_struct("Queue")
            .field("len", &raw.len(&self.memory))
            .field("capacity", &self.memory.capacity())
            .field("closed", &raw.closing().is_some())
            .finish()
    }
}

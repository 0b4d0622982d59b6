//! `channel`: a queue with two kinds of handles, which ends when one kind is gone.

use super::{
    Encoded, Format, InPlace, Lease, Queue, SendError,
    channel_side::{Others, Side},
    memory::Memory,
    raw_queue::{Closing, NEWS, ROOM},
    transfer,
};
use crate::{
    Error, ErrorKind, Result,
    os::{clock::Deadline, fork},
    segment::Root,
};
use bytemuck::Pod;
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, iter, time::Duration};

/// A new channel for so many items, in the session's shared memory: what senders send, receivers receive, each item once. Both kinds of handles can be cloned, and travel.
///
/// As `std::sync::mpsc`, across processes, and with many receivers. It is a [`Queue`] that ends by itself: when the last [`Sender`] is dropped **or its process dies**, receivers get what is left, and then
/// [`ErrorKind::Disconnected`]; when the last [`Receiver`] is gone, so do senders. What nobody can receive any more is dropped: if a request with the [`Sender`] for its answer in it lies in the channel, or was received by
/// a process that dies, whoever waits for the answer is told.
///
/// # Errors
///
/// As [`Queue::new`].
///
/// ```
/// use multiproc::{Sender, channel};
///
/// fn worker(results: Sender<String>, name: String) -> multiproc::Result<()> {
///     results.send(format!("{name} was here"))?;
///     Ok(())
/// }
///
/// fn main() -> multiproc::Result<()> {
///     multiproc::init();
///     let (sender, receiver) = channel(4)?;
///     let worker = multiproc::spawn(worker, (sender, "Ada".to_owned()))?;
///     for item in receiver.iter() {
///         assert_eq!(item?, "Ada was here");
///     }
///     worker.join()?
/// }
/// ```
pub fn channel<T: Serialize + DeserializeOwned + 'static>(
    capacity: usize,
) -> Result<(Sender<T>, Receiver<T>)> {
    both(Queue::new(capacity)?)
}

/// As [`channel`], for items that lie in it as they are: see [`Queue::in_place`].
///
/// # Errors
///
/// As [`Queue::new`].
pub fn channel_in_place<T: Pod>(
    capacity: usize,
) -> Result<(Sender<T, InPlace>, Receiver<T, InPlace>)> {
    both(Queue::in_place(capacity)?)
}

pub(super) fn both<T, F>(queue: Queue<T, F>) -> Result<(Sender<T, F>, Receiver<T, F>)> {
    let (senders, receivers) = Side::both(queue.memory().root(), queue.memory().blocks().1)?;
    Ok((Sender::of_parts(queue.clone(), senders), Receiver::of_parts(queue, receivers)))
}

/// The sending end of a [`channel`]. Clones are the same end.
pub struct Sender<T, F = Encoded> {
    queue: Queue<T, F>,
    /// There until it is dropped.
    side: Option<Side>,
}

/// The receiving end of a [`channel`]. Clones are the same end: each item is received once.
pub struct Receiver<T, F = Encoded> {
    queue: Queue<T, F>,
    /// There until it is dropped.
    side: Option<Side>,
}

/// What both ends have.
macro_rules! ends {
    ($($name:ident $closing:ident $bell:ident;)*) => {$(
        impl<T, F> $name<T, F> {
            pub(super) fn of_parts(queue: Queue<T, F>, side: Side) -> Self {
                Self { queue, side: Some(side) }
            }

            pub(super) fn parts(&self) -> (&Queue<T, F>, &Side) {
                (&self.queue, self.side())
            }

            pub(super) fn side(&self) -> &Side {
                self.side.as_ref().expect("the side is there until the end is dropped")
            }

            pub(super) fn memory(&self) -> &Memory {
                self.queue.memory()
            }

            /// How many items wait to be received at this moment; it may change at any time.
            #[must_use]
            pub fn len(&self) -> usize {
                self.memory().raw().len(self.memory()) as usize
            }

            /// Whether none waits to be received at this moment; it may change at any time.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// How many items there is room for.
            #[must_use]
            pub fn capacity(&self) -> usize {
                self.memory().capacity() as usize
            }

            /// Whether both are of one channel.
            #[must_use]
            pub fn same_channel(&self, other: &Self) -> bool {
                self.memory().is_same(other.memory())
            }
        }

        impl<T, F> Clone for $name<T, F> {
            fn clone(&self) -> Self {
                Self { queue: self.queue.clone(), side: self.side.clone() }
            }
        }

        impl<T, F> Drop for $name<T, F> {
            fn drop(&mut self) {
                let Some(side) = self.side.take() else { return };
                let is_last = side.leave();
                if fork::is_forked_holder() {
                    return;
                }
                let memory = self.memory();
                // Without a slot for this thread nobody can be told: the token's pin is given up, and whoever waits finds that when it looks the next time.
                if let Ok(thread) = memory.thread() {
                    if is_last {
                        memory.raw().close(&thread, Closing::$closing);
                        if memory.raw().closing() == Some(Closing::AtOnce) {
                            // What is left is nobody's, and may be what somebody waits to be gone.
                            memory.raw().drop_left(&thread, memory);
                        }
                    } else {
                        // Those of dead processes may be all that is left on this side.
                        let named = memory.raw().bells().name(&thread);
                        memory.raw().bells().ring(&thread, $bell);
                        drop(named);
                    }
                }
            }
        }

        impl<T, F> fmt::Debug for $name<T, F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("len", &self.len())
                    .field("capacity", &self.capacity())
                    .finish_non_exhaustive()
            }
        }
    )*};
}

ends! {
    Sender Gently NEWS;
    Receiver AtOnce ROOM;
}

const NO_RECEIVERS: &str = "all receivers of the channel are gone";

#[cold]
fn disconnected(error: Error, what: &'static str) -> Error {
    if error.kind() == ErrorKind::Closed {
        Error::new(ErrorKind::Disconnected, what)
    } else {
        error
    }
}

impl<T, F> Sender<T, F> {
    /// For whom the next item is: an error if they are known to be gone.
    #[inline]
    pub(super) fn receivers(&self) -> Result<Others<&Root>> {
        if self.side().is_alone() {
            return Err(Error::new(ErrorKind::Closed, NO_RECEIVERS));
        }
        Ok(self.side().others())
    }
}

impl<T, F: Format<T>> Sender<T, F> {
    /// Sends an item; waits until there is room.
    ///
    /// # Errors
    ///
    /// The error holds the item. [`ErrorKind::Disconnected`] when all receivers are gone; that those died which were the last is known when somebody has looked: who finds no room does, and who waits for something that they would have sent. Else as [`Queue::send`].
    #[inline]
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        self.send_by(item, Deadline::NEVER)
    }

    /// As [`send`](Self::send), if there is room at once.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`ErrorKind::WouldBlock`].
    #[inline]
    pub fn try_send(&self, item: T) -> Result<(), SendError<T>> {
        self.send_by(item, Deadline::NOW)
    }

    /// As [`send`](Self::send), waiting for this time at the most.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`ErrorKind::TimedOut`].
    pub fn send_timeout(&self, item: T, timeout: Duration) -> Result<(), SendError<T>> {
        self.send_by(item, Deadline::after(timeout))
    }

    #[inline]
    fn send_by(&self, item: T, deadline: Deadline) -> Result<(), SendError<T>> {
        let sent = self.receivers().and_then(|receivers| {
            transfer::send::<T, F>(self.memory(), &item, &receivers, deadline)
        });
        sent.map_err(|error| SendError::new(item, disconnected(error, NO_RECEIVERS)))
    }
}

impl<T, F: Format<T>> Receiver<T, F> {
    /// The next item; waits until there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disconnected`] when all senders are gone and all items received. Else as [`Queue::recv`].
    #[inline]
    pub fn recv(&self) -> Result<T> {
        self.recv_by(Deadline::NEVER)
    }

    /// As [`recv`](Self::recv), if there is one at once.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`ErrorKind::WouldBlock`].
    #[inline]
    pub fn try_recv(&self) -> Result<T> {
        self.recv_by(Deadline::NOW)
    }

    /// As [`recv`](Self::recv), waiting for this time at the most.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`ErrorKind::TimedOut`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T> {
        self.recv_by(Deadline::after(timeout))
    }

    #[inline]
    pub(super) fn recv_by(&self, deadline: Deadline) -> Result<T> {
        transfer::recv::<T, F>(self.memory(), &self.side().others(), deadline).map_err(gone)
    }

    /// The next item, as a guard that says when it is done: see [`Queue::lease`].
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn lease(&self) -> Result<Lease<'_, T>> {
        transfer::lease::<T, F>(self.memory(), &self.side().others(), Deadline::NEVER).map_err(gone)
    }

    /// The items until all senders are gone and all items received, or an error.
    pub fn iter(&self) -> impl Iterator<Item = Result<T>> {
        self.items(Deadline::NEVER)
    }

    /// The items that are there.
    pub fn try_iter(&self) -> impl Iterator<Item = Result<T>> {
        self.items(Deadline::NOW)
    }

    fn items(&self, deadline: Deadline) -> impl Iterator<Item = Result<T>> {
        iter::from_fn(move || match self.recv_by(deadline) {
            Err(error)
                if matches!(error.kind(), ErrorKind::Disconnected | ErrorKind::WouldBlock) =>
            {
                None
            }
            item => Some(item),
        })
    }
}

#[cold]
fn gone(error: Error) -> Error {
    disconnected(error, "all senders of the channel are gone, and all items received")
}

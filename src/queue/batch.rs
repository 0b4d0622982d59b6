//! Batches: what can be had at once, and what is sent one after the other.

use super::{
    Format, JoinableQueue, Queue, Receiver, SendError, Sender,
    format::acknowledge,
    memory::Memory,
    raw_queue::{Claim, How, RawQueue, Taken, in_slot},
    transfer::Finishing,
};
use crate::{Result, os::clock::Deadline, sync::Thread};
use serde::{Serialize, de::DeserializeOwned};
use std::{mem, time::Duration};

/// Tells others once of all that a batch did, also where a decoder panics. The relay is named meanwhile.
struct Bells<'a> {
    memory: &'a Memory,
    thread: Thread<'a>,
    tell: fn(&RawQueue, &Thread<'a>),
    is_due: bool,
}

impl Drop for Bells<'_> {
    fn drop(&mut self) {
        if self.is_due {
            (self.tell)(self.memory.raw(), &self.thread);
        }
    }
}

/// The item in a slot that the caller has. Where a decoder panics, the item is gone.
fn read<T, F: Format<T>>(memory: &Memory, thread: Thread<'_>, claim: Claim) -> Result<Option<T>> {
    let finishing = Finishing { memory, thread, claim };
    let item = F::read(memory, claim);
    mem::forget(finishing);
    item
}

/// Adds what is there at a glance, up to so many. An item that cannot be decoded is left to whoever receives next.
fn take_more<T, F: Format<T>>(memory: &Memory, items: &mut Vec<T>, most: usize) {
    // The first item came from there: it can.
    let Ok(thread) = memory.thread() else { return };
    let raw = memory.raw();
    let named = raw.bells().name(&thread);
    let mut bells = Bells { memory, thread, tell: RawQueue::has_finished, is_due: false };
    let end = items.len().saturating_add(most);
    while items.len() < end {
        let mut copied = None;
        let how = |index| How::of(F::copy(memory, index, &mut copied));
        let Some(taken) = raw.glance(&thread, memory, how) else { break };
        bells.is_due = true;
        let Taken::Claim(claim) = taken else {
            items.extend(copied);
            continue;
        };
        let Ok(item) = read::<T, F>(memory, thread, claim) else {
            raw.give_back(&thread, memory, claim);
            break;
        };
        acknowledge(memory, claim);
        RawQueue::finish_silently(memory, claim);
        items.extend(item);
    }
    drop(bells);
    drop(named);
}

/// The same, and the caller keeps their slots.
fn lease_more<T, F: Format<T>>(
    memory: &Memory,
    items: &mut Vec<T>,
    most: usize,
    mut keep: impl FnMut(Claim),
) {
    let Ok(thread) = memory.thread() else { return };
    let raw = memory.raw();
    let named = raw.bells().name(&thread);
    let mut bells = Bells { memory, thread, tell: RawQueue::holds, is_due: false };
    let end = items.len().saturating_add(most);
    while items.len() < end {
        let Some(Taken::Claim(claim)) = raw.glance(&thread, memory, in_slot) else { break };
        match read::<T, F>(memory, thread, claim) {
            Ok(Some(item)) => {
                bells.is_due = true;
                keep(claim);
                items.push(item);
            }
            Ok(None) => drop(Finishing { memory, thread, claim }),
            Err(_) => {
                raw.give_back(&thread, memory, claim);
                break;
            }
        }
    }
    drop(bells);
    drop(named);
}

/// Waits for the first item as `first` does, and then adds what `more` finds.
fn into<T>(
    items: &mut Vec<T>,
    most: usize,
    first: impl FnOnce() -> Result<T>,
    more: impl FnOnce(&mut Vec<T>, usize),
) -> Result<usize> {
    if most == 0 {
        return Ok(0);
    }
    let before = items.len();
    items.push(first()?);
    if most > 1 {
        more(items, most - 1);
    }
    Ok(items.len() - before)
}

/// The three forms of a batch, over one of any deadline.
macro_rules! receives {
    ($(#[$more:meta])*) => {
        /// Adds items to a list: waits for the first, and then takes what is there, up to so many in all. How many these are: none where none is asked for. Quicker than one by one; whoever waits for room is told once.
        ///
        /// Each item is received by itself, in its order; others may get some in between. If this process dies in the midst of it, it had those that had left the queue.
        $(#[$more])*
        ///
        /// # Errors
        ///
        /// As `recv`, of the first item; then none was added. An item that cannot be decoded ends a batch before it: whoever receives next is told, so nothing that was received is lost.
        #[doc(alias("recv_many", "get_many"))]
        pub fn recv_into(&self, items: &mut Vec<T>, most: usize) -> Result<usize> {
            self.recv_into_by(items, most, Deadline::NEVER)
        }

        /// As [`recv_into`](Self::recv_into), if there is an item at once.
        ///
        /// # Errors
        ///
        /// As [`recv_into`](Self::recv_into), and [`ErrorKind::WouldBlock`](crate::ErrorKind::WouldBlock).
        pub fn try_recv_into(&self, items: &mut Vec<T>, most: usize) -> Result<usize> {
            self.recv_into_by(items, most, Deadline::NOW)
        }

        /// As [`recv_into`](Self::recv_into), waiting for the first item for this time at the most. Zero means try.
        ///
        /// # Errors
        ///
        /// As [`recv_into`](Self::recv_into), and [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut).
        pub fn recv_into_timeout(
            &self,
            items: &mut Vec<T>,
            most: usize,
            timeout: Duration,
        ) -> Result<usize> {
            self.recv_into_by(items, most, Deadline::after(timeout))
        }
    };
}

impl<T, F: Format<T>> Queue<T, F> {
    receives! {
        ///
        /// ```
        /// # fn main() -> multiproc::Result<()> {
        /// let queue = multiproc::Queue::new(8)?;
        /// queue.send_all(0..5)?;
        /// let mut items = Vec::new();
        /// assert_eq!(queue.recv_into(&mut items, 3)?, 3);
        /// assert_eq!(queue.recv_into(&mut items, 100)?, 2);
        /// assert_eq!(items, [0, 1, 2, 3, 4]);
        /// # Ok(())
        /// # }
        /// ```
    }

    fn recv_into_by(&self, items: &mut Vec<T>, most: usize, deadline: Deadline) -> Result<usize> {
        let more = |items: &mut _, most| take_more::<T, F>(self.memory(), items, most);
        into(items, most, || self.recv_by(deadline), more)
    }

    /// Puts items in, one after the other, each as [`send`](Self::send) does; how many, when all are in. Those that wait for items are told of each: an iterator may take its time for the next.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), with the first item that was not sent; those before it were. Those behind it are the iterator's still, for a caller that passes it [by reference](Iterator::by_ref):
    ///
    /// ```
    /// # use multiproc::{ErrorKind, Queue};
    /// # fn main() -> multiproc::Result<()> {
    /// let queue = Queue::new(8)?;
    /// queue.close()?;
    /// let mut items = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()].into_iter();
    /// let error = queue.send_all(items.by_ref()).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Closed);
    /// let unsent: Vec<_> = std::iter::once(error.into_item()).chain(items).collect();
    /// assert_eq!(unsent, ["a", "b", "c"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_all(&self, items: impl IntoIterator<Item = T>) -> Result<usize, SendError<T>> {
        one_by_one(items, |item| self.send(item))
    }
}

fn one_by_one<T>(
    items: impl IntoIterator<Item = T>,
    send: impl Fn(T) -> Result<(), SendError<T>>,
) -> Result<usize, SendError<T>> {
    items.into_iter().try_fold(0, |count, item| send(item).map(|()| count + 1))
}

impl<T: Serialize + DeserializeOwned + 'static> JoinableQueue<T> {
    receives! {
        ///
        /// This thread has the items until it says [`task_done`](Self::task_done), once for each; those that it had not done, if it dies, another one gets.
    }

    fn recv_into_by(&self, items: &mut Vec<T>, most: usize, deadline: Deadline) -> Result<usize> {
        let (queue, keep) = (self.queue(), |claim| self.keep(claim));
        let more = |items: &mut _, most| {
            lease_more::<T, super::Encoded>(queue.memory(), items, most, keep);
        };
        into(items, most, || self.recv_by(deadline), more)
    }

    /// Puts items in, one after the other; how many, when all are in.
    ///
    /// # Errors
    ///
    /// As [`Queue::send_all`].
    pub fn send_all(&self, items: impl IntoIterator<Item = T>) -> Result<usize, SendError<T>> {
        self.queue().send_all(items)
    }
}

impl<T, F: Format<T>> Sender<T, F> {
    /// Sends items, one after the other; how many, when all are sent.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), with the first item that was not sent: see [`Queue::send_all`].
    pub fn send_all(&self, items: impl IntoIterator<Item = T>) -> Result<usize, SendError<T>> {
        one_by_one(items, |item| self.send(item))
    }
}

impl<T, F: Format<T>> Receiver<T, F> {
    receives! {}

    fn recv_into_by(&self, items: &mut Vec<T>, most: usize, deadline: Deadline) -> Result<usize> {
        let more = |items: &mut _, most| take_more::<T, F>(self.memory(), items, most);
        into(items, most, || self.recv_by(deadline), more)
    }
}

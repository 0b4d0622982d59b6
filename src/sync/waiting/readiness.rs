//! A descriptor that says that there is something in a queue.

use super::{
    readiness_bridge::{self, Entry},
    waitable::Watching,
};
use crate::{Result, os::fork};
use std::{
    fmt,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    sync::Arc,
};

/// A descriptor that becomes readable when there is something in a queue, or its end: for `epoll`, and loops that are made of it, as those of mio and tokio. From [`Queue::readiness`](crate::Queue::readiness),
/// [`Receiver::readiness`](crate::Receiver::readiness), [`Connection::readiness`](crate::Connection::readiness) and [`JoinableQueue::readiness`](crate::JoinableQueue::readiness).
///
/// Threads of this process, one for each 16 of them, which are made when they are needed and stay, watch the queues, asleep until there is news. So it takes a moment from an item to the descriptor, and another process may have taken the item by then: follow it by a `try_` form.
///
/// Wait for the descriptor, [`clear`](Self::clear) it, and then take items until there are none ([`ErrorKind::WouldBlock`](crate::ErrorKind::WouldBlock)). An item that comes after the clearing makes the descriptor readable again; one that was left in the queue does so too. Each time it is written
/// anew, so loops that only want to hear of changes (edge-triggered ones, tokio's) hear of each. With tokio:
///
/// ```no_run
/// # struct AsyncFd(multiproc::Readiness);
/// # struct Guard;
/// # impl Guard { fn clear_ready(&mut self) {} }
/// # impl AsyncFd {
/// #     unsafe fn register(readiness: multiproc::Readiness) -> multiproc::Result<Self> { Ok(Self(readiness)) }
/// #     async fn readable(&self) -> multiproc::Result<Guard> { Ok(Guard) }
/// #     fn get_ref(&self) -> &multiproc::Readiness { &self.0 }
/// # }
/// # async fn receive(receiver: multiproc::Receiver<u32>) -> multiproc::Result<()> {
/// // A `Readiness` has one descriptor of its own, which is open until it is dropped: so this is sound.
/// let readiness = unsafe { AsyncFd::register(receiver.readiness()?) }?;
/// loop {
///     let mut ready = readiness.readable().await?;
///     // Before the descriptor is: who makes it readable from now on is heard.
///     ready.clear_ready();
///     readiness.get_ref().clear()?;
///     loop {
///         match receiver.try_recv() {
///             Ok(item) => println!("{item}"),
///             Err(error) if error.kind() == multiproc::ErrorKind::WouldBlock => break,
///             Err(error) if error.kind() == multiproc::ErrorKind::Disconnected => return Ok(()),
///             Err(error) => return Err(error),
///         }
///     }
/// }
/// # }
/// ```
///
/// Without `futex_waitv` (see the crate's variables) it may take 20 ms from an item to the descriptor.
///
/// It keeps the queue's memory, but is no receiver: senders of a channel whose receivers are gone hear of it. When it is dropped, the descriptor is closed.
#[must_use = "the descriptor is closed when this is dropped"]
pub struct Readiness(Arc<Entry>);

impl Readiness {
    /// For what is watched so.
    pub(crate) fn of(watching: Box<dyn Watching + Send>) -> Result<Self> {
        readiness_bridge::add(watching).map(Self)
    }

    /// The descriptor is not readable any more, until there is something again, or still.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forked`](crate::ErrorKind::Forked) in a process made by a raw `fork()`.
    pub fn clear(&self) -> Result<()> {
        fork::refuse_if_forked()?;
        self.0.clear();
        Ok(())
    }
}

impl AsFd for Readiness {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.descriptor()
    }
}

impl AsRawFd for Readiness {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        if !fork::is_forked_holder() {
            self.0.leave();
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("descriptor", &self.as_raw_fd()).finish()
    }
}

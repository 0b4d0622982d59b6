//! What one can wait for beside other things.

use super::{Slept, Spots};
use crate::Result;
use std::{fmt, os::fd::BorrowedFd};

/// What [`wait`](crate::wait) can wait for beside other things; each says here when it is ready.
///
/// | | ready when |
/// | --- | --- |
/// | [`Queue`](crate::Queue), [`JoinableQueue`](crate::JoinableQueue) | there is an item, or it is closed |
/// | [`Receiver`](crate::Receiver) | there is an item, or all senders are gone |
/// | [`Connection`](crate::Connection) that receives | there is a message, or the other end is closed |
/// | [`RingConsumer`](crate::RingConsumer) | there is an item, or the producer is gone |
/// | [`Event`](crate::Event) | it is set, or was since the call began |
/// | [`Process`](crate::Process), [`ActiveChild`](crate::ActiveChild), [`ParentProcess`](crate::ParentProcess) | it has ended |
/// | [`AsyncResult`](crate::AsyncResult) of a pool | it is there, or what became of the task is known |
/// | [`Readable`](crate::Readable), around a descriptor | there is something to read, or the end |
///
/// Other crates cannot implement it.
pub trait Waitable: Watchable {}

/// What is behind it, for this crate alone.
pub trait Watchable {
    /// Begins to wait.
    #[doc(hidden)]
    fn watch(&self) -> Result<Watch<'_>>;
}

/// How something is watched.
#[derive(Debug)]
pub enum Watch<'a> {
    /// By words in shared memory.
    Words(Box<dyn Watching + 'a>),
    /// It is ready when this is readable.
    Descriptor(BorrowedFd<'a>),
    /// It is ready for ever.
    Over,
}

/// One who watches words. It takes nothing, so all who watch are woken by news.
pub trait Watching: fmt::Debug {
    /// Whether it is ready. If not, whatever makes it ready from now on ends a sleep at the spots that this adds.
    fn look(&mut self, spots: &mut Spots) -> Result<bool>;

    /// After a sleep at all spots.
    fn has_slept(&mut self, slept: Slept);
}

//! `Lease`: an item that somebody works on.

use super::{memory::Memory, raw_queue::Claim, transfer::Finishing};
use crate::{os::fork, sync::Thread};
use std::{
    fmt,
    marker::PhantomData,
    mem,
    ops::{Deref, DerefMut},
};

/// An item of a [`Queue`](crate::Queue) that its holder works on. [`done`](Self::done) says that it need not be done again; if this is dropped before, or its thread dies, another one gets the item as it was sent.
///
/// It belongs to the thread that took it.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<multiproc::Lease<'static, u32>>();
/// ```
///
/// ```
/// # fn main() -> multiproc::Result<()> {
/// let queue = multiproc::Queue::new(4)?;
/// queue.send("task".to_owned())?;
/// drop(queue.lease()?);
/// let lease = queue.lease()?;
/// assert_eq!((lease.as_str(), lease.attempts(), lease.is_redelivered()), ("task", 2, true));
/// assert_eq!(lease.done(), "task");
/// assert!(queue.is_empty());
/// # Ok(())
/// # }
/// ```
#[must_use = "the item is given back when the lease is dropped without `done`"]
pub struct Lease<'a, T> {
    memory: &'a Memory,
    thread: Thread<'a>,
    claim: Claim,
    item: Option<T>,
    /// The thread's name is on the slot: not `Send`.
    _thread: PhantomData<*const ()>,
}

impl<'a, T> Lease<'a, T> {
    pub(super) fn new(memory: &'a Memory, thread: Thread<'a>, claim: Claim, item: T) -> Self {
        Self { memory, thread, claim, item: Some(item), _thread: PhantomData }
    }

    /// The work is done: the item leaves the queue, and is the caller's.
    #[doc(alias = "task_done")]
    pub fn done(mut self) -> T {
        let item = self.item.take().expect("the item is there until `done`");
        let Self { memory, thread, claim, .. } = self;
        mem::forget(self);
        drop(Finishing { memory, thread, claim });
        item
    }

    /// The item, whose slot the thread has on; whoever has the claim ends it.
    pub(super) fn keep(mut self) -> (Claim, T) {
        let item = self.item.take().expect("the item is there until `done`");
        let claim = self.claim;
        mem::forget(self);
        (claim, item)
    }

    /// How often the item was handed out, this time included. It is counted up to 31.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.claim.attempts()
    }

    /// Whether somebody else, or the same thread before, may have had the item and not finished it.
    #[must_use]
    pub fn is_redelivered(&self) -> bool {
        self.attempts() > 1
    }
}

impl<T> Deref for Lease<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.item.as_ref().expect("the item is there until `done`")
    }
}

/// Changes are the holder's own: they are not in the queue.
impl<T> DerefMut for Lease<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.item.as_mut().expect("the item is there until `done`")
    }
}

impl<T> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        // A forked child has a copy of this, but not the item.
        if !fork::is_forked_holder() {
            self.memory.raw().give_back(&self.thread, self.memory, self.claim);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Lease<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("item", &self.item)
            .field("attempts", &self.attempts())
            .finish_non_exhaustive()
    }
}

//! `Loan` and `Received`: an item that is written, or read, in its slot.
#![allow(unsafe_code)]

use super::{
    memory::{Memory, SMALL},
    raw_queue::{Claim, Closing},
    transfer::Finishing,
};
use crate::{
    Error, ErrorKind, Result,
    os::{fork, spin},
    sync::Thread,
};
use bytemuck::Pod;
use std::{
    fmt,
    marker::PhantomData,
    mem,
    ops::{Deref, DerefMut},
};

/// A slot of a [`Queue`](crate::Queue) in which the next item is written: see [`Queue::loan`](crate::Queue::loan). If it is dropped instead of [sent](Self::send), or its thread dies, there is no item.
///
/// While it is there, items that others send later wait for it. It belongs to the thread that took it.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<multiproc::Loan<'static, u32>>();
/// ```
#[must_use = "the item is sent by `send`"]
pub struct Loan<'a, T> {
    memory: &'a Memory,
    thread: Thread<'a>,
    claim: Claim,
    /// A small item, until it is sent.
    staged: Staged,
    /// The thread's name is on the slot: not `Send`.
    _item: PhantomData<*mut T>,
}

/// Room for a small item, whatever its alignment.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Staged([u8; SMALL]);

impl<'a, T: Pod> Loan<'a, T> {
    pub(super) fn new(memory: &'a Memory, thread: Thread<'a>, claim: Claim) -> Self {
        Self { memory, thread, claim, staged: Staged([0; SMALL]), _item: PhantomData }
    }

    /// The item is whole: whoever receives next gets it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the queue was shut down meanwhile; the item is gone. If it was closed, the item is received. [`ErrorKind::Forked`] in a child of a raw `fork()`.
    pub fn send(self) -> Result<()> {
        // A forked child has a copy of this, but not the slot.
        fork::refuse_if_forked()?;
        let Self { memory, thread, claim, staged, .. } = self;
        let raw = memory.raw();
        if raw.closing() == Some(Closing::AtOnce) {
            return Err(Error::new(ErrorKind::Closed, "the queue was shut down"));
        }
        mem::forget(self);
        let named = raw.bells().name(&thread);
        if memory.is_small() {
            memory.write(claim, &staged.0[..size_of::<T>()]);
        }
        raw.put(&thread, memory, claim);
        drop(named);
        spin::count_item(false);
        Ok(())
    }
}

impl<T: Pod> Deref for Loan<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        if self.memory.is_small() {
            return bytemuck::from_bytes(&self.staged.0[..size_of::<T>()]);
        }
        // SAFETY: a slot of an `InPlace` queue of `T` has room for one, aligned; all bytes are a `T`; nobody else touches it while it is claimed.
        unsafe { self.memory.item(self.claim).cast::<T>().as_ref() }
    }
}

impl<T: Pod> DerefMut for Loan<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        if self.memory.is_small() {
            return bytemuck::from_bytes_mut(&mut self.staged.0[..size_of::<T>()]);
        }
        // SAFETY: as above.
        unsafe { self.memory.item(self.claim).cast::<T>().as_mut() }
    }
}

impl<T> Drop for Loan<'_, T> {
    fn drop(&mut self) {
        // A forked child has a copy of this, but not the slot.
        if !fork::is_forked_holder() {
            let named = self.memory.raw().bells().name(&self.thread);
            self.memory.raw().abandon(&self.thread, self.memory, self.claim);
            drop(named);
        }
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for Loan<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan").field("item", &**self).finish_non_exhaustive()
    }
}

/// An item that is read where it lies: see [`Queue::recv_in_place`](crate::Queue::recv_in_place). It leaves the queue when this is dropped; if its thread dies before, another one gets it.
///
/// It belongs to the thread that took it.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<multiproc::Received<'static, u32>>();
/// ```
#[must_use = "the item leaves the queue when this is dropped"]
pub struct Received<'a, T> {
    slot: Finishing<'a>,
    /// The thread's name is on the slot: not `Send`.
    _item: PhantomData<*const T>,
}

impl<'a, T: Pod> Received<'a, T> {
    pub(super) fn new(memory: &'a Memory, thread: Thread<'a>, claim: Claim) -> Self {
        Self { slot: Finishing { memory, thread, claim }, _item: PhantomData }
    }

    /// Gives the item back: another one gets it.
    pub fn give_back(self) {
        let Finishing { memory, thread, claim } = self.slot;
        mem::forget(self);
        if !fork::is_forked_holder() {
            memory.raw().give_back(&thread, memory, claim);
        }
    }

    /// How often the item was handed out, this time included. It is counted up to 31.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.slot.claim.attempts()
    }

    /// Whether somebody else, or the same thread before, may have had the item.
    #[must_use]
    pub fn is_redelivered(&self) -> bool {
        self.attempts() > 1
    }
}

impl<T: Pod> Deref for Received<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a slot of an `InPlace` queue of `T` has room for one, aligned; all bytes are a `T`; nobody writes there while it is claimed for reading.
        unsafe { self.slot.memory.item(self.slot.claim).cast::<T>().as_ref() }
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for Received<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("item", &**self).finish_non_exhaustive()
    }
}

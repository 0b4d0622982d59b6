//! Items on their way into a queue's memory and out of it, for all that are queues beneath.

use super::{
    Format, Lease,
    format::{Body, acknowledge},
    memory::Memory,
    raw_queue::{Claim, Peers, Refusal, Taken, in_slot},
};
use crate::{
    Error, ErrorKind, Result,
    os::{clock::Deadline, fork, spin},
    sync::Thread,
};
use std::mem;

/// Puts an item in, until the deadline.
#[inline]
pub(super) fn send<T, F: Format<T>>(
    memory: &Memory,
    item: &T,
    peers: &impl Peers,
    deadline: Deadline,
) -> Result<()> {
    let thread = memory.thread()?;
    F::prepare(memory, item, |body| put(memory, thread, body, peers, deadline))?
}

/// As [`send`], for an item as it is written.
#[inline]
pub(super) fn put(
    memory: &Memory,
    thread: Thread<'_>,
    body: Body<'_>,
    peers: &impl Peers,
    deadline: Deadline,
) -> Result<()> {
    let raw = memory.raw();
    let named = raw.bells().name(&thread);
    let put = match raw.claim(&thread, memory, peers, deadline) {
        Ok(claim) => {
            body.write(memory, claim);
            raw.put(&thread, memory, claim);
            spin::count_item(false);
            Ok(())
        }
        Err(why) => Err(no_room(why, deadline)),
    };
    drop(named);
    put
}

/// The next item, until the deadline.
#[inline]
pub(super) fn recv<T, F: Format<T>>(
    memory: &Memory,
    peers: &impl Peers,
    deadline: Deadline,
) -> Result<T> {
    let copy = |index, copied: &mut Option<T>| F::copy(memory, index, copied);
    get(memory, peers, deadline, copy, |claim| F::read(memory, claim))
}

/// As [`recv`], with the item as `copy` copies it from a slot that may change hands meanwhile, or as `read` reads it. Where that finds none, somebody that died has had it already, and the next one is looked for.
#[inline]
pub(super) fn get<T>(
    memory: &Memory,
    peers: &impl Peers,
    deadline: Deadline,
    mut copy: impl FnMut(u32, &mut Option<T>) -> bool,
    mut read: impl FnMut(Claim) -> Result<Option<T>>,
) -> Result<T> {
    let thread = memory.thread()?;
    let named = memory.raw().bells().name(&thread);
    let item = loop {
        let mut copied = None;
        let claim = match take(memory, thread, peers, deadline, |index| copy(index, &mut copied)) {
            Ok(Taken::Claim(claim)) => claim,
            Ok(Taken::Copied) => match copied {
                Some(item) => break Ok(item),
                None => continue,
            },
            Err(error) => break Err(error),
        };
        // Also where a decoder panics: the item is gone.
        let finishing = Finishing { memory, thread, claim };
        let item = read(claim);
        finishing.after(&item);
        match item {
            Ok(Some(item)) => break Ok(item),
            Ok(None) => {}
            Err(error) => break Err(error),
        }
    };
    drop(named);
    spin::count_item(true);
    item
}

/// The next item, until the deadline, which keeps its slot.
pub(super) fn lease<'a, T, F: Format<T>>(
    memory: &'a Memory,
    peers: &impl Peers,
    deadline: Deadline,
) -> Result<Lease<'a, T>> {
    let thread = memory.thread()?;
    let named = memory.raw().bells().name(&thread);
    loop {
        let Taken::Claim(claim) = take(memory, thread, peers, deadline, in_slot)? else {
            continue;
        };
        let finishing = Finishing { memory, thread, claim };
        let item = F::read(memory, claim);
        let Ok(Some(item)) = item else {
            finishing.after(&item);
            item?;
            continue;
        };
        mem::forget(finishing);
        memory.raw().holds(&thread);
        drop(named);
        return Ok(Lease::new(memory, thread, claim, item));
    }
}

/// Has the next item, until the deadline: in its slot, unless `copy` has copied it. The caller has named the relay.
#[inline]
pub(super) fn take(
    memory: &Memory,
    thread: Thread<'_>,
    peers: &impl Peers,
    deadline: Deadline,
    copy: impl FnMut(u32) -> bool,
) -> Result<Taken> {
    let taken = memory.raw().take(&thread, memory, peers, deadline, copy);
    taken.map_err(|why| refused(why, deadline, "the queue has no item"))
}

/// A slot whose item is the caller's.
pub(super) struct Finishing<'a> {
    pub(super) memory: &'a Memory,
    pub(super) thread: Thread<'a>,
    pub(super) claim: Claim,
}

impl Finishing<'_> {
    /// It was read. An item that cannot be had only now, as there are no descriptors for it or no memory, is given back: it is not gone.
    #[inline]
    fn after<T>(self, read: &Result<T>) {
        if let Err(error) = read
            && error.is_for_now()
        {
            self.give_back();
        }
    }

    #[cold]
    fn give_back(self) {
        let Self { memory, thread, claim } = self;
        mem::forget(self);
        if !fork::is_forked_holder() {
            memory.raw().give_back(&thread, memory, claim);
        }
    }
}

impl Drop for Finishing<'_> {
    #[inline]
    fn drop(&mut self) {
        // A forked child has a copy of this, but not the slot.
        if fork::is_forked_holder() {
            return;
        }
        acknowledge(self.memory, self.claim);
        self.memory.raw().finish(&self.thread, self.memory, self.claim);
    }
}

/// Why no slot was got to write in.
#[cold]
pub(super) fn no_room(why: Refusal, deadline: Deadline) -> Error {
    refused(why, deadline, "the queue has no room")
}

#[cold]
fn refused(why: Refusal, deadline: Deadline, what: &'static str) -> Error {
    match why {
        Refusal::Closed => Error::new(ErrorKind::Closed, "the queue is closed"),
        Refusal::Late if deadline == Deadline::NOW => Error::new(ErrorKind::WouldBlock, what),
        Refusal::Late => Error::new(ErrorKind::TimedOut, format!("{what}, and the time is up")),
    }
}

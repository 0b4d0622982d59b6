//! Items on their way into a queue's memory and out of it, for all that are queues beneath.

use super::{
    Format, Lease,
    format::{Body, acknowledge},
    memory::Memory,
    raw_queue::{Claim, How, Peers, Refusal, Taken, in_slot},
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
    F::prepare(memory, item, |body| put(memory, thread, body, 0, peers, deadline))?
}

/// As [`send`], for an item as it is written, and with what is said of it: see [`Body::write`].
#[inline]
pub(super) fn put(
    memory: &Memory,
    thread: Thread<'_>,
    body: Body<'_>,
    mark: u32,
    peers: &impl Peers,
    deadline: Deadline,
) -> Result<()> {
    let raw = memory.raw();
    let named = raw.bells().name(&thread);
    let put = match raw.claim(&thread, memory, peers, deadline) {
        Ok(claim) => {
            body.write(memory, claim, mark);
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
    get(memory, peers, deadline, copy, |claim| Found::of(F::read(memory, claim)))
}

/// What is in a slot that the caller has.
pub(super) enum Found<T> {
    Item(T),
    /// An item that is no `T`: it is gone.
    Broken(Error),
    /// Somebody that died has had it already: the next one is looked for.
    Gone,
    /// An item that is not for this call, or cannot be had now, as there are no descriptors for it or no memory: it stays next in line.
    Refused(Error),
}

impl<T> Found<T> {
    #[inline]
    pub(super) fn of(item: Result<Option<T>>) -> Self {
        match item {
            Ok(Some(item)) => Self::Item(item),
            Ok(None) => Self::Gone,
            Err(error) if error.is_for_now() => Self::Refused(error),
            Err(error) => Self::Broken(error),
        }
    }
}

/// As [`recv`], with the item as `copy` copies it from a slot that may change hands meanwhile, or as `read` finds it.
#[inline]
pub(super) fn get<T>(
    memory: &Memory,
    peers: &impl Peers,
    deadline: Deadline,
    mut copy: impl FnMut(u32, &mut Option<T>) -> bool,
    mut read: impl FnMut(Claim) -> Found<T>,
) -> Result<T> {
    let thread = memory.thread()?;
    let named = memory.raw().bells().name(&thread);
    let item = loop {
        let mut copied = None;
        let how = |index| How::of(copy(index, &mut copied));
        let claim = match take(memory, thread, peers, deadline, how) {
            Ok(Taken::Claim(claim)) => claim,
            Ok(Taken::Copied | Taken::Left) => match copied {
                Some(item) => break Ok(item),
                None => continue,
            },
            Err(error) => break Err(error),
        };
        // Also where a decoder panics: the item is gone.
        let finishing = Finishing { memory, thread, claim };
        match read(claim) {
            Found::Item(item) => break Ok(item),
            Found::Broken(error) => break Err(error),
            Found::Gone => {}
            Found::Refused(error) => {
                finishing.give_back();
                break Err(error);
            }
        }
    };
    drop(named);
    spin::count_item(true);
    item
}

/// Whether [`get`] would not wait: an item is there, or the end is. Waits for either until the deadline, and takes nothing.
pub(super) fn poll(memory: &Memory, peers: &impl Peers, deadline: Deadline) -> Result<bool> {
    let thread = memory.thread()?;
    let raw = memory.raw();
    let named = raw.bells().name(&thread);
    let found = raw.take(&thread, memory, peers, deadline, |_| How::Leave);
    if let Ok(Taken::Claim(claim)) = found {
        // Somebody died with it.
        raw.give_back(&thread, memory, claim);
    }
    drop(named);
    Ok(found != Err(Refusal::Late))
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
        let item = match Found::of(F::read(memory, claim)) {
            Found::Item(item) => item,
            Found::Broken(error) => return Err(error),
            Found::Gone => continue,
            Found::Refused(error) => {
                finishing.give_back();
                return Err(error);
            }
        };
        mem::forget(finishing);
        memory.raw().holds(&thread);
        drop(named);
        return Ok(Lease::new(memory, thread, claim, item));
    }
}

/// Has the next item, until the deadline: in its slot, unless `how` says otherwise. The caller has named the relay.
#[inline]
pub(super) fn take(
    memory: &Memory,
    thread: Thread<'_>,
    peers: &impl Peers,
    deadline: Deadline,
    how: impl FnMut(u32) -> How,
) -> Result<Taken> {
    let taken = memory.raw().take(&thread, memory, peers, deadline, how);
    taken.map_err(|why| refused(why, deadline, "the queue has no item"))
}

/// A slot whose item is the caller's.
pub(super) struct Finishing<'a> {
    pub(super) memory: &'a Memory,
    pub(super) thread: Thread<'a>,
    pub(super) claim: Claim,
}

impl Finishing<'_> {
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

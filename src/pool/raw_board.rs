//! The board without tasks: who runs which slot, in any storage.
//!
//! # Protocol
//!
//! A pool belongs to one process, its **parent**. Only the parent's threads, one at a time, give slots out and take them back; only its supervisor, likewise, repairs. Its workers end with it. So a claim is all that several
//! change at once.
//!
//! A slot's word is its state, the **ticket** by which it was offered, and the name of who runs it. The tickets are numbered; the list of tickets says the slot of each, in the order in which they were submitted.
//!
//! | state | next | by |
//! | --- | --- | --- |
//! | IDLE | OFFERED(t), JOB(t) | the parent, with ticket t |
//! | OFFERED(t) | RUNNING(t, me) | a worker, for itself |
//! | | IDLE | the parent, for a task that was cancelled; and to offer it by another ticket |
//! | RUNNING(t, w) | OFFERED(t') | the parent, when w is dead and the task is tried again |
//! | | IDLE | the parent, when the task is over, or w is dead |
//! | JOB(t) | JOB(t') | the parent, when units are free again and t was passed |
//! | | IDLE | the parent, when the job is over; and to offer it by another ticket |
//!
//! Beside the word stands **done**: the serial number of the task or job, and whether it is over, which the one who runs it says by one exchange. That is the moment in which the task is done.
//!
//! Invariants:
//! 1. A task runs by a claim only, which carries the name of the worker. So when a worker is dead, what it had is what has its name.
//! 2. **head** is a hint: the first ticket that may be good. A ticket is passed only when it was seen to be spent: its slot's word is not by it any more, or is RUNNING. A spent ticket is never good again; a task that is tried again has a new one.
//!    So tasks are begun in the order in which they were submitted.
//! 3. The ticket of a job is passed when no unit is free. Who passes it looks at the units once more; the parent, having freed a unit, looks whether the ticket was passed, and if so, gives a new one. One of both sees the other.
//! 4. There are no more tickets from the head on than the list has room for: a slot has one good ticket at the most, and is not given out again before its ticket was passed. The parent passes spent tickets itself before it writes one.
//!    Where good tickets are in the way of spent ones and it wants those slots, it takes back what is offered, passes all tickets, and offers the same anew, in its order.
//!
//! Sleeping is by `raw_bells`: workers wait for news at one bell, the parent's threads at the other. Nobody but the parent depends on the life of a worker. The supervisor watches each by its process, and after a death repairs, then rings both bells for all.
//!
//! | it dies | the slot | then the supervisor |
//! | --- | --- | --- |
//! | before its claim, asleep or rung for | as it was | rings for the others |
//! | having claimed, or running | RUNNING by a corpse, not done | tells that the task's worker died, or offers it again |
//! | with its result written | likewise | likewise: done is what says done |
//! | when it is done, before it rings | done | rings for those who wait |
//! | the parent | whatever | nobody is left to ask: the workers end with it |
//!
//! Orderings: the word is exchanged sequentially consistent, as news before a bell is looked at; so what lies beside it changes hands with it. `done` likewise, the other way.

use super::word::{Done, State, Ticket, Word};
use crate::{
    atomic::{AtomicU32, AtomicU64, Ordering},
    os::step::step,
    segment::OwnerId,
    sync::{RawBells, party::Party},
};
use std::fmt;

/// Where idle workers sleep.
pub(crate) const NEWS: usize = 0;
/// Where the parent's threads sleep.
pub(crate) const DONE: usize = 1;

/// Where slots and tickets are.
pub(crate) trait Slots<'a>: Copy {
    /// How many slots there are, and tickets in the list.
    fn count(self) -> u32;

    fn ticket(self, index: u32) -> &'a AtomicU64;

    fn word(self, slot: u32) -> &'a AtomicU64;

    fn done(self, slot: u32) -> &'a AtomicU64;
}

/// What the parent wants of its workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Orders {
    Work,
    /// End when nothing is left to do.
    End,
}

/// What a worker found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A task; it is the caller's.
    Task(u32),
    /// A job, which may have units.
    Job { slot: u32, ticket: u64 },
}

/// A hint, in a cache line of its own.
#[repr(C, align(64))]
#[derive(Debug)]
struct Hint(AtomicU64);

/// The words.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct RawBoard {
    orders: AtomicU32,
    bells: RawBells<2>,
    head: Hint,
}

impl RawBoard {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new() -> Self {
        Self { orders: AtomicU32::new(0), bells: RawBells::new(), head: Hint(AtomicU64::new(0)) }
    }

    pub(crate) fn bells(&self) -> &RawBells<2> {
        &self.bells
    }

    pub(crate) fn orders(&self) -> Orders {
        if self.orders.load(Ordering::SeqCst) == 0 { Orders::Work } else { Orders::End }
    }

    /// As the parent: workers end when nothing is left.
    pub(crate) fn end<P: Party>(&self, party: &P) {
        self.orders.store(1, Ordering::SeqCst);
        self.ring_for_all(party, NEWS);
    }

    /// As the parent, after a death or an order.
    pub(crate) fn ring_for_all<P: Party>(&self, party: &P, bell: usize) {
        self.bells.ring_all(party, bell);
    }

    /// The first ticket that may be good.
    pub(crate) fn head(&self) -> u64 {
        self.head.0.load(Ordering::SeqCst)
    }

    /// This ticket is spent.
    pub(crate) fn pass(&self, ticket: u64) {
        let next = ticket.wrapping_add(1);
        let _ = self.head.0.compare_exchange(ticket, next, Ordering::SeqCst, Ordering::Relaxed);
    }

    /// As a worker: the next task, taken, or a job.
    #[inline]
    pub(crate) fn find<'a, P: Party, S: Slots<'a>>(&self, party: &P, slots: S) -> Option<Found> {
        loop {
            let at = self.head();
            let ticket = Ticket(slots.ticket(at as u32 % slots.count()).load(Ordering::SeqCst));
            if !ticket.is(at) {
                if self.head() == at {
                    return None;
                }
                continue;
            }
            let slot = ticket.slot();
            if slot < slots.count() {
                let place = slots.word(slot);
                let seen = Word(place.load(Ordering::SeqCst));
                if seen.is_by(at) && seen.state() == State::Job {
                    return Some(Found::Job { slot, ticket: at });
                }
                if seen == Word::offered(at) {
                    if !exchange(place, seen, Word::running(at, party.id())) {
                        continue;
                    }
                    step!("board.claimed");
                    self.pass(at);
                    return Some(Found::Task(slot));
                }
            }
            self.pass(at);
        }
    }

    /// As the one who runs it: the task or job is over. What it is beside the word is written.
    pub(crate) fn finish<'a, P: Party, S: Slots<'a>>(
        &self,
        party: &P,
        slots: S,
        slot: u32,
        pending: Done,
    ) {
        let over = pending.over();
        let ended = slots.done(slot).compare_exchange(
            pending.0,
            over.0,
            Ordering::SeqCst,
            Ordering::Relaxed,
        );
        if ended.is_ok() {
            step!("board.finished");
            if self.bells.is_armed(DONE) {
                // Each of those who sleep waits for a task of its own.
                self.bells.ring_all(party, DONE);
            }
        }
    }

    /// As the parent, which has the slot: gives it out by this ticket. What is beside the word is written.
    pub(crate) fn offer<'a, P: Party, S: Slots<'a>>(
        &self,
        party: &P,
        slots: S,
        slot: u32,
        word: Word,
        ticket: u64,
    ) {
        slots.word(slot).store(word.0, Ordering::Release);
        step!("board.offered");
        let place = slots.ticket(ticket as u32 % slots.count());
        // A locked instruction, before the bell is looked at.
        place.swap(Ticket::new(ticket, slot).0, Ordering::SeqCst);
        step!("board.ticket");
        self.bells.ring(party, NEWS);
    }

    /// As the parent, whose next ticket this is: whether there is room for it. Passes what is spent. `known` is a ticket that was the head once.
    pub(crate) fn has_room<'a, S: Slots<'a>>(&self, slots: S, next: u64, known: &mut u64) -> bool {
        loop {
            if next.wrapping_sub(*known) < u64::from(slots.count()) {
                return true;
            }
            let at = self.head();
            *known = at;
            if next.wrapping_sub(at) < u64::from(slots.count()) {
                return true;
            }
            let slot =
                Ticket(slots.ticket(at as u32 % slots.count()).load(Ordering::SeqCst)).slot();
            let seen = Word(slots.word(slot % slots.count()).load(Ordering::SeqCst));
            let is_good = seen.is_by(at) && matches!(seen.state(), State::Offered | State::Job);
            if is_good && self.head() == at {
                return false;
            }
            self.pass(at);
        }
    }

    /// As the parent, of whose tickets this is the next, and none is good: passes them.
    pub(crate) fn pass_all(&self, next: u64) {
        loop {
            let at = self.head();
            if at >= next {
                return;
            }
            self.pass(at);
        }
    }

    /// As the parent: takes a task back that nobody has begun.
    pub(crate) fn withdraw<'a, S: Slots<'a>>(&self, slots: S, slot: u32) -> bool {
        let place = slots.word(slot);
        let seen = Word(place.load(Ordering::SeqCst));
        seen.state() == State::Offered && exchange(place, seen, Word::IDLE)
    }

    /// As the parent: whether nobody has begun the slot's task.
    pub(crate) fn is_offered<'a, S: Slots<'a>>(&self, slots: S, slot: u32) -> bool {
        Word(slots.word(slot).load(Ordering::SeqCst)).state() == State::Offered
    }

    /// As the parent: who runs the slot's task.
    pub(crate) fn runner<'a, S: Slots<'a>>(&self, slots: S, slot: u32) -> Option<OwnerId> {
        let seen = Word(slots.word(slot).load(Ordering::SeqCst));
        (seen.state() == State::Running).then(|| seen.owner()).flatten()
    }

    /// What the slot's word says, for people.
    pub(crate) fn word_of<'a, S: Slots<'a>>(&self, slots: S, slot: u32) -> impl fmt::Debug {
        let seen = Word(slots.word(slot).load(Ordering::SeqCst));
        (seen.state(), seen.owner())
    }

    /// As the parent: the slot is its own again.
    pub(crate) fn take_back<'a, S: Slots<'a>>(&self, slots: S, slot: u32) {
        slots.word(slot).store(Word::IDLE.0, Ordering::SeqCst);
    }
}

/// One arrow.
#[inline]
fn exchange(place: &AtomicU64, from: Word, to: Word) -> bool {
    place.compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::Relaxed).is_ok()
}

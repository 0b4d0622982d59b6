//! The event without a handle: one word, in any storage.
//!
//! # Protocol
//!
//! | bits | name | meaning |
//! | --- | --- | --- |
//! | 0–29 | – | always zero: to the kernel the gate has no owner, so it rings it for a dead thread that named it |
//! | 30 | SET | the event is set |
//! | 31 | WAITERS | somebody may sleep |
//! | 32–63 | turn | how often it was set |
//!
//! Invariants:
//! 1. Setting is one exchange: SET, the next turn, no WAITERS. Who waits is released by SET or by another turn than that in which it began; so setting and clearing at once
//!    releases all who waited.
//! 2. Whoever sleeps has set WAITERS in the word that it compares, or found it set.
//! 3. Who sets while WAITERS is set names the gate before, and rings for all after; who was asleep and is released rings for one more. So however a ring is lost with the dead, the
//!    next sleeper is rung. Who was rung though it began to wait after that rings for all before it sleeps again or gives up: once.
//!
//! A sleeper depends on nobody's life: nobody holds an event. Who watches the event, among other things, does as one who waits for it, but names nothing.
//!
//! | it dies | and | then |
//! | --- | --- | --- |
//! | setting, before the exchange | nothing happened | – |
//! | after the exchange, before all are rung | the kernel rings the gate once for it | that sleeper is released and rings on |
//! | woken, before it has rung on | the kernel rings the gate for it | likewise |
//! | sleeping | nobody counts sleepers | – |
//! | watching, woken by the kernel for a dead setter | it named nothing | the others go on when their slices end: two deaths at once |
//!
//! Orderings: setting is Release and every look at the word is Acquire, so what was done before the event was set is seen by whom it releases.

use super::party::{Party, Place, Rung, Sleep};
use crate::{
    atomic::{AtomicU64, Ordering},
    os::{clock::Deadline, step::step},
};

pub(super) const SET: u64 = 1 << 30;
const WAITERS: u64 = 1 << 31;
const TURN: u64 = 1 << 32;

/// The word.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct RawEvent {
    word: AtomicU64,
}

fn turn_of(word: u64) -> u32 {
    (word / TURN) as u32
}

impl RawEvent {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(0) }
    }

    /// Whether it is set at this moment.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.word.load(Ordering::Acquire) & SET != 0
    }

    /// Sets it and releases all who wait. Makes no system call when nobody does.
    pub(crate) fn set<P: Party>(&self, party: &P) {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            if seen & SET != 0 {
                // Set already: what the caller did before is ordered all the same.
                match self.word.compare_exchange_weak(
                    seen,
                    seen,
                    Ordering::Release,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => return,
                    Err(now) => seen = now,
                }
                continue;
            }
            let dependence = (seen & WAITERS != 0).then(|| party.depend_on(&self.word));
            // The turn goes round after 2^32.
            let next = (seen & !(TURN - 1)).wrapping_add(TURN) | SET;
            match self.word.compare_exchange(seen, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => {
                    step!("event.set");
                    if dependence.is_some() {
                        party.ring_all(&self.word);
                    }
                    return;
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Clears it. Those that were released before stay so.
    pub(crate) fn clear(&self) {
        // Relaxed: a cleared event says nothing.
        self.word.fetch_and(!SET, Ordering::Relaxed);
    }

    /// Waits until it is set, or was set since the call began; `false` when the time is up before.
    #[inline]
    pub(crate) fn wait<P: Party>(&self, party: &P, deadline: Deadline) -> bool {
        self.is_set() || self.wait_asleep(party, deadline)
    }

    #[cold]
    fn wait_asleep<P: Party>(&self, party: &P, deadline: Deadline) -> bool {
        let mut waiter = self.waiter();
        if deadline != Deadline::NOW {
            party.spin(|| waiter.is_released(self.word.load(Ordering::Relaxed)).then_some(()));
        }
        let mut dependence = None;
        loop {
            if waiter.look(party) {
                return true;
            }
            if deadline.has_passed() {
                return false;
            }
            let Some(place) = waiter.arm() else { continue };
            dependence.get_or_insert_with(|| party.depend_on(&self.word));
            step!("event.sleep");
            let woken = party.sleep(&Sleep { places: &[place], owners: &[], deadline });
            waiter.has_slept(matches!(woken, Rung::Last(_)));
            step!("event.woken");
        }
    }

    /// Begins to wait.
    pub(crate) fn waiter(&self) -> Waiter<'_> {
        let seen = self.word.load(Ordering::Acquire);
        let began = turn_of(seen);
        Waiter { event: self, seen, began, slept: false, rung: false, passed_on: false }
    }
}

/// One who waits. It names the gate before it sleeps, unless it is a watcher.
#[derive(Debug)]
pub(crate) struct Waiter<'a> {
    event: &'a RawEvent,
    /// The word at the last look.
    seen: u64,
    /// In which turn.
    began: u32,
    slept: bool,
    rung: bool,
    passed_on: bool,
}

impl<'a> Waiter<'a> {
    fn is_released(&self, word: u64) -> bool {
        word & SET != 0 || turn_of(word) != self.began
    }

    /// Whether the wait is over.
    pub(crate) fn look<P: Party>(&mut self, party: &P) -> bool {
        let word = &self.event.word;
        self.seen = word.load(Ordering::Acquire);
        if self.is_released(self.seen) {
            if std::mem::take(&mut self.slept) {
                step!("event.released");
                party.ring(word);
            }
            return true;
        }
        if std::mem::take(&mut self.rung) && !self.passed_on {
            // The ring of a dead setter may have been for one that slept before this came: the kernel wakes whom it likes first. All are rung, as two that it likes would pass it to each other; and
            // once is enough: whoever is to be released by an earlier setting sleeps no more.
            self.passed_on = true;
            party.ring_all(word);
        }
        false
    }

    /// Where to sleep, after a look in vain; `None` if it is worth another one.
    pub(crate) fn arm(&self) -> Option<Place<'a>> {
        let Self { event: RawEvent { word }, seen, .. } = *self;
        // Relaxed: the word itself carries the news.
        let is_armed = seen & WAITERS != 0
            || word
                .compare_exchange(seen, seen | WAITERS, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        is_armed.then_some(Place::Gate(word, seen | WAITERS))
    }

    /// It may have been rung.
    pub(crate) fn has_slept(&mut self, rung: bool) {
        self.slept = true;
        self.rung = rung;
    }
}

//! A job without items: who runs which unit of it, and how far, in any storage.
//!
//! # Protocol
//!
//! A job is a row of items, cut into **units** of neighbours. A unit's word is its state and the name of who runs it; its **at** is the first item that is not done, and, in the same word, how many bytes the results of those before it take: results that are encoded lie one behind the other.
//!
//! | state | next | by |
//! | --- | --- | --- |
//! | FREE | RUNNING(me) | a worker, for itself |
//! | | DONE | the parent, when no worker can open the job |
//! | RUNNING(w) | DONE | w, when all its items are done, or need not be |
//! | | FREE | the parent, when w is dead and items are left |
//! | | DONE | the parent, when w is dead and none are |
//!
//! Invariants:
//! 1. Per item: the result is written behind what `at` says, then `at` is stored one higher, which *is* done. Only who runs the unit stores it; the parent, when that one is dead. So the items below `at` are done, the one at `at` died with its worker, and
//!    those above were never begun; and whatever a dead one wrote behind, the next one writes over.
//! 2. **cursor** is a hint: the first unit that may be free. It is passed over a unit that was seen not to be free; who moved it looks at the unit once more, and pulls it back. The parent, having freed a unit, pulls it back to that one.
//! 3. Who has ended a unit and finds none free looks whether all are done: the last one finds that, and says that the job is over. The parent, having taken a dead one's units away, looks likewise, whatever it saw of other units before: of those two who made the last units done, one sees all.
//! 4. **limit** only falls. Items from there on need not be done: an earlier one has failed and nobody wants the rest, or the job was cancelled, or no worker can open it.
//! 5. What is said to have failed stays so: its unit's `at` passes an item before the limit falls to the one behind it. So of a job that is over, and that was not cancelled or withdrawn, the items that are not done lie behind one that failed.
//!
//! | the worker dies | `at` | then |
//! | --- | --- | --- |
//! | having claimed, before an item | that item | it died with the worker: nobody knows what it did |
//! | in an item, or with its result half written, or written | likewise | likewise |
//! | after `at` is stored | the next item | the item before it is done |
//! | in an item that has failed, before `at` is stored | that item | it died with the worker: tried again, it may be done, so nobody was told that the rest is not wanted |
//! | when `at` has passed one that has failed, before the limit falls | the next item | it is begun although nobody wants it; the failure stands |
//! | after the last one, before the unit is DONE | the end | the unit is done |
//! | when the unit is DONE, before it looks at the others | | the parent looks |

use super::word::{Progress, UnitState, UnitWord};
use crate::{
    atomic::{AtomicU32, AtomicU64, Ordering},
    os::step::step,
    segment::OwnerId,
    sync::party::Party,
};
use std::ops::Range;

/// Where the units are.
pub(crate) trait Units<'a>: Copy {
    fn count(self) -> u32;

    fn word(self, unit: u32) -> &'a AtomicU64;

    fn at(self, unit: u32) -> &'a AtomicU64;

    fn items(self, unit: u32) -> Range<u32>;
}

/// What is to become of an item that died with its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It failed.
    Failed,
    /// It is tried again.
    Again,
}

/// The words.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct RawJob {
    cursor: AtomicU32,
    _line: [u32; 15],
    /// Zero is none: how many items before 2^32 need not be done.
    limit: AtomicU32,
}

impl RawJob {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new() -> Self {
        Self { cursor: AtomicU32::new(0), _line: [0; 15], limit: AtomicU32::new(0) }
    }

    /// Items from this one on need not be done.
    #[inline]
    pub(crate) fn limit(&self) -> u32 {
        // After the claim: of a worker that takes a unit and a parent that lets the limit fall and then looks who runs what, one sees the other.
        u32::MAX - self.limit.load(Ordering::SeqCst)
    }

    /// From now on items from this one on need not be done.
    pub(crate) fn limit_to(&self, item: u32) {
        self.limit.fetch_max(u32::MAX - item, Ordering::SeqCst);
    }

    fn pull_back(&self, unit: u32) {
        self.cursor.fetch_min(unit, Ordering::SeqCst);
    }

    /// As a worker: a unit, taken.
    pub(crate) fn claim<'a, P: Party, U: Units<'a>>(&self, party: &P, units: U) -> Option<u32> {
        loop {
            let unit = self.cursor.load(Ordering::SeqCst);
            if unit >= units.count() {
                return None;
            }
            let place = units.word(unit);
            let claimed = exchange(place, UnitWord::FREE, UnitWord::running(party.id()));
            if claimed {
                step!("job.claimed");
            }
            let (seen, next) = (Ordering::SeqCst, unit + 1);
            let passed = self.cursor.compare_exchange(unit, next, seen, Ordering::Relaxed);
            if claimed {
                return Some(unit);
            }
            if passed.is_ok() && is_free(place) {
                self.pull_back(unit);
            }
        }
    }

    /// As the one who runs the unit: it is done.
    pub(crate) fn end<'a, P: Party, U: Units<'a>>(&self, party: &P, units: U, unit: u32) {
        exchange(units.word(unit), UnitWord::running(party.id()), UnitWord::DONE);
        step!("job.unit_done");
    }

    /// Whether all units are done.
    pub(crate) fn is_over<'a, U: Units<'a>>(&self, units: U) -> bool {
        // From behind: those that are not done yet are there.
        let state = |unit| UnitWord(units.word(unit).load(Ordering::SeqCst)).state();
        (0..units.count()).rev().all(|unit| state(unit) == UnitState::Done)
    }

    /// As the parent: how many units are not done.
    pub(crate) fn left<'a, U: Units<'a>>(&self, units: U) -> usize {
        let is_left = |unit: &u32| {
            UnitWord(units.word(*unit).load(Ordering::SeqCst)).state() != UnitState::Done
        };
        (0..units.count()).filter(is_left).count()
    }

    /// As the parent: whether a unit is free.
    pub(crate) fn has_free<'a, U: Units<'a>>(&self, units: U) -> bool {
        let first = self.cursor.load(Ordering::SeqCst);
        (first..units.count()).any(|unit| is_free(units.word(unit)))
    }

    /// As the parent: the units that workers run, each with the item at which it is.
    pub(crate) fn running<'a, U: Units<'a>>(
        &self,
        units: U,
    ) -> impl Iterator<Item = (u32, u32, OwnerId)> {
        (0..units.count()).filter_map(move |unit| {
            let seen = UnitWord(units.word(unit).load(Ordering::SeqCst));
            let owner = seen.owner().filter(|_| seen.state() == UnitState::Running)?;
            let at = Progress(units.at(unit).load(Ordering::Acquire));
            Some((unit, at.item(), owner))
        })
    }

    /// As the parent: nobody begins a unit any more. Whether all are done is to be asked for itself, as after a repair.
    pub(crate) fn withdraw<'a, U: Units<'a>>(&self, units: U) {
        for unit in 0..units.count() {
            exchange(units.word(unit), UnitWord::FREE, UnitWord::DONE);
        }
    }

    /// As the parent, which knows that this worker is dead: takes its units away. Answers whether units are free, or were a moment ago: whether all are done is to be asked for itself.
    pub(crate) fn repair<'a, U: Units<'a>>(
        &self,
        units: U,
        dead: OwnerId,
        mut judge: impl FnMut(u32, u32) -> Verdict,
    ) -> bool {
        let mut first_free = None;
        for unit in 0..units.count() {
            let place = units.word(unit);
            let mut seen = UnitWord(place.load(Ordering::SeqCst));
            if seen.state() == UnitState::Running && seen.owner() == Some(dead) {
                let end = units.items(unit).end;
                let mut at = Progress(units.at(unit).load(Ordering::Acquire));
                if at.item() < end.min(self.limit()) && judge(unit, at.item()) == Verdict::Failed {
                    at = at.next();
                    // Before the word: whoever claims the unit begins there.
                    units.at(unit).store(at.0, Ordering::Release);
                }
                let left = at.item() < end.min(self.limit());
                seen = if left { UnitWord::FREE } else { UnitWord::DONE };
                step!("job.judged");
                place.store(seen.0, Ordering::SeqCst);
            }
            if seen.state() == UnitState::Free {
                first_free = first_free.or(Some(unit));
            }
        }
        first_free.inspect(|&unit| self.pull_back(unit)).is_some()
    }
}

fn is_free(place: &AtomicU64) -> bool {
    UnitWord(place.load(Ordering::SeqCst)).state() == UnitState::Free
}

/// One arrow.
#[inline]
fn exchange(place: &AtomicU64, from: UnitWord, to: UnitWord) -> bool {
    place.compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::Relaxed).is_ok()
}

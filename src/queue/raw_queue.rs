//! The queue without items: who writes and who reads which slot, in any storage.
//!
//! # Protocol
//!
//! A slot's word is its lap, its state, and the name of who writes or reads it; an item's **position** is a slot and a lap.
//!
//! | state | next | by |
//! | --- | --- | --- |
//! | FREE(l) | WRITING(l) | a producer, for itself |
//! | WRITING(l) | FULL(l) | its producer, when the item is whole |
//! | | FREE(l + 1) | its producer, when it will not be; whoever finds it dead: there never was an item |
//! | FULL(l) | READING(l) | a consumer, for itself |
//! | READING(l) | FREE(l + 1) | its consumer, when it has the item |
//! | | FULL(l) | its consumer, when it gives it back; a producer that finds it dead |
//! | | READING(l), by another | a consumer that finds it dead: it has the item now, which is **redelivered** |
//! | | READING(l + 1), by the same | a producer that comes to the slot with the next lap: it passes it by, if it sees a free slot behind |
//! | FULL(l), given back | FULL(l + 1) | likewise |
//!
//! Each arrow is one compare-exchange of one word, so nothing is anonymous, and nobody repairs anything under a lock. **tail** and **head** are hints: where the next producer and consumer begin to look.
//! Whoever knows better moves them.
//!
//! Invariants:
//! 1. A producer takes positions in their order: it passes a position only when it has seen it taken. So `tail` is never ahead of a position that nobody took, nor more than one behind the last that somebody took.
//! 2. A consumer passes a position only when it has seen it read, or being read by somebody living, or gone. Who makes an item FULL again behind the head pulls the head back; who moved the head over a
//!    slot that somebody else was reading looks at the slot once more. So the items of one producer are first delivered in the order in which they were put.
//! 3. A slot that is being read for long, a lease, does not stop the ring: the next lap passes it by. So its position moves, and whoever ends the reading asks the word for the lap.
//! 4. **low** is a position before which all are gone: no slot is read or written there. So those that dead ones have are found between it and the tail.
//! 5. A producer looks whether the queue is closed after it has its slot; who closes does so before it looks at the slots. So a consumer that finds it closed and empty, with no slot that somebody writes, has missed nothing.
//! 6. Who makes a slot FULL looks afterwards whether the queue is closed at once; who closes it so looks at the slots afterwards. So one of both drops the item, or, if that one dies, who looks at the slots next: whoever joins does.
//!    What somebody living reads then, keeps alive nothing any more but for that one, who has pinned what it wants or finds that it is gone: if it dies, nobody need come.
//!
//! Sleeping is by `raw_bells`, one bell for each side. A thread has named the relay from before its claim until it has rung: if it dies, a sleeper looks. Who holds a slot for longer, a loan or a lease,
//! names nothing; it has rung when it began, so that a sleeper of each side watches its life. Before they sleep, all look at the slots between `low` and the tail, and put right what the dead have.
//! Who takes a batch of items rings once, when it has the last one: whoever is rung then, and finds more, rings on.
//! Who only watches takes no item: it notes the word of the slot where the next one will be, looks at the slots, and sleeps while that word is the same. So an item that came after the look, and whose bringer died before it rang, is a change.
//!
//! | it dies | the slot | who goes on |
//! | --- | --- | --- |
//! | before its claim | as it was | nobody misses it |
//! | writing | WRITING by a corpse | the consumer that is rung, or who watches it: the slot is free again |
//! | after it is FULL, before it rings | FULL | the kernel rings for it |
//! | reading | READING by a corpse | the consumer that is rung, or who watches it, has the item |
//! | after it is FREE, before it rings | FREE | the kernel rings for it |
//! | cleaning up behind a dead writer | WRITING by the cleaner | as writing |
//!
//! Orderings: a claim is Acquire and its end Release on the slot's word, so what lies beside the word changes hands with it. Ends are sequentially consistent, as news before a bell is looked at.
//!
//! Source: the slots' laps are those of D. Vyukov's bounded queue (2010); a claim on the slot itself, with a name, instead of on the counter, is what makes it survive its users.

use super::slot::{Position, State, Word, after, ahead};
use crate::{
    atomic::{AtomicU32, AtomicU64, Ordering},
    os::{clock::Deadline, step::step},
    segment::OwnerId,
    sync::{
        Looked, RawBells,
        party::{Party, Place},
    },
};
use std::{cell::RefCell, time::Duration};

/// Where the slots are.
pub(crate) trait Slots<'a>: Copy {
    /// How many there are: at least one, and always the same.
    fn capacity(self) -> u32;

    /// The word of one of them.
    fn word(self, index: u32) -> &'a AtomicU64;

    /// Somebody died while it wrote here: what it may have left beside the word goes. The caller has the slot.
    fn wipe(self, index: u32);

    /// Nobody else will have the item that somebody reads here: what it keeps alive is that one's alone.
    fn let_go(self, index: u32) {
        let _ = index;
    }
}

/// Those on the other side. Once they are gone, nobody joins them.
pub(crate) trait Peers {
    /// Whether there are some, or may be; with the names of threads of which each may be the last.
    fn are_there(&self, looked: &mut Looked<'_>) -> bool;
}

/// Of a queue that does not end when one side is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anybody;

impl Peers for Anybody {
    fn are_there(&self, _: &mut Looked<'_>) -> bool {
        true
    }
}

/// Why a slot was not got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No slot was free, or full, until the deadline.
    Late,
    /// Closed, or nobody is on the other side any more; for a consumer: and nothing is left.
    Closed,
}

/// How a queue is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// What is in it can be got.
    Gently = 1,
    /// What is in it is nobody's.
    AtOnce = 2,
}

/// Where consumers sleep.
pub(crate) const NEWS: usize = 0;
/// Where producers sleep.
pub(crate) const ROOM: usize = 1;
/// Where those sleep who wait until all items are done.
pub(crate) const DONE: usize = 2;

/// What is in the slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Survey {
    /// Something was put right: it is worth another look.
    Again,
    /// An item that nobody stands before: who has just looked for one came too early, or somebody else takes it.
    Item,
    /// Nothing that can be taken.
    Nothing,
}

/// How an item was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was copied, and has left its slot.
    Copied,
    /// The caller has its slot.
    Claim(Claim),
    /// It is there, for whoever takes it.
    Left,
}

/// What becomes of an item that is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It was copied just now, and leaves its slot.
    Copy,
    /// The caller takes its slot.
    InSlot,
    /// It stays where it is: the caller wanted to know.
    Leave,
}

impl How {
    /// Whether the caller has copied it.
    #[inline]
    pub(crate) fn of(is_copied: bool) -> Self {
        if is_copied { Self::Copy } else { Self::InSlot }
    }
}

/// Takes items in their slots only.
pub(crate) fn in_slot(_: u32) -> How {
    How::InSlot
}

/// A slot that the caller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) index: u32,
    word: Word,
}

impl Claim {
    /// How often the item was handed out, this time included; [`MAX_ATTEMPTS`](super::slot::MAX_ATTEMPTS) may be more.
    pub(crate) fn attempts(self) -> u32 {
        self.word.attempts()
    }

    /// Who took it.
    pub(crate) fn owner(self) -> Option<OwnerId> {
        self.word.owner()
    }

    fn position(self) -> Position {
        Position { lap: self.word.lap(), index: self.index }
    }
}

/// How often one looks at once: each look that is followed by another has put something right, or others have changed something meanwhile.
const LOOKS: u32 = 1000;
/// How long one sleeps after so many.
const DISTURBED: Duration = Duration::from_millis(1);

/// A hint, in a cache line of its own.
#[repr(C, align(64))]
#[derive(Debug)]
struct Hint(AtomicU64);

impl Hint {
    #[inline]
    fn load(&self, capacity: u32) -> Position {
        Position::unpack(self.0.load(Ordering::SeqCst), capacity)
    }

    /// From a position that is over to a later one, unless somebody else has moved it.
    #[inline]
    fn advance(&self, from: Position, to: Position) {
        let _ =
            self.0.compare_exchange(from.pack(), to.pack(), Ordering::SeqCst, Ordering::Relaxed);
    }

    /// From a position that is over to a later one; whoever has moved it, it is not behind that one then.
    #[inline]
    fn advance_to(&self, from: Position, to: Position, capacity: u32) {
        let mut seen = from.pack();
        while let Err(now) =
            self.0.compare_exchange(seen, to.pack(), Ordering::SeqCst, Ordering::SeqCst)
        {
            if !Position::unpack(now, capacity).is_before(to) {
                return;
            }
            seen = now;
        }
    }

    /// To this position, if it is behind it.
    #[cold]
    fn pull_back(&self, to: Position, capacity: u32) {
        let mut seen = self.0.load(Ordering::SeqCst);
        while to.is_before(Position::unpack(seen, capacity)) {
            match self.0.compare_exchange(seen, to.pack(), Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }
}

/// The words. Those that change seldom have a line of their own.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct RawQueue {
    pub(super) closing: AtomicU32,
    bells: RawBells<3>,
    tail: Hint,
    head: Hint,
    low: Hint,
}

impl RawQueue {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new() -> Self {
        let hint = || Hint(AtomicU64::new(0));
        Self {
            closing: AtomicU32::new(0),
            bells: RawBells::new(),
            tail: hint(),
            head: hint(),
            low: hint(),
        }
    }

    /// Where all sleep: at [`NEWS`], [`ROOM`] and [`DONE`]. Whoever claims has named the relay.
    #[inline]
    pub(crate) fn bells(&self) -> &RawBells<3> {
        &self.bells
    }

    /// How many items wait for a consumer at this moment: exact when nobody changes it.
    pub(crate) fn len<'a, S: Slots<'a>>(&self, slots: S) -> u32 {
        Self::count(slots, |state| state == State::Full)
    }

    /// How many slots are not free at this moment: items, and what is written or read.
    pub(crate) fn in_use<'a, S: Slots<'a>>(&self, slots: S) -> u32 {
        Self::count(slots, |state| state != State::Free)
    }

    fn count<'a, S: Slots<'a>>(slots: S, is_meant: impl Fn(State) -> bool) -> u32 {
        let state = |index| Word(slots.word(index).load(Ordering::Acquire)).state();
        (0..slots.capacity()).filter(|&index| is_meant(state(index))).count() as u32
    }

    #[inline]
    pub(crate) fn closing(&self) -> Option<Closing> {
        match self.closing.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(Closing::Gently),
            _ => Some(Closing::AtOnce),
        }
    }

    /// Closes it for all, and wakes who waits.
    pub(crate) fn close<P: Party>(&self, party: &P, how: Closing) {
        let _dependence = self.bells.name(party);
        self.closing.fetch_max(how as u32, Ordering::SeqCst);
        step!("queue.closed");
        for bell in [NEWS, ROOM, DONE] {
            self.bells.ring_all(party, bell);
        }
    }

    /// A slot for an item, until the deadline. The caller has named the relay; it writes beside the slot's word and then says [`Self::put`] or [`Self::abandon`]. If that takes long, it says [`Self::holds`] before, and names nothing.
    #[inline]
    pub(crate) fn claim<'a, P: Party, S: Slots<'a>>(
        &'a self,
        party: &P,
        slots: S,
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<Claim, Refusal> {
        let claim = match self.try_claim(party, slots) {
            Ok(claim) => claim,
            Err(_) => self.wait_for_room(party, slots, peers, deadline)?,
        };
        step!("queue.writing");
        if self.closing().is_some() {
            self.abandon(party, slots, claim);
            return Err(Refusal::Closed);
        }
        Ok(claim)
    }

    #[cold]
    fn wait_for_room<'a, P: Party, S: Slots<'a>>(
        &'a self,
        party: &P,
        slots: S,
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<Claim, Refusal> {
        let look = |looked: &mut Looked<'a>| {
            for _ in 0..LOOKS {
                // Before the rest: if it closes from now on, this does not fall asleep.
                if self.closing().is_some() {
                    return Some(Err(Refusal::Closed));
                }
                if let Ok(claim) = self.try_claim(party, slots) {
                    return Some(Ok(claim));
                }
                *looked = Looked::default();
                if !peers.are_there(looked) {
                    // Nobody comes to a side that is empty.
                    self.close(party, Closing::AtOnce);
                    self.drop_left(party, slots);
                } else if self.survey(party, slots, &mut looked.lives) != Survey::Again {
                    // Whoever makes room after the survey is watched; room that was made before is found now, wherever it is.
                    let full = match self.try_claim(party, slots) {
                        Ok(claim) => return Some(Ok(claim)),
                        Err(full) => full,
                    };
                    looked.words = vec![full, Place::Bell(&self.closing, 0)];
                    return None;
                }
            }
            looked.patience = Some(DISTURBED);
            None
        };
        self.wait(party, ROOM, deadline, || self.try_claim(party, slots).ok(), look)
    }

    /// Glances awake for a while; then looks, and sleeps between the looks.
    fn wait<'a, P: Party, T>(
        &'a self,
        party: &P,
        bell: usize,
        deadline: Deadline,
        mut glance: impl FnMut() -> Option<T>,
        mut look: impl FnMut(&mut Looked<'a>) -> Option<Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        if deadline == Deadline::NOW {
            return look(&mut Looked::default()).unwrap_or(Err(Refusal::Late));
        }
        if let Some(claim) = party.spin_for_news(&mut glance) {
            return Ok(claim);
        }
        self.bells.wait(party, bell, deadline, look).unwrap_or(Err(Refusal::Late))
    }

    /// More than one look for a slot takes, unless the words were scribbled over, or others are quicker all the time. Not many more, as there may be [`LOOKS`] of them.
    #[inline]
    fn steps(capacity: u32) -> u64 {
        4 * u64::from(capacity) + 100
    }

    #[inline]
    fn try_claim<'a, P: Party, S: Slots<'a>>(
        &self,
        party: &P,
        slots: S,
    ) -> Result<Claim, Place<'a>> {
        let capacity = slots.capacity();
        let mut at = self.tail.load(capacity);
        let mut steps = 0;
        loop {
            let place = slots.word(at.index);
            // Sequentially consistent, as who waits looks here for room after its bell is armed.
            let seen = Word(place.load(Ordering::SeqCst));
            let distance = ahead(seen.lap(), at.lap);
            if distance == 0 && seen.state() == State::Free {
                let mine = Word::writing(at.lap, party.id());
                if exchange(place, seen, mine) {
                    return Ok(Claim { index: at.index, word: mine });
                }
            } else if distance >= 0 {
                // Taken. A lap that is free was taken the lap before.
                let known = Position { lap: seen.lap(), ..at }.before(1);
                let next = at.or_later(known).next(capacity);
                self.tail.advance_to(at, next, capacity);
                at = next;
            } else if distance < -1 && self.tail.load(capacity) != at {
                // Overslept: half of all laps and more.
                at = self.tail.load(capacity);
            } else if !self.make_way(party, slots, at, seen) {
                return Err(Place::Gate(place, seen.0));
            }
            steps += 1;
            if steps > Self::steps(capacity) {
                return Err(Place::Gate(place, seen.0));
            }
        }
    }

    /// The slot at the tail is not done with an earlier lap; whether it is worth another look.
    #[cold]
    fn make_way<'a, P: Party, S: Slots<'a>>(
        &self,
        party: &P,
        slots: S,
        at: Position,
        seen: Word,
    ) -> bool {
        match (seen.state(), seen.owner()) {
            (State::Free, _) => {
                // The hint is ahead of a position that nobody took: it was scribbled over.
                self.tail.pull_back(Position { lap: seen.lap(), ..at }, slots.capacity());
                false
            }
            (State::Writing, owner) => {
                is_nobody(party, owner) && self.bury_writer(party, slots, at.index, seen)
            }
            (State::Reading, owner) if is_nobody(party, owner) => {
                self.bring_back(party, slots, at.index, seen);
                true
            }
            _ => {
                let pass = Self::may_be_passed(seen) && Self::is_room_behind(slots, at);
                if pass {
                    exchange(slots.word(at.index), seen, seen.in_lap(at.lap));
                    step!("queue.passed");
                }
                pass
            }
        }
    }

    /// Whether an item is out of turn anyway: somebody has it, or had it and gave it back.
    fn may_be_passed(seen: Word) -> bool {
        match seen.state() {
            State::Reading => true,
            State::Full => seen.attempts() > 0,
            State::Free | State::Writing => false,
        }
    }

    /// Whether there is a free slot behind this position, with nothing before it that is in turn. Else whoever passes the slot by would wait for a later one, though this may be free at any moment.
    fn is_room_behind<'a, S: Slots<'a>>(slots: S, at: Position) -> bool {
        let capacity = slots.capacity();
        let mut next = at.next(capacity);
        for _ in 1..capacity {
            let seen = Word(slots.word(next.index).load(Ordering::Acquire));
            match ahead(seen.lap(), next.lap) {
                // Free, or taken already: then the hint is late.
                0.. => return true,
                _ if !Self::may_be_passed(seen) => return false,
                _ => next = next.next(capacity),
            }
        }
        false
    }

    /// Nobody will ever write what a dead producer began: the lap goes by. `true` if it was done by the caller.
    #[cold]
    fn bury_writer<'a, P: Party, S: Slots<'a>>(
        &self,
        party: &P,
        slots: S,
        index: u32,
        seen: Word,
    ) -> bool {
        let _dependence = self.bells.name(party);
        let mine = Word::writing(seen.lap(), party.id());
        if !exchange(slots.word(index), seen, mine) {
            return true;
        }
        step!("queue.burying");
        slots.wipe(index);
        self.abandon(party, slots, Claim { index, word: mine });
        true
    }

    /// What a dead consumer was reading is an item again.
    #[cold]
    fn bring_back<'a, P: Party, S: Slots<'a>>(&self, party: &P, slots: S, index: u32, seen: Word) {
        let dependence = self.bells.name(party);
        let full = Word::full(seen.lap()).of_item(seen);
        if exchange(slots.word(index), seen, full) {
            step!("queue.brought_back");
            self.head.pull_back(Position { lap: seen.lap(), index }, slots.capacity());
            self.bells.ring(party, NEWS);
        }
        drop(dependence);
    }

    /// The item is whole.
    #[inline]
    pub(crate) fn put<'a, P: Party, S: Slots<'a>>(&self, party: &P, slots: S, claim: Claim) {
        // A living writer's slot is its own, so a swap; it is locked, as news must be.
        slots.word(claim.index).swap(Word::full(claim.word.lap()).0, Ordering::SeqCst);
        step!("queue.put");
        // Late: who comes before passes the slot by itself.
        let position = claim.position();
        self.tail.advance(position, position.next(slots.capacity()));
        self.bells.ring(party, NEWS);
        self.drop_if_nobodys(party, slots);
    }

    /// What became an item when the queue was closed at once, is dropped by who made it one: who closed it may not have seen it.
    #[inline]
    fn drop_if_nobodys<'a, P: Party, S: Slots<'a>>(&self, party: &P, slots: S) {
        if self.closing() == Some(Closing::AtOnce) {
            self.drop_left(party, slots);
        }
    }

    /// See [`Self::survey`], which drops them.
    #[cold]
    pub(crate) fn drop_left<'a, P: Party, S: Slots<'a>>(&self, party: &P, slots: S) {
        let again = |_: &u32| self.survey(party, slots, &mut Vec::new()) == Survey::Again;
        let _looks = (0..LOOKS).take_while(again).count();
    }

    /// Nobody will ever take an item of a queue that was closed at once: one that is there, or that a dead one has.
    #[cold]
    fn drop_item<'a, P: Party, S: Slots<'a>>(&self, party: &P, slots: S, index: u32, seen: Word) {
        let dependence = self.bells.name(party);
        if let Some(claim) = self.inherit(party, slots, index, seen) {
            slots.wipe(index);
            self.finish(party, slots, claim);
        }
        drop(dependence);
    }

    /// There will be no item.
    #[cold]
    pub(crate) fn abandon<'a, P: Party, S: Slots<'a>>(&self, party: &P, slots: S, claim: Claim) {
        slots.word(claim.index).swap(Word::free(after(claim.word.lap())).0, Ordering::SeqCst);
        step!("queue.abandoned");
        let position = claim.position();
        self.tail.advance(position, position.next(slots.capacity()));
        // Consumers may wait for what is behind it.
        self.bells.ring(party, NEWS);
        self.bells.ring(party, ROOM);
        self.bells.ring(party, DONE);
    }

    /// The caller keeps the slot for longer: from now on somebody who sleeps watches its life.
    #[cold]
    pub(crate) fn holds<P: Party>(&self, party: &P) {
        self.bells.ring(party, NEWS);
        self.bells.ring(party, ROOM);
    }

    /// An item, until the deadline. The caller has named the relay; `how` may copy the item of a slot, while it may change hands: only what it copied last counts, and only when the answer is [`Taken::Copied`]. So there is no moment
    /// at which the caller has the slot. Nor is there when it leaves the item: whoever was rung for it and waits no more rings on, so one who takes it is woken by whom only looked. Where `how` says so, or somebody died with the item, the caller has the slot; it reads beside the slot's word and then says [`Self::finish`] or [`Self::give_back`]. If that takes long, it says [`Self::holds`] before, and names nothing.
    #[inline]
    pub(crate) fn take<'a, P: Party, S: Slots<'a>>(
        &'a self,
        party: &P,
        slots: S,
        peers: &impl Peers,
        deadline: Deadline,
        mut how: impl FnMut(u32) -> How,
    ) -> Result<Taken, Refusal> {
        if self.closing() == Some(Closing::AtOnce) {
            return Err(Refusal::Closed);
        }
        let taken = match self.try_take(party, slots, &mut how) {
            Ok(taken) => taken,
            Err(_) => self.wait_for_news(party, slots, peers, deadline, how)?,
        };
        if taken == Taken::Copied {
            self.has_finished(party);
        }
        Ok(taken)
    }

    /// An item, as [`Self::take`], if there is one at a glance; nobody is told. Who takes some so, and ends the reading by [`Self::finish_silently`], says [`Self::has_finished`] after the last, with the relay named since before the first.
    #[inline]
    pub(crate) fn glance<'a, P: Party, S: Slots<'a>>(
        &'a self,
        party: &P,
        slots: S,
        mut how: impl FnMut(u32) -> How,
    ) -> Option<Taken> {
        if self.closing() == Some(Closing::AtOnce) {
            return None;
        }
        self.try_take(party, slots, &mut how).ok()
    }

    #[cold]
    fn wait_for_news<'a, P: Party, S: Slots<'a>>(
        &'a self,
        party: &P,
        slots: S,
        peers: &impl Peers,
        deadline: Deadline,
        how: impl FnMut(u32) -> How,
    ) -> Result<Taken, Refusal> {
        // Both ways of looking copy.
        let shared = RefCell::new(how);
        let how = |index| shared.borrow_mut()(index);
        let look = |looked: &mut Looked<'a>| {
            for look in 1..=LOOKS {
                // Before the slots: see invariant 5.
                let closing = self.closing();
                if closing == Some(Closing::AtOnce) {
                    return Some(Err(Refusal::Closed));
                }
                *looked = Looked::default();
                if closing.is_none() && !peers.are_there(looked) {
                    // Nobody comes to a side that is empty.
                    self.close(party, Closing::Gently);
                    continue;
                }
                let empty = match self.try_take(party, slots, how) {
                    Ok(taken) => return Some(Ok(taken)),
                    Err(empty) => empty,
                };
                let before = looked.lives.len();
                let survey = self.survey(party, slots, &mut looked.lives);
                if survey == Survey::Again || survey == Survey::Item && look < LOOKS {
                    continue;
                }
                // A slot that somebody living has, may become an item.
                let nothing = survey == Survey::Nothing && looked.lives.len() == before;
                let seen = closing.map_or(0, |how| how as u32);
                looked.words = vec![empty, Place::Bell(&self.closing, seen)];
                return (closing.is_some() && nothing).then_some(Err(Refusal::Closed));
            }
            looked.patience = Some(DISTURBED);
            None
        };
        self.wait(party, NEWS, deadline, || self.try_take(party, slots, how).ok(), look)
    }

    /// Whether a consumer would find something now: an item, or the end. The caller watches [`NEWS`], and takes nothing; what `looked` says is where it may sleep else.
    #[cold]
    pub(crate) fn has_news<'a, P: Party, S: Slots<'a>>(
        &'a self,
        party: &P,
        slots: S,
        peers: &impl Peers,
        looked: &mut Looked<'a>,
    ) -> bool {
        for _ in 0..LOOKS {
            // Before the slots: see invariant 5.
            let closing = self.closing();
            if closing == Some(Closing::AtOnce) {
                return true;
            }
            *looked = Looked::default();
            if closing.is_none() && !peers.are_there(looked) {
                return true;
            }
            // Before the survey: what comes there from now on, is a change.
            let next = self.next_in_turn(slots);
            let before = looked.lives.len();
            match self.survey(party, slots, &mut looked.lives) {
                Survey::Again => continue,
                Survey::Item => return true,
                Survey::Nothing => {}
            }
            if closing.is_some() && looked.lives.len() == before {
                return true;
            }
            let seen = closing.map_or(0, |how| how as u32);
            looked.words = vec![next, Place::Bell(&self.closing, seen)];
            return false;
        }
        looked.patience = Some(DISTURBED);
        false
    }

    /// Where the next item will be, as it is now: behind all that are gone or being read.
    fn next_in_turn<'a, S: Slots<'a>>(&self, slots: S) -> Place<'a> {
        let capacity = slots.capacity();
        let mut at = self.head.load(capacity);
        for _ in 0..Self::steps(capacity) {
            let seen = Word(slots.word(at.index).load(Ordering::SeqCst));
            let known = match (ahead(seen.lap(), at.lap), seen.state()) {
                (1.., _) => Position { lap: seen.lap(), ..at }.before(2),
                (0, State::Reading) => at,
                (_, State::Free) => return Place::Owner(slots.word(at.index), seen.0),
                _ => break,
            };
            at = at.or_later(known).next(capacity);
        }
        let place = slots.word(at.index);
        Place::Gate(place, place.load(Ordering::SeqCst))
    }

    #[inline]
    fn try_take<'a, P: Party, S: Slots<'a>>(
        &self,
        party: &P,
        slots: S,
        mut how: impl FnMut(u32) -> How,
    ) -> Result<Taken, Place<'a>> {
        let capacity = slots.capacity();
        let mut at = self.head.load(capacity);
        let mut steps = 0;
        loop {
            let place = slots.word(at.index);
            let seen = Word(place.load(Ordering::SeqCst));
            steps += 1;
            if steps > Self::steps(capacity) {
                return Err(Place::Gate(place, seen.0));
            }
            let distance = ahead(seen.lap(), at.lap);
            if distance == 0 && seen.state() == State::Full {
                let how = how(at.index);
                let mine = match how {
                    How::Copy => Word::free(after(at.lap)),
                    How::InSlot => Word::reading(at.lap, party.id()).once_more(seen),
                    How::Leave => return Ok(Taken::Left),
                };
                if !exchange(place, seen, mine) {
                    continue;
                }
                self.head.advance(at, at.next(capacity));
                if how == How::Copy {
                    step!("queue.copied");
                    return Ok(Taken::Copied);
                }
                step!("queue.reading");
                return Ok(Taken::Claim(Claim { index: at.index, word: mine }));
            }
            if distance > 0 {
                // Gone. So are the positions after it, but for those that a producer cannot have come to yet.
                let known = Position { lap: seen.lap(), ..at }.before(2);
                let next = at.or_later(known).next(capacity);
                self.head.advance(at, next);
                at = next;
                continue;
            }
            match (seen.state(), seen.owner()) {
                (State::Reading, owner) => {
                    if owner.is_none_or(|owner| owner != party.id() && party.is_dead(owner)) {
                        if let Some(claim) = self.inherit(party, slots, at.index, seen) {
                            return Ok(Taken::Claim(claim));
                        }
                    } else if distance == 0 {
                        let next = at.next(capacity);
                        self.head.advance(at, next);
                        // It may have been brought back meanwhile, when the head was not ahead yet.
                        if Word(place.load(Ordering::SeqCst)) == seen {
                            at = next;
                        } else {
                            self.head.pull_back(at, capacity);
                        }
                    } else {
                        return Err(Place::Gate(place, seen.0));
                    }
                }
                (State::Writing, owner) => {
                    if !is_nobody(party, owner) || !self.bury_writer(party, slots, at.index, seen) {
                        return Err(Place::Gate(place, seen.0));
                    }
                }
                (State::Free, _) if distance == 0 => return Err(Place::Gate(place, seen.0)),
                (State::Free | State::Full, _) => {
                    // The head is ahead of an item, or of a position that nobody took.
                    let back = Position { lap: seen.lap(), ..at };
                    self.head.pull_back(back, capacity);
                    at = back;
                }
            }
        }
    }

    /// Takes over what a dead consumer was reading.
    #[cold]
    fn inherit<'a, P: Party, S: Slots<'a>>(
        &self,
        party: &P,
        slots: S,
        index: u32,
        seen: Word,
    ) -> Option<Claim> {
        let mine = Word::reading(seen.lap(), party.id()).once_more(seen);
        exchange(slots.word(index), seen, mine).then(|| {
            step!("queue.inherited");
            Claim { index, word: mine }
        })
    }

    /// Looks at the slots that may be written or read: what dead ones have is put right, and the living are listed.
    #[cold]
    fn survey<'a, P: Party, S: Slots<'a>>(
        &self,
        party: &P,
        slots: S,
        lives: &mut Vec<OwnerId>,
    ) -> Survey {
        let capacity = slots.capacity();
        // Before the tail: what is read is behind it, and may be passed by to where the tail is by then.
        let low = self.low.load(capacity);
        let tail = self.tail.load(capacity);
        // One behind it, as its slot may have been taken already.
        let mut end = tail.next(capacity);
        // What is before this is gone: its slots were taken for what is before the tail.
        let first = tail.before(1);
        // It seems to be ahead of the tail when nobody had to look for half of all laps.
        let is_near = !low.is_before(first) && !end.is_before(low);
        let mut at = if is_near { low } else { first };
        let mut gone = at;
        let mut all_gone = true;
        let (mut is_blocked, mut has_item, mut has_dropped) = (false, false, false);
        // Before the slots: who makes one FULL later, looks later.
        let at_once = self.closing() == Some(Closing::AtOnce);
        while at.is_before(end) {
            let seen = Word(slots.word(at.index).load(Ordering::SeqCst));
            let is_gone = ahead(seen.lap(), at.lap) > 0;
            all_gone &= is_gone;
            if at == first && !is_gone {
                // So it is the slot at the tail too.
                end = tail;
            }
            // Also what is in a later lap: a lease may have been passed by meanwhile, and given back.
            match (seen.state(), seen.owner()) {
                (State::Free, _) => {}
                (State::Full, _) if at_once => {
                    // All of them in one go, as there may be many.
                    self.drop_item(party, slots, at.index, seen);
                    has_dropped = true;
                }
                (State::Reading, owner)
                    if at_once && owner != Some(party.id()) && is_nobody(party, owner) =>
                {
                    self.drop_item(party, slots, at.index, seen);
                    has_dropped = true;
                }
                (State::Full, _) => {
                    let position = Position { lap: seen.lap(), ..at };
                    if position.is_before(self.head.load(capacity)) {
                        self.head.pull_back(position, capacity);
                        return Survey::Again;
                    }
                    has_item |= !is_blocked;
                }
                (state, Some(owner)) if owner == party.id() || !party.is_dead(owner) => {
                    is_blocked |= state == State::Writing && !is_gone;
                    if at_once && state == State::Reading {
                        // Should its reader die, nobody may come here any more.
                        slots.let_go(at.index);
                    }
                    if owner != party.id() {
                        lives.push(owner);
                    }
                }
                (State::Writing, _) => {
                    self.bury_writer(party, slots, at.index, seen);
                    return Survey::Again;
                }
                (State::Reading, _) => {
                    self.bring_back(party, slots, at.index, seen);
                    return Survey::Again;
                }
            }
            at = at.next(capacity);
            if all_gone {
                gone = at;
            }
        }
        if low.is_before(gone) {
            self.low.advance(low, gone);
        }
        if has_dropped {
            return Survey::Again;
        }
        if has_item { Survey::Item } else { Survey::Nothing }
    }

    /// Waits until no slot is taken: all that was put is done with; `false` when the time is up.
    pub(crate) fn join<'a, P: Party, S: Slots<'a>>(
        &'a self,
        party: &P,
        slots: S,
        deadline: Deadline,
    ) -> bool {
        let look = |looked: &mut Looked<'a>| {
            for _ in 0..LOOKS {
                looked.lives.clear();
                // What a dead one has is somebody's again, or gone.
                if self.survey(party, slots, &mut looked.lives) == Survey::Again {
                    continue;
                }
                // Twice the same, laps included: so it was so at one moment in between.
                match (Self::all_free(slots), Self::all_free(slots)) {
                    (Ok(once), Ok(twice)) if once == twice => return Some(()),
                    // Whoever ends the last one has ended this one before, or it is this one. Whoever has it may have come after the survey.
                    (Err((used, owner)), _) => {
                        looked.words = vec![used];
                        looked.lives.extend(owner.filter(|&owner| owner != party.id()));
                        return None;
                    }
                    _ => {}
                }
            }
            looked.patience = Some(DISTURBED);
            None
        };
        self.bells.wait(party, DONE, deadline, look).is_some()
    }

    /// A number that changes whenever some slot is used, if all are free; else one that is not, and who has it.
    fn all_free<'a, S: Slots<'a>>(slots: S) -> Result<u64, (Place<'a>, Option<OwnerId>)> {
        (0..slots.capacity()).try_fold(0, |laps, index| {
            let place = slots.word(index);
            let seen = Word(place.load(Ordering::SeqCst));
            let is_free = seen.state() == State::Free;
            let used = || (Place::Gate(place, seen.0), seen.owner());
            is_free.then(|| laps + u64::from(seen.lap())).ok_or_else(used)
        })
    }

    /// The caller has the item.
    #[inline]
    pub(crate) fn finish<'a, P: Party, S: Slots<'a>>(&self, party: &P, slots: S, claim: Claim) {
        Self::finish_silently(slots, claim);
        self.has_finished(party);
    }

    /// The same, and nobody is told before [`Self::has_finished`].
    #[inline]
    pub(crate) fn finish_silently<'a, S: Slots<'a>>(slots: S, claim: Claim) {
        Self::end_reading(slots, claim, |lap| Word::free(after(lap)));
        step!("queue.finished");
    }

    /// After items have left their slots.
    #[inline]
    pub(crate) fn has_finished<P: Party>(&self, party: &P) {
        self.bells.ring(party, ROOM);
        self.bells.ring(party, DONE);
        if self.closing().is_some() {
            // Consumers may wait whether it is given back.
            self.bells.ring_all(party, NEWS);
        }
    }

    /// The caller gives the item back: another one gets it, or the same.
    #[cold]
    pub(crate) fn give_back<'a, P: Party, S: Slots<'a>>(&self, party: &P, slots: S, claim: Claim) {
        let dependence = self.bells.name(party);
        let ended = Self::end_reading(slots, claim, |lap| Word::full(lap).of_item(claim.word));
        if let Some(lap) = ended {
            step!("queue.given_back");
            self.head.pull_back(Position { lap, index: claim.index }, slots.capacity());
            self.bells.ring(party, NEWS);
            self.drop_if_nobodys(party, slots);
        }
        drop(dependence);
    }

    /// Ends the caller's reading, in whatever lap the slot is by now.
    #[inline]
    fn end_reading<'a, S: Slots<'a>>(
        slots: S,
        claim: Claim,
        end: impl Fn(u32) -> Word,
    ) -> Option<u32> {
        let place = slots.word(claim.index);
        let mut seen = claim.word;
        loop {
            match place.compare_exchange(
                seen.0,
                end(seen.lap()).0,
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(seen.lap()),
                // Only the lap changes while its owner lives.
                Err(now)
                    if Word(now).state() == State::Reading && Word(now).owner() == seen.owner() =>
                {
                    seen = Word(now);
                }
                // The thread that read has ended, and another one has the item; or scribbled over.
                Err(_) => return None,
            }
        }
    }
}

/// Whether nobody living has a slot with this name in it.
fn is_nobody<P: Party>(party: &P, owner: Option<OwnerId>) -> bool {
    owner.is_none_or(|owner| party.is_dead(owner))
}

/// One arrow.
#[inline]
fn exchange(place: &AtomicU64, from: Word, to: Word) -> bool {
    place.compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::Relaxed).is_ok()
}

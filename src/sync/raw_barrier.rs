//! The barrier without a handle: words and seats, in any storage.
//!
//! # Protocol
//!
//! The **turn** word:
//!
//! | bits | name | meaning |
//! | --- | --- | --- |
//! | 0–29 | – | always zero: to the kernel the gate has no owner, so it rings it for a dead thread that named it |
//! | 30 | BROKEN | nobody passes until a reset |
//! | 31 | WAITERS | somebody may sleep |
//! | 32–61 | number | of the turn, round after 2^30 |
//! | 63 | RESET | the turn before ended by a reset, not by a release |
//!
//! A **seat**: the party's name (bits 0–31), the number of a turn (32–61), and a kind: ARRIVED in that turn, or SPOILT: it was reset. **arrived**: a turn's number and how many arrived
//! in it; none, if it is another turn's.
//!
//! Invariants:
//! 1. Arrivals and ends of turns are made by who holds the lock. Breaking is not: it is one exchange of the turn word, and so is the end of a turn, so one of them is first.
//! 2. Who arrives names the gate, then writes its seat, then counts itself. So whoever counts has a name, and when it dies one sleeper is rung.
//! 3. A release writes no seat: an ARRIVED of an earlier turn was released. A reset marks all seats of the turn SPOILT before it ends the turn. So a party that has overslept several turns still
//!    learns from its seat how its own ended. Most need not look there, as RESET tells of the turn before.
//! 4. Before it sleeps, a waiter reads `arrived`, then the lock's owner, then the seats, and sleeps only while `arrived`, the owner, and the lives of all of them are as it saw them. Who arrives later rings at its death, by 2.
//! 5. Whoever was asleep and goes on rings for one more: a dead ringer's rings are not lost. Who was asleep in a later turn than that which ended rings for all before it sleeps again, the first one in its
//!    turn, who says so in **passed**. (The kernel wakes whom it likes first: threads with a real-time priority.) After that nobody sleeps in an earlier turn.
//! 6. When the numbers begin anew, seats of earlier turns are wiped: a number in a seat is never that of a turn 2^30 before.
//!
//! | it dies | the words say | who goes on |
//! | --- | --- | --- |
//! | before its seat is written | not arrived | nothing happened; the lock has an heir |
//! | after it, before it counts | a corpse's seat, no count | as below: who is about to sleep has seen the lock's owner, or does not sleep |
//! | after that, until the end of the turn | a corpse's seat of this turn | the kernel rings a sleeper, or who is about to sleep sees it: that one breaks the barrier |
//! | after that, in the lock | no count, or one too low | the heir counts the seats, and breaks for the corpse |
//! | in its action | likewise | it rang when it began, so one sleeper watches its life, whatever gate it names meanwhile |
//! | after the end of the turn, before it rang | the next turn | the kernel rings one sleeper, who goes on and rings |
//! | after it set BROKEN, before it rang | broken | likewise |
//! | while it marks seats for a reset | some SPOILT in this turn | it named the gate: the sleeper that is rung, or the next that comes, finds the lock's owner dead and ends the reset |
//! | woken, before it rang | – | the kernel rings the gate for it |
//! | and a successor takes its slot | another's name in the own seat | the successor breaks the barrier when it arrives |
//!
//! Orderings: the lock orders what the parties did before they arrived; the end of a turn is Release and every look at the turn is Acquire, so those that pass see it. All changes of the turn word
//! are exchanges, so a later turn's number carries the same.

use super::{
    Seats,
    party::{Party, Place, Sleep},
    raw_lock::{RawLock, Taken},
};
use crate::{
    atomic::{AtomicU32, AtomicU64, Ordering},
    os::{clock::Deadline, step::step},
    segment::OwnerId,
};

pub(super) const BROKEN: u64 = 1 << 30;
const WAITERS: u64 = 1 << 31;
const RESET: u64 = 1 << 63;
const NUMBERS: u32 = 1 << 30;

/// How many lives a sleeper watches at the most; the kernel takes 128 words.
const WATCHED: usize = 121;

/// Why a party did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was broken before or meanwhile.
    Broken,
    /// The caller's time was up, which broke it.
    Late,
    /// The caller runs the action of this turn.
    Recursive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Arrived = 1,
    Spoilt = 2,
}

pub(super) fn turn_of(word: u64) -> u32 {
    (word >> 32) as u32 % NUMBERS
}

fn next(turn: u32) -> u32 {
    (turn + 1) % NUMBERS
}

fn seat_word(me: OwnerId, kind: Kind, turn: u32) -> u64 {
    (kind as u64) << 62 | u64::from(turn) << 32 | u64::from(me.bits())
}

fn name_in(seat: u64) -> Option<OwnerId> {
    OwnerId::from_bits(seat as u32)
}

/// Of whom, if it is of that kind and turn.
fn is_kind(seat: u64, kind: Kind, turn: u32) -> Option<OwnerId> {
    name_in(seat).filter(|&name| seat == seat_word(name, kind, turn))
}

/// The words, in two cache lines: that of those who arrive, and that of those who wait awake, which they would take from each other else.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawBarrier {
    lock: RawLock,
    arrived: AtomicU64,
    /// How long a wait lasts that says nothing else: 1 more than nanoseconds, 0 for no end.
    timeout: AtomicU64,
    parties: AtomicU32,
    used: AtomicU32,
    /// The turn in which all were rung, in case that some slept in an earlier one, and 1 more.
    passed: AtomicU32,
    _reserved: u32,
    _rest_of_line: [u64; 3],
    turn: AtomicU64,
}

#[cfg(not(feature = "models"))]
const _: () = assert!(std::mem::offset_of!(RawBarrier, turn) == 64);

/// A party that has arrived.
struct Arrival<'a> {
    seat: &'a AtomicU64,
    turn: u32,
    index: u32,
    is_last: bool,
    /// The last one has ended the turn, and somebody is to be rung or not.
    released: Option<bool>,
}

/// Where the words lie that say how many parties there are, who has arrived, and which turn it is.
#[cfg(not(feature = "models"))]
pub(super) const BARRIER_WORDS: [usize; 3] = [
    std::mem::offset_of!(RawBarrier, parties),
    std::mem::offset_of!(RawBarrier, arrived),
    std::mem::offset_of!(RawBarrier, turn),
];

impl RawBarrier {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new(parties: u32, turn: u32) -> Self {
        Self {
            lock: RawLock::new(),
            turn: AtomicU64::new(u64::from(turn) << 32),
            arrived: AtomicU64::new(0),
            timeout: AtomicU64::new(0),
            parties: AtomicU32::new(parties),
            used: AtomicU32::new(0),
            passed: AtomicU32::new(0),
            _reserved: 0,
            _rest_of_line: [0; 3],
        }
    }

    /// Says for how many it is, before anybody else knows it.
    pub(crate) fn set_up(&self, parties: u32, timeout: u64) {
        // Relaxed: others find the barrier by a handle, whose way orders it.
        self.parties.store(parties, Ordering::Relaxed);
        self.timeout.store(timeout, Ordering::Relaxed);
    }

    pub(crate) fn parties(&self) -> u32 {
        self.parties.load(Ordering::Relaxed)
    }

    pub(crate) fn timeout(&self) -> u64 {
        self.timeout.load(Ordering::Relaxed)
    }

    /// How many seats were used.
    pub(crate) fn used(&self) -> &AtomicU32 {
        &self.used
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.turn.load(Ordering::Acquire) & BROKEN != 0
    }

    /// How many wait at this moment.
    pub(crate) fn waiting(&self) -> u32 {
        let word = self.turn.load(Ordering::Acquire);
        if word & BROKEN != 0 { 0 } else { self.arrived_in(turn_of(word)) }
    }

    fn arrived_in(&self, turn: u32) -> u32 {
        let arrived = self.arrived.load(Ordering::Relaxed);
        if turn_of(arrived) == turn { arrived as u32 } else { 0 }
    }

    fn set_arrived(&self, turn: u32, count: u32) {
        // Release: whoever sees the count sees the seats.
        self.arrived.store(u64::from(turn) << 32 | u64::from(count), Ordering::Release);
    }

    /// Waits for the others; the order of the caller's arrival. The last one of the turn runs its action before anybody goes on; an action that gives `false` breaks the barrier.
    pub(crate) fn wait<P: Party>(
        &self,
        party: &P,
        seats: Seats<'_>,
        deadline: Deadline,
        action: Option<impl FnOnce() -> bool>,
    ) -> Result<u32, Refusal> {
        // Before the seat is written: from then on others depend on this thread, and it on them.
        let _dependence = party.depend_on(&self.turn);
        let arrival = self.arrive(party, seats, deadline, action.is_none())?;
        let Arrival { seat, turn, index, is_last, released } = arrival;
        if let Some(waiters) = released {
            self.ring_for(party, waiters);
            return Ok(index);
        }
        let passed = if let (true, Some(action)) = (is_last, action) {
            step!("barrier.acting");
            // Somebody looks who is here, and watches this thread's life.
            party.ring(&self.turn);
            if action() {
                self.release(party, seats, turn, seat)
            } else {
                self.break_turn(party, turn);
                Err(Refusal::Broken)
            }
        } else {
            self.await_end(party, seats, turn, Some(seat), deadline)
        };
        if passed.is_err() {
            // So that no seat of a living thread is SPOILT for long (invariant 6). Relaxed: the next look at it is in the lock, or nobody's.
            seat.store(0, Ordering::Relaxed);
        }
        passed.map(|()| index)
    }

    /// Takes a seat in the present turn, and ends the turn at once if it is the last one and `may_release`.
    fn arrive<'a, P: Party>(
        &self,
        party: &P,
        seats: Seats<'a>,
        deadline: Deadline,
        may_release: bool,
    ) -> Result<Arrival<'a>, Refusal> {
        let me = party.id();
        loop {
            // Without a look before it, which would fetch the line twice.
            if !self.lock.lock_at_once(me) {
                self.lock_to_arrive(party, seats, deadline)?;
            }
            let word = self.turn.load(Ordering::Relaxed);
            if word & BROKEN != 0 {
                self.lock.unlock(party, false);
                return Err(Refusal::Broken);
            }
            let turn = turn_of(word);
            let (index, parties) = (self.arrived_in(turn), self.parties());
            let seat = seats.take(me);
            let word = seat.load(Ordering::Relaxed);
            if word >> 62 == Kind::Spoilt as u64 && name_in(word) == Some(me) {
                // It is inside the action of a turn that was reset meanwhile.
                self.lock.unlock(party, false);
                return Err(Refusal::Recursive);
            }
            let before = is_kind(word, Kind::Arrived, turn);
            if index >= parties || before.is_some() {
                self.lock.unlock(party, false);
                match before {
                    Some(name) if name == me => return Err(Refusal::Recursive),
                    Some(_) => {
                        // This thread has the slot of one that died here.
                        self.break_turn(party, turn);
                        return Err(Refusal::Broken);
                    }
                    // An action runs: the turn after it is meant.
                    None => match self.await_end(party, seats, turn, None, deadline) {
                        Err(Refusal::Late) => return Err(Refusal::Late),
                        _ => continue,
                    },
                }
            }
            seat.store(seat_word(me, Kind::Arrived, turn), Ordering::Relaxed);
            step!("barrier.seated");
            self.set_arrived(turn, index + 1);
            step!("barrier.arrived");
            let is_last = index + 1 == parties;
            let mut released = None;
            if is_last && may_release {
                released = self.end_by_release(party, seats, turn);
            }
            self.lock.unlock(party, false);
            return Ok(Arrival { seat, turn, index, is_last, released });
        }
    }

    #[cold]
    fn lock_to_arrive<P: Party>(
        &self,
        party: &P,
        seats: Seats<'_>,
        deadline: Deadline,
    ) -> Result<(), Refusal> {
        if self.is_broken() {
            return Err(Refusal::Broken);
        }
        // Zero says how long to wait for parties; the lock is another's for a moment only.
        let patience = if deadline == Deadline::NOW { Deadline::NEVER } else { deadline };
        if self.lock(party, seats, patience) {
            return Ok(());
        }
        // Its holder is stopped.
        let turn = turn_of(self.turn.load(Ordering::Acquire));
        let late = self.break_turn(party, turn);
        Err(if late { Refusal::Late } else { Refusal::Broken })
    }

    /// The last one's action is done.
    fn release<P: Party>(
        &self,
        party: &P,
        seats: Seats<'_>,
        turn: u32,
        seat: &AtomicU64,
    ) -> Result<(), Refusal> {
        self.lock(party, seats, Deadline::NEVER);
        let released = self.end_by_release(party, seats, turn);
        self.lock.unlock(party, false);
        match released {
            Some(waiters) => {
                self.ring_for(party, waiters);
                Ok(())
            }
            None => self.outcome(party.id(), self.turn.load(Ordering::Acquire), turn, seat),
        }
    }

    /// Ends this turn for those that have arrived, if all of them live; whether somebody is to be rung, or nothing if it is broken or over. The caller holds the lock.
    fn end_by_release<P: Party>(&self, party: &P, seats: Seats<'_>, turn: u32) -> Option<bool> {
        if let Err(dead) = Self::others(party, seats, turn, &mut []) {
            self.bury(party, turn, dead);
            return None;
        }
        self.end_turn(seats, turn, 0)
    }

    /// Ends this turn, if it is the present one, and not broken unless `how` is RESET; whether somebody is to be rung. The caller holds the lock.
    fn end_turn(&self, seats: Seats<'_>, turn: u32, how: u64) -> Option<bool> {
        if next(turn) == 0 {
            Self::wipe(seats, turn);
        }
        let mut seen = self.turn.load(Ordering::Relaxed);
        while turn_of(seen) == turn && (how == RESET || seen & BROKEN == 0) {
            let after = u64::from(next(turn)) << 32 | how;
            // Release pairs with the Acquire of those that pass, or find that it was reset.
            match self.turn.compare_exchange_weak(seen, after, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => {
                    step!("barrier.turned");
                    return Some(seen & WAITERS != 0);
                }
                Err(now) => seen = now,
            }
        }
        None
    }

    /// Wipes the seats of those that were released before `turn`.
    #[cold]
    fn wipe(seats: Seats<'_>, turn: u32) {
        for (_, seat) in seats.all() {
            let seen = seat.load(Ordering::Relaxed);
            if seen >> 62 == Kind::Arrived as u64 && is_kind(seen, Kind::Arrived, turn).is_none() {
                // Its owner may leave meanwhile, and wipe it too.
                let _ = seat.compare_exchange(seen, 0, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
    }

    fn ring_for<P: Party>(&self, party: &P, waiters: bool) {
        if waiters {
            step!("barrier.unlocked");
            party.ring_all(&self.turn);
        }
    }

    /// Breaks this turn; `false` if it is over or broken already. The caller has named the gate.
    #[cold]
    fn break_turn<P: Party>(&self, party: &P, turn: u32) -> bool {
        let mut seen = self.turn.load(Ordering::Relaxed);
        while turn_of(seen) == turn && seen & BROKEN == 0 {
            let broken = seen & !WAITERS | BROKEN;
            // Release, so that the end of the turn can be seen through it.
            match self.turn.compare_exchange_weak(
                seen,
                broken,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    step!("barrier.broken");
                    if seen & WAITERS != 0 {
                        party.ring_all(&self.turn);
                    }
                    return true;
                }
                Err(now) => seen = now,
            }
        }
        false
    }

    /// How this turn ended, by a look at the turn word that says that it did.
    fn outcome(&self, me: OwnerId, seen: u64, turn: u32, seat: &AtomicU64) -> Result<(), Refusal> {
        let spoilt = if turn_of(seen) == turn {
            seen & BROKEN != 0
        } else if turn_of(seen) == next(turn) {
            seen & RESET != 0
        } else {
            // Relaxed: it was marked before the turn ended.
            seat.load(Ordering::Relaxed) == seat_word(me, Kind::Spoilt, turn)
        };
        if spoilt { Err(Refusal::Broken) } else { Ok(()) }
    }

    /// Waits for the end of this turn, as one who arrived in it and has that seat, or who came while an action ran.
    fn await_end<P: Party>(
        &self,
        party: &P,
        seats: Seats<'_>,
        turn: u32,
        seat: Option<&AtomicU64>,
        deadline: Deadline,
    ) -> Result<(), Refusal> {
        let is_over = |word: u64| word & BROKEN != 0 || turn_of(word) != turn;
        if deadline != Deadline::NOW {
            let parties = self.parties.load(Ordering::Relaxed);
            party.spin_among(parties, || is_over(self.turn.load(Ordering::Relaxed)).then_some(()));
        }
        let seen = self.turn.load(Ordering::Acquire);
        if is_over(seen) {
            return seat.map_or(Ok(()), |seat| self.outcome(party.id(), seen, turn, seat));
        }
        self.await_end_asleep(party, seats, turn, seat, deadline)
    }

    #[cold]
    fn await_end_asleep<P: Party>(
        &self,
        party: &P,
        seats: Seats<'_>,
        turn: u32,
        seat: Option<&AtomicU64>,
        deadline: Deadline,
    ) -> Result<(), Refusal> {
        let me = party.id();
        let (mut slept, mut late) = (false, false);
        loop {
            let seen = self.turn.load(Ordering::Acquire);
            // Wiped: the numbers have gone round since.
            let overslept = seat.is_some_and(|seat| seat.load(Ordering::Relaxed) == 0);
            if seen & BROKEN != 0 || turn_of(seen) != turn || overslept {
                if slept {
                    step!("barrier.released");
                    party.ring(&self.turn);
                }
                if late {
                    return Err(Refusal::Late);
                }
                return match seat {
                    Some(seat) if !overslept => self.outcome(me, seen, turn, seat),
                    _ => Ok(()),
                };
            }
            if deadline.has_passed() {
                step!("barrier.late");
                late = self.break_turn(party, turn);
                continue;
            }
            // Relaxed: whoever reads it late rings once more.
            if slept && self.passed.load(Ordering::Relaxed) != turn + 1 {
                // See invariant 5. Before it says so: if it dies between the two, the next one rings.
                party.ring_all(&self.turn);
                self.passed.store(turn + 1, Ordering::Relaxed);
            }
            // Relaxed: the word itself carries the news.
            if seen & WAITERS == 0
                && self
                    .turn
                    .compare_exchange(seen, seen | WAITERS, Ordering::Relaxed, Ordering::Relaxed)
                    .is_err()
            {
                continue;
            }
            // Before the seats. Acquire pairs with the Release of who arrived.
            let arrived = self.arrived.load(Ordering::Acquire);
            let lock = self.lock.word().load(Ordering::Acquire);
            let owner = RawLock::owner_in(lock).filter(|&owner| owner != me);
            if owner.is_some_and(|owner| party.is_dead(owner)) {
                // It may have begun a reset, or not have counted itself.
                if self.lock(party, seats, deadline) {
                    self.lock.unlock(party, false);
                }
                continue;
            }
            let mut lives = [OwnerId::NOBODY; 1 + WATCHED];
            let lives = match Self::others(party, seats, turn, &mut lives[1..]) {
                Ok(count) => &mut lives[..1 + count],
                Err(dead) => {
                    self.bury(party, turn, dead);
                    continue;
                }
            };
            let lives = match owner {
                Some(owner) => {
                    lives[0] = owner;
                    &*lives
                }
                None => &lives[1..],
            };
            step!("barrier.sleep");
            party.sleep(&Sleep {
                places: &[
                    Place::Gate(&self.turn, seen | WAITERS),
                    Place::Gate(&self.arrived, arrived),
                    Place::Owner(self.lock.word(), lock),
                ],
                owners: lives,
                deadline,
            });
            slept = true;
            step!("barrier.woken");
            for &life in lives {
                if party.is_dead(life) {
                    // The kernel woke one watcher of the dead thread; this may be the one, and others may watch it for other things.
                    party.ring_life(life);
                }
            }
        }
    }

    /// The others that have arrived in this turn, as many as there is room for, or one of them that is dead. Those with slots after the caller's come first: so each is watched by somebody,
    /// however many they are.
    fn others<P: Party>(
        party: &P,
        seats: Seats<'_>,
        turn: u32,
        lives: &mut [OwnerId],
    ) -> Result<usize, OwnerId> {
        let me = party.id();
        let mut count = 0;
        for (_, seat) in seats.behind(me).filter(|&(number, _)| number != me.slot()) {
            let Some(name) = is_kind(seat.load(Ordering::Relaxed), Kind::Arrived, turn) else {
                continue;
            };
            if party.is_dead(name) {
                return Err(name);
            }
            if let Some(life) = lives.get_mut(count) {
                *life = name;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Breaks the turn in which this one died.
    fn bury<P: Party>(&self, party: &P, turn: u32, dead: OwnerId) {
        // The kernel woke one watcher of the dead thread, of this object or another; this may be the one.
        party.ring_life(dead);
        self.break_turn(party, turn);
    }

    /// Takes the lock, and repairs what a dead holder left; `false` when the time is up. The caller has named the gate.
    fn lock<P: Party>(&self, party: &P, seats: Seats<'_>, deadline: Deadline) -> bool {
        match self.lock.lock(party, deadline) {
            Ok(Taken::Clean) => true,
            Ok(Taken::Poisoned | Taken::OwnerDied) => {
                self.repair(party, seats);
                true
            }
            Err(_) => false,
        }
    }

    #[cold]
    fn repair<P: Party>(&self, party: &P, seats: Seats<'_>) {
        let turn = turn_of(self.turn.load(Ordering::Relaxed));
        let (mut count, mut dead, mut in_reset) = (0, None, false);
        for (_, seat) in seats.all() {
            let seen = seat.load(Ordering::Relaxed);
            if let Some(name) = is_kind(seen, Kind::Arrived, turn) {
                count += 1;
                dead = dead.or_else(|| party.is_dead(name).then_some(name));
            }
            in_reset |= is_kind(seen, Kind::Spoilt, turn).is_some();
        }
        if in_reset {
            let waiters = self.end_by_reset(seats, turn);
            self.ring_for(party, waiters);
        } else {
            self.set_arrived(turn, count);
            if let Some(dead) = dead {
                self.bury(party, turn, dead);
            }
        }
        step!("barrier.repaired");
        self.lock.set_poison(false);
    }

    /// Marks the seats of this turn, and ends it; whether somebody is to be rung. The caller holds the lock.
    fn end_by_reset(&self, seats: Seats<'_>, turn: u32) -> bool {
        for (_, seat) in seats.all() {
            let seen = seat.load(Ordering::Relaxed);
            if let Some(name) = is_kind(seen, Kind::Arrived, turn) {
                let spoilt = seat_word(name, Kind::Spoilt, turn);
                // Not if its owner has left, as it may from a broken turn. Relaxed: the end of the turn follows, and is Release.
                let _ = seat.compare_exchange(seen, spoilt, Ordering::Relaxed, Ordering::Relaxed);
                step!("barrier.marked");
            }
        }
        self.end_turn(seats, turn, RESET).unwrap_or(false)
    }

    /// Breaks it until it is reset.
    pub(crate) fn abort<P: Party>(&self, party: &P) {
        let _dependence = party.depend_on(&self.turn);
        loop {
            let seen = self.turn.load(Ordering::Acquire);
            if seen & BROKEN != 0 || self.break_turn(party, turn_of(seen)) {
                return;
            }
        }
    }

    /// Those that wait find it broken, and it can be used again.
    pub(crate) fn reset<P: Party>(&self, party: &P, seats: Seats<'_>) {
        let _dependence = party.depend_on(&self.turn);
        self.lock(party, seats, Deadline::NEVER);
        let turn = turn_of(self.turn.load(Ordering::Relaxed));
        let waiters = self.end_by_reset(seats, turn);
        self.lock.unlock(party, false);
        self.ring_for(party, waiters);
    }
}

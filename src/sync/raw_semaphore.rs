//! The semaphore without a handle: words, and a seat for each participant, in any storage.
//!
//! # Protocol
//!
//! `state` is the number of free permits and a **tag**: whose named operation was applied last.
//!
//! | bits | name | meaning |
//! | --- | --- | --- |
//! | 0–30 | value | the free permits |
//! | 31–44 | slot | of the tag: the seat whose operation it was |
//! | 45–63 | operation | of the tag: the low bits of the operation's number; 0 after a bare operation, which is nobody's |
//!
//! Each participant has a **seat**, which says how many permits its thread holds and what it is about to do:
//!
//! | bits | name | meaning |
//! | --- | --- | --- |
//! | 0–21 | operation | the number of the seat's last operation, or of the one that is under way |
//! | 22–29 | count | the permits that the thread holds, before the operation that is under way |
//! | 30–31 | kind | HELD: nothing is under way. TAKING, GIVING: the thread takes or gives one. RETURNING: somebody gives a dead thread's permits back |
//! | 32–63 | name | RETURNING: the name of who does it. Else the generation of the seat's thread (18 bits; its slot is the seat's number), and 14 more bits of the operation's number |
//!
//! A named operation is three stores: the seat says what is under way; one compare-exchange changes value and tag; the seat says what came of it. So of a thread that died in
//! between one knows whether its operation was applied: it was, if the tag names it.
//!
//! Invariants:
//! 1. Before a tag is replaced, the seat that it names is **settled**: if the named operation is still under way there, the seat gets what came of it. So an operation under way that
//!    the tag does not name was not applied: who loads the state first and the seat then knows for certain.
//! 2. The operation of a seat is applied by its thread alone, or while it is RETURNING by who is named there, and once. So none is applied twice.
//! 3. The number of a seat's next operation follows that of its last one, also from one thread of the slot to the next. So a tag that names the seat is that of its last applied operation.
//! 4. Who finds a dead name in a seat with permits or something under way takes the seat over, RETURNING with its own name, and gives the permits back as one operation of that seat. If it
//!    dies too, the next one finds its name.
//!
//! The numbers go round: a thread would have to stand still between its load of a seat and its exchange while another begins exactly a multiple of 2^36 operations there, or
//! a thread that settles, between load and exchange of the state, while another applies exactly a multiple of 2^19 - 1 that lead to the same value, and dies unsettled.
//!
//! # Waiting
//!
//! The **gate** is a bell: bit 31 says that somebody may sleep, all others stay zero (to the kernel it has no owner). Who adds permits and finds it set counts the **rings**, clears it,
//! and rings for one. Who is about to sleep has read the rings first, then found the gate set, then read the state, then listed the living names in all seats; it sleeps while gate, rings and
//! state are as they were and the names live.
//!
//! 5. The state is changed before the gate is looked at, and the gate is set before the state is looked at, sequentially consistent: one of them sees the other (J. Dekker's argument).
//! 6. Who sleeps names the gate to the kernel until it waits no more. Who has slept and waits no more, with a permit or without, rings for one: that one finds other permits, or lists
//!    the new holder. So one ring is enough for many permits, and at least one sleeper watches each holder.
//! 7. Who adds permits without being watched, as a bare releaser or as the heir of a dead holder, names the gate before.
//!
//! A death at each step, with nobody new arriving:
//!
//! | it dies | the seat, the tag | who goes on |
//! | --- | --- | --- |
//! | TAKING or GIVING, before the exchange | under way, not named | who watches it returns what it had |
//! | after the exchange | under way, named | likewise, one more or one less |
//! | holding | HELD | likewise |
//! | having given, before it rings | HELD, one less | who watched it as a holder is woken, finds the permit and rings on |
//! | RETURNING, before the exchange | its name | the kernel rings the gate; the next one takes the seat over |
//! | RETURNING, after it | its name, named | the kernel rings the gate for it |
//! | bare, before the exchange | – | nothing happened |
//! | bare, after a release, before it rings | – | the kernel rings the gate for it |
//! | woken, before or after it has a permit | – or its own | the kernel rings the gate for it |
//!
//! A bare permit has nobody's name: it is lost with who took it.
//!
//! Source: the gate is that of `raw_lock`; helping the last operation before it is overwritten is the idea of M. Herlihy's universal construction ("Wait-Free Synchronization", 1991), for one word.

use super::{
    Seats,
    party::{Party, Place, Sleep},
};
use crate::{
    atomic::{AtomicU32, AtomicU64, Ordering},
    os::{clock::Deadline, step::step},
    segment::OwnerId,
};

/// The most permits that can be free.
pub(crate) const MAX: u32 = (1 << 31) - 1;
/// The most permits that one thread can hold by name.
pub(crate) const MAX_HELD: u32 = (1 << Seat::COUNT_BITS) - 1;

/// In the gate: somebody may sleep.
const SET: u32 = 1 << 31;

/// See the first table.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State(u64);

impl State {
    const VALUE_BITS: u32 = 31;
    const SLOT_BITS: u32 = 14;
    const OPERATIONS: u64 = 1 << (64 - Self::VALUE_BITS - Self::SLOT_BITS);

    fn value(self) -> u32 {
        self.0 as u32 & MAX
    }

    fn slot(self) -> u32 {
        (self.0 >> Self::VALUE_BITS) as u32 & (OwnerId::MAX_SLOTS - 1)
    }

    /// After a bare operation.
    fn bare(value: u32) -> Self {
        Self(value.into())
    }

    /// After the operation that is under way in this seat.
    fn tagged(value: u32, slot: u32, seat: Seat) -> Self {
        let operation = seat.operation() % Self::OPERATIONS;
        let tag = operation << Self::SLOT_BITS | u64::from(slot);
        Self(u64::from(value) | tag << Self::VALUE_BITS)
    }

    /// Whether the tag is that of the operation in this seat.
    fn names(self, slot: u32, seat: Seat) -> bool {
        self == Self::tagged(self.value(), slot, seat)
    }
}

const _: () = assert!(OwnerId::MAX_SLOTS == 1 << State::SLOT_BITS);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Held,
    Taking,
    Giving,
    Returning,
}

/// See the second table.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seat(u64);

impl Seat {
    const LOW_BITS: u32 = 22;
    const COUNT_BITS: u32 = 8;
    const KIND_AT: u32 = Self::LOW_BITS + Self::COUNT_BITS;
    const GENERATION_BITS: u32 = 18;
    const HIGH_AT: u32 = 32 + Self::GENERATION_BITS;
    const LOW: u64 = (1 << Self::LOW_BITS) - 1;

    fn kind(self) -> Kind {
        match self.0 >> Self::KIND_AT & 3 {
            0 => Kind::Held,
            1 => Kind::Taking,
            2 => Kind::Giving,
            _ => Kind::Returning,
        }
    }

    fn count(self) -> u32 {
        (self.0 >> Self::LOW_BITS) as u32 & MAX_HELD
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32 & OwnerId::MAX_GENERATION
    }

    /// A number; of one that is RETURNING, its low bits.
    fn operation(self) -> u64 {
        let low = self.0 & Self::LOW;
        if self.kind() == Kind::Returning {
            low
        } else {
            low | self.0 >> Self::HIGH_AT << Self::LOW_BITS
        }
    }

    /// The number of the next operation: never one that the tag of a bare operation has.
    fn next_operation(self) -> u64 {
        let next = self.operation() + 1;
        next + u64::from(next.is_multiple_of(State::OPERATIONS))
    }

    fn pack(upper: u32, kind: Kind, count: u32, operation: u64) -> Self {
        let lower = (kind as u64) << Self::KIND_AT | u64::from(count) << Self::LOW_BITS;
        Self(u64::from(upper) << 32 | lower | operation & Self::LOW)
    }

    /// Of a thread of the seat's slot; generation 0 is nobody.
    fn of(generation: u32, kind: Kind, count: u32, operation: u64) -> Self {
        let high = operation >> Self::LOW_BITS << Self::HIGH_AT;
        Self(Self::pack(generation, kind, count, operation).0 | high)
    }

    /// Nothing is held and nothing is under way.
    fn is_idle(self) -> bool {
        self.kind() == Kind::Held && self.count() == 0
    }

    /// Whose permits these are, or who returns them.
    fn name(self, slot: u32) -> Option<OwnerId> {
        match self.kind() {
            Kind::Returning => OwnerId::from_bits((self.0 >> 32) as u32),
            _ => OwnerId::new(slot, self.generation()),
        }
    }

    /// The next operation of the thread that is named.
    fn begin(self, kind: Kind) -> Self {
        Self::of(self.generation(), kind, self.count(), self.next_operation())
    }

    /// What is held once the operation that is under way has been applied.
    fn count_after(self) -> u32 {
        match self.kind() {
            Kind::Held => self.count(),
            Kind::Taking => self.count() + 1,
            Kind::Giving => self.count().saturating_sub(1),
            Kind::Returning => 0,
        }
    }

    /// The operation that is under way has been applied.
    fn settled(self) -> Self {
        match self.kind() {
            Kind::Returning => Self::of(0, Kind::Held, 0, self.operation()),
            _ => Self::of(self.generation(), Kind::Held, self.count_after(), self.operation()),
        }
    }
}

const _: () =
    assert!(OwnerId::MAX_GENERATION == (1 << Seat::GENERATION_BITS) - 1 && Seat::KIND_AT + 2 == 32);

/// A seat in which a thread of another generation than those of the models has died with permits.
#[cfg(all(test, feature = "models"))]
pub(crate) fn left_by_a_dead_one(count: u32) -> u64 {
    if count == 0 { 0 } else { Seat::of(2, Kind::Held, count, 5).0 }
}

/// Whose a permit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The thread's; it comes back if the thread dies.
    Named,
    /// Nobody's; anybody may give it back.
    Bare,
}

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPermit {
    /// There is none, and the time is up.
    Late,
    /// The thread holds as many as its seat can count.
    Full,
}

/// What a thread writes to its own seat. Release pairs with who loads the seat.
#[inline]
fn put(word: &AtomicU64, seat: Seat) {
    if cfg!(feature = "models") {
        // `loom` does not know that an exchange which found what a thread stored comes before what that thread stores next.
        word.swap(seat.0, Ordering::Release);
    } else {
        word.store(seat.0, Ordering::Release);
    }
}

/// What came of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    Taken,
    /// No permit is free.
    Empty,
    /// Somebody living returns what a dead thread left in the caller's seat.
    Occupied,
    Full,
}

/// The words.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawSemaphore {
    state: AtomicU64,
    gate: AtomicU32,
    rings: AtomicU32,
    /// For the seats.
    pub(crate) used: AtomicU32,
    /// The most that may be free.
    bound: AtomicU32,
}

impl RawSemaphore {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new(value: u32, bound: u32) -> Self {
        Self {
            state: AtomicU64::new(value.into()),
            gate: AtomicU32::new(0),
            rings: AtomicU32::new(0),
            used: AtomicU32::new(0),
            bound: AtomicU32::new(bound),
        }
    }

    /// Of zeros, before anybody else knows it.
    pub(crate) fn begin(&self, value: u32, bound: u32) {
        debug_assert!(value <= bound && bound <= MAX);
        self.bound.store(bound, Ordering::Relaxed);
        self.state.store(State::bare(value).0, Ordering::SeqCst);
    }

    /// The free permits at this moment.
    #[inline]
    pub(crate) fn value(&self) -> u32 {
        self.load().value()
    }

    /// The most that may be free.
    #[inline]
    pub(crate) fn bound(&self) -> u32 {
        self.bound.load(Ordering::Relaxed).min(MAX)
    }

    /// Who holds how many permits by name, dead or alive, at this moment.
    pub(crate) fn holders(&self, seats: Seats<'_>) -> Vec<(OwnerId, u32)> {
        let holding = |(slot, word): (u32, &AtomicU64)| {
            let seat = Seat(word.load(Ordering::Acquire));
            seat.name(slot).filter(|_| seat.count() > 0).map(|name| (name, seat.count()))
        };
        seats.all().filter_map(holding).collect()
    }

    /// Acquire pairs with the exchanges, all of which release: who sees a tag sees the seat that it names.
    #[inline]
    fn load(&self) -> State {
        State(self.state.load(Ordering::Acquire))
    }

    /// Applies an operation. SeqCst: between what was done before and the look at the gate after.
    #[inline]
    fn apply(&self, seen: State, next: State) -> Result<(), State> {
        self.state
            .compare_exchange(seen.0, next.0, Ordering::SeqCst, Ordering::Acquire)
            .map(|_| ())
            .map_err(State)
    }

    /// Before the tag in `seen` is replaced: the seat that it names gets what came of its operation.
    #[inline]
    fn settle(&self, seats: Seats<'_>, seen: State) {
        let slot = seen.slot();
        // None where the word was scribbled over.
        let Some(word) = seats.at(slot) else { return };
        let seat = Seat(word.load(Ordering::Acquire));
        if seat.kind() != Kind::Held && seen.names(slot, seat) {
            // A failure: its thread or another one did it.
            let _ = word.compare_exchange(
                seat.0,
                seat.settled().0,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
        }
    }

    /// The same for a thread whose own seat is HELD: it has settled that.
    #[inline]
    fn settle_other(&self, seats: Seats<'_>, seen: State, me: OwnerId) {
        if seen.slot() != me.slot() {
            self.settle(seats, seen);
        }
    }

    /// Takes a permit, waiting until the deadline. What dead threads held is found even when it has passed.
    #[inline]
    pub(crate) fn acquire<P: Party>(
        &self,
        party: &P,
        seats: Seats<'_>,
        claim: Claim,
        deadline: Deadline,
    ) -> Result<(), NoPermit> {
        match self.attempt(party, seats, claim) {
            Attempt::Taken => Ok(()),
            Attempt::Full => Err(NoPermit::Full),
            Attempt::Empty | Attempt::Occupied => self.wait(party, seats, claim, deadline),
        }
    }

    #[inline]
    fn attempt<P: Party>(&self, party: &P, seats: Seats<'_>, claim: Claim) -> Attempt {
        match claim {
            Claim::Named => self.take_named(party, seats),
            Claim::Bare => self.take_bare(seats),
        }
    }

    #[inline]
    fn take_named<P: Party>(&self, party: &P, seats: Seats<'_>) -> Attempt {
        let me = party.id();
        let word = seats.take(me);
        let mut held = Seat(word.load(Ordering::Acquire));
        if held.kind() != Kind::Held || held.generation() != me.generation() {
            match self.sit_down(party, seats, word) {
                Some(seat) => held = seat,
                None => return Attempt::Occupied,
            }
        }
        if held.count() == MAX_HELD {
            return Attempt::Full;
        }
        let taking = held.begin(Kind::Taking);
        let mut seen = self.load();
        let mut is_written = false;
        loop {
            if seen.value() == 0 {
                if is_written {
                    // It was not applied, so its number is free.
                    put(word, held);
                }
                return Attempt::Empty;
            }
            self.settle_other(seats, seen, me);
            if !is_written {
                is_written = true;
                put(word, taking);
                step!("semaphore.taking");
            }
            match self.apply(seen, State::tagged(seen.value() - 1, me.slot(), taking)) {
                Ok(()) => break,
                Err(now) => seen = now,
            }
        }
        step!("semaphore.applied");
        // A store: others put the same there, or nothing.
        put(word, taking.settled());
        Attempt::Taken
    }

    /// The first time that a thread uses its seat: what a dead one left there comes back first. `None` while somebody living is doing that.
    #[cold]
    fn sit_down<P: Party>(&self, party: &P, seats: Seats<'_>, word: &AtomicU64) -> Option<Seat> {
        let me = party.id();
        loop {
            let seen = Seat(word.load(Ordering::Acquire));
            if seen.is_idle() {
                // Nobody else writes to such a seat. The number goes on (invariant 3).
                let mine = Seat::of(me.generation(), Kind::Held, 0, seen.operation());
                put(word, mine);
                return Some(mine);
            }
            if self.is_occupied(party, word, self.load(), me) {
                return None;
            }
            self.settle(seats, self.load());
            if seen.name(me.slot()) == Some(me) {
                // Nothing of the caller's is under way: the word was scribbled over. Nobody waits for it.
                let mine = Seat::of(me.generation(), Kind::Held, seen.count(), seen.operation());
                put(word, mine);
                return Some(mine);
            }
            self.bring_back(party, seats, me.slot(), word);
        }
    }

    /// Whether somebody living returns what is in the caller's seat, and has not done so by `state`.
    fn is_occupied<P: Party>(
        &self,
        party: &P,
        word: &AtomicU64,
        state: State,
        me: OwnerId,
    ) -> bool {
        let seat = Seat(word.load(Ordering::Acquire));
        seat.kind() == Kind::Returning
            && !state.names(me.slot(), seat)
            && seat.name(me.slot()).is_some_and(|name| !party.is_dead(name))
    }

    #[inline]
    fn take_bare(&self, seats: Seats<'_>) -> Attempt {
        let mut seen = self.load();
        loop {
            if seen.value() == 0 {
                return Attempt::Empty;
            }
            self.settle(seats, seen);
            match self.apply(seen, State::bare(seen.value() - 1)) {
                Ok(()) => {
                    step!("semaphore.bare.taken");
                    return Attempt::Taken;
                }
                Err(now) => seen = now,
            }
        }
    }

    /// The rest of [`Self::acquire`].
    #[cold]
    fn wait<P: Party>(
        &self,
        party: &P,
        seats: Seats<'_>,
        claim: Claim,
        deadline: Deadline,
    ) -> Result<(), NoPermit> {
        let mut dependence = None;
        if deadline != Deadline::NOW {
            party.spin(|| (self.value() > 0).then_some(()));
        }
        let answer = loop {
            match self.attempt(party, seats, claim) {
                Attempt::Taken => break Ok(()),
                Attempt::Full => break Err(NoPermit::Full),
                Attempt::Empty | Attempt::Occupied => {}
            }
            // In this order: see the module's text.
            let rings = self.rings.load(Ordering::SeqCst);
            let gate = self.gate.load(Ordering::SeqCst);
            let state = State(self.state.load(Ordering::SeqCst));
            let Some(living) = self.living_holders(party, seats) else { continue };
            if state.value() > 0 {
                let me = party.id();
                let occupied =
                    claim == Claim::Named && self.is_occupied(party, seats.take(me), state, me);
                if !occupied {
                    continue;
                }
            }
            if deadline.has_passed() {
                break Err(NoPermit::Late);
            }
            if gate != SET {
                // Whoever adds permits from now on rings; look once more, for those who added some before.
                self.gate.swap(SET, Ordering::SeqCst);
                continue;
            }
            dependence.get_or_insert_with(|| party.depend_on_bell(&self.gate));
            step!("semaphore.sleep");
            party.sleep(&Sleep {
                places: &[
                    Place::Bell(&self.gate, SET),
                    Place::Bell(&self.rings, rings),
                    Place::Gate(&self.state, state.0),
                ],
                owners: &living,
                deadline,
            });
            step!("semaphore.woken");
            for &holder in &living {
                if party.is_dead(holder) {
                    // The kernel woke one watcher of the dead thread; this may be the one.
                    party.ring_life(holder);
                }
            }
        };
        if dependence.is_some() {
            // Invariant 6.
            step!("semaphore.awake");
            party.ring_bell_once(&self.gate);
        }
        answer
    }

    /// Those others on whom it depends that permits come back; `None` when something was found that dead ones left.
    fn living_holders<P: Party>(&self, party: &P, seats: Seats<'_>) -> Option<Vec<OwnerId>> {
        let mut living = Vec::new();
        let mut found = false;
        for (slot, word) in seats.all() {
            let seat = Seat(word.load(Ordering::SeqCst));
            if seat.is_idle() {
                continue;
            }
            match seat.name(slot) {
                Some(name) if name == party.id() => {}
                Some(name) if !party.is_dead(name) => living.push(name),
                _ => {
                    self.bring_back(party, seats, slot, word);
                    found = true;
                }
            }
        }
        (!found).then_some(living)
    }

    /// Gives back what is in a seat, if its name is dead.
    #[cold]
    fn bring_back<P: Party>(&self, party: &P, seats: Seats<'_>, slot: u32, word: &AtomicU64) {
        let before = Seat(word.load(Ordering::Acquire));
        let dead = before.name(slot);
        if before.is_idle() || dead.is_some_and(|dead| !party.is_dead(dead)) {
            return;
        }
        // After the look whether it is dead, which orders what it did before it died; and the seat after the state (invariant 1).
        let mut state = self.load();
        if word.load(Ordering::Acquire) != before.0 {
            return;
        }
        let count = if state.names(slot, before) { before.count_after() } else { before.count() };
        // Nobody watches the caller as a holder.
        let dependence = party.depend_on_bell(&self.gate);
        let returning =
            Seat::pack(party.id().bits(), Kind::Returning, count, before.next_operation());
        let next =
            if count == 0 { Seat::of(0, Kind::Held, 0, before.operation()) } else { returning };
        // A failure: another one settles it or brings it back.
        if word.compare_exchange(before.0, next.0, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return;
        }
        if count > 0 {
            step!("semaphore.returning");
            loop {
                self.settle(seats, state);
                // Where others gave back more than they took, there is no room for all.
                let value =
                    state.value().saturating_add(count).min(self.bound().max(state.value()));
                match self.apply(state, State::tagged(value, slot, returning)) {
                    Ok(()) => break,
                    Err(now) => state = now,
                }
            }
            step!("semaphore.returned");
            // A failure: it is settled, and the seat may have a new thread.
            let _ = word.compare_exchange(
                returning.0,
                returning.settled().0,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
        }
        self.look_at_gate(party);
        if let Some(dead) = dead {
            party.ring_life(dead);
        }
        drop(dependence);
    }

    /// Gives back a permit that the caller holds by name.
    ///
    /// Nothing happens where its seat says otherwise: the word was scribbled over.
    #[inline]
    pub(crate) fn release<P: Party>(&self, party: &P, seats: Seats<'_>) {
        let me = party.id();
        let word = seats.take(me);
        let held = Seat(word.load(Ordering::Acquire));
        if held.kind() != Kind::Held || held.generation() != me.generation() || held.count() == 0 {
            return;
        }
        let giving = held.begin(Kind::Giving);
        put(word, giving);
        step!("semaphore.giving");
        let mut seen = self.load();
        loop {
            self.settle_other(seats, seen, me);
            // Where others gave back more than they took, there is no room for it.
            let value = if seen.value() < self.bound() { seen.value() + 1 } else { seen.value() };
            match self.apply(seen, State::tagged(value, me.slot(), giving)) {
                Ok(()) => break,
                Err(now) => seen = now,
            }
        }
        step!("semaphore.given");
        // A store: others put the same there, or nothing.
        put(word, giving.settled());
        step!("semaphore.gave");
        self.look_at_gate(party);
    }

    /// Adds permits, whoever took them; `Err` with the value, which stays, if there would be more than the bound.
    #[inline]
    pub(crate) fn release_bare<P: Party>(
        &self,
        party: &P,
        seats: Seats<'_>,
        count: u32,
    ) -> Result<(), u32> {
        // Invariant 7.
        let dependence = party.depend_on_bell(&self.gate);
        let mut seen = self.load();
        loop {
            let value = match seen.value().checked_add(count) {
                Some(value) if value <= self.bound() => value,
                _ => return Err(seen.value()),
            };
            self.settle(seats, seen);
            match self.apply(seen, State::bare(value)) {
                Ok(()) => break,
                Err(now) => seen = now,
            }
        }
        step!("semaphore.bare.given");
        self.look_at_gate(party);
        drop(dependence);
        Ok(())
    }

    /// After permits were added.
    #[inline]
    fn look_at_gate<P: Party>(&self, party: &P) {
        if self.gate.load(Ordering::SeqCst) == SET {
            self.ring(party);
        }
    }

    #[cold]
    fn ring<P: Party>(&self, party: &P) {
        // If this thread dies between the effects, the kernel rings.
        let dependence = party.depend_on_bell(&self.gate);
        self.rings.fetch_add(1, Ordering::SeqCst);
        step!("semaphore.counted");
        // Not set any more: another one rings, and who is woken rings on.
        if self.gate.swap(0, Ordering::SeqCst) == SET {
            step!("semaphore.cleared");
            party.ring_bell_once(&self.gate);
        }
        drop(dependence);
    }
}

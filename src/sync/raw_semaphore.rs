//! The semaphore without a handle: words, and a seat for each participant, in any storage.
//!
//! # Protocol
//!
//! `state` is the number of free permits, a bit for those who sleep, and a **tag**: whose named operation was applied last.
//!
//! | bits | name | meaning |
//! | --- | --- | --- |
//! | 0–30 | value | the free permits |
//! | 31 | WAITERS | somebody may sleep |
//! | 32–45 | slot | of the tag: the seat whose operation it was |
//! | 46–63 | operation | of the tag: the low bits of the operation's number; 0 after a bare operation, which is nobody's: then the slot counts such operations, so that the word does not soon come back |
//!
//! Each participant has a **seat**, which says how many permits its thread holds and what it is about to do:
//!
//! | bits | name | meaning |
//! | --- | --- | --- |
//! | 0–35 | operation | the number of the seat's last operation, or of the one that is under way; RETURNING: its low 18 bits only |
//! | 18–49 | name | RETURNING: who does it |
//! | 36–53 | generation | else: that of the seat's thread, whose slot is the seat's number |
//! | 54–61 | count | the permits that the thread holds, before the operation that is under way |
//! | 62–63 | kind | HELD: nothing is under way. TAKING, GIVING: the thread takes or gives one. RETURNING: somebody gives a dead thread's permits back |
//!
//! A named operation is two stores: the seat says what is under way; one compare-exchange changes value and tag. That the seat says what came of it is left to whoever needs it next: its own
//! thread at its next operation, or who replaces the tag. So of a thread that died in between one knows whether its operation was applied: it was, if the tag names it.
//!
//! Invariants:
//! 1. Before a tag is replaced, the seat that it names is **settled**: if the named operation is still under way there, the seat gets what came of it. So an operation under way that
//!    the tag does not name was not applied: who loads the state first and the seat then knows for certain.
//! 2. The operation of a seat is applied by its thread alone, or while it is RETURNING by who is named there, and once. So none is applied twice.
//! 3. The number of a seat's next operation follows that of its last one, also from one thread of the slot to the next. So a tag that names the seat is that of its last applied operation.
//! 4. Who finds a dead name in a seat with permits or something under way takes the seat over, RETURNING with its own name, and gives the permits back as one operation of that seat. If it
//!    dies too, the next one finds its name.
//!
//! The numbers go round: a thread would have to stand still between its load of a seat and its exchange while another begins exactly a multiple of 2^36 operations there (2^18 where it is RETURNING), or
//! a thread that settles, between load and exchange of the state, while another applies exactly a multiple of 2^18 - 1 that lead to the same value, and dies before its next operation. (Its own thread
//! does not need the tag to know that its last operation was applied.)
//!
//! # Waiting
//!
//! The **gate** is a place to sleep at; it is always zero, so that the kernel rings it for a dead thread that named it. Who is about to sleep has read the state, found no permit there, listed the
//! living names in all seats, and set WAITERS in the state that it read; it sleeps while the state is as it was and the names live. Taking a permit leaves WAITERS as it is; who adds permits clears
//! it in the same exchange, and then rings for one.
//!
//! 5. The bit and the value are one word: who adds permits sees every WAITERS that was set before, and who sets it sees every permit that was added before. So nobody has to look twice.
//! 6. Who sleeps names the gate to the kernel until it waits no more. Who has slept and waits no more, with a permit or without, rings for one: that one finds other permits, or lists
//!    the new holder and sets WAITERS again. So one ring is enough for many permits, and at least one sleeper watches each holder.
//! 7. Who is about to clear WAITERS names the gate before.
//!
//! A death at each step, with nobody new arriving:
//!
//! | it dies | the seat, the tag | who goes on |
//! | --- | --- | --- |
//! | TAKING or GIVING, before the exchange | under way, not named | who watches it returns what it had |
//! | after the exchange | under way, named | likewise, one more or one less |
//! | holding | HELD, or TAKING and named | likewise |
//! | having cleared WAITERS, before it rings | one less, or bare | the kernel rings the gate for it |
//! | RETURNING, before the exchange | its name | the kernel rings the gate; the next one takes the seat over |
//! | RETURNING, after it | its name, named | the kernel rings the gate for it |
//! | bare, before the exchange | – | nothing happened |
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

/// See the first table.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State(u64);

impl State {
    const WAITERS: u64 = 1 << 31;
    const SLOT_AT: u32 = 32;
    const SLOT_BITS: u32 = 14;
    const OPERATION_AT: u32 = Self::SLOT_AT + Self::SLOT_BITS;
    const OPERATIONS: u64 = 1 << (64 - Self::OPERATION_AT);

    #[inline]
    fn value(self) -> u32 {
        self.0 as u32 & MAX
    }

    #[inline]
    fn has_waiters(self) -> bool {
        self.0 & Self::WAITERS != 0
    }

    #[inline]
    fn with_waiters(self) -> Self {
        Self(self.0 | Self::WAITERS)
    }

    #[inline]
    fn slot(self) -> u32 {
        (self.0 >> Self::SLOT_AT) as u32 & (OwnerId::MAX_SLOTS - 1)
    }

    /// After this one and a bare operation, if nobody sleeps.
    #[inline]
    fn bare(self, value: u32) -> Self {
        let count = (self.slot() + 1) % OwnerId::MAX_SLOTS;
        Self(u64::from(value) | u64::from(count) << Self::SLOT_AT)
    }

    #[inline]
    fn is_bare(self) -> bool {
        self.0 >> Self::OPERATION_AT == 0
    }

    /// After the operation that is under way in this seat, if nobody sleeps.
    #[inline]
    fn tagged(value: u32, slot: u32, seat: Seat) -> Self {
        let operation = (seat.0 & Seat::LOW) << Self::OPERATION_AT;
        Self(u64::from(value) | u64::from(slot) << Self::SLOT_AT | operation)
    }

    /// After the same where permits were taken: whoever slept sleeps on.
    #[inline]
    fn and_waiters_of(self, before: Self) -> Self {
        Self(self.0 | before.0 & Self::WAITERS)
    }

    /// Whether the tag is that of the operation in this seat.
    #[inline]
    fn names(self, slot: u32, seat: Seat) -> bool {
        self.0 >> Self::SLOT_AT == Self::tagged(0, slot, seat).0 >> Self::SLOT_AT
    }
}

const _: () = assert!(OwnerId::MAX_SLOTS == 1 << State::SLOT_BITS);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Held = 0,
    Taking = 1,
    Giving = 2,
    Returning = 3,
}

/// See the second table.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seat(u64);

impl Seat {
    const OPERATION_BITS: u32 = 36;
    const OPERATION: u64 = (1 << Self::OPERATION_BITS) - 1;
    /// Those bits of the number that a tag has.
    const LOW: u64 = State::OPERATIONS - 1;
    const NAME_AT: u32 = Self::LOW.count_ones();
    const GENERATION_AT: u32 = Self::OPERATION_BITS;
    const COUNT_AT: u32 = 54;
    const COUNT_BITS: u32 = 8;
    const KIND_AT: u32 = Self::COUNT_AT + Self::COUNT_BITS;

    #[inline]
    fn kind(self) -> Kind {
        // Comparisons: a `match` becomes a table of jumps.
        let kind = self.0 >> Self::KIND_AT;
        if kind == Kind::Held as u64 {
            Kind::Held
        } else if kind == Kind::Taking as u64 {
            Kind::Taking
        } else if kind == Kind::Giving as u64 {
            Kind::Giving
        } else {
            Kind::Returning
        }
    }

    #[inline]
    fn count(self) -> u32 {
        (self.0 >> Self::COUNT_AT) as u32 & MAX_HELD
    }

    #[inline]
    fn generation(self) -> u32 {
        (self.0 >> Self::GENERATION_AT) as u32 & OwnerId::MAX_GENERATION
    }

    /// A number; of one that is RETURNING, its low bits.
    #[inline]
    fn operation(self) -> u64 {
        self.0 & if self.kind() == Kind::Returning { Self::LOW } else { Self::OPERATION }
    }

    /// The number of the next operation: never one that the tag of a bare operation has.
    #[inline]
    fn next_operation(self) -> u64 {
        let next = self.operation() + 1;
        if next & Self::LOW == 0 { (next + 1) & Self::OPERATION } else { next }
    }

    /// Of a thread of the seat's slot; generation 0 is nobody.
    #[inline]
    fn of(generation: u32, kind: Kind, count: u32, operation: u64) -> Self {
        let count = u64::from(count) << Self::COUNT_AT;
        let generation = u64::from(generation) << Self::GENERATION_AT;
        Self((kind as u64) << Self::KIND_AT | count | generation | operation)
    }

    /// A dead thread's, to be given back by who is named.
    fn returning(name: OwnerId, count: u32, operation: u64) -> Self {
        let name = u64::from(name.bits()) << Self::NAME_AT;
        Self(Self::of(0, Kind::Returning, count, operation & Self::LOW).0 | name)
    }

    /// Nothing is held and nothing is under way.
    #[inline]
    fn is_idle(self) -> bool {
        self.kind() == Kind::Held && self.count() == 0
    }

    /// Whose permits these are, or who returns them.
    fn name(self, slot: u32) -> Option<OwnerId> {
        match self.kind() {
            Kind::Returning => OwnerId::from_bits((self.0 >> Self::NAME_AT) as u32),
            _ => OwnerId::new(slot, self.generation()),
        }
    }

    /// The next operation of the thread that is named; nothing is under way.
    #[inline]
    fn begin(self, kind: Kind) -> Self {
        let next = self.0 + 1;
        if next & Self::LOW == 0 {
            return Self::of(self.generation(), kind, self.count(), self.next_operation());
        }
        // The same in one addition: an exchange waits for what is computed here.
        Self(next | (kind as u64) << Self::KIND_AT)
    }

    /// What it says by itself, after the state was loaded: an operation under way that the tag names was applied.
    #[inline]
    fn known_by(self, state: State, slot: u32) -> Self {
        if self.kind() != Kind::Held && state.names(slot, self) { self.settled() } else { self }
    }

    /// The operation that is under way has been applied.
    #[inline]
    fn settled(self) -> Self {
        const ONE: u64 = 1 << Seat::COUNT_AT;
        let held = self.0 & !(3 << Self::KIND_AT);
        match self.kind() {
            Kind::Held => self,
            Kind::Taking if self.count() < MAX_HELD => Self(held + ONE),
            Kind::Giving if self.count() > 0 => Self(held - ONE),
            // Scribbled over.
            Kind::Taking | Kind::Giving => Self(held),
            Kind::Returning => Self::of(0, Kind::Held, 0, self.operation()),
        }
    }
}

const _: () = assert!(
    Seat::OPERATION_BITS == 2 * State::OPERATIONS.ilog2()
        && OwnerId::MAX_GENERATION == (1 << (Seat::COUNT_AT - Seat::GENERATION_AT)) - 1
        && Seat::NAME_AT + 32 <= Seat::COUNT_AT
        && Seat::KIND_AT + 2 == 64
);

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
    pub(super) state: AtomicU64,
    /// Always zero.
    gate: AtomicU32,
    /// For the seats.
    pub(crate) used: AtomicU32,
    /// The most that may be free.
    pub(super) bound: AtomicU32,
}

/// How many permits are free, by the state's word.
#[cfg(not(feature = "models"))]
pub(super) fn value_in(word: u64) -> u32 {
    State(word).value()
}

impl RawSemaphore {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new(value: u32, bound: u32) -> Self {
        Self {
            state: AtomicU64::new(value.into()),
            gate: AtomicU32::new(0),
            used: AtomicU32::new(0),
            bound: AtomicU32::new(bound),
        }
    }

    /// Of zeros, before anybody else knows it.
    pub(crate) fn begin(&self, value: u32, bound: u32) {
        debug_assert!(value <= bound && bound <= MAX);
        self.bound.store(bound, Ordering::Relaxed);
        self.state.store(value.into(), Ordering::SeqCst);
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
            let state = self.load();
            let seat = Seat(word.load(Ordering::Acquire)).known_by(state, slot);
            seat.name(slot).filter(|_| seat.count() > 0).map(|name| (name, seat.count()))
        };
        seats.all().filter_map(holding).collect()
    }

    /// Acquire pairs with the exchanges, all of which release: who sees a tag sees the seat that it names.
    #[inline]
    fn load(&self) -> State {
        State(self.state.load(Ordering::Acquire))
    }

    /// One step of the state; fails with what is there now.
    #[inline]
    fn apply(&self, seen: State, next: State) -> Result<(), State> {
        self.state
            .compare_exchange(seen.0, next.0, Ordering::AcqRel, Ordering::Acquire)
            .map(|_| ())
            .map_err(State)
    }

    /// One step that adds permits. Whoever may sleep is rung for, also if the caller dies here.
    #[inline]
    fn add<P: Party>(&self, party: &P, seen: State, next: State) -> Result<(), State> {
        debug_assert!(!next.has_waiters());
        if seen.has_waiters() {
            self.add_and_ring(party, seen, next)
        } else {
            self.apply(seen, next)
        }
    }

    #[cold]
    fn add_and_ring<P: Party>(&self, party: &P, seen: State, next: State) -> Result<(), State> {
        let dependence = party.depend_on_bell(&self.gate);
        let applied = self.apply(seen, next);
        if applied.is_ok() {
            step!("semaphore.cleared");
            party.ring_bell_once(&self.gate);
        }
        drop(dependence);
        applied
    }

    /// Before the tag in `seen` is replaced: the seat that it names gets what came of its operation.
    #[inline]
    fn settle(&self, seats: Seats<'_>, seen: State) {
        if seen.is_bare() {
            return;
        }
        let slot = seen.slot();
        // None where the word was scribbled over.
        let Some(word) = seats.at(slot) else { return };
        let seat = Seat(word.load(Ordering::Acquire));
        let known = seat.known_by(seen, slot);
        if known != seat {
            // A failure: its thread or another one did it.
            let _ = word.compare_exchange(seat.0, known.0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// The same for a thread that knows what its own seat says.
    #[inline]
    fn settle_other(&self, seats: Seats<'_>, seen: State, me: OwnerId) {
        if seen.slot() != me.slot() {
            self.settle(seats, seen);
        }
    }

    /// What the caller holds, by its own seat, if it has sat down there. Its last operation was applied, whatever the tag says: it is here again.
    #[inline]
    fn own_seat(me: OwnerId, word: &AtomicU64) -> Option<Seat> {
        let seat = Seat(word.load(Ordering::Acquire));
        let is_mine = seat.kind() != Kind::Returning && seat.generation() == me.generation();
        is_mine.then(|| seat.settled())
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
        let mut seen = self.load();
        let held = match Self::own_seat(me, word) {
            Some(held) => held,
            None => match self.sit_down(party, seats, word) {
                Some(held) => held,
                None => return Attempt::Occupied,
            },
        };
        if held.count() == MAX_HELD {
            return Attempt::Full;
        }
        let taking = held.begin(Kind::Taking);
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
            let next = State::tagged(seen.value() - 1, me.slot(), taking).and_waiters_of(seen);
            match self.apply(seen, next) {
                Ok(()) => break,
                Err(now) => seen = now,
            }
        }
        step!("semaphore.applied");
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
            match self.apply(seen, seen.bare(seen.value() - 1).and_waiters_of(seen)) {
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
                Attempt::Occupied if deadline.has_passed() => break Err(NoPermit::Late),
                Attempt::Occupied => {
                    self.await_seat(party, seats, deadline);
                    continue;
                }
                Attempt::Empty => {}
            }
            let state = self.load();
            let Some(living) = self.living_holders(party, seats, state) else { continue };
            if state.value() > 0 {
                continue;
            }
            if deadline.has_passed() {
                break Err(NoPermit::Late);
            }
            let waiting = state.with_waiters();
            dependence.get_or_insert_with(|| party.depend_on_bell(&self.gate));
            if state != waiting && self.apply(state, waiting).is_err() {
                continue;
            }
            step!("semaphore.sleep");
            party.sleep(&Sleep {
                places: &[Place::Bell(&self.gate, 0), Place::Gate(&self.state, waiting.0)],
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
            // Invariant 6; also for WAITERS that was set in vain.
            step!("semaphore.awake");
            party.ring_bell_once(&self.gate);
        }
        answer
    }

    /// Waits until what a dead thread left in the caller's seat is back. Not at the gate: a ring there is for who can take a permit.
    #[cold]
    fn await_seat<P: Party>(&self, party: &P, seats: Seats<'_>, deadline: Deadline) {
        let me = party.id();
        let word = seats.take(me);
        let seen = Seat(word.load(Ordering::Acquire));
        let returner = seen.name(me.slot());
        if let Some(returner) = returner.filter(|_| self.is_occupied(party, word, self.load(), me))
        {
            step!("semaphore.occupied");
            let places = &[Place::Gate(word, seen.0)];
            party.sleep(&Sleep { places, owners: &[returner], deadline });
            if party.is_dead(returner) {
                party.ring_life(returner);
            }
        }
    }

    /// Those others on whom it depends that permits come back, by a state that was loaded before; `None` when something was found that dead ones left.
    fn living_holders<P: Party>(
        &self,
        party: &P,
        seats: Seats<'_>,
        state: State,
    ) -> Option<Vec<OwnerId>> {
        let mut living = Vec::new();
        let mut found = false;
        for (slot, word) in seats.behind(party.id()) {
            let seat = Seat(word.load(Ordering::Acquire)).known_by(state, slot);
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
        let count = before.known_by(state, slot).count();
        // Nobody watches the caller before it is named there.
        let dependence = party.depend_on_bell(&self.gate);
        let returning = Seat::returning(party.id(), count, before.next_operation());
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
                match self.add(party, state, State::tagged(value, slot, returning)) {
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
            // A new thread of the slot may wait for its seat.
            party.ring_all(word);
        }
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
        let mut seen = self.load();
        let Some(held) = Self::own_seat(me, word).filter(|held| held.count() > 0) else {
            return;
        };
        let giving = held.begin(Kind::Giving);
        put(word, giving);
        step!("semaphore.giving");
        loop {
            self.settle_other(seats, seen, me);
            // Where others gave back more than they took, there is no room for it.
            let value = if seen.value() < self.bound() { seen.value() + 1 } else { seen.value() };
            match self.add(party, seen, State::tagged(value, me.slot(), giving)) {
                Ok(()) => break,
                Err(now) => seen = now,
            }
        }
        step!("semaphore.given");
    }

    /// Adds permits, whoever took them; `Err` with the value, which stays, if there would be more than the bound.
    #[inline]
    pub(crate) fn release_bare<P: Party>(
        &self,
        party: &P,
        seats: Seats<'_>,
        count: u32,
    ) -> Result<(), u32> {
        let mut seen = self.load();
        loop {
            let value = match seen.value().checked_add(count) {
                Some(value) if value <= self.bound() => value,
                _ => return Err(seen.value()),
            };
            self.settle(seats, seen);
            match self.add(party, seen, seen.bare(value)) {
                Ok(()) => break,
                Err(now) => seen = now,
            }
        }
        step!("semaphore.bare.given");
        Ok(())
    }
}

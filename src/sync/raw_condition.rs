//! The condition without a lock: who waits, in which order, and who was told, in any storage.
//!
//! # Protocol
//!
//! Each thread that waits sits in its seat (`sync::seats`): a word in whose high half is a name, and in whose low half are two bits; the others are always zero, so that the kernel rings the word for a
//! dead thread that named it. Beside it is the thread's ticket: who waits longest has the lowest.
//!
//! | bits 31, 30 | name | meaning | next |
//! | --- | --- | --- | --- |
//! | 0 0, EMPTY | – | nobody waits here | WAITING, by the seat's thread |
//! | 0 1, WAITING | the seat's | it waits | TOLD, by whoever tells it; EMPTY, when it gives up or is dead |
//! | 1 0, TOLD | the seat's | it was told, and goes for the lock | HOLDING, by itself, once it has the lock |
//! | 1 0, TOLD | another's | that one passes on what a dead thread was told | EMPTY, by that one |
//! | 1 1, HOLDING | the seat's | it was told, and has the lock since | EMPTY, by itself once it has given the lock back; WAITING, when it waits again; TOLD, when it panics |
//!
//! Invariants:
//! 1. A notification is one compare-exchange, WAITING → TOLD, of the lowest ticket among the living. It is never lost with a dead thread: whoever finds a seat TOLD or HOLDING by a dead name puts
//!    its own name there by a compare-exchange, tells the next, and empties the seat. If it dies in between, so does the next who finds that. A thread that was told empties its seat
//!    after it has given the lock back (`sync::told`), so its end tells nobody; only one that dies between the two has one told without need. (To ask the lock whether somebody died in it does not do: who
//!    takes the lock from the dead and clears the poison may be faster than who looks.) A panic in the lock is as a death: the thread itself tells the next.
//! 2. Who sleeps watches its own seat, the number of **changes**, and the lives of all who wait, were told, or hold with lower tickets, and has named the **relay**, on which all sleep too.
//! 3. Who tells counts a change before. So who looked at the seats before that does not fall asleep after.
//!
//! Why nobody sleeps on beside a lost notification: who is told is the oldest, so all who still sleep came later, and found it waiting when they last looked (by 3, whoever looked before it was told and did not sleep yet, looks
//! again). So they watch its life (2). The kernel wakes one of them, who wakes the others that watch the dead one, after it has looked itself; if it dies before, the kernel rings the relay for it, and
//! another looks.
//!
//! | it dies | and | then |
//! | --- | --- | --- |
//! | waiting, not told | its seat says so | who tells next passes it by, and empties it |
//! | told, before it has the lock | its seat is TOLD | as above: the next is told |
//! | with the lock, after it was told | HOLDING | likewise: the next gets the lock from the dead one, and hears of it |
//! | with the lock, when it has sat down again | WAITING | it is passed by: it had looked at what it was told of, and waits for something else |
//! | just before that | HOLDING, with its new ticket | likewise, or the next is told without need: those with lower tickets may not watch it any more |
//! | having given the lock back | HOLDING still | the next is told, without need |
//! | telling, after the exchange | before the ring | the kernel rings the seat for it |
//! | telling many | between two | those who were told are told; the others hear of the dead holder of the lock when they next have it |
//! | passing on | a seat is TOLD by its name | who wakes next passes that on |
//!
//! Source: the idea of one word for each waiter is that of A. Birrell ("Implementing Condition Variables with Semaphores", 2003).

use super::{
    Seats,
    party::{Party, Place, Sleep},
};
use crate::{
    atomic::{AtomicU32, AtomicU64, Ordering},
    os::{clock::Deadline, step::step},
    segment::OwnerId,
};

const KIND: u64 = 3 << 30;
const EMPTY: u64 = 0;
const WAITING: u64 = 1 << 30;
const TOLD: u64 = 2 << 30;
const HOLDING: u64 = 3 << 30;

/// How many lives a sleeper watches at the most, beside its words: the kernel takes 128.
const WATCHED: usize = 120;

/// The words.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawCondition {
    pub(crate) used: AtomicU32,
    /// Always zero: a place to sleep at, which the kernel rings for the dead.
    relay: AtomicU32,
    /// How often somebody was told.
    changes: AtomicU32,
    _reserved: u32,
    tickets: AtomicU64,
}

/// The seats of a condition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chairs<'a> {
    pub(crate) seats: Seats<'a>,
    /// One for each seat.
    pub(crate) tickets: &'a [AtomicU64],
}

fn seat(kind: u64, name: OwnerId) -> u64 {
    u64::from(name.bits()) << 32 | kind
}

fn name_of(word: u64) -> Option<OwnerId> {
    OwnerId::from_bits((word >> 32) as u32)
}

/// Whether a thread was told, and may not have had the time to do what it was told for.
fn was_told(word: u64) -> bool {
    matches!(word & KIND, TOLD | HOLDING)
}

/// A thread that sits in its seat: from [`RawCondition::begin`] until it has the lock again.
#[derive(Debug)]
#[must_use]
pub(crate) struct Waiting<'a> {
    seat: &'a AtomicU64,
    ticket: u64,
}

impl RawCondition {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new() -> Self {
        Self {
            used: AtomicU32::new(0),
            relay: AtomicU32::new(0),
            changes: AtomicU32::new(0),
            _reserved: 0,
            tickets: AtomicU64::new(0),
        }
    }

    /// How many living threads wait at this moment.
    pub(crate) fn waiting<P: Party>(&self, chairs: Chairs<'_>, party: &P) -> usize {
        let waits = |word: u64| {
            word & KIND == WAITING && name_of(word).is_some_and(|name| !party.is_dead(name))
        };
        chairs.seats.all().filter(|(_, seat)| waits(seat.load(Ordering::Relaxed))).count()
    }

    /// Sits down; the caller has the lock, and gives it back next.
    pub(crate) fn begin<'a, P: Party>(&self, chairs: Chairs<'a>, party: &P) -> Waiting<'a> {
        let me = party.id();
        let mine = chairs.seats.take(me);
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed) + 1;
        loop {
            let seen = mine.load(Ordering::SeqCst);
            if was_told(seen) && name_of(seen) != Some(me) {
                // A dead predecessor's, or that of one who passes it on: then both of us tell somebody, which is one too many and none too few. Whoever
                // was faster has put its name there, and may die: so not before the seat is empty.
                let _dependence = party.depend_on_bell(&self.relay);
                self.pass_on(chairs, party, mine, seen);
                continue;
            }
            chairs.tickets[me.slot() as usize].store(ticket, Ordering::Relaxed);
            // SeqCst: with the ticket, and before the lock is given back. An exchange: a dead predecessor may be told at this moment.
            let sits =
                mine.compare_exchange(seen, seat(WAITING, me), Ordering::SeqCst, Ordering::Relaxed);
            if sits.is_ok() {
                break;
            }
        }
        step!("condition.seated");
        Waiting { seat: mine, ticket }
    }

    /// The seat in which the caller sits already.
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn seated<'a, P: Party>(&self, chairs: Chairs<'a>, party: &P) -> Waiting<'a> {
        let ticket = chairs.tickets[party.id().slot() as usize].load(Ordering::Relaxed);
        Waiting { seat: chairs.seats.take(party.id()), ticket }
    }

    /// Waits to be told; `false` when the time is up before. The caller takes the lock next, while the answer's second part lives.
    pub(crate) fn wait<P: Party>(
        &self,
        chairs: Chairs<'_>,
        party: &P,
        waiting: &Waiting<'_>,
        deadline: Deadline,
    ) -> (bool, P::Dependence) {
        // Until it has the lock: whoever was woken for it, wakes another if it dies.
        let dependence = party.depend_on_bell(&self.relay);
        let mine = seat(WAITING, party.id());
        if deadline != Deadline::NOW {
            party.spin(|| (waiting.seat.load(Ordering::Relaxed) != mine).then_some(()));
        }
        let mut slept = false;
        loop {
            let changes = self.changes.load(Ordering::SeqCst);
            // Acquire pairs with the exchange of who tells.
            if waiting.seat.load(Ordering::Acquire) != mine {
                if slept {
                    // A ring of the relay for another may have been taken by this thread.
                    let _ = self.look(chairs, party, waiting.ticket);
                }
                return (true, dependence);
            }
            let Some(older) = self.look(chairs, party, waiting.ticket) else { continue };
            if deadline.has_passed() {
                let gone =
                    waiting.seat.compare_exchange(mine, EMPTY, Ordering::SeqCst, Ordering::Acquire);
                return (gone.is_err(), dependence);
            }
            step!("condition.sleep");
            party.sleep(&Sleep {
                places: &[
                    Place::Gate(waiting.seat, mine),
                    Place::Bell(&self.relay, 0),
                    Place::Bell(&self.changes, changes),
                ],
                owners: &older,
                deadline,
            });
            step!("condition.woken");
            slept = true;
            for &owner in &older {
                if party.is_dead(owner) {
                    // What it was told is passed on first: who is woken finds it done.
                    let _ = self.look(chairs, party, waiting.ticket);
                    party.ring_life(owner);
                }
            }
        }
    }

    /// Has the lock again. `told` as [`Self::wait`] said.
    pub(crate) fn end<P: Party>(&self, party: &P, waiting: Waiting<'_>, told: bool) {
        if told {
            step!("condition.locked");
            waiting.seat.store(seat(HOLDING, party.id()), Ordering::Release);
            step!("condition.holding");
        }
    }

    /// After a wait in which it was told: it has given the lock back. Or it panics in the lock, and had no time for what it was told.
    pub(crate) fn settle<P: Party>(&self, chairs: Chairs<'_>, party: &P, panicked: bool) {
        let me = party.id();
        let Some(mine) = chairs.seats.at(me.slot()) else { return };
        if panicked {
            // Named until the seat is empty: if this thread dies before, another looks.
            let _dependence = party.depend_on_bell(&self.relay);
            self.pass_on(chairs, party, mine, seat(HOLDING, me));
        } else {
            step!("condition.given_back");
            // Release: after the lock was given back. An exchange: when it waits again it sits there as one who waits, and may be told already.
            let _ = mine.compare_exchange(
                seat(HOLDING, me),
                EMPTY,
                Ordering::Release,
                Ordering::Relaxed,
            );
            step!("condition.emptied");
        }
    }

    /// Looks at the other seats: passes on what the dead were told. The living with lower tickets, if nothing was passed on.
    fn look<P: Party>(&self, chairs: Chairs<'_>, party: &P, ticket: u64) -> Option<Vec<OwnerId>> {
        let mut older = Vec::new();
        for (number, word) in chairs.seats.all() {
            let seen = word.load(Ordering::SeqCst);
            let Some(name) = name_of(seen).filter(|&name| name != party.id()) else { continue };
            if party.is_dead(name) {
                if was_told(seen) {
                    self.pass_on(chairs, party, word, seen);
                    return None;
                }
                // It waited; unless somebody tells it at this moment: then this looks again.
                if word.compare_exchange(seen, EMPTY, Ordering::SeqCst, Ordering::Relaxed).is_err()
                {
                    return None;
                }
            } else if seen & KIND != EMPTY
                && chairs.tickets[number as usize].load(Ordering::Relaxed) < ticket
                && older.len() < WATCHED
            {
                older.push(name);
            }
        }
        Some(older)
    }

    /// Tells somebody else what a dead thread was told.
    fn pass_on<P: Party>(&self, chairs: Chairs<'_>, party: &P, word: &AtomicU64, seen: u64) {
        let mine = seat(TOLD, party.id());
        if word.compare_exchange(seen, mine, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            return;
        }
        step!("condition.passing");
        self.tell_oldest(chairs, party);
        let _ = word.compare_exchange(mine, EMPTY, Ordering::SeqCst, Ordering::Relaxed);
        step!("condition.passed");
    }

    /// Tells up to so many of those who wait, the oldest first; the answer is how many. Without waiters it makes no system call.
    pub(crate) fn tell<P: Party>(&self, chairs: Chairs<'_>, party: &P, count: usize) -> usize {
        (0..count).take_while(|_| self.tell_oldest(chairs, party)).count()
    }

    fn tell_oldest<P: Party>(&self, chairs: Chairs<'_>, party: &P) -> bool {
        loop {
            let mut oldest: Option<(u64, &AtomicU64, u64)> = None;
            for (number, word) in chairs.seats.all() {
                let seen = word.load(Ordering::SeqCst);
                let ticket = chairs.tickets[number as usize].load(Ordering::Relaxed);
                if seen & KIND == WAITING
                    && oldest.is_none_or(|(other, ..)| ticket < other)
                    && name_of(seen).is_some_and(|name| !party.is_dead(name))
                {
                    oldest = Some((ticket, word, seen));
                }
            }
            let Some((_, word, seen)) = oldest else { return false };
            self.changes.fetch_add(1, Ordering::SeqCst);
            step!("condition.counted");
            let dependence = party.depend_on(word);
            let told = word
                .compare_exchange(seen, seen & !KIND | TOLD, Ordering::SeqCst, Ordering::Relaxed)
                .is_ok();
            if told {
                step!("condition.told");
                party.ring(word);
            }
            drop(dependence);
            if told {
                return true;
            }
        }
    }
}

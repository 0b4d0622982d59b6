//! The lock without data: one word, in any storage.
//!
//! # Protocol
//!
//! The word's low half is the **gate**, a futex word; its high half is the **owner**.
//!
//! | bits | name | meaning |
//! | --- | --- | --- |
//! | 0–29 | – | always zero: to the kernel the gate has no owner, so it rings it for a dead sleeper (see `os::robust_list`) |
//! | 30 | POISON | a holder died or panicked, and nobody has repaired the data since |
//! | 31 | WAITERS | somebody may sleep |
//! | 32–63 | owner | the holder's [`OwnerId`], 0 when free |
//!
//! Invariants:
//! 1. Only one compare-exchange puts an owner into the word, and it puts the owner's name: no claim is anonymous.
//! 2. Only the owner, or who has found the owner dead, changes the owner half of a held word.
//! 3. Whoever sleeps has set WAITERS in the word that it compares, or found it set.
//! 4. Whoever was woken depends on the gate until it has passed the ring on: by ringing after it took the lock or gave up, or by
//!    sleeping again.
//!
//! Orderings: taking is Acquire and releasing is Release on the same word, so the holders' accesses follow each other. Taking
//! over from a dead owner is Acquire too: it follows the load of the life word that the dying thread marked (`os::life`), which has
//! the dead thread's stores before it.
//!
//! A death at each step, with nobody new arriving:
//!
//! | it dies | the word says | who goes on |
//! | --- | --- | --- |
//! | before the taking compare-exchange, never slept | not held by it | nothing happened |
//! | holding | its name | the kernel wakes one sleeper of its life word, who takes over and wakes the others that watch it |
//! | after the releasing compare-exchange, before the ring | free | as above: sleepers still watch the releaser's life word |
//! | woken, before it took the lock | free or another's | the kernel rings the gate for it: the next sleeper looks |
//! | woken, after it took the lock, before its ring | its name | likewise: the next sleeper sees the new owner's death |
//! | owner and woken sleeper together | its name or free | the kernel rings the gate, and wakes one watcher of the owner |
//!
//! Source: the three-state futex mutex of U. Drepper ("Futexes Are Tricky", 2011), with the owner in the word and the kernel's
//! special case for words whose TID part is zero.

use super::party::{Party, Place, Sleep};
use crate::{
    atomic::{AtomicU64, Ordering},
    os::{clock::Deadline, step::step},
    segment::OwnerId,
};

pub(super) const WAITERS: u64 = 1 << 31;
pub(super) const POISON: u64 = 1 << 30;

/// How a lock was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// From nobody.
    Clean,
    /// Free, but unrepaired since somebody died or panicked in it.
    Poisoned,
    /// From a dead holder, who may have left the data half changed. It is poisoned now.
    OwnerDied,
}

/// Why a lock was not got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Its holder lives, and the time is up.
    Late,
    /// The caller holds it.
    Recursive,
}

/// The word.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct RawLock {
    word: AtomicU64,
}

#[inline]
fn owned_by(me: OwnerId) -> u64 {
    u64::from(me.bits()) << 32
}

#[inline]
fn owner_of(word: u64) -> Option<OwnerId> {
    OwnerId::from_bits((word >> 32) as u32)
}

impl RawLock {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(0) }
    }

    pub(crate) fn word(&self) -> &AtomicU64 {
        &self.word
    }

    /// The holder that a word of a lock names.
    pub(crate) fn owner_in(word: u64) -> Option<OwnerId> {
        owner_of(word)
    }

    /// The holder, dead or alive, at this moment.
    pub(crate) fn owner(&self) -> Option<OwnerId> {
        owner_of(self.word.load(Ordering::Relaxed))
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.word.load(Ordering::Relaxed) & POISON != 0
    }

    /// Poisons it, or says that the data is repaired.
    pub(crate) fn set_poison(&self, poisoned: bool) {
        if poisoned {
            self.word.fetch_or(POISON, Ordering::Relaxed);
        } else {
            self.word.fetch_and(!POISON, Ordering::Relaxed);
        }
    }

    /// Takes the lock, waiting until the deadline. A dead owner's lock is taken over even when the deadline has passed.
    #[inline(always)]
    pub(crate) fn lock<P: Party>(&self, party: &P, deadline: Deadline) -> Result<Taken, NotTaken> {
        if self.lock_at_once(party.id()) {
            Ok(Taken::Clean)
        } else {
            self.lock_contended(party, deadline, |_| true)
        }
    }

    /// As [`Self::lock`] for one whose holders say by themselves when they begin to change the data: `has_begun` tells whether a dead one had. The
    /// answer must stay what it is until somebody takes the word over.
    #[inline]
    pub(super) fn lock_judged<P: Party>(
        &self,
        party: &P,
        deadline: Deadline,
        has_begun: impl Fn(OwnerId) -> bool,
    ) -> Result<Taken, NotTaken> {
        if self.lock_at_once(party.id()) {
            Ok(Taken::Clean)
        } else {
            self.lock_contended(party, deadline, has_begun)
        }
    }

    /// The fast path of [`Self::lock`]: free and clean becomes mine.
    #[inline(always)]
    pub(super) fn lock_at_once(&self, me: OwnerId) -> bool {
        // Acquire pairs with the Release of `unlock`.
        self.word.compare_exchange(0, owned_by(me), Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// The rest of [`Self::lock`].
    #[cold]
    pub(super) fn lock_contended<P: Party>(
        &self,
        party: &P,
        deadline: Deadline,
        has_begun: impl Fn(OwnerId) -> bool,
    ) -> Result<Taken, NotTaken> {
        let me = party.id();
        let mut dependence = None;
        // WAITERS once this thread has slept: others may sleep still, and who rang has cleared the bit.
        let mut keep = 0;
        if deadline != Deadline::NOW {
            party.spin(|| {
                let seen = self.word.load(Ordering::Relaxed);
                // Not while others sleep: they have waited longer.
                (owner_of(seen).is_none() || seen & WAITERS != 0).then_some(())
            });
        }
        loop {
            let seen = self.word.load(Ordering::Relaxed);
            let before = owner_of(seen);
            let taken = match before {
                Some(owner) if owner == me => return Err(NotTaken::Recursive),
                Some(owner) if !party.is_dead(owner) => {
                    if deadline.has_passed() {
                        step!("lock.late");
                        self.pass_on(party, keep);
                        return Err(NotTaken::Late);
                    }
                    // Somebody sleeps from now on. Relaxed: the word itself carries the news.
                    if seen & WAITERS == 0
                        && self
                            .word
                            .compare_exchange(
                                seen,
                                seen | WAITERS,
                                Ordering::Relaxed,
                                Ordering::Relaxed,
                            )
                            .is_err()
                    {
                        continue;
                    }
                    dependence.get_or_insert_with(|| party.depend_on(&self.word));
                    step!("lock.sleep");
                    party.sleep(&Sleep {
                        places: &[Place::Gate(&self.word, seen | WAITERS)],
                        owners: &[owner],
                        deadline,
                    });
                    keep = WAITERS;
                    step!("lock.woken");
                    if party.is_dead(owner) {
                        // The kernel woke one watcher of the dead thread; this may be the one.
                        party.ring_life(owner);
                    }
                    continue;
                }
                // After the look whether it is dead, which orders what it did before it died.
                Some(dead) if has_begun(dead) => Taken::OwnerDied,
                _ if seen & POISON != 0 => Taken::Poisoned,
                _ => Taken::Clean,
            };
            let poison = match taken {
                Taken::OwnerDied => POISON,
                _ => seen & POISON,
            };
            let mine = owned_by(me) | seen & WAITERS | keep | poison;
            // Free, or a corpse's, becomes mine. Acquire pairs with the Release of `unlock`, or with the mark on the life word.
            if self.word.compare_exchange(seen, mine, Ordering::Acquire, Ordering::Relaxed).is_err()
            {
                continue;
            }
            step!("lock.taken");
            if let Some(dead) = before {
                party.ring_life(dead);
            }
            self.pass_on(party, keep);
            drop(dependence);
            return Ok(taken);
        }
    }

    /// A thread that has slept rings once, so that somebody watches the owner that the word has now.
    fn pass_on<P: Party>(&self, party: &P, keep: u64) {
        if keep != 0 {
            party.ring(&self.word);
        }
    }

    /// Gives the lock back. `poison` when the data may be half changed.
    ///
    /// Nothing happens where the caller is not the owner: the word was scribbled over.
    #[inline(always)]
    pub(crate) fn unlock<P: Party>(&self, party: &P, poison: bool) {
        if poison || !self.unlock_at_once(party.id()) {
            self.unlock_contended(party, poison);
        }
    }

    /// The fast path of [`Self::unlock`]: mine, clean, and nobody waits.
    #[inline(always)]
    pub(super) fn unlock_at_once(&self, me: OwnerId) -> bool {
        // Release pairs with the Acquire of the next holder.
        self.word.compare_exchange(owned_by(me), 0, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// The rest of [`Self::unlock`].
    #[cold]
    pub(super) fn unlock_contended<P: Party>(&self, party: &P, poison: bool) {
        let mut seen = self.word.load(Ordering::Relaxed);
        while owner_of(seen) == Some(party.id()) {
            let free = seen & POISON | if poison { POISON } else { 0 };
            // Release pairs with the Acquire of the next holder.
            match self.word.compare_exchange_weak(seen, free, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => {
                    step!("lock.released");
                    if seen & WAITERS != 0 {
                        party.ring(&self.word);
                    }
                    return;
                }
                Err(now) => seen = now,
            }
        }
    }
}

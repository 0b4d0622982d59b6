//! The bells of an object: where those sleep who wait for news in other words, a queue's slots say, and who brings news rings. One bell for each kind of news.
//!
//! # Protocol
//!
//! | word | bits | meaning |
//! | --- | --- | --- |
//! | relay | all | always zero: all who sleep at a bell sleep here too, and the kernel rings it for a dead thread that named it |
//! | gate of a bell | all | always zero: a place to sleep at |
//! | its state | 0 | WAITERS: somebody may sleep |
//! | | 1 | WATCHED: somebody may watch it |
//! | | 2–31 | how often they were cleared, round after 2^30 |
//! | its watch | all | always zero: where watchers sleep |
//! | its sleepers | all | how many are between [`RawBells::listen`] and the end of their wait, and how many died there |
//!
//! Invariants:
//! 1. News is written before the state is looked at, and WAITERS is set before one looks for news, sequentially consistent: one of them sees the other (J. Dekker's argument). So the news is the last
//!    locked instruction, or a fence follows.
//! 2. Who brings news and finds WAITERS clears it, which changes the state, and rings for one. Who sleeps compares the state, so it does not fall asleep beside news.
//! 3. Who brings news, or holds what another waits for, has named the relay before, until it has rung. So has who sleeps, until it waits no more. That rings for who is asleep already; so who is about to sleep
//!    compares the words in which it looked for news, or watches the lives of those who may bring it: it does not fall asleep beside news whose bringer is dead.
//! 4. Who has slept and waits no more rings its bell for one, if there are sleepers: that one finds more news, or those on whom it depends now. So one ring is enough for much news.
//! 5. Who was woken by anything but its own bell, the relay say, rings all bells that have sleepers: the dead may have had news for any of them.
//! 6. A listener counts itself before it looks, and is counted out after it has taken what it found. So who is not counted yet, when another goes without ringing, looks after that has taken.
//!    The dead stay counted: then somebody is rung for in vain, now and then.
//!
//! Beside those who wait to take something there are **watchers**: they want to know that there is news, for one of many objects perhaps, and take none. So any of them may be rung for in vain, all of them are rung for at once, and none
//! takes a ring that a sleeper needs: they sleep at words of their own, and at the relay. They count nobody, and name nothing.
//!
//! 7. A watcher sets WATCHED before it looks for news, each time, and compares the state. Who brings news and finds WATCHED clears it together with WAITERS, and rings for all who watch. So 1 to 3 hold for watchers as for sleepers. (A state of their own that is
//!    raised in another step than WATCHED is cleared in would not do: one that comes in between would sleep, and the next news not ring for it.)
//! 8. A watcher that was woken by anything but a watch, the relay say, does as 5 says. So does a sleeper; and both ring for all who watch, at each bell. Who watches is woken by that at its watch, so nobody passes such a ring to and fro.
//!
//! | it dies | and | then |
//! | --- | --- | --- |
//! | with news, before it looks at the state, or before it rings | it named the relay | the kernel rings one sleeper, which looks, and rings all bells |
//! | asleep | – | nobody misses it |
//! | woken | it named the relay | likewise |
//! | watching, asleep | – | nobody misses it |
//! | watching, woken by the relay for one that died with news | it named nothing | the others go on when their slices end: two deaths at once, of which the second one falls into the microseconds between a ring of the kernel and what its thread does first |
//!
//! What sleepers depend on beside news, the lives of those who hold something for long, is the caller's to say.

use super::party::{Party, Place, Sleep};
use crate::{
    atomic::{AtomicU32, Ordering},
    os::{clock::Deadline, step::step},
    segment::OwnerId,
};
use std::time::Duration;

const WAITERS: u32 = 1;
const WATCHED: u32 = 2;
const CLEARED: u32 = 4;

/// The words of one bell.
#[repr(C)]
#[derive(Debug)]
struct Bell {
    gate: AtomicU32,
    state: AtomicU32,
    sleepers: AtomicU32,
    watch: AtomicU32,
}

/// The words.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawBells<const N: usize> {
    relay: AtomicU32,
    bells: [Bell; N],
}

/// For whom news is to be rung.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    /// The caller cleared WAITERS.
    sleepers: bool,
    /// The caller cleared WATCHED.
    watchers: bool,
}

impl Bell {
    /// If there are sleepers.
    fn ring_if_any<P: Party>(&self, party: &P) {
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            party.ring_bell_once(&self.gate);
        }
    }

    /// Clears both bits, if one is set.
    fn clear(&self) -> Due {
        let mut seen = self.state.load(Ordering::SeqCst);
        while seen & (WAITERS | WATCHED) != 0 {
            let next = (seen & !(WAITERS | WATCHED)).wrapping_add(CLEARED);
            match self.state.compare_exchange(seen, next, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => {
                    return Due { sleepers: seen & WAITERS != 0, watchers: seen & WATCHED != 0 };
                }
                Err(now) => seen = now,
            }
        }
        Due::default()
    }

    fn ring_watchers<P: Party>(&self, party: &P) {
        party.ring_bell(&self.watch);
    }
}

impl<const N: usize> RawBells<N> {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new() -> Self {
        let word = || AtomicU32::new(0);
        let bell = |_| Bell { gate: word(), state: word(), sleepers: word(), watch: word() };
        Self { relay: word(), bells: std::array::from_fn(bell) }
    }

    /// What who brings news names before.
    #[inline]
    pub(crate) fn name<P: Party>(&self, party: &P) -> P::Dependence {
        party.depend_on_bell(&self.relay)
    }

    /// Whether somebody may sleep there, or watch: news is to be rung for.
    #[inline]
    pub(crate) fn is_armed(&self, bell: usize) -> bool {
        self.bells[bell].state.load(Ordering::SeqCst) & (WAITERS | WATCHED) != 0
    }

    /// After news, with the relay named.
    #[inline]
    pub(crate) fn ring<P: Party>(&self, party: &P, bell: usize) {
        if self.is_armed(bell) {
            self.ring_armed(party, bell);
        }
    }

    #[cold]
    fn ring_armed<P: Party>(&self, party: &P, bell: usize) {
        let bell = &self.bells[bell];
        let due = bell.clear();
        if due.sleepers || due.watchers {
            step!("bells.cleared");
        }
        if due.sleepers {
            party.ring_bell_once(&bell.gate);
        }
        if due.watchers {
            bell.ring_watchers(party);
        }
    }

    /// After news for all, with the relay named.
    #[cold]
    pub(crate) fn ring_all<P: Party>(&self, party: &P, bell: usize) {
        let bell = &self.bells[bell];
        bell.clear();
        step!("bells.cleared.for_all");
        // Also those for whom somebody else has cleared it.
        party.ring_bell(&bell.gate);
        bell.ring_watchers(party);
    }

    /// Begins to wait.
    pub(crate) fn listen<'a, P: Party>(&'a self, party: &'a P, bell: usize) -> Listener<'a, P, N> {
        let dependence = self.name(party);
        self.bells[bell].sleepers.fetch_add(1, Ordering::SeqCst);
        Listener { bells: self, bell, party, slept: false, seen: 0, _dependence: dependence }
    }

    /// Watches, until the next news. Whoever brings some from now on rings; the caller looks for news next.
    pub(crate) fn watch(&self, bell: usize) -> Watcher<'_, N> {
        let seen = self.bells[bell].state.fetch_or(WATCHED, Ordering::SeqCst) | WATCHED;
        Watcher { bells: self, bell, seen }
    }

    /// A watcher may have been woken by something else than a watch: the dead may have had news for anybody.
    pub(crate) fn pass_on<P: Party>(&self, party: &P) {
        self.ring_on(party, None);
    }

    fn ring_on<P: Party>(&self, party: &P, except: Option<usize>) {
        for (index, bell) in self.bells.iter().enumerate() {
            if except != Some(index) {
                bell.ring_if_any(party);
            }
            bell.ring_watchers(party);
        }
    }

    /// Waits until `look` finds something, which it does again after each ring; `None` when the time is up. `look` says in which words it looked, and on whose lives it depends.
    pub(crate) fn wait<'a, P: Party, T>(
        &'a self,
        party: &P,
        bell: usize,
        deadline: Deadline,
        mut look: impl FnMut(&mut Looked<'a>) -> Option<T>,
    ) -> Option<T> {
        let mut listener = self.listen(party, bell);
        loop {
            listener.arm();
            let mut looked = Looked::default();
            if let Some(found) = look(&mut looked) {
                return Some(found);
            }
            if deadline.has_passed() {
                return None;
            }
            step!("bells.sleep");
            let Looked { words, lives, patience } = &looked;
            let until = patience.map_or(deadline, |patience| deadline.within(patience));
            let places: Vec<_> =
                listener.places().into_iter().chain(words.iter().copied()).collect();
            let rung = party.sleep(&Sleep { places: &places, owners: lives, deadline: until });
            step!("bells.woken");
            listener.has_slept(rung.is_at_most(0));
            for &life in lives {
                if party.is_dead(life) {
                    // The kernel woke one watcher of the dead thread; this may be the one.
                    party.ring_life(life);
                }
            }
        }
    }
}

/// In what somebody looked for news, in vain.
#[derive(Debug, Default)]
pub(crate) struct Looked<'a> {
    /// As they were.
    pub(crate) words: Vec<Place<'a>>,
    /// Those who may bring news, or end.
    pub(crate) lives: Vec<OwnerId>,
    /// For how long it is known that nothing else happens.
    pub(crate) patience: Option<Duration>,
}

/// One who waits. Several, of several objects, end in the reverse order.
#[derive(Debug)]
pub(crate) struct Listener<'a, P: Party, const N: usize> {
    bells: &'a RawBells<N>,
    bell: usize,
    party: &'a P,
    slept: bool,
    /// The state with which it may sleep.
    seen: u32,
    _dependence: P::Dependence,
}

impl<P: Party, const N: usize> Listener<'_, P, N> {
    /// Whoever brings news from now on rings; the caller looks for news next. The state is another one if somebody has rung since the last time.
    pub(crate) fn arm(&mut self) -> u32 {
        self.seen = self.bells.bells[self.bell].state.fetch_or(WAITERS, Ordering::SeqCst) | WAITERS;
        self.seen
    }

    /// What it sleeps at: its own bell is the first. The state is behind the relay: whoever clears it and dies before it rings, does so before the state is compared, or when this one is at the relay.
    pub(crate) fn places(&self) -> [Place<'_>; 3] {
        let Bell { gate, state, .. } = &self.bells.bells[self.bell];
        [Place::Bell(gate, 0), Place::Bell(&self.bells.relay, 0), Place::Bell(state, self.seen)]
    }

    /// It may have been rung, by its own bell alone or by others.
    pub(crate) fn has_slept(&mut self, by_own_bell: bool) {
        self.slept = true;
        if !by_own_bell {
            self.bells.ring_on(self.party, Some(self.bell));
        }
    }
}

impl<P: Party, const N: usize> Drop for Listener<'_, P, N> {
    fn drop(&mut self) {
        self.bells.bells[self.bell].sleepers.fetch_sub(1, Ordering::SeqCst);
        if self.slept {
            step!("bells.awake");
            self.bells.bells[self.bell].ring_if_any(self.party);
        }
    }
}

/// One who watches, from one look to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watcher<'a, const N: usize> {
    pub(crate) bells: &'a RawBells<N>,
    bell: usize,
    /// The state with which it may sleep.
    seen: u32,
}

impl<'a, const N: usize> Watcher<'a, N> {
    /// What it sleeps at: its own bell is the first, and the others are in the order of [`Listener::places`].
    pub(crate) fn places(&self) -> [Place<'a>; 3] {
        let Bell { watch, state, .. } = &self.bells.bells[self.bell];
        [Place::Bell(watch, 0), Place::Bell(&self.bells.relay, 0), Place::Bell(state, self.seen)]
    }

    /// The state with which it may sleep.
    pub(crate) fn state(&self) -> u32 {
        self.seen
    }
}

//! What was put is got once and in order, and nobody sleeps beside an item, or beside room, or waits for what is done.

use super::patience;
use crate::{
    atomic::AtomicU64,
    chance::{Chance, Play, runs, stay},
    os::clock::Deadline,
    party::Model,
    queue::{
        raw_queue::{Anybody, Claim, Closing, How, NEWS, RawQueue, Refusal, Slots, Taken, in_slot},
        slot::{State, Word},
    },
    segment::OwnerId,
    watch::watch,
    world::{At, Fate, Outcome, Troupe, with},
};
use std::{cell::Cell, rc::Rc};

/// Whose, and which of them.
type Item = (usize, u32);

/// A slot beside its word: two halves, which are written one after the other.
#[derive(Default)]
struct Place {
    halves: [Cell<Option<Item>>; 2],
    /// Who is inside, alone.
    inside: Cell<u32>,
}

struct Alone<'a>(&'a Cell<u32>);

impl<'a> Alone<'a> {
    fn enter(count: &'a Cell<u32>) -> Self {
        assert_eq!(count.replace(1), 0, "two have one slot");
        Self(count)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.set(0);
    }
}

struct Shared {
    queue: RawQueue,
    words: Vec<AtomicU64>,
    places: Vec<Place>,
    /// Those that were put for certain.
    put: std::cell::RefCell<Vec<Item>>,
    got: std::cell::RefCell<Vec<(Item, usize)>>,
    /// The last of each producer that somebody has had first.
    last: Vec<Cell<Option<u32>>>,
    copies: bool,
}

impl<'a> Slots<'a> for &'a Shared {
    fn capacity(self) -> u32 {
        self.words.len() as u32
    }

    fn word(self, index: u32) -> &'a AtomicU64 {
        &self.words[index as usize]
    }

    fn wipe(self, index: u32) {
        let place = &self.places[index as usize];
        let _alone = Alone::enter(&place.inside);
        stay();
        place.halves.iter().for_each(|half| half.set(None));
        stay();
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Put(u32),
    PutAndClose(u32),
    Loan,
    Get(u32),
    Drain,
    /// Watches until there is one, or was.
    Watch,
    /// Gives back, and gets.
    Return,
    /// Waits until there is one, or the end, and leaves it.
    Look,
    /// Has one for ever, or until it dies, and waits for room.
    Join,
    ShutDown,
}

impl Shared {
    fn fill(&self, claim: Claim, item: Item) {
        let place = &self.places[claim.index as usize];
        let _alone = Alone::enter(&place.inside);
        for half in &place.halves {
            stay();
            half.set(Some(item));
        }
        stay();
    }

    /// None where one died who dropped it, as it was nobody's.
    fn read(&self, claim: Claim) -> Option<Item> {
        let place = &self.places[claim.index as usize];
        let _alone = Alone::enter(&place.inside);
        let first = place.halves[0].get();
        stay();
        assert_eq!(first, place.halves[1].get(), "torn");
        assert!(first.is_some() || self.queue.closing() == Some(Closing::AtOnce), "no item");
        first
    }

    fn put(&self, party: &Model, me: usize, seq: u32, deadline: Deadline, loan: bool) -> bool {
        let named = self.queue.bells().name(party);
        let claim = self.queue.claim(party, self, &Anybody, deadline);
        let Ok(claim) = claim else { return false };
        if loan {
            self.queue.holds(party);
            drop(named);
            stay();
            let named = self.queue.bells().name(party);
            self.fill(claim, (me, seq));
            self.queue.put(party, self, claim);
            drop(named);
        } else {
            self.fill(claim, (me, seq));
            self.queue.put(party, self, claim);
            drop(named);
        }
        self.put.borrow_mut().push((me, seq));
        true
    }

    fn first(&self, before: &[Option<u32>], (whose, which): Item) {
        assert!(before[whose].is_none_or(|last| last < which), "out of order");
        let last = &self.last[whose];
        last.set(last.get().max(Some(which)));
    }

    /// One item, and up to so many more that are there at a glance.
    fn get(
        &self,
        party: &Model,
        me: usize,
        deadline: Deadline,
        copies: bool,
        more: u32,
    ) -> Result<(), Refusal> {
        let seen = || self.last.iter().map(Cell::get).collect::<Vec<_>>();
        let before = seen();
        let named = self.queue.bells().name(party);
        let copied = Cell::new((None, None, 0));
        let copy = |index: u32| {
            if !copies {
                return in_slot(index);
            }
            let place = &self.places[index as usize];
            let first = place.halves[0].get();
            stay();
            let second = place.halves[1].get();
            let attempts = Word(self.words[index as usize].peek()).attempts();
            copied.set((first, second, attempts));
            How::Copy
        };
        let taken = self.queue.take(party, self, &Anybody, deadline, copy);
        if taken == Err(Refusal::Closed) && self.queue.closing() == Some(Closing::Gently) {
            let is_full = |&(state, _): &_| state == State::Full;
            assert!(!self.state().iter().any(is_full), "closed, and an item is there");
        }
        let (item, claim) = self.had(taken?, copied.get(), &before);
        if let Some(claim) = claim {
            self.queue.finish(party, self, claim);
        }
        self.got.borrow_mut().extend(item.map(|item| (item, me)));
        let mut is_due = false;
        for _ in 0..more {
            let before = seen();
            let Some(taken) = self.queue.glance(party, self, copy) else { break };
            is_due = true;
            let (item, claim) = self.had(taken, copied.get(), &before);
            if let Some(claim) = claim {
                RawQueue::finish_silently(self, claim);
            }
            self.got.borrow_mut().extend(item.map(|item| (item, me)));
        }
        if is_due {
            self.queue.has_finished(party);
        }
        drop(named);
        Ok(())
    }

    /// Looks at what was taken: the item, and its slot if it is in one.
    fn had(
        &self,
        taken: Taken,
        copied: (Option<Item>, Option<Item>, u32),
        before: &[Option<u32>],
    ) -> (Option<Item>, Option<Claim>) {
        match taken {
            Taken::Copied => {
                let (first, second, attempts) = copied;
                assert_eq!(first, second, "torn");
                assert!(
                    first.is_some() || self.queue.closing() == Some(Closing::AtOnce),
                    "no item"
                );
                if let Some(item) = first.filter(|_| attempts == 0) {
                    self.first(before, item);
                }
                (first, None)
            }
            Taken::Claim(claim) => {
                let item = self.read(claim);
                if let Some(item) = item.filter(|_| claim.attempts() == 1) {
                    self.first(before, item);
                }
                (item, Some(claim))
            }
            Taken::Left => unreachable!("nobody said so"),
        }
    }

    fn act(&self, party: &Model, me: usize, role: Role, deadline: Deadline) {
        match role {
            Role::Put(count) | Role::PutAndClose(count) => {
                for seq in 0..count {
                    self.put(party, me, seq, deadline, false);
                }
                if let Role::PutAndClose(_) = role {
                    self.queue.close(party, Closing::Gently);
                }
            }
            Role::Loan => {
                self.put(party, me, 0, deadline, true);
            }
            Role::Get(count) => {
                for _ in 0..count {
                    let _ = self.get(party, me, deadline, self.copies, 0);
                }
            }
            Role::Drain => while self.get(party, me, deadline, self.copies, 2).is_ok() {},
            Role::Watch => {
                watch(party, deadline, |looked| {
                    let watcher = self.queue.bells().watch(NEWS);
                    (watcher, self.queue.has_news(party, self, &Anybody, looked))
                });
            }
            Role::Return => {
                let named = self.queue.bells().name(party);
                let taken = self.queue.take(party, self, &Anybody, deadline, in_slot);
                let Ok(Taken::Claim(claim)) = taken else { return };
                let item = self.read(claim);
                self.queue.holds(party);
                drop(named);
                stay();
                assert_eq!(self.read(claim), item, "it changed");
                self.queue.give_back(party, self, claim);
                let _ = self.get(party, me, deadline, false, 0);
            }
            Role::Look => {
                let named = self.queue.bells().name(party);
                let found = self.queue.take(party, self, &Anybody, deadline, |_| How::Leave);
                if let Ok(Taken::Claim(claim)) = found {
                    self.queue.give_back(party, self, claim);
                }
                drop(named);
            }
            Role::Join => {
                self.queue.join(party, self, deadline);
            }
            Role::ShutDown => {
                self.queue.close(party, Closing::AtOnce);
                let named = self.queue.bells().name(party);
                self.queue.drop_left(party, self);
                drop(named);
            }
        }
    }

    fn state(&self) -> Vec<(State, Option<bool>)> {
        let word = |word: &AtomicU64| {
            let word = Word(word.peek());
            (word.state(), word.owner().map(|owner| with(|world| world.is_dead(owner))))
        };
        self.words.iter().map(word).collect()
    }

    fn end(&self, roles: &[Role], outcome: &Outcome) -> Result<(), String> {
        let state = self.state();
        let has = |wanted: State, dead: Option<bool>| state.contains(&(wanted, dead));
        let is_full = has(State::Full, None);
        let is_written = has(State::Writing, Some(false));
        let is_had = is_written || has(State::Reading, Some(false));
        let closing = self.queue.closing();
        for &(thread, _) in &outcome.asleep {
            let wrong = match roles[thread] {
                // What a dead one was reading is an item: it waits for who comes for it.
                Role::Join => !is_full && !is_had && !has(State::Reading, Some(true)),
                Role::Put(_) | Role::PutAndClose(_) | Role::Loan => {
                    closing.is_some() || !is_full && !is_written && has(State::Free, None)
                }
                _ => is_full || has(State::Reading, Some(true)) || closing.is_some() && !is_had,
            };
            if wrong {
                return Err(format!(
                    "{thread}, a {:?}, sleeps: {state:?} {closing:?}",
                    roles[thread]
                ));
            }
        }
        Ok(())
    }

    fn last(&self, party: &Model, roles: &[Role]) {
        if self.queue.closing() == Some(Closing::AtOnce) {
            return self.nothing_is_left(party);
        }
        while self.get(party, roles.len(), Deadline::NOW, false, 0).is_ok() {}
        assert_eq!(self.queue.in_use(self), 0, "something is left");
        let got = self.got.borrow();
        let mut missing = 0;
        for &item in self.put.borrow().iter() {
            let count = got.iter().filter(|&&(other, _)| item == other).count();
            assert!(count <= 1, "got twice");
            missing += usize::from(count == 0);
        }
        let dead = (0..roles.len()).filter(|&thread| {
            matches!(roles[thread], Role::Get(_) | Role::Drain | Role::Return)
                && with(|world| world.actors[thread].is_dead)
        });
        assert!(missing <= dead.count(), "{missing} are missing");
    }

    fn nothing_is_left(&self, party: &Model) {
        assert!(self.queue.join(party, self, Deadline::NOW), "nobody can join");
    }
}

fn shared(capacity: usize, producers: usize, copies: bool) -> Rc<Shared> {
    Rc::new(Shared {
        queue: RawQueue::new(),
        words: (0..capacity).map(|_| AtomicU64::new(0)).collect(),
        places: (0..capacity).map(|_| Place::default()).collect(),
        put: Default::default(),
        got: Default::default(),
        last: (0..producers).map(|_| Cell::new(None)).collect(),
        copies,
    })
}

fn queue(chance: &mut Chance) -> Play {
    let capacity = chance.of(&[1, 1, 2, 2, 3]);
    let with_end = chance.below(8);
    let count = 3 + chance.below(4) as usize;
    let mut roles: Vec<_> = (0..count)
        .map(|_| match chance.below(15) {
            0..=3 => Role::Put(1 + chance.below(3) as u32),
            4 => Role::Loan,
            5..=8 => Role::Get(1 + chance.below(3) as u32),
            9 => Role::Drain,
            10 => Role::Return,
            11 => Role::Look,
            12 | 13 => Role::Watch,
            _ => Role::Join,
        })
        .collect();
    match with_end {
        0..=2 => roles.push(Role::PutAndClose(1)),
        3 => roles.push(Role::ShutDown),
        _ => {}
    }
    let shared = shared(capacity, roles.len(), chance.one_in(2));
    let (theirs, all) = (Rc::clone(&shared), roles.clone());
    let mut play = Play::new(move |outcome| theirs.end(&all, outcome));
    for (me, &role) in roles.iter().enumerate() {
        let (shared, deadline) = (Rc::clone(&shared), patience(chance));
        let act = move |party: &Model| shared.act(party, me, role, deadline);
        if role == Role::Watch {
            play.enter_watcher(chance, act);
        } else {
            play.enter(chance, 150, act);
        }
    }
    let all = roles.clone();
    play.in_the_end(move |party| shared.last(party, &all));
    play
}

#[test]
fn random_queue() {
    runs(200_000, queue);
}

/// Nobody has looked at the slots for half of all laps, as nobody had to wait; then a lease is left by a dead one.
#[test]
fn queue_after_half_of_all_laps() {
    const LAPS: u32 = 1 << 24;
    let shared = shared(2, 1, false);
    let mut troupe = Troupe::default();
    troupe.begin(None, false);
    let id = |slot| OwnerId::new(slot, 1).unwrap();
    let theirs = Rc::clone(&shared);
    troupe.enter(id(0), At::Ready, Fate::Ends, move || {
        let (party, queue, shared) = (Model(id(0)), &theirs.queue, &*theirs);
        let put = || {
            let claim = queue.claim(&party, shared, &Anybody, Deadline::NOW).unwrap();
            theirs.places[claim.index as usize]
                .halves
                .iter()
                .for_each(|half| half.set(Some((0, 0))));
            queue.put(&party, shared, claim);
        };
        for _ in 0..2 * (LAPS + 2) {
            put();
            assert_eq!(
                queue.take(&party, shared, &Anybody, Deadline::NOW, |_| How::Copy),
                Ok(Taken::Copied)
            );
        }
        put();
        let lease = queue.take(&party, shared, &Anybody, Deadline::NOW, in_slot);
        assert!(matches!(lease, Ok(Taken::Claim(_))));
    });
    troupe.resume(0);
    let theirs = Rc::clone(&shared);
    troupe.enter(id(1), At::Ready, Fate::Stays, move || {
        let got = theirs.get(&Model(id(1)), 1, Deadline::NOW, false, 0);
        assert_eq!(got, Ok(()), "the lease of the dead is lost");
    });
    troupe.resume(1);
    troupe.finish();
    assert_eq!(with(|world| world.wrong.take()), None);
}

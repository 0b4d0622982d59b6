//! A notification is never lost with the dead: nobody sleeps beside an item that somebody was told of.

use super::{patience, seats};
use crate::{
    atomic::AtomicU64,
    chance::{Chance, Play, SLOTS, runs, stay},
    os::clock::Deadline,
    party::Model,
    sync::{
        RawLock, Seats,
        raw_condition::{Chairs, RawCondition},
        raw_lock::Taken,
    },
    world::{Outcome, broken, with},
};
use std::{cell::Cell, rc::Rc};

struct Shared {
    lock: RawLock,
    condition: RawCondition,
    seats: [AtomicU64; SLOTS],
    tickets: [AtomicU64; SLOTS],
    /// What consumers take.
    items: Cell<u32>,
    /// Items of which nobody may have been told: who put them there died before it told.
    untold: Cell<u32>,
}

#[derive(Clone, Copy)]
enum Role {
    /// Puts so many items there and tells so many, or all.
    Producer(u32, usize),
    /// Takes an item, for which it waits.
    Consumer,
    /// Waits, and tells the next when it was told: it takes nothing.
    Passer,
    /// Waits, and panics with the lock.
    Panicking,
}

/// A guard of the lock, as far as it is told.
struct Guard<'a> {
    shared: &'a Shared,
    party: &'a Model,
    told: bool,
}

impl<'a> Guard<'a> {
    fn lock(shared: &'a Shared, party: &'a Model) -> Self {
        Self::took(shared, shared.lock.lock(party, Deadline::NEVER).unwrap());
        Self { shared, party, told: false }
    }

    fn took(shared: &Shared, taken: Taken) {
        // The items are whole always.
        if taken != Taken::Clean {
            shared.lock.set_poison(false);
        }
    }

    /// As `Condition::wait_by` of the library.
    fn wait(&mut self, deadline: Deadline) -> bool {
        let Self { shared, party, .. } = *self;
        let Shared { lock, condition, .. } = shared;
        let waiting = condition.begin(shared.chairs(), party);
        lock.unlock(party, false);
        self.settle(false);
        let (told, dependence) = condition.wait(shared.chairs(), party, &waiting, deadline);
        let taken = lock.lock(party, Deadline::NEVER).unwrap();
        condition.end(party, waiting, told);
        drop(dependence);
        self.told = told;
        Self::took(shared, taken);
        told
    }

    /// As `sync::told` of the library.
    fn settle(&mut self, panicked: bool) {
        if std::mem::take(&mut self.told) {
            self.shared.condition.settle(self.shared.chairs(), self.party, panicked);
        }
    }

    /// As the guard of the library when it is dropped.
    fn give_back(mut self, panicked: bool) {
        if broken("emptied_after") {
            self.settle(panicked);
        }
        self.shared.lock.unlock(self.party, panicked);
        self.settle(panicked);
    }
}

impl Shared {
    fn chairs(&self) -> Chairs<'_> {
        Chairs { seats: Seats::new(&self.seats, &self.condition.used), tickets: &self.tickets }
    }

    fn act(&self, party: &Model, role: Role, deadline: Deadline) {
        let mut guard = Guard::lock(self, party);
        match role {
            Role::Producer(count, tells) => {
                self.items.set(self.items.get() + count);
                self.untold.set(self.untold.get() + count);
                stay();
                let told = self.condition.tell(self.chairs(), party, tells);
                assert!(told <= tells);
                self.untold.set(self.untold.get() - count);
                stay();
            }
            Role::Consumer => {
                while self.items.get() == 0 {
                    if !guard.wait(deadline) {
                        break;
                    }
                }
                stay();
                if self.items.get() > 0 {
                    self.items.set(self.items.get() - 1);
                    stay();
                }
            }
            Role::Passer => {
                if guard.wait(deadline) {
                    stay();
                    self.condition.tell(self.chairs(), party, 1);
                }
            }
            Role::Panicking => {
                let told = guard.wait(deadline);
                stay();
                return guard.give_back(told);
            }
        }
        guard.give_back(false);
    }

    fn sleepers_wait(&self, consumers: &[bool], outcome: &Outcome) -> Result<(), String> {
        if outcome.asleep.is_empty() {
            return Ok(());
        }
        let (items, untold) = (self.items.get(), self.untold.get());
        // Others wait without a look at the items.
        if items > untold && outcome.asleep.iter().any(|&(thread, _)| consumers[thread]) {
            return Err(format!("{items} items are there, {untold} untold, and somebody sleeps"));
        }
        let names = with(|world| world.actors.iter().map(|actor| actor.name).collect::<Vec<_>>());
        // The last that sat down.
        let mut youngest = 0;
        for (thread, words) in &outcome.asleep {
            if words.len() == 1 {
                return Err(format!("{thread} sleeps at the lock"));
            }
            if words[0].is != words[0].seen {
                return Err(format!("{thread} was told, and sleeps"));
            }
            youngest = youngest.max(self.tickets[names[*thread].slot() as usize].peek());
        }
        for (seat, ticket) in self.seats.iter().zip(&self.tickets) {
            let word = seat.peek();
            let dead = names.iter().zip(&outcome.dead).find(|(name, is_dead)| {
                **is_dead && word >> 32 == u64::from(name.bits()) && word & 1 << 31 != 0
            });
            // One with a newer ticket was about to sit down again: it had looked at what it was told of.
            if let Some((dead, _)) = dead.filter(|_| ticket.peek() < youngest) {
                return Err(format!("{dead:?} was told and died, and somebody sleeps"));
            }
        }
        Ok(())
    }
}

fn condition(chance: &mut Chance) -> Play {
    let shared = Rc::new(Shared {
        lock: RawLock::new(),
        condition: RawCondition::new(),
        seats: seats(),
        tickets: seats(),
        items: Cell::new(0),
        untold: Cell::new(0),
    });
    let role = |chance: &mut Chance| match chance.below(8) {
        0..=1 => Role::Producer(1, 1),
        2 => chance.of(&[Role::Producer(2, 2), Role::Producer(2, usize::MAX)]),
        3 => Role::Passer,
        4 => Role::Panicking,
        _ => Role::Consumer,
    };
    let roles: Vec<_> = (0..3 + chance.below(4)).map(|_| role(chance)).collect();
    let consumers: Vec<_> = roles.iter().map(|role| matches!(role, Role::Consumer)).collect();
    let theirs = Rc::clone(&shared);
    let mut play = Play::new(move |outcome| theirs.sleepers_wait(&consumers, outcome));
    for role in roles {
        let shared = Rc::clone(&shared);
        let (turns, deadline) = (1 + chance.below(2), patience(chance));
        play.enter(chance, 120, move |party| {
            (0..turns).for_each(|_| shared.act(party, role, deadline))
        });
    }
    play
}

#[test]
fn random_condition() {
    runs(200_000, condition);
}

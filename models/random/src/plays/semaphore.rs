//! No permit is lost or doubled, and nobody is left asleep.

use super::{patience, seats};
use crate::{
    atomic::{AtomicU64, Ordering},
    chance::{Chance, Play, SLOTS, all_awake, runs, stay},
    os::clock::Deadline,
    party::Model,
    sync::{
        Seats,
        party::Party,
        raw_semaphore::{Claim, MAX, RawSemaphore, left_by_a_dead_one},
    },
};
use std::{cell::Cell, rc::Rc};

struct Shared {
    semaphore: RawSemaphore,
    seats: [AtomicU64; SLOTS],
    /// What somebody has taken bare, or was about to, when it died; and what was given bare that nobody had taken.
    lost: Cell<u32>,
    added: Cell<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Visitor,
    /// Takes two.
    Double,
    /// Gives one that nobody took.
    Giver,
    /// Takes one that has nobody's name, and gives it back.
    Bare,
}

impl Shared {
    fn seats(&self) -> Seats<'_> {
        Seats::new(&self.seats, &self.semaphore.used)
    }

    fn take(&self, party: &Model, claim: Claim, deadline: Deadline) -> bool {
        self.semaphore.acquire(party, self.seats(), claim, deadline).is_ok()
    }

    fn give(&self, party: &Model) {
        self.semaphore.release(party, self.seats());
    }

    fn give_bare(&self, party: &Model) {
        // There is room.
        self.semaphore.release_bare(party, self.seats(), 1).unwrap();
    }

    fn act(&self, party: &Model, role: Role, deadline: Deadline) {
        match role {
            Role::Visitor => {
                if self.take(party, Claim::Named, deadline) {
                    stay();
                    self.give(party);
                }
            }
            Role::Double => {
                if self.take(party, Claim::Named, deadline) {
                    let second = self.take(party, Claim::Named, Deadline::NOW);
                    let holders = self.semaphore.holders(self.seats());
                    let mine = holders.iter().find(|(name, _)| *name == party.id());
                    assert_eq!(mine.map(|&(_, count)| count), Some(1 + u32::from(second)));
                    if second {
                        self.give(party);
                    }
                    self.give(party);
                }
            }
            Role::Giver => {
                self.added.set(self.added.get() + 1);
                self.give_bare(party);
            }
            Role::Bare => {
                self.lost.set(self.lost.get() + 1);
                if self.take(party, Claim::Bare, deadline) {
                    stay();
                    self.give_bare(party);
                }
                self.lost.set(self.lost.get() - 1);
            }
        }
    }
}

fn semaphore(chance: &mut Chance, others: &[Role]) -> Play {
    let count = 3 + chance.below(4) as usize;
    let mut roles: Vec<_> = (0..count)
        .map(|_| if chance.one_in(2) { chance.of(others) } else { Role::Visitor })
        .collect();
    roles[0] = Role::Visitor;
    // Enough for all that die with a bare one.
    let bare = roles.iter().filter(|&&role| role == Role::Bare).count() as u32;
    // What a dead one left in somebody's seat comes back.
    let left = if chance.one_in(3) { 1 + chance.below(2) as u32 } else { 0 };
    let there = (1 + chance.below(2) as u32 + bare).saturating_sub(left);
    let permits = there + left;
    let shared = Rc::new(Shared {
        semaphore: RawSemaphore::new(there, MAX),
        seats: seats(),
        lost: Cell::new(0),
        added: Cell::new(0),
    });
    if left > 0 {
        shared.seats[chance.below(count as u64) as usize]
            .store(left_by_a_dead_one(left), Ordering::SeqCst);
        shared.semaphore.used.store(count as u32, Ordering::SeqCst);
    }
    let mut play = Play::new(all_awake);
    for role in roles {
        let shared = Rc::clone(&shared);
        let (turns, deadline) = (1 + chance.below(2), patience(chance));
        play.enter(chance, 90, move |party| {
            (0..turns).for_each(|_| shared.act(party, role, deadline))
        });
    }
    play.in_the_end(move |party| {
        let take = || shared.take(party, Claim::Bare, Deadline::NOW);
        let count = (0..30).take_while(|_| take()).count() as u32;
        let (least, most) = (permits - shared.lost.get(), permits + shared.added.get());
        assert!((least..=most).contains(&count), "{count} in the end, of {least} to {most}");
        assert_eq!(shared.semaphore.holders(shared.seats()), [], "held in the end");
    });
    play
}

#[test]
fn random_semaphore() {
    runs(200_000, |chance| semaphore(chance, &[Role::Double]));
}

#[test]
fn random_semaphore_bare_and_named() {
    runs(200_000, |chance| semaphore(chance, &[Role::Double, Role::Giver, Role::Bare]));
}

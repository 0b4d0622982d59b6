//! All pass or all are told: nobody sleeps in a turn that is over or broken, or beside one that died in it.

use super::seats;
use crate::{
    atomic::AtomicU64,
    chance::{Chance, Play, SLOTS, runs, stay},
    os::clock::Deadline,
    sync::{
        Seats,
        party::Party,
        raw_barrier::{RawBarrier, Refusal},
    },
    world::{Outcome, with},
};
use std::rc::Rc;

struct Shared {
    barrier: RawBarrier,
    seats: [AtomicU64; SLOTS],
    /// Named by an action, as by a lock that it waits for.
    elsewhere: AtomicU64,
}

const BROKEN: u64 = 1 << 30;

/// The number of a turn, in the turn word and in a seat.
fn number(word: u64) -> u64 {
    word >> 32 & 0x3fff_ffff
}

impl Shared {
    fn seats(&self) -> Seats<'_> {
        Seats::new(&self.seats, self.barrier.used())
    }

    fn sleepers_wait(&self, parties: usize, outcome: &Outcome) -> Result<(), String> {
        let Some((_, words)) = outcome.asleep.first() else { return Ok(()) };
        let turn = words[0].is;
        let arrived = |slot: usize| {
            let seat = self.seats[slot].peek();
            (seat >> 62 == 1 && number(seat) == number(turn)).then_some(seat as u32)
        };
        if turn & BROKEN != 0 {
            return Err("it is broken, and somebody sleeps".into());
        }
        for (thread, words) in &outcome.asleep {
            if number(words[0].seen) != number(turn) {
                return Err(format!("{thread} sleeps in a turn that is over"));
            }
        }
        let here: Vec<_> = (0..SLOTS).filter_map(arrived).collect();
        if here.len() >= parties {
            return Err("all are here, and somebody sleeps".into());
        }
        let names = with(|world| world.actors.iter().map(|actor| actor.name).collect::<Vec<_>>());
        let corpse = names
            .iter()
            .zip(&outcome.dead)
            .find(|(name, is_dead)| **is_dead && here.contains(&name.bits()));
        corpse.map_or(Ok(()), |(name, _)| {
            Err(format!("{name:?} died in this turn, and somebody sleeps"))
        })
    }
}

fn barrier(chance: &mut Chance) -> Play {
    let parties = 2 + chance.below(3) as usize;
    let turn = chance.of(&[0, 0, 0x3fff_ffff]);
    let shared = Rc::new(Shared {
        barrier: RawBarrier::new(parties as u32, turn),
        seats: seats(),
        elsewhere: AtomicU64::new(0),
    });
    let theirs = Rc::clone(&shared);
    let mut play = Play::new(move |outcome| theirs.sleepers_wait(parties, outcome));
    let turns = 1 + chance.below(3);
    let extra = 1 + chance.below(2) as usize;
    for index in 0..parties + extra {
        let shared = Rc::clone(&shared);
        let deadline =
            chance.of(&[Deadline::NEVER, Deadline::NEVER, Deadline::NEVER, Deadline::SOON]);
        let (acts, fails) = (chance.one_in(3), chance.one_in(8));
        // Beside the parties some that break, reset, do nothing, or come as one too many.
        let role = if index < parties { 4 } else { chance.below(5) };
        play.enter(chance, 70, move |party| {
            let Shared { barrier, elsewhere, .. } = &*shared;
            let action = || {
                let _dependence = party.depend_on(elsewhere);
                stay();
                !fails
            };
            let wait = || barrier.wait(party, shared.seats(), deadline, acts.then_some(action));
            match role {
                0 => barrier.abort(party),
                1 => barrier.reset(party, shared.seats()),
                2 => {
                    barrier.abort(party);
                    barrier.reset(party, shared.seats());
                }
                3 => (),
                _ => {
                    for _ in 0..turns {
                        match wait() {
                            Ok(_) => (),
                            Err(why) => {
                                assert_ne!(why, Refusal::Recursive);
                                break;
                            }
                        }
                    }
                }
            }
        });
    }
    play
}

#[test]
fn random_barrier() {
    runs(200_000, barrier);
}

//! Whoever waits is released by whoever sets it, also when that one clears it at once.

use super::patience;
use crate::{
    chance::{Chance, Play, runs},
    os::clock::Deadline,
    sync::raw_event::RawEvent,
    watch::watch_event,
    world::Outcome,
};
use std::rc::Rc;

const SET: u64 = 1 << 30;

/// It is not set, and was not since they sleep.
fn sleepers_wait(outcome: &Outcome) -> Result<(), String> {
    let waits =
        |word: &crate::world::Watched| word.is & SET == 0 && word.is >> 32 == word.seen >> 32;
    if outcome.asleep.iter().all(|(_, words)| waits(&words[0])) {
        Ok(())
    } else {
        Err("it was set, and somebody sleeps".into())
    }
}

fn event(chance: &mut Chance) -> Play {
    let event = Rc::new(RawEvent::new());
    let mut play = Play::new(sleepers_wait);
    for _ in 0..3 + chance.below(4) {
        let event = Rc::clone(&event);
        let (role, deadline) = (chance.below(8), patience(chance));
        if role > 5 {
            play.enter_watcher(chance, move |party| {
                let _ = watch_event(&event, party, deadline);
            });
            continue;
        }
        play.enter(chance, 30, move |party| match role {
            0 => event.set(party),
            1 => {
                event.set(party);
                event.clear();
            }
            2 => {
                let _ = event.wait(party, Deadline::NEVER);
                event.clear();
            }
            3 => {
                let _ = event.wait(party, deadline);
                event.set(party);
            }
            _ => drop(event.wait(party, deadline)),
        });
    }
    play
}

#[test]
fn random_event() {
    runs(200_000, event);
}

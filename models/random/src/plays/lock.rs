//! Nobody is beside a holder, no death in the lock goes unnoticed, and nobody is left asleep.

use super::{Inside, patience};
use crate::{
    chance::{Chance, Play, all_awake, runs, stay},
    sync::{RawLock, raw_lock::Taken},
};
use std::{cell::Cell, rc::Rc};

#[derive(Default)]
struct Data {
    inside: Cell<u32>,
    /// Somebody is in the middle of a change, or died there.
    is_torn: Cell<bool>,
}

fn lock(chance: &mut Chance) -> Play {
    let shared = Rc::new((RawLock::new(), Data::default()));
    let mut play = Play::new(all_awake);
    for _ in 0..3 + chance.below(4) {
        let shared = Rc::clone(&shared);
        let (turns, deadline) = (1 + chance.below(2), patience(chance));
        let repairs = chance.one_in(2);
        play.enter(chance, 50, move |party| {
            let (lock, data) = &*shared;
            for _ in 0..turns {
                let Ok(taken) = lock.lock(party, deadline) else { continue };
                let _inside = Inside::enter(&data.inside);
                assert_eq!(data.inside.get(), 1, "two are inside");
                assert!(taken != Taken::Clean || !data.is_torn.get(), "a death was not noticed");
                data.is_torn.set(taken != Taken::Clean);
                if repairs && data.is_torn.get() {
                    data.is_torn.set(false);
                    lock.set_poison(false);
                }
                let was_torn = data.is_torn.replace(true);
                stay();
                data.is_torn.set(was_torn);
                drop(_inside);
                lock.unlock(party, false);
            }
        });
    }
    play
}

#[test]
fn random_lock() {
    runs(200_000, lock);
}

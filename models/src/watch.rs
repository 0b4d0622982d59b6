//! One who watches one object: the library's loop over many, for one of them. The random explorer uses this file too.

use crate::{
    os::clock::Deadline,
    sync::{
        Looked, Watcher,
        party::{Party, Place, Rung, Sleep},
        raw_event::RawEvent,
    },
};

/// Waits until `look` finds something, each time with a new watcher; `false` when the time is up.
pub fn watch<'a, const N: usize, P: Party>(
    party: &P,
    deadline: Deadline,
    mut look: impl FnMut(&mut Looked<'a>) -> (Watcher<'a, N>, bool),
) -> bool {
    loop {
        let mut looked = Looked::default();
        let (watcher, found) = look(&mut looked);
        if found || deadline.has_passed() {
            return found;
        }
        let places: Vec<Place<'_>> =
            watcher.places().into_iter().chain(looked.words.iter().copied()).collect();
        let rung = party.sleep(&Sleep { places: &places, owners: &looked.lives, deadline });
        if !rung.is_at_most(0) {
            watcher.bells.pass_on(party);
        }
        for &life in &looked.lives {
            if party.is_dead(life) {
                party.ring_life(life);
            }
        }
    }
}

/// Waits until the event is set, among other things.
pub fn watch_event<P: Party>(event: &RawEvent, party: &P, deadline: Deadline) -> bool {
    let mut waiter = event.waiter();
    loop {
        if waiter.look(party) {
            return true;
        }
        if deadline.has_passed() {
            return false;
        }
        let Some(place) = waiter.arm() else { continue };
        let rung = party.sleep(&Sleep { places: &[place], owners: &[], deadline });
        waiter.has_slept(matches!(rung, Rung::Last(_)));
    }
}

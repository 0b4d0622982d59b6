//! A thread of a play as a party of the protocols.

use crate::{
    atomic::{AtomicU32, AtomicU64},
    kernel::{Address, Word, address},
    os::clock::Deadline,
    segment::OwnerId,
    sync::party::{Party, Place, Rung, Sleep},
    world::{self, Watched, broken, moment, say_only, with},
};

/// A thread.
#[derive(Clone, Copy, Debug)]
pub struct Model(pub OwnerId);

/// What the kernel would ring before, if the thread died.
pub struct Dependence(Option<Address>);

impl Drop for Dependence {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let me = world::me();
            with(|world| world.actors[me].pending = self.0);
        }
    }
}

fn depend(gate: Address) -> Dependence {
    moment();
    let gate = (!broken("depend_on")).then_some(gate);
    let me = world::me();
    Dependence(with(|world| std::mem::replace(&mut world.actors[me].pending, gate)))
}

fn ring(part: &str, count: usize, word: Word) {
    moment();
    if !broken(part) {
        with(|world| drop(world.wake(count, word)));
    }
}

/// What is queued at, and the value there: that which was seen, and that which is.
fn watched(place: &Place<'_>) -> (Address, Watched) {
    match *place {
        Place::Gate(word, seen) => (address(word), Watched { seen, is: word.peek() }),
        // Nobody rings there.
        Place::Owner(word, seen) => {
            (address(word) + 4, Watched { seen: seen >> 32, is: word.peek() >> 32 })
        }
        Place::Bell(bell, seen) => {
            (address(bell), Watched { seen: seen.into(), is: bell.peek().into() })
        }
    }
}

impl Party for Model {
    type Dependence = Dependence;

    fn id(&self) -> OwnerId {
        self.0
    }

    fn is_dead(&self, owner: OwnerId) -> bool {
        moment();
        with(|world| world.is_dead(owner))
    }

    /// As the kernel does: one word after the other is compared, and the thread queued there; whoever rings finds it there from then on.
    fn sleep(&self, sleep: &Sleep<'_>) -> Rung {
        if sleep.owners.iter().any(|&owner| self.is_dead(owner)) {
            return Rung::Unknown;
        }
        let me = world::me();
        let given_up = || {
            say_only(|| "does not sleep".into());
            with(|world| world.kernel.leave(me)).map_or(Rung::Nothing, Rung::Last)
        };
        let words = sleep.places.iter().map(|place| watched(place).0).collect();
        with(|world| world.actors[me].slept_at = words);
        for place in sleep.places {
            moment();
            let (address, watched) = watched(place);
            if watched.seen != watched.is {
                return given_up();
            }
            with(|world| world.kernel.queue(me, Word::At(address)));
        }
        for &owner in sleep.owners.iter().filter(|_| !broken("watch")) {
            moment();
            if with(|world| world.is_dead(owner)) {
                return given_up();
            }
            with(|world| world.kernel.queue(me, Word::Life(owner.slot() as usize)));
        }
        moment();
        let places = || sleep.places.iter().map(|place| watched(place).1).collect();
        world::sleep(sleep.deadline == Deadline::SOON, places);
        let rung = with(|world| world.kernel.leave(me)).map_or(Rung::Unknown, Rung::Last);
        say_only(|| format!("wakes: {rung:?}"));
        rung
    }

    fn ring(&self, gate: &AtomicU64) {
        ring("ring", 1, Word::At(address(gate)));
    }

    fn ring_all(&self, gate: &AtomicU64) {
        ring("ring_all", usize::MAX, Word::At(address(gate)));
    }

    fn ring_bell_once(&self, bell: &AtomicU32) {
        ring("ring_bell_once", 1, Word::At(address(bell)));
    }

    fn ring_bell(&self, bell: &AtomicU32) {
        ring("ring_bell", usize::MAX, Word::At(address(bell)));
    }

    fn ring_life(&self, dead: OwnerId) {
        ring("ring_life", usize::MAX, Word::Life(dead.slot() as usize));
    }

    fn depend_on(&self, gate: &AtomicU64) -> Dependence {
        depend(address(gate))
    }

    fn depend_on_bell(&self, bell: &AtomicU32) -> Dependence {
        depend(address(bell))
    }

    fn spin_for_news<T>(&self, ready: impl FnMut() -> Option<T>) -> Option<T> {
        self.spin(ready)
    }

    fn spin_among<T>(&self, _: u32, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
        ready()
    }

    fn spin<T>(&self, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
        ready()
    }
}

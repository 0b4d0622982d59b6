use crate::{atomic::*, os::clock::Deadline, sync::raw_event::RawEvent, world::{Model, World}};
use std::sync::Arc;

/// Finding 4. A newcomer of real-time priority takes the ring of a dead setter, which those of the turn before need.
#[test]
fn a_newcomer_in_front_takes_the_ring_of_a_dead_setter() {
    // SAFETY: an atomic, of which zero is an event that is not set.
    let (world, event) = (World::new(), Arc::new(unsafe { std::mem::zeroed::<RawEvent>() }));
    let wait = |thread| {
        let event = Arc::clone(&event);
        world.run(thread, move |party| { assert!(event.wait(party, Deadline::NEVER)); });
    };
    wait(0);
    world.until_asleep(0);
    world.stop_at(1, "event.set");
    world.die_at(1, "event.set");
    let theirs = Arc::clone(&event);
    world.run(1, move |setter| theirs.set(setter));
    world.until_stopped(1, "event.set");
    event.clear();
    world.make_urgent(2);
    wait(2);
    world.until_asleep(2);
    world.go_on(1, "event.set");
    world.until_ended(1);
    // The event was set while it waited.
    world.until_ended(0);
}

use crate::{atomic::*, os::clock::Deadline, sync::{Seats, raw_barrier::{RawBarrier, Refusal}}, world::{Model, THREADS, World, reached}};
use std::sync::Arc;

struct Shared { barrier: RawBarrier, seats: [AtomicU64; THREADS] }

fn set(parties: u32) -> Arc<Shared> {
    // SAFETY: atomics, of which zeros are a value.
    let shared: Shared = unsafe { std::mem::zeroed() };
    shared.barrier.set_up(parties, 0);
    Arc::new(shared)
}

fn wait(shared: &Shared, party: &Model) -> Result<u32, Refusal> {
    shared.barrier.wait(party, Seats::new(&shared.seats, shared.barrier.used()), Deadline::NEVER, None::<fn() -> bool>)
}

/// Finding 4 of barriers: a party of the next turn, of real-time priority, takes the ring of a dead releaser.
#[test]
fn a_party_of_the_next_turn_in_front_takes_the_ring_of_a_dead_releaser() {
    let (world, shared) = (World::new(), set(2));
    let run = |thread| { let shared = Arc::clone(&shared); world.run(thread, move |party| { let _ = wait(&shared, party); }); };
    run(0);
    world.until_asleep(0);
    world.stop_at(1, "barrier.unlocked");
    world.die_at(1, "barrier.unlocked");
    run(1);
    world.until_stopped(1, "barrier.unlocked");
    world.make_urgent(2);
    run(2);
    world.until_asleep(2);
    world.go_on(1, "barrier.unlocked");
    world.until_ended(1);
    // Its turn is over.
    world.until_ended(0);
}

/// Finding 5. Who waits in its action, after a reset by another, passes a turn that was reset.
#[test]
fn who_waits_in_its_action_after_a_reset_does_not_pass_the_turn_that_was_reset() {
    let (world, shared) = (World::new(), set(2));
    let seats = |s: &'static Shared| Seats::new(&s.seats, s.barrier.used());
    let shared: &'static Shared = Box::leak(Box::new(Arc::try_unwrap(shared).ok().unwrap()));
    world.run(0, move |party| {
        assert_eq!(shared.barrier.wait(party, seats(shared), Deadline::NEVER, None::<fn() -> bool>), Err(Refusal::Broken));
        // The turn after.
        assert!(shared.barrier.wait(party, seats(shared), Deadline::NEVER, None::<fn() -> bool>).is_ok());
    });
    world.until_asleep(0);
    let resetter = Model::of(&world, 2);
    let actor = Model::of(&world, 1);
    let outer = shared.barrier.wait(&actor, seats(shared), Deadline::NEVER, Some(|| {
        shared.barrier.reset(&resetter, seats(shared));
        let inner = shared.barrier.wait(&actor, seats(shared), Deadline::NEVER, None::<fn() -> bool>);
        assert!(inner.is_ok());
        true
    }));
    world.until_ended(0);
    assert_eq!(outer, Err(Refusal::Broken), "the other party was told that it was broken");
}

//! Barriers: all pass or all are told, whoever dies where.

use crate::{
    atomic::AtomicU64,
    os::{clock::Deadline, step::step},
    sync::{
        Seats,
        party::Party,
        raw_barrier::{RawBarrier, Refusal},
    },
    world::{Model, THREADS, World, anybody_died, explore, live},
};
use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

struct Shared {
    barrier: RawBarrier,
    seats: Vec<AtomicU64>,
    /// Written by the writer before it arrives, read by the readers after they passed.
    data: UnsafeCell<u32>,
    actions: AtomicUsize,
    /// Named by an action, as by a lock that it waits for.
    elsewhere: AtomicU64,
}

// SAFETY: the data is only written before the writer arrives and read after a turn in which it did, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

#[derive(Clone, Copy)]
enum Role {
    /// Writes the data, and waits; passes.
    Writer,
    /// Waits, reads the data; passes.
    Reader,
    /// Waits, and passes or finds it broken.
    Any,
    /// Finds it broken.
    Broken,
    /// Finds it broken, and resets it.
    Mender,
    /// Waits for a while, and passes or not.
    Late,
    /// Waits twice; passes.
    Twice,
    /// Has an action; passes.
    Actor,
    /// Has an action; passes or not.
    AnyActor,
    /// Has an action that panics.
    Panics,
    Aborter,
    Resetter,
}

const NO_ACTION: Option<fn() -> bool> = None;

fn act<P: Party>(shared: &Shared, party: &P, role: Role) {
    let Shared { barrier, seats, data, actions, elsewhere } = shared;
    let seats = Seats::new(seats, barrier.used());
    let wait = |deadline| barrier.wait(party, seats, deadline, NO_ACTION);
    let acted = |well: bool| {
        let action = move || {
            let _dependence = party.depend_on(elsewhere);
            step!("model.acting");
            actions.fetch_add(1, Ordering::SeqCst);
            well
        };
        barrier.wait(party, seats, Deadline::NEVER, Some(action))
    };
    let told = |passed: Result<u32, Refusal>| {
        assert!(matches!(passed, Ok(_) | Err(Refusal::Broken)), "{passed:?}");
    };
    match role {
        Role::Writer => {
            // SAFETY: before this one arrives.
            data.with_mut(|data| unsafe { *data = 7 });
            wait(Deadline::NEVER).unwrap();
        }
        Role::Reader => {
            wait(Deadline::NEVER).unwrap();
            // SAFETY: after all arrived.
            assert_eq!(data.with(|data| unsafe { *data }), 7);
        }
        Role::Any => told(wait(Deadline::NEVER)),
        Role::Broken => assert_eq!(wait(Deadline::NEVER), Err(Refusal::Broken)),
        Role::Mender => {
            assert_eq!(wait(Deadline::NEVER), Err(Refusal::Broken));
            barrier.reset(party, seats);
        }
        Role::Late => drop(wait(Deadline::SOON)),
        Role::Twice => {
            let _ = (wait(Deadline::NEVER).unwrap(), wait(Deadline::NEVER).unwrap());
        }
        Role::Actor => {
            acted(true).unwrap();
            assert_eq!(actions.load(Ordering::SeqCst), 1, "once, and before anybody passes");
        }
        Role::AnyActor => told(acted(true)),
        Role::Panics => assert_eq!(acted(false), Err(Refusal::Broken)),
        Role::Aborter => barrier.abort(party),
        Role::Resetter => barrier.reset(party, seats),
    }
}

fn run(
    preemptions: usize,
    parties: u32,
    turn: u32,
    fates: &'static [(Option<&'static str>, Role)],
) -> bool {
    anybody_died();
    explore(preemptions, move || {
        let world = World::new();
        let shared = Arc::new(Shared {
            barrier: RawBarrier::new(parties, turn),
            seats: (0..THREADS).map(|_| AtomicU64::new(0)).collect(),
            data: UnsafeCell::new(7),
            actions: AtomicUsize::new(0),
            elsewhere: AtomicU64::new(0),
        });
        let threads = fates[1..].iter().enumerate().map(|(index, &(step, role))| {
            let (world, shared) = (Arc::clone(&world), Arc::clone(&shared));
            let body = move || {
                live(&world, index + 1, step, |party: &Model| act(&shared, party, role));
            };
            (role, thread::spawn(body))
        });
        let (resetters, threads): (Vec<_>, Vec<_>) =
            threads.partition(|(role, _)| matches!(role, Role::Resetter));
        // What the first thread does comes after all resets: else a wait that begins after both would have no end.
        for (_, thread) in resetters {
            thread.join().unwrap();
        }
        let (step, role) = fates[0];
        live(&world, 0, step, |party| act(&shared, party, role));
        for (_, thread) in threads {
            thread.join().unwrap();
        }
    });
    anybody_died()
}

macro_rules! barrier_models {
    ($($name:ident $preemptions:literal for $parties:literal $(from $turn:literal)? [$($step:expr, $role:ident);*];)*) => {$(
        #[test]
        fn $name() {
            const FATES: &[(Option<&str>, Role)] = &[$(($step, Role::$role)),*];
            let turn = 0 $(+ $turn)?;
            let died = run($preemptions, $parties, turn, FATES);
            assert_eq!(died, FATES.iter().any(|(step, _)| step.is_some()), "nobody came to the step");
        }
    )*};
}

barrier_models! {
    loom_barrier_two_pass 2 for 2 [None, Writer; None, Reader];
    loom_barrier_three_pass 1 for 3 [None, Writer; None, Reader; None, Reader];
    loom_barrier_two_turns 2 for 2 [None, Twice; None, Twice];
    loom_barrier_the_numbers_go_round 2 for 2 from 0x3fff_ffff [None, Twice; None, Twice];
    loom_barrier_an_action_runs_once 2 for 2 [None, Actor; None, Actor];
    loom_barrier_one_comes_during_the_action 1 for 1 [None, AnyActor; None, AnyActor];
    loom_barrier_an_action_panics 2 for 2 [None, Panics; None, Panics];
    loom_barrier_an_action_panics_for_three 1 for 3 [None, Panics; None, Panics; None, Panics];
    loom_barrier_one_is_late 2 for 2 [None, Late; None, Any];
    loom_barrier_one_is_late_of_three 1 for 3 [None, Late; None, Any; None, Any];
    loom_barrier_aborted 2 for 3 [None, Aborter; None, Broken; None, Broken];
    loom_barrier_reset_and_aborted 2 for 3 [None, Aborter; None, Resetter; None, Broken];
    loom_barrier_aborted_and_mended 2 for 2 [None, Aborter; None, Mender];
    loom_barrier_one_dies_seated 1 for 3 [Some("barrier.seated"), Any; None, Broken; None, Broken];
    loom_barrier_one_dies_arrived 1 for 3 [Some("barrier.arrived"), Any; None, Broken; None, Broken];
    loom_barrier_one_dies_before_its_sleep 1 for 3 [Some("barrier.sleep"), Any; None, Any; None, Any];
    loom_barrier_one_dies_woken 1 for 3 [Some("barrier.woken"), Any; None, Any; None, Any];
    loom_barrier_one_dies_released 1 for 3 [Some("barrier.released"), Writer; None, Reader; None, Reader];
    loom_barrier_the_last_dies_before_the_end 2 for 2 [Some("barrier.arrived"), Any; None, Broken];
    loom_barrier_the_last_dies_after_the_end 1 for 3 [None, Any; None, Any; Some("barrier.turned"), Any];
    loom_barrier_the_last_dies_before_it_rings 1 for 3 [None, Any; None, Any; Some("barrier.unlocked"), Any];
    loom_barrier_the_last_and_a_woken_one_die 1 for 3 [None, Any; Some("barrier.released"), Any; Some("barrier.unlocked"), Any];
    loom_barrier_one_dies_in_its_action 2 for 2 [Some("model.acting"), AnyActor; None, AnyActor];
    loom_barrier_one_dies_before_its_action 1 for 3 [None, AnyActor; None, AnyActor; Some("barrier.acting"), AnyActor];
    loom_barrier_one_dies_in_its_action_of_three 1 for 3 [None, AnyActor; None, AnyActor; Some("model.acting"), AnyActor];
    loom_barrier_an_actor_and_its_watcher_die 1 for 3 [None, AnyActor; Some("barrier.woken"), AnyActor; Some("model.acting"), AnyActor];
    loom_barrier_one_dies_arrived_and_one_is_missing 2 for 3 [None, Broken; Some("barrier.arrived"), Any];
    loom_barrier_one_dies_asleep_and_one_is_missing 2 for 3 [None, Broken; Some("barrier.sleep"), Any];
    loom_barrier_two_die_and_one_is_missing 1 for 4 [None, Broken; Some("barrier.woken"), Any; Some("barrier.arrived"), Any];
    loom_barrier_two_die 1 for 3 [Some("barrier.arrived"), Any; Some("barrier.woken"), Any; None, Any];
    loom_barrier_a_breaker_dies 1 for 3 [Some("barrier.broken"), Aborter; None, Broken; None, Broken];
    loom_barrier_a_late_one_dies 1 for 3 [Some("barrier.late"), Late; None, Any; None, Any];
    loom_barrier_who_finds_the_corpse_dies 1 for 3 [Some("barrier.sleep"), Any; Some("barrier.broken"), Any; None, Any];
    loom_barrier_a_resetter_dies_after_the_end 2 for 3 [None, Aborter; Some("barrier.turned"), Resetter; None, Broken];
    loom_barrier_a_resetter_dies_while_it_marks 2 for 3 [None, Aborter; Some("barrier.marked"), Resetter; None, Broken];
    loom_barrier_an_heir_dies 1 for 3 [Some("barrier.arrived"), Any; Some("barrier.repaired"), Any; None, Broken];
}

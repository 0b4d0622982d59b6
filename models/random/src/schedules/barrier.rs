use crate::{
    atomic::AtomicU64,
    os::clock::Deadline,
    party::Model,
    stage::Stage,
    sync::{
        Seats,
        raw_barrier::{RawBarrier, Refusal},
    },
};
use std::rc::Rc;

struct Shared {
    barrier: RawBarrier,
    seats: [AtomicU64; 5],
}

const NO_ACTION: Option<fn() -> bool> = None;

impl Shared {
    fn new(parties: u32) -> Rc<Self> {
        let seats = std::array::from_fn(|_| AtomicU64::new(0));
        Rc::new(Self { barrier: RawBarrier::new(parties, 0), seats })
    }

    fn seats(&self) -> Seats<'_> {
        Seats::new(&self.seats, self.barrier.used())
    }

    fn wait(&self, party: &Model, action: Option<impl FnOnce() -> bool>) -> Result<u32, Refusal> {
        self.barrier.wait(party, self.seats(), Deadline::NEVER, action)
    }

    /// A party of one turn.
    fn party(self: &Rc<Self>) -> impl FnOnce(&Model) + use<> {
        let shared = Rc::clone(self);
        move |party| {
            let _ = shared.wait(party, NO_ACTION);
        }
    }
}

#[test]
fn a_party_of_the_next_turn_in_front_takes_the_ring_of_a_dead_releaser() {
    let (mut stage, shared) = (Stage::new(), Shared::new(2));
    stage.enter(0, shared.party());
    stage.falls_asleep(0);
    stage.enter(1, shared.party());
    stage.goes_to(1, "barrier.unlocked");
    stage.is_urgent(2);
    stage.enter(2, shared.party());
    stage.falls_asleep(2);
    stage.dies(1);
    stage.all_go_on();
    // Its turn is over.
    stage.has_ended(0);
}

#[test]
fn two_parties_of_the_next_turn_in_front_pass_the_ring_of_a_dead_releaser_to_each_other() {
    let (mut stage, shared) = (Stage::new(), Shared::new(3));
    for party in [0, 1] {
        stage.enter(party, shared.party());
        stage.falls_asleep(party);
    }
    stage.enter(2, shared.party());
    stage.goes_to(2, "barrier.unlocked");
    for party in [3, 4] {
        stage.is_urgent(party);
        stage.enter(party, shared.party());
        stage.falls_asleep(party);
    }
    stage.dies(2);
    stage.falls_asleep(3);
    stage.all_go_on();
    // Their turn is over.
    stage.has_ended(0);
    stage.has_ended(1);
}

#[test]
fn who_waits_in_its_action_after_a_reset_does_not_pass_the_turn_that_was_reset() {
    let (mut stage, shared) = (Stage::new(), Shared::new(2));
    let theirs = Rc::clone(&shared);
    stage.enter(0, move |party| {
        assert_eq!(theirs.wait(party, NO_ACTION), Err(Refusal::Broken));
    });
    stage.falls_asleep(0);
    let theirs = Rc::clone(&shared);
    stage.enter(1, move |party| {
        let action = || {
            crate::world::reached("acting");
            assert_eq!(theirs.wait(party, NO_ACTION), Err(Refusal::Recursive));
            true
        };
        assert_eq!(theirs.wait(party, Some(action)), Err(Refusal::Broken), "as the other was told");
    });
    stage.goes_to(1, "acting");
    let theirs = Rc::clone(&shared);
    stage.enter(2, move |party| theirs.barrier.reset(party, theirs.seats()));
    stage.ends(2);
    stage.all_go_on();
    stage.has_ended(0);
    stage.has_ended(1);
}

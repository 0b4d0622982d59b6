use crate::{
    atomic::{AtomicU64, Ordering},
    os::clock::Deadline,
    party::Model,
    stage::Stage,
    sync::{
        Seats,
        raw_semaphore::{Claim, MAX, RawSemaphore, left_by_a_dead_one},
    },
    world::reached,
};
use std::rc::Rc;

struct Shared {
    semaphore: RawSemaphore,
    seats: [AtomicU64; 4],
}

impl Shared {
    fn new(permits: u32) -> Rc<Self> {
        let seats = std::array::from_fn(|_| AtomicU64::new(0));
        Rc::new(Self { semaphore: RawSemaphore::new(permits, MAX), seats })
    }

    fn seats(&self) -> Seats<'_> {
        Seats::new(&self.seats, &self.semaphore.used)
    }

    fn take(&self, party: &Model, claim: Claim, deadline: Deadline) -> bool {
        self.semaphore.acquire(party, self.seats(), claim, deadline).is_ok()
    }

    fn give(&self, party: &Model) {
        self.semaphore.release(party, self.seats());
    }

    fn give_bare(&self, party: &Model, count: u32) {
        self.semaphore.release_bare(party, self.seats(), count).unwrap();
    }

    /// Takes one if it can at once, and gives it back.
    fn visit(&self, party: &Model) {
        assert!(self.take(party, Claim::Named, Deadline::NOW));
        self.give(party);
    }

    fn waiter(self: &Rc<Self>, claim: Claim, deadline: Deadline) -> impl FnOnce(&Model) + use<> {
        let shared = Rc::clone(self);
        move |party| {
            let is_late = deadline == Deadline::SOON;
            assert_eq!(shared.take(party, claim, deadline), !is_late);
            reached("inside");
        }
    }
}

/// Twice as many operations as a tag counts: an even number, so that the value is the same.
const ROUND: usize = 2 * ((1 << 18) - 1);

#[test]
fn a_tag_goes_round_while_one_stands_still_and_a_permit_is_lost() {
    let (mut stage, shared) = (Stage::new(), Shared::new(2));
    let theirs = Rc::clone(&shared);
    stage.enter(0, move |party| {
        assert!(theirs.take(party, Claim::Named, Deadline::NOW));
        reached("has one");
        for _ in 0..ROUND / 2 {
            theirs.give(party);
            assert!(theirs.take(party, Claim::Named, Deadline::NOW));
        }
        reached("has one again");
        theirs.give(party);
    });
    stage.goes_to(0, "has one");
    let theirs = Rc::clone(&shared);
    stage.enter(1, move |party| theirs.visit(party));
    stage.goes_to(1, "semaphore.taking");
    stage.goes_to(0, "has one again");
    stage.ends(1);
    stage.ends(0);
    assert_eq!(shared.semaphore.value(), 2, "everybody has given back what it took");
}

#[test]
fn a_tag_goes_round_while_one_stands_still_and_a_permit_is_doubled() {
    let (mut stage, shared) = (Stage::new(), Shared::new(1));
    let theirs = Rc::clone(&shared);
    stage.enter(0, move |party| {
        theirs.visit(party);
        reached("one round");
        (0..ROUND / 2).for_each(|_| theirs.visit(party));
        reached("once more");
        theirs.visit(party);
        reached("end");
    });
    stage.goes_to(0, "one round");
    let theirs = Rc::clone(&shared);
    stage.enter(1, move |party| theirs.visit(party));
    stage.goes_to(1, "semaphore.taking");
    stage.goes_to(0, "once more");
    stage.ends(1);
    stage.goes_to(0, "end");
    stage.dies(0);
    let theirs = Rc::clone(&shared);
    stage.enter(2, move |party| {
        let take = || theirs.take(party, Claim::Bare, Deadline::NOW);
        assert_eq!((0..9).take_while(|_| take()).count(), 1, "permits in the end");
    });
    stage.ends(2);
}

#[test]
fn who_is_kept_from_its_seat_takes_a_ring_that_is_for_another() {
    let (mut stage, shared) = (Stage::new(), Shared::new(0));
    shared.seats[1].store(left_by_a_dead_one(1), Ordering::SeqCst);
    shared.semaphore.used.store(2, Ordering::SeqCst);
    // Thread 0 gives that back, and is slow.
    stage.enter(0, shared.waiter(Claim::Named, Deadline::NEVER));
    stage.goes_to(0, "semaphore.returning");
    stage.enter(1, shared.waiter(Claim::Named, Deadline::NEVER));
    stage.falls_asleep(1);
    stage.enter(2, shared.waiter(Claim::Named, Deadline::NEVER));
    stage.falls_asleep(2);
    let theirs = Rc::clone(&shared);
    stage.enter(3, move |party| theirs.give_bare(party, 1));
    stage.ends(3);
    // A permit is there.
    stage.ends(2);
}

#[test]
fn bare_operations_bring_back_a_state_and_a_holder_is_watched_by_nobody() {
    let (mut stage, shared) = (Stage::new(), Shared::new(0));
    stage.enter(0, shared.waiter(Claim::Named, Deadline::NEVER));
    stage.goes_to(0, "semaphore.sleep");
    // Two are given; thread 2 takes one of them by name, and thread 1 the other, bare.
    let theirs = Rc::clone(&shared);
    stage.enter(1, move |party| {
        theirs.give_bare(party, 2);
        reached("given");
        assert!(theirs.take(party, Claim::Bare, Deadline::NOW));
    });
    stage.goes_to(1, "given");
    stage.enter(2, shared.waiter(Claim::Named, Deadline::NEVER));
    stage.goes_to(2, "inside");
    stage.ends(1);
    // Thread 3 waits for a moment, and goes.
    stage.enter(3, shared.waiter(Claim::Named, Deadline::SOON));
    stage.ends(3);
    stage.goes_on_or_sleeps(0);
    stage.dies(2);
    // The dead one's permit is for 0.
    stage.ends(0);
}

use crate::{
    atomic::*,
    os::clock::Deadline,
    sync::{Seats, party::Party, raw_semaphore::{Claim, MAX, RawSemaphore}},
    world::{Model, THREADS, World, id, reached},
};
use std::sync::Arc;

struct Shared { semaphore: RawSemaphore, seats: [AtomicU64; THREADS] }

impl Shared {
    fn new(permits: u32) -> Arc<Self> {
        // SAFETY: atomics, of which zeros are a value.
        let shared: Self = unsafe { std::mem::zeroed() };
        shared.semaphore.begin(permits, MAX);
        Arc::new(shared)
    }
    fn seats(&self) -> Seats<'_> { Seats::new(&self.seats, &self.semaphore.used) }
    fn take(&self, party: &Model, claim: Claim, deadline: Deadline) -> bool {
        self.semaphore.acquire(party, self.seats(), claim, deadline).is_ok()
    }
    fn give(&self, party: &Model) { self.semaphore.release(party, self.seats()) }
    fn give_bare(&self, party: &Model, count: u32) { self.semaphore.release_bare(party, self.seats(), count).unwrap() }
}

/// Twice as many operations as a tag counts: an even number, so that the value is the same.
const ROUND: usize = 2 * ((1 << 18) - 1);

/// Finding 1a. Thread 1 stands still between its look at the state and its exchange, while thread 0 gives and takes. Nobody dies, and a permit is lost.
#[test]
fn a_tag_goes_round_while_one_stands_still_and_a_permit_is_lost() {
    let (world, shared) = (World::new(), Shared::new(2));
    let x = Model::of(&world, 0);
    assert!(shared.take(&x, Claim::Named, Deadline::NOW));
    world.stop_at(1, "semaphore.taking");
    let theirs = Arc::clone(&shared);
    world.run(1, move |r| { assert!(theirs.take(r, Claim::Named, Deadline::NOW)); theirs.give(r); });
    world.until_stopped(1, "semaphore.taking");
    let begun = std::time::Instant::now();
    for _ in 0..ROUND / 2 {
        shared.give(&x);
        assert!(shared.take(&x, Claim::Named, Deadline::NOW));
    }
    eprintln!("{ROUND} operations: {:?}", begun.elapsed());
    world.go_on(1, "semaphore.taking");
    world.until_ended(1);
    shared.give(&x);
    assert_eq!(shared.semaphore.value(), 2, "everybody has given back what he took");
}

/// Finding 1b. The same where thread 0 gives last: its seat says for ever that it holds one, and when it ends there are two.
#[test]
fn a_tag_goes_round_while_one_stands_still_and_a_permit_is_doubled() {
    let (world, shared) = (World::new(), Shared::new(1));
    let theirs = Arc::clone(&shared);
    world.stop_at(0, "first");
    world.stop_at(0, "second");
    world.die_at(0, "end");
    world.run(0, move |x| {
        let pair = || { assert!(theirs.take(x, Claim::Named, Deadline::NOW)); theirs.give(x); };
        pair();
        reached("first");
        (0..ROUND / 2).for_each(|_| pair());
        reached("second");
        pair();
        reached("end");
    });
    world.until_stopped(0, "first");
    world.stop_at(1, "semaphore.taking");
    let theirs = Arc::clone(&shared);
    world.run(1, move |r| { assert!(theirs.take(r, Claim::Named, Deadline::NOW)); theirs.give(r); });
    world.until_stopped(1, "semaphore.taking");
    world.go_on(0, "first");
    world.until_stopped(0, "second");
    world.go_on(1, "semaphore.taking");
    world.until_ended(1);
    world.go_on(0, "second");
    world.until_ended(0);
    let last = Model::of(&world, 2);
    let count = (0..9).take_while(|_| shared.take(&last, Claim::Bare, Deadline::NOW)).count();
    assert_eq!(count, 1, "permits in the end");
}

/// Finding 2. A sleeper whose seat is occupied takes a ring and sleeps again: a permit is free and another sleeps.
#[test]
fn who_is_kept_from_its_seat_takes_no_ring_for_itself() {
    let (world, shared) = (World::new(), Shared::new(0));
    // A thread of an earlier generation died in slot 1 with a permit: HELD, one, generation 2, operation 5.
    shared.seats[1].store(1 << 54 | 2 << 36 | 5, Ordering::SeqCst);
    shared.semaphore.used.store(2, Ordering::SeqCst);
    // 0 gives that back, and is slow.
    world.stop_at(0, "semaphore.returning");
    let take = |thread| {
        let theirs = Arc::clone(&shared);
        world.run(thread, move |party| { assert!(theirs.take(party, Claim::Named, Deadline::NEVER)); });
    };
    take(0);
    world.until_stopped(0, "semaphore.returning");
    take(1);
    world.until_asleep(1);
    take(2);
    world.until_asleep(2);
    let theirs = Arc::clone(&shared);
    world.run(3, move |giver| theirs.give_bare(giver, 1));
    world.until_ended(3);
    // A permit is there, and 2 sleeps for one.
    world.until_ended(2);
}

/// Finding 3. Bare operations bring back a state that was: a sleeper does not watch who holds a permit, nor does anybody else. One death.
#[test]
fn bare_operations_bring_back_a_state_and_a_holder_is_watched_by_nobody() {
    let (world, shared) = (World::new(), Shared::new(0));
    // 0 has set WAITERS, and is about to sleep.
    world.stop_at(0, "semaphore.sleep");
    let theirs = Arc::clone(&shared);
    world.run(0, move |s| { assert!(theirs.take(s, Claim::Named, Deadline::NEVER)); });
    world.until_stopped(0, "semaphore.sleep");
    // Two are given; 1 takes one of them by name, 2 the other, bare.
    let ghost = Model::of(&world, 2);
    shared.give_bare(&ghost, 2);
    world.stop_at(1, "inside");
    world.die_at(1, "dying");
    let theirs = Arc::clone(&shared);
    world.run(1, move |n| { assert!(theirs.take(n, Claim::Named, Deadline::NEVER)); reached("inside"); reached("dying"); });
    world.until_stopped(1, "inside");
    assert!(shared.take(&ghost, Claim::Bare, Deadline::NOW));
    // 3 waits for a moment, and goes.
    let theirs = Arc::clone(&shared);
    world.run(3, move |late| assert!(!theirs.take(late, Claim::Named, Deadline::SOON)));
    world.until_ended(3);
    world.go_on(0, "semaphore.sleep");
    world.until_asleep(0);
    world.go_on(1, "inside");
    world.until_ended(1);
    // The dead one's permit is for 0.
    world.until_ended(0);
}

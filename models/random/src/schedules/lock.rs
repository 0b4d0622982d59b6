use crate::{
    os::clock::Deadline,
    party::Model,
    stage::Stage,
    sync::{RawLock, raw_lock::Taken},
    world::reached,
};
use std::rc::Rc;

/// Not mended: the kernel wakes one watcher of a life, and rings one word for that one. If it dies before it has rung the life for the others, those of its own lock are rung, but not those of another.
#[test]
fn who_watches_a_life_at_another_lock_may_hear_of_it_when_its_slice_ends() {
    let (mut stage, locks) = (Stage::new(), Rc::new([RawLock::new(), RawLock::new()]));
    let theirs = Rc::clone(&locks);
    stage.enter(0, move |party| {
        let taken = theirs.each_ref().map(|lock| lock.lock(party, Deadline::NEVER));
        assert_eq!(taken, [Ok(Taken::Clean); 2]);
        reached("has both");
    });
    stage.goes_to(0, "has both");
    for thread in [1, 2] {
        let theirs = Rc::clone(&locks);
        stage.enter(thread, move |party: &Model| {
            assert_eq!(theirs[thread - 1].lock(party, Deadline::NEVER), Ok(Taken::OwnerDied));
        });
        stage.falls_asleep(thread);
    }
    stage.dies(0);
    stage.dies(1);
    assert!(stage.has_happened("the slice of 2 ends"));
    stage.ends(2);
}

//! The lock: exclusion, and nobody left asleep, whoever dies where.

use crate::{
    os::clock::Deadline,
    play::plays,
    sync::RawLock,
    world::{Model, Moment, reached},
};
use loom::cell::UnsafeCell;

struct Shared {
    lock: RawLock,
    /// Touched by the holder only: `loom` reports two at a time.
    data: UnsafeCell<u32>,
    moment: Moment,
}

// SAFETY: the data is only touched under the lock, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

fn visit(shared: &Shared, party: &Model, deadline: Deadline) {
    if shared.lock.lock(party, deadline).is_ok() {
        // SAFETY: exclusive under the lock.
        let before = shared.data.with_mut(|data| unsafe {
            *data += 1;
            *data
        });
        shared.moment.passes();
        // SAFETY: as above.
        assert_eq!(shared.data.with(|data| unsafe { *data }), before);
        reached("inside");
        shared.lock.unlock(party, false);
    }
}

fn set() -> Shared {
    Shared { lock: RawLock::new(), data: UnsafeCell::new(0), moment: Moment::default() }
}

const NEVER: Deadline = Deadline::NEVER;

plays! {
    Deadline, set, |_, _, _| (), visit;
    loom_two_exclude_each_other 4 [None, NEVER; None, NEVER];
    loom_three_exclude_each_other 2 [None, NEVER; None, NEVER; None, NEVER];
    loom_a_time_out_leaves_no_trace 2 [None, NEVER; None, Deadline::SOON; None, NEVER];
    loom_a_try_leaves_no_trace 2 [None, NEVER; None, Deadline::NOW; None, NEVER];
    loom_a_holder_dies 3 [Some("inside"), NEVER; None, NEVER; None, NEVER];
    loom_one_dies_before_it_rings 3 [Some("lock.released"), NEVER; None, NEVER; None, NEVER];
    loom_one_dies_before_it_sleeps 3 [Some("lock.sleep"), NEVER; None, NEVER; None, NEVER];
    // The schedules of naive locks.
    loom_the_woken_one_dies_before_it_takes 3 [Some("lock.woken"), NEVER; None, NEVER; None, NEVER];
    loom_the_woken_one_dies_when_it_has_taken 3 [Some("lock.taken"), NEVER; None, NEVER; None, NEVER];
    loom_the_late_one_dies 2 [Some("lock.late"), Deadline::SOON; None, NEVER; None, NEVER];
    loom_holder_and_woken_one_die 2 [Some("inside"), NEVER; Some("lock.woken"), NEVER; None, NEVER];
    loom_holder_and_heir_die 2 [Some("inside"), NEVER; Some("lock.taken"), NEVER; None, NEVER];
    loom_releaser_and_woken_one_die 2 [Some("lock.released"), NEVER; Some("lock.woken"), NEVER; None, NEVER];
}

//! Events: whoever waits is released, whoever dies where.

use crate::{
    os::clock::Deadline, play::plays, sync::raw_event::RawEvent, watch::watch_event, world::Model,
};
use loom::cell::UnsafeCell;

struct Shared {
    event: RawEvent,
    /// Written before the event is set, read after the wait.
    data: UnsafeCell<u32>,
}

// SAFETY: the data is only touched before the event is set and after a wait, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

#[derive(Clone, Copy)]
enum Role {
    /// Writes the data and sets the event.
    Setter,
    /// Sets the event and clears it at once; writes nothing.
    Pulser,
    /// Sets the event; writes nothing.
    Second,
    Waiter,
    /// Looks at no data.
    BareWaiter,
    /// Waits for a while.
    LateWaiter,
    /// Watches it.
    Watcher,
}

fn act(shared: &Shared, party: &Model, role: Role) {
    let Shared { event, data } = shared;
    match role {
        Role::Setter => {
            // SAFETY: before the event is set for the first time.
            data.with_mut(|data| unsafe { *data = 7 });
            event.set(party);
        }
        Role::Pulser => {
            event.set(party);
            event.clear();
        }
        Role::Second => event.set(party),
        Role::Waiter => {
            assert!(event.wait(party, Deadline::NEVER));
            // SAFETY: after the wait.
            assert_eq!(data.with(|data| unsafe { *data }), 7);
        }
        Role::BareWaiter => assert!(event.wait(party, Deadline::NEVER)),
        Role::Watcher => assert!(watch_event(event, party, Deadline::NEVER)),
        Role::LateWaiter => {
            let _ = event.wait(party, Deadline::SOON);
        }
    }
}

fn set() -> Shared {
    Shared { event: RawEvent::new(), data: UnsafeCell::new(7) }
}

use Role::*;

plays! {
    Role, set, |_, _, _| (), act;
    loom_event_releases_two 2 [None, Setter; None, Waiter; None, Waiter];
    loom_event_two_set_it 2 [None, Setter; None, Second; None, BareWaiter];
    loom_event_setter_dies_before_it_rings 2 [Some("event.set"), Setter; None, Waiter; None, Waiter];
    loom_event_a_released_waiter_dies 2 [None, Setter; Some("event.released"), Waiter; None, Waiter];
    loom_event_a_woken_waiter_dies 2 [None, Setter; Some("event.woken"), Waiter; None, Waiter];
    loom_event_setter_and_woken_waiter_die 2 [Some("event.set"), Setter; Some("event.woken"), Waiter; None, Waiter];
    loom_event_a_sleeper_dies 2 [None, Setter; Some("event.sleep"), Waiter; None, Waiter];
    loom_event_one_gives_up 2 [None, Setter; None, LateWaiter; None, Waiter];
    loom_event_a_watcher_and_a_waiter 2 [None, Setter; None, Watcher; None, Waiter];
    loom_event_a_watcher_of_a_dead_setter 2 [Some("event.set"), Setter; None, Watcher; None, Waiter];
    loom_event_two_watchers_of_a_dead_setter 2 [Some("event.set"), Setter; None, Watcher; None, Watcher];
    loom_event_a_watcher_dies_asleep 2 [None, Setter; Some("event.released"), Waiter; None, Watcher];
    loom_event_set_and_cleared_at_once 2 [None, Pulser; None, LateWaiter; None, LateWaiter];
}

//! Blocks: never used while free, never handed out twice, never lost, whoever dies where.

use crate::{
    play::plays,
    segment::{OwnerId, pins::Pins},
    sync::party::Party,
    unlisted::Unlisted,
    world::{Model, Moment, id},
};
use loom::cell::UnsafeCell;

/// Holders whose bits are in different words, and the one for whom the block is claimed anew.
const FIRST: u32 = 8;
const SECOND: u32 = 70;
const NEXT: u32 = 9;

/// A block, which begins live and pinned by `FIRST`.
struct Shared {
    pins: Pins,
    /// Of its first life.
    generation: u32,
    /// The object in the block: written by who has claimed it, read by who has pinned it.
    contents: UnsafeCell<u32>,
    moment: Moment,
}

// SAFETY: the contents are only touched by who has the block, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

#[derive(Clone, Copy)]
enum Role {
    /// Drops the first pin.
    Dropper,
    /// Comes with a handle, and pins the block for `SECOND`.
    Pinner,
    /// Looks for a free block.
    Claimer,
}

impl Shared {
    /// Claims the block if it is free, fills it, makes it live for the holder, and gives its generation.
    fn allocate(&self, me: OwnerId, holder: u32, is_dead: impl Fn(OwnerId) -> bool) -> Option<u32> {
        let generation = self.pins.claim(me, is_dead)?;
        // SAFETY: nobody else has a claimed block.
        self.contents.with_mut(|contents| unsafe { *contents = generation });
        self.moment.passes();
        self.pins.publish(generation, holder, me);
        Some(generation)
    }

    /// Reads the contents of a pinned block.
    fn look(&self, generation: u32) {
        self.moment.passes();
        // SAFETY: nobody writes a pinned block.
        assert_eq!(self.contents.with(|contents| unsafe { *contents }), generation);
    }

    fn act(&self, party: &Model, role: Role) {
        let (me, around) = (party.id(), &Unlisted(party));
        match role {
            Role::Dropper => drop(self.pins.unpin(FIRST, me, around)),
            Role::Pinner if self.pins.pin(self.generation, SECOND) => {
                self.look(self.generation);
                self.pins.unpin(SECOND, me, around);
            }
            Role::Pinner => drop(self.pins.try_free(me, around)),
            Role::Claimer => {
                // As a sweep does with every block.
                self.pins.try_free(OwnerId::of_sweeper(21), around);
                if let Some(generation) = self.allocate(me, NEXT, |id| party.is_dead(id)) {
                    self.look(generation);
                    self.pins.unpin(NEXT, me, around);
                }
            }
        }
    }

    /// A sweep of the dead, by a process that lives. Nobody has the block then: it is free, and can be had.
    fn end(&self, party: &Model) {
        let sweeper = OwnerId::of_sweeper(20);
        let is_dead = |owner| party.is_dead(owner);
        for (thread, holder) in [FIRST, SECOND, NEXT].into_iter().enumerate() {
            if is_dead(id(thread)) {
                self.pins.unpin(holder, sweeper, &Unlisted(party));
            }
        }
        assert!(self.allocate(sweeper, 30, is_dead).is_some(), "the block is lost");
    }
}

fn set() -> Shared {
    let (pins, contents) = (Pins::new(), UnsafeCell::new(0));
    let mut shared = Shared { pins, generation: 0, contents, moment: Moment::default() };
    shared.generation = shared.allocate(id(0), FIRST, |_| false).unwrap();
    shared
}

use Role::*;

plays! {
    Role, set, |_, _, _| (), Shared::act, Shared::end;
    loom_a_block_is_not_freed_under_a_pin 3 [None, Dropper; None, Pinner; None, Claimer];
    loom_one_dies_when_its_pin_is_cleared 3 [Some("unpin.cleared"), Dropper; None, Pinner; None, Claimer];
    loom_one_dies_taking_it_away 3 [Some("free.dying"), Dropper; None, Pinner; None, Claimer];
    loom_one_dies_when_it_is_free 3 [Some("free.freed"), Dropper; None, Pinner; None, Claimer];
    loom_one_dies_when_it_has_pinned 3 [None, Dropper; Some("pin.set"), Pinner; None, Claimer];
    loom_one_dies_in_preparation 3 [None, Dropper; None, Pinner; Some("alloc.pinned"), Claimer];
    loom_two_die_at_once 3 [Some("free.dying"), Dropper; Some("pin.set"), Pinner; None, Claimer];
    loom_two_die_at_once_otherwise 3 [Some("unpin.cleared"), Dropper; None, Pinner; Some("alloc.pinned"), Claimer];
}

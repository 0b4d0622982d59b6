//! Spare members of large parcels: one is used or taken away, never both, and never lost, whoever dies where.

use crate::{
    atomic::{AtomicU64, Ordering},
    os::step::step,
    play::plays,
    segment::{OwnerId, pins::Pins},
    sync::party::Party,
    unlisted::Unlisted,
    world::{Model, Moment, broken, id},
};
use loom::cell::UnsafeCell;

const LIVE: u64 = 1;
const RETIRING: u64 = 2;
const GONE: u64 = 3;

/// A member with one free block, which both have mapped.
struct Shared {
    /// Its entry in the table of members.
    member: AtomicU64,
    pins: Pins,
    contents: UnsafeCell<u32>,
    moment: Moment,
}

// SAFETY: the contents are only touched by who has the block, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

#[derive(Clone, Copy)]
enum Role {
    /// As `Root::claim_spare`, and what follows.
    Claimer,
    /// As `Root::retire`.
    Retirer,
    /// As who comes to each member after a death, and then to each free one.
    Sweeper,
}

impl Shared {
    fn claim(&self, me: OwnerId, party: &Model) -> Option<u32> {
        self.pins.claim(me, |owner| party.is_dead(owner))
    }

    fn write(&self) {
        // SAFETY: nobody else has the block.
        self.contents.with_mut(|contents| unsafe { *contents += 1 });
        self.moment.passes();
    }

    fn retire(&self, me: OwnerId, party: &Model) {
        if self.claim(me, party).is_none() {
            return;
        }
        step!("spare.claimed");
        // Its pages go back.
        self.write();
        step!("member.emptied");
        let retiring =
            self.member.compare_exchange(LIVE, RETIRING, Ordering::SeqCst, Ordering::Relaxed);
        if retiring.is_ok() {
            step!("member.retiring");
            self.member.store(GONE, Ordering::SeqCst);
        }
    }

    fn act(&self, party: &Model, role: Role) {
        let (me, holder) = (party.id(), 70);
        match role {
            Role::Claimer => {
                let Some(generation) = self.claim(me, party) else { return };
                step!("spare.claimed");
                if !broken("live") && self.member.load(Ordering::SeqCst) != LIVE {
                    return;
                }
                self.write();
                self.pins.publish(generation, holder, me);
                self.in_use();
                self.pins.unpin(holder, me, &Unlisted(party));
            }
            Role::Retirer => self.retire(me, party),
            Role::Sweeper => {
                self.pins.try_free(me, &Unlisted(party));
                if self.pins.is_free() {
                    self.retire(me, party);
                }
            }
        }
    }

    /// Whoever is sent a block looks for its member.
    fn in_use(&self) {
        assert_eq!(self.member.load(Ordering::SeqCst), LIVE, "a member in use was taken away");
    }

    /// A sweep of the dead, by a process that lives.
    fn end(&self, party: &Model) {
        let sweeper = OwnerId::of_sweeper(20);
        if party.is_dead(id(2)) {
            self.pins.unpin(70, sweeper, &Unlisted(party));
        }
        self.pins.try_free(sweeper, &Unlisted(party));
        match self.member.load(Ordering::SeqCst) {
            LIVE => assert!(self.pins.is_free(), "the member is lost"),
            RETIRING => assert!((0..3).any(|thread| party.is_dead(id(thread)))),
            _ => {}
        }
    }
}

fn set() -> Shared {
    let (member, contents) = (AtomicU64::new(LIVE), UnsafeCell::new(0));
    Shared { member, pins: Pins::new(), contents, moment: Moment::default() }
}

use Role::*;

plays! {
    Role, set, |_, _, _| (), Shared::act, Shared::end;
    loom_a_spare_is_used_or_taken_away 3 [None, Sweeper; None, Retirer; None, Claimer];
    loom_who_takes_a_spare_away_dies_with_it 3 [None, Sweeper; Some("spare.claimed"), Retirer; None, Claimer];
    loom_who_takes_a_spare_away_dies_emptying_it 3 [None, Sweeper; Some("member.emptied"), Retirer; None, Claimer];
    loom_who_takes_a_spare_away_dies_taking_it 3 [None, Sweeper; Some("member.retiring"), Retirer; None, Claimer];
    loom_who_claims_a_spare_dies 3 [None, Sweeper; None, Retirer; Some("spare.claimed"), Claimer];
    loom_who_uses_a_spare_dies 3 [None, Sweeper; None, Retirer; Some("alloc.pinned"), Claimer];
}

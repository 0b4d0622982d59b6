//! Parcels: what travels in one is never freed under its receiver, and never lost, whoever dies where.

use crate::{
    atomic::{AtomicU64, Ordering},
    play::plays,
    segment::{
        OwnerId,
        pins::{Around, Pins},
    },
    sync::party::Party,
    world::{Model, Moment, broken, id, reached},
};
use loom::cell::UnsafeCell;
use std::cell::Cell;

const MAKER: u32 = 8;
const RECEIVER: u32 = 70;
const CLAIMER: u32 = 21;
const LISTED: u64 = 1 << 63;

/// A parcel with one entry, and the block that it lists. Both begin live and pinned by `MAKER`, the parcel by `RECEIVER` too.
struct Shared {
    parcel: Pins,
    entry: AtomicU64,
    block: Pins,
    /// The block's, in its first life.
    generation: u32,
    /// The object in the block.
    contents: UnsafeCell<u32>,
    moment: Moment,
}

// SAFETY: the contents are only touched by who has the block, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

/// As `Surroundings` of the library has it.
struct OfBlock<'a>(&'a Shared, &'a Model);

impl Around for OfBlock<'_> {
    fn is_dead(&self, owner: OwnerId) -> bool {
        self.1.is_dead(owner)
    }

    fn is_listed(&self, generation: u32) -> bool {
        let look = |_| self.0.entry.load(Ordering::Acquire) == LISTED | u64::from(generation);
        !broken("list") && self.0.parcel.watch(look) == Some(true)
    }

    fn last_look(&self) {}
}

struct OfParcel<'a> {
    shared: &'a Shared,
    party: &'a Model,
    listed: Cell<bool>,
}

impl Around for OfParcel<'_> {
    fn is_dead(&self, owner: OwnerId) -> bool {
        self.party.is_dead(owner)
    }

    fn is_listed(&self, _: u32) -> bool {
        false
    }

    fn last_look(&self) {
        self.listed.set(self.shared.entry.load(Ordering::Acquire) & LISTED != 0);
    }
}

#[derive(Clone, Copy)]
enum Role {
    /// Has made the parcel; lists the block in it, and drops both.
    Maker,
    /// Unpacks the parcel, which it pins.
    Receiver,
    /// Looks for a free block, and uses it for something else.
    Claimer,
}

impl Shared {
    fn unpin_block(&self, holder: u32, me: OwnerId, party: &Model) {
        self.block.unpin(holder, me, &OfBlock(self, party));
    }

    fn unpin_parcel(&self, holder: u32, me: OwnerId, party: &Model) {
        let around = OfParcel { shared: self, party, listed: Cell::new(false) };
        if self.parcel.unpin(holder, me, &around) && around.listed.get() {
            reached("free.listed");
            self.block.try_free(me, &OfBlock(self, party));
        }
    }

    fn look(&self) {
        self.moment.passes();
        // SAFETY: nobody writes a pinned block.
        assert_eq!(self.contents.with(|contents| unsafe { *contents }), self.generation);
    }

    fn act(&self, party: &Model, role: Role) {
        let me = party.id();
        let listed = LISTED | u64::from(self.generation);
        match role {
            Role::Maker => {
                self.entry.store(listed, Ordering::Release);
                self.unpin_block(MAKER, me, party);
                self.unpin_parcel(MAKER, me, party);
            }
            Role::Receiver if self.entry.load(Ordering::Acquire) == listed => {
                assert!(self.block.pin(self.generation, RECEIVER), "freed while it was listed");
                self.unpin_parcel(RECEIVER, me, party);
                self.look();
                self.unpin_block(RECEIVER, me, party);
            }
            Role::Receiver => self.unpin_parcel(RECEIVER, me, party),
            Role::Claimer => {
                if let Some(next) = self.block.claim(me, |owner| party.is_dead(owner)) {
                    // SAFETY: nobody else has a claimed block.
                    self.contents.with_mut(|contents| unsafe { *contents = next });
                    self.moment.passes();
                    self.block.publish(next, CLAIMER, me);
                    self.unpin_block(CLAIMER, me, party);
                }
            }
        }
    }

    /// A sweep of the dead, by a process that lives.
    fn end(&self, party: &Model) {
        let sweeper = OwnerId::of_sweeper(20);
        for (thread, holder) in [MAKER, RECEIVER, CLAIMER].into_iter().enumerate() {
            if party.is_dead(id(thread)) {
                self.unpin_block(holder, sweeper, party);
                self.unpin_parcel(holder, sweeper, party);
                self.block.try_free(sweeper, &OfBlock(self, party));
            }
        }
        assert!(self.parcel.is_free(), "the parcel is lost");
        assert!(self.block.is_free(), "the block is lost");
    }
}

fn set() -> Shared {
    let (parcel, block) = (Pins::new(), Pins::new());
    let first = parcel.claim(id(0), |_| false).unwrap();
    parcel.publish(first, MAKER, id(0));
    assert!(parcel.pin(first, RECEIVER));
    let generation = block.claim(id(0), |_| false).unwrap();
    block.publish(generation, MAKER, id(0));
    let (entry, contents) = (AtomicU64::new(0), UnsafeCell::new(generation));
    Shared { parcel, entry, block, generation, contents, moment: Moment::default() }
}

use Role::*;

plays! {
    Role, set, |_, _, _| (), Shared::act, Shared::end;
    loom_a_listed_block_is_not_freed 3 [None, Maker; None, Receiver; None, Claimer];
    loom_the_maker_dies_dropping_the_block 2 [Some("free.dying"), Maker; None, Receiver; None, Claimer];
    loom_the_maker_dies_having_freed_the_parcel 3 [Some("free.listed"), Maker; None, Receiver; None, Claimer];
    loom_the_receiver_dies_with_the_block 2 [None, Maker; Some("pin.set"), Receiver; None, Claimer];
    loom_the_receiver_dies_having_freed_the_parcel 3 [None, Maker; Some("free.listed"), Receiver; None, Claimer];
    loom_the_receiver_dies_dropping_the_block 2 [None, Maker; Some("unpin.cleared"), Receiver; None, Claimer];
}

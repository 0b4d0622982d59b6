//! Wardens: what is listed in a parcel that goes on is free once its warden is over, whoever lists at that moment, and whoever dies where.

use crate::{
    atomic::{AtomicU64, Ordering, fence},
    play::plays,
    segment::{
        OwnerId,
        pins::{Around, Pins},
    },
    sync::party::Party,
    unlisted::Unlisted,
    world::{Model, broken, id, reached},
};

const SENDER: u32 = 8;
const RECEIVER: u32 = 70;
const LISTED: u64 = 1 << 63;

/// A parcel that lives all the time, with one entry; its warden, pinned by `RECEIVER`; and a block, pinned by `SENDER`.
struct Shared {
    entry: AtomicU64,
    warden: Pins,
    block: Pins,
    /// Of both, in their first lives.
    generation: u32,
}

/// As `Surroundings` of the library has it.
struct OfBlock<'a>(&'a Shared, &'a Model);

impl Around for OfBlock<'_> {
    fn is_dead(&self, owner: OwnerId) -> bool {
        self.1.is_dead(owner)
    }

    fn is_listed(&self, generation: u32) -> bool {
        fence(Ordering::SeqCst);
        self.0.entry.load(Ordering::Acquire) == LISTED | u64::from(generation)
            && !self.0.warden.is_over(self.0.generation)
    }

    fn last_look(&self) {}
}

#[derive(Clone, Copy)]
enum Role {
    /// Lists the block, and drops it.
    Sender,
    /// Ends: drops the warden.
    Receiver,
    /// The same after a look: if the block is listed, it takes it off the list.
    Taker,
}

impl Shared {
    fn unpin_block(&self, holder: u32, me: OwnerId, party: &Model) {
        self.block.unpin(holder, me, &OfBlock(self, party));
    }

    fn unpin_warden(&self, holder: u32, me: OwnerId, party: &Model) {
        if self.warden.unpin(holder, me, &Unlisted(party)) {
            reached("free.listed");
            fence(Ordering::SeqCst);
            if !broken("warden") && self.entry.load(Ordering::Acquire) & LISTED != 0 {
                self.block.try_free(me, &OfBlock(self, party));
            }
        }
    }

    fn act(&self, party: &Model, role: Role) {
        let me = party.id();
        let listed = LISTED | u64::from(self.generation);
        match role {
            Role::Sender => {
                self.entry.store(listed, Ordering::Release);
                self.unpin_block(SENDER, me, party);
            }
            Role::Receiver => self.unpin_warden(RECEIVER, me, party),
            Role::Taker => {
                if self.entry.load(Ordering::Acquire) == listed {
                    assert!(self.block.pin(self.generation, RECEIVER), "freed while it was listed");
                    self.unpin_block(RECEIVER, me, party);
                    self.entry.store(0, Ordering::SeqCst);
                    reached("parcel.unlisted");
                    self.block.try_free(me, &OfBlock(self, party));
                }
                self.unpin_warden(RECEIVER, me, party);
            }
        }
    }

    /// A sweep of the dead, by a process that lives.
    fn end(&self, party: &Model) {
        let sweeper = OwnerId::of_sweeper(20);
        for (thread, holder) in [SENDER, RECEIVER].into_iter().enumerate() {
            if party.is_dead(id(thread)) {
                self.unpin_block(holder, sweeper, party);
                self.unpin_warden(holder, sweeper, party);
                self.block.try_free(sweeper, &OfBlock(self, party));
            }
        }
        assert!(self.warden.is_free(), "the warden is lost");
        assert!(self.block.is_free(), "the block is lost");
    }
}

fn set() -> Shared {
    let (warden, block) = (Pins::new(), Pins::new());
    let generation = warden.claim(id(1), |_| false).unwrap();
    warden.publish(generation, RECEIVER, id(1));
    assert_eq!(block.claim(id(0), |_| false), Some(generation));
    block.publish(generation, SENDER, id(0));
    Shared { entry: AtomicU64::new(0), warden, block, generation }
}

use Role::*;

plays! {
    Role, set, |_, _, _| (), Shared::act, Shared::end;
    loom_a_sender_lists_while_the_warden_goes 3 [None, Sender; None, Receiver];
    loom_an_item_is_taken_off_the_list 3 [None, Sender; None, Taker];
    loom_a_sender_dies_dropping_what_it_listed 3 [Some("free.dying"), Sender; None, Receiver];
    loom_a_sender_dies_having_listed 3 [Some("unpin.cleared"), Sender; None, Receiver];
    loom_who_freed_the_warden_dies 3 [None, Sender; Some("free.listed"), Receiver];
    loom_a_taker_dies_having_taken 3 [None, Sender; Some("parcel.unlisted"), Taker];
    loom_a_taker_dies_dropping_the_block 3 [None, Sender; Some("free.dying"), Taker];
}

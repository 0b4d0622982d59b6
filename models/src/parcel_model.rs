//! Parcels: what travels in one is never freed under its receiver, and never lost, whoever dies where.

use crate::{
    atomic::{AtomicU64, Ordering},
    segment::{
        OwnerId,
        pins::{Around, Pins},
    },
    world::{Moment, World, anybody_died, broken, explore, id, live, reached},
};
use loom::{cell::UnsafeCell, sync::Arc, thread};
use std::cell::Cell;

const MAKER: u32 = 8;
const RECEIVER: u32 = 70;
const SWEEPER: u32 = 20;
const LISTED: u64 = 1 << 63;

/// A parcel with one entry, and the block that it lists.
struct Shared {
    world: Arc<World>,
    parcel: Pins,
    entry: AtomicU64,
    block: Pins,
    /// The object in the block.
    contents: UnsafeCell<u32>,
    moment: Moment,
}

// SAFETY: the contents are only touched by who has the block, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

/// As `Surroundings` of the library has it.
struct OfBlock<'a>(&'a Shared);

impl Around for OfBlock<'_> {
    fn is_dead(&self, owner: OwnerId) -> bool {
        self.0.world.is_dead(owner)
    }

    fn is_listed(&self, generation: u32) -> bool {
        let look = |_| self.0.entry.load(Ordering::Acquire) == LISTED | u64::from(generation);
        !broken("list") && self.0.parcel.watch(look) == Some(true)
    }

    fn last_look(&self) {}
}

struct OfParcel<'a> {
    shared: &'a Shared,
    listed: Cell<bool>,
}

impl Around for OfParcel<'_> {
    fn is_dead(&self, owner: OwnerId) -> bool {
        self.shared.world.is_dead(owner)
    }

    fn is_listed(&self, _: u32) -> bool {
        false
    }

    fn last_look(&self) {
        self.listed.set(self.shared.entry.load(Ordering::Acquire) & LISTED != 0);
    }
}

impl Shared {
    fn unpin_block(&self, holder: u32, me: OwnerId) {
        self.block.unpin(holder, me, &OfBlock(self));
    }

    fn unpin_parcel(&self, holder: u32, me: OwnerId) {
        let around = OfParcel { shared: self, listed: Cell::new(false) };
        if self.parcel.unpin(holder, me, &around) && around.listed.get() {
            reached("free.listed");
            self.block.try_free(me, &OfBlock(self));
        }
    }

    fn look(&self, generation: u32) {
        self.moment.passes();
        // SAFETY: nobody writes a pinned block.
        assert_eq!(self.contents.with(|contents| unsafe { *contents }), generation);
    }

    /// Who finds the block free uses it for something else.
    fn use_again(&self, me: OwnerId) {
        if let Some(next) = self.block.claim(me, |id| self.world.is_dead(id)) {
            // SAFETY: nobody else has a claimed block.
            self.contents.with_mut(|contents| unsafe { *contents = next });
            self.moment.passes();
            self.block.publish(next, SWEEPER + 1, me);
            self.block.unpin(SWEEPER + 1, me, &OfBlock(self));
        }
    }
}

/// Thread 0 made a parcel that lists the block, lists it, and drops both. Thread 1 unpacks the parcel, which it pins. Thread 2 looks for free blocks.
fn run(preemptions: usize, fates: [Option<&'static str>; 3]) -> bool {
    anybody_died();
    explore(preemptions, move || {
        let world = World::new();
        let shared = Arc::new(Shared {
            world: Arc::clone(&world),
            parcel: Pins::new(),
            entry: AtomicU64::new(0),
            block: Pins::new(),
            contents: UnsafeCell::new(0),
            moment: Moment::default(),
        });
        let nobody = |_| false;
        let parcel = shared.parcel.claim(id(0), nobody).unwrap();
        shared.parcel.publish(parcel, MAKER, id(0));
        assert!(shared.parcel.pin(parcel, RECEIVER));
        let block = shared.block.claim(id(0), nobody).unwrap();
        // SAFETY: nobody else has a claimed block.
        shared.contents.with_mut(|contents| unsafe { *contents = block });
        shared.block.publish(block, MAKER, id(0));
        let part = |thread: usize, body: fn(&Shared, u32)| {
            let shared = Arc::clone(&shared);
            let step = fates[thread];
            thread::spawn(move || live(&shared.world, thread, step, |_| body(&shared, block)))
        };
        let receives = part(1, |shared, block| {
            if shared.entry.load(Ordering::Acquire) == LISTED | u64::from(block) {
                assert!(shared.block.pin(block, RECEIVER), "freed while it was listed");
                shared.unpin_parcel(RECEIVER, id(1));
                shared.look(block);
                shared.unpin_block(RECEIVER, id(1));
            } else {
                shared.unpin_parcel(RECEIVER, id(1));
            }
        });
        let claims = part(2, |shared, _| shared.use_again(id(2)));
        live(&world, 0, fates[0], |_| {
            shared.entry.store(LISTED | u64::from(block), Ordering::Release);
            shared.unpin_block(MAKER, id(0));
            shared.unpin_parcel(MAKER, id(0));
        });
        receives.join().unwrap();
        claims.join().unwrap();
        // A sweep of the dead, by a process that lives.
        let sweeper = OwnerId::of_sweeper(SWEEPER);
        for (holder, fate) in [MAKER, RECEIVER, SWEEPER + 1].into_iter().zip(fates) {
            if fate.is_some() {
                shared.unpin_block(holder, sweeper);
                shared.unpin_parcel(holder, sweeper);
                shared.block.try_free(sweeper, &OfBlock(&shared));
            }
        }
        assert!(shared.parcel.is_free(), "the parcel is lost");
        assert!(shared.block.is_free(), "the block is lost");
    });
    anybody_died()
}

macro_rules! parcel_models {
    ($($name:ident $preemptions:literal [$($fate:expr),*];)*) => {$(
        #[test]
        fn $name() {
            let fates: [Option<&str>; 3] = [$($fate),*];
            assert_eq!(run($preemptions, fates), fates.iter().any(Option::is_some), "nobody came to the step");
        }
    )*};
}

parcel_models! {
    loom_a_listed_block_is_not_freed 3 [None, None, None];
    loom_the_maker_dies_dropping_the_block 2 [Some("free.dying"), None, None];
    loom_the_maker_dies_having_freed_the_parcel 3 [Some("free.listed"), None, None];
    loom_the_receiver_dies_with_the_block 2 [None, Some("pin.set"), None];
    loom_the_receiver_dies_having_freed_the_parcel 3 [None, Some("free.listed"), None];
    loom_the_receiver_dies_dropping_the_block 2 [None, Some("unpin.cleared"), None];
}

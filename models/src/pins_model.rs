//! Blocks: never used while free, never handed out twice, never lost, whoever dies where.

use crate::{
    atomic::Ordering,
    segment::{
        OwnerId,
        pins::{Around, Pins},
    },
    world::{Moment, World, anybody_died, explore, id, live},
};
use loom::{cell::UnsafeCell, sync::Arc, thread};

/// Holders whose bits are in different words.
const FIRST: u32 = 8;
const SECOND: u32 = 70;

struct Shared {
    world: Arc<World>,
    pins: Pins,
    /// The object in the block: written by who has claimed it, read by who has pinned it.
    contents: UnsafeCell<u32>,
    moment: Moment,
}

// SAFETY: the contents are only touched by who has the block, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

/// No parcel lists the block.
impl Around for Shared {
    fn is_dead(&self, owner: OwnerId) -> bool {
        self.world.is_dead(owner)
    }

    fn is_listed(&self, _: u32) -> bool {
        false
    }

    fn last_look(&self) {}
}

impl Shared {
    /// Claims the block if it is free, fills it, makes it live for the holder, and gives its generation.
    fn allocate(&self, me: OwnerId, holder: u32) -> Option<u32> {
        let generation = self.pins.claim(me, |id| self.is_dead(id))?;
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
}

/// The block is live and pinned by `FIRST`. Thread 0 drops that pin; thread 1 comes with a handle and pins it for `SECOND`; thread 2 looks for a free block.
fn run(preemptions: usize, fates: [Option<&'static str>; 3]) -> bool {
    anybody_died();
    explore(preemptions, move || {
        let world = World::new();
        let shared = Arc::new(Shared {
            world: Arc::clone(&world),
            pins: Pins::new(),
            contents: UnsafeCell::new(0),
            moment: Moment::default(),
        });
        let generation = shared.allocate(id(0), FIRST).unwrap();
        let part = |thread: usize, body: fn(&Shared, u32)| {
            let shared = Arc::clone(&shared);
            let step = fates[thread];
            thread::spawn(move || live(&shared.world, thread, step, |_| body(&shared, generation)))
        };
        let pins = part(1, |shared, generation| {
            if shared.pins.pin(generation, SECOND) {
                shared.look(generation);
                shared.pins.unpin(SECOND, id(1), shared);
            } else {
                shared.pins.try_free(id(1), shared);
            }
        });
        let claims = part(2, |shared, _| {
            // As a sweep does with every block.
            shared.pins.try_free(OwnerId::of_sweeper(21), shared);
            if let Some(generation) = shared.allocate(id(2), FIRST + 1) {
                shared.look(generation);
                shared.pins.unpin(FIRST + 1, id(2), shared);
            }
        });
        live(&world, 0, fates[0], |_| {
            shared.pins.unpin(FIRST, id(0), &*shared);
        });
        pins.join().unwrap();
        claims.join().unwrap();
        // A sweep of the dead, by a process that lives.
        let sweeper = OwnerId::of_sweeper(20);
        for (holder, _) in
            [FIRST, SECOND, FIRST + 1].into_iter().zip(fates).filter(|(_, fate)| fate.is_some())
        {
            shared.pins.unpin(holder, sweeper, &*shared);
        }
        // Nobody has it now: it is free, and can be had.
        assert!(shared.allocate(sweeper, 30).is_some(), "the block is lost");
        crate::atomic::fence(Ordering::SeqCst);
    });
    anybody_died()
}

macro_rules! pins_models {
    ($($name:ident $preemptions:literal [$($fate:expr),*];)*) => {$(
        #[test]
        fn $name() {
            let fates: [Option<&str>; 3] = [$($fate),*];
            assert_eq!(run($preemptions, fates), fates.iter().any(Option::is_some), "nobody came to the step");
        }
    )*};
}

pins_models! {
    loom_a_block_is_not_freed_under_a_pin 3 [None, None, None];
    loom_one_dies_when_its_pin_is_cleared 3 [Some("unpin.cleared"), None, None];
    loom_one_dies_taking_it_away 3 [Some("free.dying"), None, None];
    loom_one_dies_when_it_is_free 3 [Some("free.freed"), None, None];
    loom_one_dies_when_it_has_pinned 3 [None, Some("pin.set"), None];
    loom_one_dies_in_preparation 3 [None, None, Some("alloc.pinned")];
    loom_two_die_at_once 3 [Some("free.dying"), Some("pin.set"), None];
    loom_two_die_at_once_otherwise 3 [Some("unpin.cleared"), None, Some("alloc.pinned")];
}

//! Which blocks are free: the claims and pins of one block, in any storage.
//!
//! # Protocol
//!
//! A block has a **state** word and a set of **pins**, one bit for each holder: a process, or a table in the segment that keeps blocks alive.
//! A bit is idempotent, so a death cannot make a count wrong: who died is known, and its bits are cleared in every block.
//!
//! | state | bits 62–63 | bits 32–61 | bits 0–31 |
//! | --- | --- | --- | --- |
//! | FREE | 0 | generation of the last use | 0 |
//! | CLAIMED | 1 | generation of the next use | who prepares it |
//! | LIVE | 2 | generation | 0 |
//! | DYING | 3 | generation | who takes it away |
//!
//! Invariants:
//! 1. FREE → CLAIMED, LIVE → DYING and DYING → FREE are compare-exchanges that carry a name or take one away.
//! 2. The contents change hands only through FREE; a handle's generation is that of one LIVE.
//! 3. A process uses a block only while its bit is set *and* it has seen LIVE with its generation after setting the bit.
//! 4. DYING → FREE happens only after every pin was seen zero, and then no parcel that lists the block was seen, *after* DYING was written.
//!
//! Pinning sets the bit, then looks at the state; freeing writes DYING, then looks at the bits; both are sequentially consistent, so
//! one sees the other. A pinner that meets its own generation DYING revives it: nothing has happened to the contents. So a
//! handle that is pinned anywhere never looks stale, although the bits are not read in one instant.
//!
//! # Parcels
//!
//! A message lists the blocks of the handles in it ([`Parcel`](super::Parcel)), and a block that a living parcel lists is not freed: nobody pins anything on somebody
//! else's behalf. Who makes a parcel pins what it lists until the parcel is whole; who unpacks one pins what it wants while the parcel lives. So a block that travels is
//! always pinned or listed, and one that goes from hand to hand while its freer looks is pinned in between, after DYING was written: the pinner revives it.
//!
//! Who frees a parcel notes what it lists, and when it is FREE tries to free each of those. Who finds a block listed goes back to LIVE and looks at the parcels once
//! more: either it sees the parcel FREE, or the parcel's freer comes to the block later.
//!
//! A parcel may have a warden. It lists nothing any more once that is over, which is for good; so who frees the warden does as one who frees the parcel, but the parcel may be written meanwhile. Who lists a block there drops its pin
//! later, and looks for the warden then; who frees the warden looks at the entries after that. There is a sequentially consistent fence before each look, so one of both sees what the other did, and frees the block. Where the freer dies in between, the
//! sweep of what it had comes to each block.
//!
//! Where a block is listed by one entry only, ever, as a large item of a queue is, its descriptor says which: nobody looks elsewhere.
//!
//! A death leaves: CLAIMED by a corpse, which is FREE to whoever meets it; LIVE with a corpse's bits, which the sweep clears; LIVE without bits, when it came
//! between the bit and the state, and DYING by a corpse: the sweep frees both. LIVE without bits is met in good order too, for a moment: it is no different, as who frees
//! it is the one whose compare-exchange does. A thread without a name of its own leaves it so: then the next sweep of its process frees the block, or who asks for its users.

use super::{HOLDERS, OwnerId};
use crate::{
    atomic::{AtomicU64, Ordering},
    os::step::step,
};

const WORDS: usize = HOLDERS as usize / 64;

/// What the protocol asks of the world around a block.
pub(crate) trait Around {
    /// Whether the thread behind a claim has ended.
    fn is_dead(&self, owner: OwnerId) -> bool;

    /// Whether a parcel that is not free lists the block in this generation.
    fn is_listed(&self, generation: u32) -> bool;

    /// The block is dying: the last moment to look at its contents. It may live again all the same, and die another time.
    fn last_look(&self);
}

/// Generations go round after 2^30 uses of one block.
const GENERATIONS: u32 = 1 << 30;

/// State and pins of one block.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Pins {
    pub(super) state: AtomicU64,
    pub(super) bits: [AtomicU64; WORDS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free {
        last: u32,
    },
    Claimed {
        next: u32,
        by: u32,
    },
    Live {
        generation: u32,
    },
    Dying {
        generation: u32,
        by: u32,
    },
    /// No word that this protocol writes: scribbled over. The block is lost, and nobody waits for it.
    Damaged,
}

impl State {
    fn pack(self) -> u64 {
        let (kind, generation, owner) = match self {
            Self::Free { last } => (0, last, 0),
            Self::Claimed { next, by } => (1, next, by),
            Self::Live { generation } => (2, generation, 0),
            Self::Dying { generation, by } => (3, generation, by),
            Self::Damaged => (0, 0, u32::MAX),
        };
        kind << 62 | u64::from(generation % GENERATIONS) << 32 | u64::from(owner)
    }

    fn unpack(word: u64) -> Self {
        let generation = (word >> 32) as u32 % GENERATIONS;
        let by = word as u32;
        match (word >> 62, by) {
            (0, 0) => Self::Free { last: generation },
            (1, _) => Self::Claimed { next: generation, by },
            (2, 0) => Self::Live { generation },
            (3, _) => Self::Dying { generation, by },
            _ => Self::Damaged,
        }
    }
}

/// The generation of the object in a block whose state is this word, if there is one.
#[cfg(not(feature = "models"))]
pub(super) fn live_in(word: u64) -> Option<u32> {
    match State::unpack(word) {
        State::Live { generation } => Some(generation),
        _ => None,
    }
}

impl Pins {
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        Self { state: AtomicU64::new(0), bits: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    fn state(&self) -> State {
        State::unpack(self.state.load(Ordering::SeqCst))
    }

    /// One step of the state; `false` when somebody else was faster.
    fn step(&self, from: State, to: State) -> bool {
        self.state
            .compare_exchange(from.pack(), to.pack(), Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes a free block, or one whose preparer died; the answer is the generation of its next use.
    pub(crate) fn claim(&self, me: OwnerId, is_dead: impl Fn(OwnerId) -> bool) -> Option<u32> {
        let now = self.state();
        let next = match now {
            State::Free { last } => (last + 1) % GENERATIONS,
            State::Claimed { next, by } if OwnerId::from_bits(by).is_none_or(is_dead) => next,
            _ => return None,
        };
        self.step(now, State::Claimed { next, by: me.bits() }).then_some(next)
    }

    /// Makes a claimed and prepared block live, pinned by `holder`.
    pub(crate) fn publish(&self, generation: u32, holder: u32, me: OwnerId) {
        self.bits[word_of(holder)].fetch_or(bit_of(holder), Ordering::SeqCst);
        step!("alloc.pinned");
        self.step(State::Claimed { next: generation, by: me.bits() }, State::Live { generation });
    }

    /// Whether this use of the block is over for good. (One that is dying may live on.)
    pub(crate) fn is_over(&self, generation: u32) -> bool {
        !matches!(self.state(), State::Live { generation: now } | State::Dying { generation: now, .. } if now == generation % GENERATIONS)
    }

    /// Whether the block is live with this generation at this moment.
    pub(crate) fn is_live(&self, generation: u32) -> bool {
        matches!(self.state(), State::Live { generation: now } if now == generation % GENERATIONS)
    }

    /// What `look` says of a block that was live in one generation meanwhile, with that generation; `None` if it is not live.
    pub(crate) fn watch<T>(&self, look: impl Fn(u32) -> T) -> Option<T> {
        let living = || match self.state() {
            State::Live { generation } | State::Dying { generation, .. } => Some(generation),
            _ => None,
        };
        loop {
            let before = living()?;
            let seen = look(before);
            // The loads of `look` acquire, so this one is later.
            if living() == Some(before) {
                return Some(seen);
            }
        }
    }

    /// Pins a live block of this generation; `false` when it is not that any more. Then the caller may have kept it from being freed, and must
    /// [try to free](Self::try_free) it.
    pub(crate) fn pin(&self, generation: u32, holder: u32) -> bool {
        let before = self.bits[word_of(holder)].fetch_or(bit_of(holder), Ordering::SeqCst);
        step!("pin.set");
        loop {
            match self.state() {
                State::Live { generation: now } if now == generation => return true,
                dying @ State::Dying { generation: now, .. } if now == generation => {
                    // Not yet taken away: revive it.
                    if self.step(dying, State::Live { generation }) {
                        return true;
                    }
                }
                _ => break,
            }
        }
        // A stale handle.
        if before & bit_of(holder) == 0 {
            self.bits[word_of(holder)].fetch_and(!bit_of(holder), Ordering::SeqCst);
        }
        false
    }

    /// Whether the holder pins it.
    pub(crate) fn is_pinned_by(&self, holder: u32) -> bool {
        self.bits[word_of(holder)].load(Ordering::SeqCst) & bit_of(holder) != 0
    }

    /// Pins a block that the caller pins already for another holder, who will look at it when it can.
    pub(crate) fn pin_for(&self, holder: u32) {
        self.bits[word_of(holder)].fetch_or(bit_of(holder), Ordering::SeqCst);
    }

    /// Clears the holder's pin, and leaves it to others to free the block.
    pub(crate) fn give_up(&self, holder: u32) {
        self.bits[word_of(holder)].fetch_and(!bit_of(holder), Ordering::SeqCst);
    }

    /// Clears the holder's pin. `true` when that was the last and the block is free now.
    pub(crate) fn unpin(&self, holder: u32, me: OwnerId, around: &impl Around) -> bool {
        self.give_up(holder);
        step!("unpin.cleared");
        self.try_free(me, around)
    }

    /// Frees the block if nobody pins it and no parcel lists it.
    pub(crate) fn try_free(&self, me: OwnerId, around: &impl Around) -> bool {
        let is_dead = |by| OwnerId::from_bits(by).is_none_or(|owner| around.is_dead(owner));
        let mut was_listed = false;
        loop {
            let now = self.state();
            let generation = match now {
                State::Live { generation } => generation,
                State::Dying { generation, by } if is_dead(by) => generation,
                State::Claimed { next, by } if is_dead(by) => {
                    return self.step(now, State::Free { last: next });
                }
                _ => return false,
            };
            let is_live = matches!(now, State::Live { .. });
            if is_live && (self.is_pinned() || was_listed && around.is_listed(generation)) {
                return false;
            }
            let dying = State::Dying { generation, by: me.bits() };
            if !self.step(now, dying) {
                continue;
            }
            step!("free.dying");
            let is_pinned = self.is_pinned();
            was_listed = !is_pinned && around.is_listed(generation);
            if is_pinned || was_listed {
                // Back, and look again: the pinner, or the parcel, may have gone meanwhile, leaving it to us.
                self.step(dying, State::Live { generation });
                step!("free.revived");
                continue;
            }
            around.last_look();
            if self.step(dying, State::Free { last: generation }) {
                step!("free.freed");
                return true;
            }
        }
    }

    /// Who has it pinned at this moment.
    pub(crate) fn pinned_by(&self) -> impl Iterator<Item = u32> {
        (0..HOLDERS).filter(|&holder| self.is_pinned_by(holder))
    }

    fn is_pinned(&self) -> bool {
        self.bits.iter().any(|word| word.load(Ordering::SeqCst) != 0)
    }

    /// Whether a corpse has claimed the block, and not published it.
    pub(crate) fn is_left(&self, is_dead: impl Fn(OwnerId) -> bool) -> bool {
        matches!(self.state(), State::Claimed { by, .. } if OwnerId::from_bits(by).is_none_or(is_dead))
    }

    /// Whether the block can be claimed at this moment.
    pub(crate) fn is_free(&self) -> bool {
        matches!(self.state(), State::Free { .. })
    }
}

fn word_of(holder: u32) -> usize {
    holder as usize / 64 % WORDS
}

fn bit_of(holder: u32) -> u64 {
    1 << (holder % 64)
}

#[cfg(all(test, not(feature = "models")))]
mod tests {
    use super::*;

    fn id(slot: u32) -> OwnerId {
        OwnerId::new(slot, 1).unwrap()
    }

    fn alive(_: OwnerId) -> bool {
        false
    }

    /// Nobody lists the block, and this one is dead.
    struct Dead(Option<OwnerId>);

    impl Around for Dead {
        fn is_dead(&self, owner: OwnerId) -> bool {
            self.0 == Some(owner)
        }

        fn is_listed(&self, _: u32) -> bool {
            false
        }

        fn last_look(&self) {}
    }

    const ALIVE: &Dead = &Dead(None);

    #[test]
    fn a_block_lives_as_long_as_somebody_pins_it() {
        let pins = Pins::new();
        let generation = pins.claim(id(0), alive).unwrap();
        assert!(pins.claim(id(1), alive).is_none());
        pins.publish(generation, 5, id(0));
        assert!(pins.pin(generation, 200));
        assert!(!pins.unpin(5, id(0), ALIVE));
        assert!(pins.unpin(200, id(1), ALIVE));
        assert!(pins.is_free());
        assert!(!pins.pin(generation, 5), "a stale handle");
        assert_eq!(
            pins.claim(id(1), alive),
            Some(generation + 1),
            "the stale handle left no trace"
        );
    }

    #[test]
    fn a_damaged_word_is_nobodys() {
        let pins = Pins::new();
        for damaged in [1, 2 << 62 | 7] {
            pins.state.store(damaged, Ordering::SeqCst);
            assert_eq!(pins.claim(id(0), alive), None);
            assert!(!pins.pin(0, 5) && !pins.unpin(5, id(0), ALIVE));
            assert_eq!(pins.state.load(Ordering::SeqCst), damaged);
        }
    }

    #[test]
    fn what_corpses_leave_is_free() {
        let pins = Pins::new();
        let generation = pins.claim(id(0), alive).unwrap();
        assert_eq!(pins.claim(id(1), |dead| dead == id(0)), Some(generation));
        pins.publish(generation, 9, id(1));
        // Dies in the middle of freeing it.
        pins.bits[0].store(0, Ordering::SeqCst);
        assert!(
            pins.step(State::Live { generation }, State::Dying { generation, by: id(1).bits() })
        );
        assert!(!pins.try_free(id(2), ALIVE));
        assert!(pins.try_free(id(2), &Dead(Some(id(1)))));
    }
}

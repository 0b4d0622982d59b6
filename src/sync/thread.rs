//! The calling thread as a party of the protocols in a root segment: life words, futexes, and the robust list.

use super::party::{Party, Place, Rung, Sleep};
use crate::{
    Result,
    atomic::{AtomicU32, AtomicU64},
    os::{
        futex::{self, MAX_WATCHED, Watch, Woken},
        life::OWNER_DIED,
        robust_list::RingAtDeath,
        spin,
    },
    segment::{self, OwnerId, Root},
};

/// This thread in that root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread<'a> {
    root: &'a Root,
    id: OwnerId,
}

impl<'a> Thread<'a> {
    /// Registers the thread if need be.
    #[inline(always)]
    pub(crate) fn current(root: &'a Root) -> Result<Self> {
        Ok(Self { root, id: segment::current(root)? })
    }
}

/// The addresses of the two halves of a lock's word, for the kernel.
fn halves(word: &AtomicU64) -> (*const u32, *const u32) {
    let first: *const u32 = word.as_ptr().cast();
    let second = first.wrapping_add(1);
    if cfg!(target_endian = "little") { (first, second) } else { (second, first) }
}

impl Party for Thread<'_> {
    type Dependence = RingAtDeath;

    #[inline]
    fn id(&self) -> OwnerId {
        self.id
    }

    fn is_dead(&self, owner: OwnerId) -> bool {
        self.root.is_dead(owner)
    }

    fn sleep(&self, sleep: &Sleep<'_>) -> Rung {
        let mut watches = [Watch::NOTHING; MAX_WATCHED];
        let mut count = 0;
        let mut watch = |word, seen| {
            if let Some(place) = watches.get_mut(count) {
                *place = Watch { word, seen };
                count += 1;
            }
        };
        for place in sleep.places {
            match *place {
                Place::Gate(word, seen) => {
                    let (gate, owner) = halves(word);
                    watch(gate, seen as u32);
                    watch(owner, (seen >> 32) as u32);
                }
                Place::Owner(word, seen) => watch(halves(word).1, (seen >> 32) as u32),
                Place::Bell(bell, seen) => watch(bell.as_ptr(), seen),
            }
        }
        for &owner in sleep.owners {
            match self.root.participants().life(owner) {
                // The value that is compared is one that says "alive": a death after this line is a difference.
                Some((word, seen)) if seen & OWNER_DIED == 0 => watch(word.as_ptr(), seen),
                // Dead already, whoever was rung for it.
                _ => return Rung::Unknown,
            }
        }
        let woken = futex::wait_any(&watches[..count], sleep.deadline);
        if woken == Woken::ByTime {
            // What the kernel does not mark is looked for here.
            for &owner in sleep.owners {
                self.root.mark_if_gone(owner);
            }
        }
        match woken {
            Woken::Up(last) => Rung::Last(last),
            Woken::ByTime | Woken::BySomething => Rung::Unknown,
            Woken::ByChange => Rung::Nothing,
        }
    }

    fn ring(&self, gate: &AtomicU64) {
        futex::wake_address(halves(gate).0, 1);
    }

    fn ring_all(&self, gate: &AtomicU64) {
        futex::wake_address(halves(gate).0, u32::MAX);
    }

    fn ring_bell_once(&self, bell: &AtomicU32) {
        futex::wake(bell, 1);
    }

    fn ring_bell(&self, bell: &AtomicU32) {
        futex::wake(bell, u32::MAX);
    }

    fn ring_life(&self, dead: OwnerId) {
        self.root.participants().ring(dead);
    }

    #[inline]
    fn depend_on(&self, gate: &AtomicU64) -> RingAtDeath {
        RingAtDeath::name(halves(gate).0)
    }

    #[inline]
    fn depend_on_bell(&self, bell: &AtomicU32) -> RingAtDeath {
        RingAtDeath::name(bell.as_ptr())
    }

    fn spin_among<T>(&self, parties: u32, ready: impl FnMut() -> Option<T>) -> Option<T> {
        spin::among(parties, ready)
    }

    fn spin<T>(&self, ready: impl FnMut() -> Option<T>) -> Option<T> {
        spin::until(spin::BUDGET, ready)
    }
}

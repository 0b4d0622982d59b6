//! The calling thread as a party of the protocols in a root segment: life words, futexes, and the robust list.

use super::{
    party::{Party, Place, Rung, Sleep},
    waiting::Slept,
};
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

    /// What the kernel watches for who sleeps there, in this order; `false` if one of the owners is dead already: then there is to be no sleep.
    pub(super) fn words(
        &self,
        places: &[Place<'_>],
        owners: &[OwnerId],
        mut watch: impl FnMut(Watch),
    ) -> bool {
        let mut watch = |word, seen| watch(Watch { word, seen });
        for place in places {
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
        owners.iter().all(|&owner| match self.root.participants().life(owner) {
            // The value that is compared is one that says "alive": a death after this line is a difference.
            Some((word, seen)) if seen & OWNER_DIED == 0 => {
                watch(word.as_ptr(), seen);
                true
            }
            _ => false,
        })
    }

    /// After a sleep among other things, in which these lives were watched.
    pub(crate) fn has_watched(&self, slept: Slept, owners: &[OwnerId]) {
        if slept.by_time {
            self.mark_those_gone(owners);
        }
        for &owner in owners {
            if self.is_dead(owner) {
                // The kernel woke one watcher of the dead thread; this may be the one.
                self.ring_life(owner);
            }
        }
    }

    /// After a sleep that ended by time: what the kernel does not mark is looked for here.
    fn mark_those_gone(&self, owners: &[OwnerId]) {
        for &owner in owners {
            self.root.mark_if_gone(owner);
        }
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
        let alive = self.words(sleep.places, sleep.owners, |word| {
            if let Some(place) = watches.get_mut(count) {
                *place = word;
                count += 1;
            }
        });
        if !alive {
            // Dead already, whoever was rung for it.
            return Rung::Unknown;
        }
        let woken = futex::wait_any(&watches[..count], sleep.deadline);
        if woken == Woken::ByTime {
            self.mark_those_gone(sleep.owners);
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

    fn spin_for_news<T>(&self, ready: impl FnMut() -> Option<T>) -> Option<T> {
        spin::for_news(ready)
    }

    fn spin_among<T>(&self, parties: u32, ready: impl FnMut() -> Option<T>) -> Option<T> {
        spin::among(parties, ready)
    }

    fn spin<T>(&self, ready: impl FnMut() -> Option<T>) -> Option<T> {
        spin::until(spin::BUDGET, ready)
    }
}

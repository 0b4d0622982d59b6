//! The members of large parcels that this process keeps, mapped and unused, for the next large parcel.
//!
//! A message of megabytes has a member of its own. To make one, to map it and to touch its pages for the first time costs many times what copying the message does; so a member whose parcel was received
//! is not taken away at once. Its block is free, and whoever has it here may claim it.
//!
//! # Protocol
//!
//! The states are those of [`pins`](super::pins) and [`members`](super::members).
//!
//! 1. Who frees the block of a member keeps it here, or takes it away. So each free member is kept by a process that lives, or by a dead one, and the sweep after its death takes away what is free.
//! 2. Whenever a process keeps one more, it takes free ones away, those first that were used longest ago, until at most [`KEPT_BYTES`] of those that it has here are free. Those in use are somebody's message: here they cost nothing.
//! 3. Who takes a member away has claimed its block. So who has claimed one and *then* sees that the member is live has it for itself; if it is not, somebody has taken it away and died, or the claim would have failed.
//! 4. Who takes a member away gives its pages back, as others may have it here still, before it is not live any more: so somebody does it, whoever dies. All but the first page, in which a look at what the parcel lists may still be going on
//!    (see `Pins::watch`). So a parcel whose list is longer is never kept.
//!
//! | it dies … | then |
//! | --- | --- |
//! | with free members | the sweep takes away every free one, whoever keeps it |
//! | with a claimed one | the block is free to whoever has it here, or to the sweep |
//! | having given back its pages | likewise: what is there is written before it is read |
//! | taking one away | as with any member: the entry is finished by whoever meets it |

use super::{
    heap::{Class, Member},
    members::MemberId,
};
use std::sync::Arc;

/// The most bytes of free blocks that one process keeps in one root.
pub(super) const KEPT_BYTES: usize = 32 << 20;

/// Of one root; those that were used last are last.
#[derive(Debug, Default)]
pub(super) struct Spares(Vec<Arc<Member>>);

impl Spares {
    /// Whether a parcel's member may be kept at all.
    pub(super) fn may_keep(class: Class) -> bool {
        class.parcels && class.is_own() && class.block_bytes <= KEPT_BYTES
    }

    /// A member was used just now. The answer is what has to be taken away, if it is free still.
    #[must_use = "it is nobody's but the caller's"]
    pub(super) fn keep(
        &mut self,
        member: &Arc<Member>,
        is_live: impl Fn(MemberId) -> bool,
    ) -> Vec<Arc<Member>> {
        self.0.retain(|kept| kept.id != member.id && is_live(kept.id));
        self.0.push(Arc::clone(member));
        let mut free_bytes = 0;
        let mut gone = Vec::new();
        for index in (0..self.0.len()).rev() {
            if self.0[index].descriptor(0).pins.is_free() {
                free_bytes += self.0[index].block_bytes();
                if free_bytes > KEPT_BYTES {
                    gone.push(self.0.remove(index));
                }
            }
        }
        gone
    }

    pub(super) fn forget(&mut self, id: MemberId) {
        self.0.retain(|kept| kept.id != id);
    }

    /// Those with room for such a block, and not too much of it; the last used come first, whose memory is the nearest.
    pub(super) fn fitting(&self, class: Class) -> Vec<Arc<Member>> {
        let fits = |kept: &&Arc<Member>| {
            (class.block_bytes..=2 * class.block_bytes).contains(&kept.block_bytes())
        };
        self.0.iter().rev().filter(fits).cloned().collect()
    }
}

//! What this process remembers of the blocks of one size, so that it rarely looks for a free one.

use super::{OwnerId, heap::Member};
use std::sync::Arc;

/// Free blocks that are remembered; more are found by looking.
const REMEMBERED: usize = 4096;

/// Members of one block size, and where blocks were free lately. All of it may be outdated: a claim decides.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    members: Vec<Arc<Member>>,
    freed: Vec<(Arc<Member>, u32)>,
    /// Where the last look ended: member and block.
    at: (usize, u32),
}

/// A block that the caller has claimed, with its generation.
pub(crate) struct Claim {
    pub(crate) member: Arc<Member>,
    pub(crate) block: u32,
    pub(crate) generation: u32,
}

impl Shelf {
    pub(crate) fn knows(&self, member: super::members::MemberId) -> bool {
        self.members.iter().any(|known| known.id == member)
    }

    pub(crate) fn len(&self) -> u32 {
        self.members.len() as u32
    }

    /// Adds a member; the next look begins with it.
    pub(crate) fn add(&mut self, member: Arc<Member>) {
        self.at = (self.members.len(), 0);
        self.members.push(member);
    }

    pub(crate) fn remember(&mut self, member: &Arc<Member>, block: u32) {
        if self.freed.len() < REMEMBERED {
            self.freed.push((Arc::clone(member), block));
        }
    }

    /// Claims a remembered block, or the next free one from where the last look ended to the end.
    pub(crate) fn claim(
        &mut self,
        me: OwnerId,
        is_dead: impl Fn(OwnerId) -> bool,
    ) -> Option<Claim> {
        while let Some((member, block)) = self.freed.pop() {
            if let Some(generation) = member.descriptor(block).pins.claim(me, &is_dead) {
                return Some(Claim { member, block, generation });
            }
        }
        while let Some(member) = self.members.get(self.at.0) {
            if let Some((block, generation)) = member.claim_any(self.at.1, me, &is_dead) {
                self.at.1 = block + 1;
                return Some(Claim { member: Arc::clone(member), block, generation });
            }
            self.at = (self.at.0 + 1, 0);
        }
        None
    }

    /// The next look begins from the first block.
    pub(crate) fn start_over(&mut self) {
        self.at = (0, 0);
    }
}

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

    /// Claims a remembered block, or the next free one, looking at all from where the last look ended. So who makes blocks that others free goes round and round among them.
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
        let (first, start) = self.at;
        let count = self.members.len();
        // The member where it begins comes twice: its first blocks are the last to be looked at.
        for turn in 0..=count {
            let index = (first + turn) % count.max(1);
            let start = if turn == 0 { start } else { 0 };
            let Some(member) = self.members.get(index) else { break };
            if let Some((block, generation)) = member.claim_any(start, me, &is_dead) {
                self.at = (index, block + 1);
                return Some(Claim { member: Arc::clone(member), block, generation });
            }
        }
        None
    }
}

//! Who uses a block: for those on the other side of something, who end when the last of them has gone or died.

use super::{OwnerId, Root, parcel::Listed, participant};
use crate::Result;

/// Who uses a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Users {
    /// Nobody, and never again.
    Nobody,
    /// Processes of which each has a thread among those that were listed.
    Watched,
    /// Also others: a message on its way, or a process without a thread that is known, or that is ending.
    Unknown,
}

impl Root {
    /// Whether the use of a block that this handle names is over for good; `false` where it cannot be looked at now.
    pub(crate) fn is_over(&self, block: Listed) -> bool {
        self.try_is_over(block).unwrap_or(false)
    }

    /// The same; an error where it cannot be looked at now.
    pub(super) fn try_is_over(&self, (id, generation): Listed) -> Result<bool> {
        let member = self.try_member(id.member)?.filter(|member| id.block < member.blocks());
        Ok(member.is_none_or(|member| member.descriptor(id.block).pins.is_over(generation)))
    }

    /// Who uses this block. The answer's threads, added to `lives`, are one for each process that has it, so when one of them ends, its process may have. What the dead had is swept.
    pub(crate) fn users(
        &self,
        (id, generation): Listed,
        lives: &mut Vec<OwnerId>,
    ) -> Result<Users> {
        let me = participant::current(self)?;
        let Some(member) = self.try_member(id.member)?.filter(|member| id.block < member.blocks())
        else {
            return Ok(Users::Nobody);
        };
        let pins = &member.descriptor(id.block).pins;
        if pins.is_over(generation) {
            return Ok(Users::Nobody);
        }
        let (mut anybody, mut all) = (false, true);
        for holder in pins.pinned_by() {
            if holder == self.holder() {
                return Ok(Users::Watched);
            }
            if let Some(thread) = self.participants().thread_of(holder) {
                lives.push(thread);
                anybody = true;
            } else if !self.holders().is_gone(holder) {
                (anybody, all) = (true, false);
            }
        }
        if anybody {
            return Ok(if all { Users::Watched } else { Users::Unknown });
        }
        self.sweep_holders(me);
        self.free_who_lists((id, generation), me);
        self.free_if_unused(&member, id.block, me);
        Ok(if pins.is_over(generation) { Users::Nobody } else { Users::Unknown })
    }
}

//! How blocks of a root become free: by their last user, by the parcel that listed them last, or by a sweep after a death.
//!
//! The protocol is that of [`pins`](super::pins); here are the parcels that it asks for, and what follows when a block is free.

use super::{OwnerId, Root, block::BlockId, heap::Member, parcel::Listed, pins::Around};
use crate::{Result, os::step::step};
use std::{cell::RefCell, sync::Arc};

/// A block of a root, for the protocol of pins.
pub(super) struct Surroundings<'a> {
    root: &'a Root,
    member: Arc<Member>,
    block: u32,
    /// What the block listed when it was looked at last.
    listed: RefCell<Vec<Listed>>,
}

impl Around for Surroundings<'_> {
    fn is_dead(&self, owner: OwnerId) -> bool {
        self.root.is_dead(owner)
    }

    fn is_listed(&self, generation: u32) -> bool {
        let id = BlockId { member: self.member.id, block: self.block };
        if !self.member.travels(self.block) {
            return false;
        }
        self.root.is_listed((id, generation)).unwrap_or_else(|| {
            // There may be a parcel. If there is none, somebody must come back.
            self.root.unfinished().push(id);
            true
        })
    }

    fn last_look(&self) {
        *self.listed.borrow_mut() = self.member.listed_by(self.block);
    }
}

impl Root {
    /// What the protocol of pins asks of this root about a block.
    pub(super) fn around(&self, member: &Arc<Member>, block: u32) -> Surroundings<'_> {
        Surroundings { root: self, member: Arc::clone(member), block, listed: RefCell::default() }
    }

    /// Frees a block that nobody pins or lists.
    pub(super) fn free_if_unused(&self, member: &Arc<Member>, block: u32, me: OwnerId) {
        let around = self.around(member, block);
        if member.descriptor(block).pins.try_free(me, &around) {
            self.freed(around, me);
        }
    }

    /// A block has become free through this thread. What it listed, if it was a parcel, may be free too.
    pub(super) fn freed(&self, around: Surroundings<'_>, me: OwnerId) {
        let mut left = vec![around];
        while let Some(Surroundings { member, block, listed, .. }) = left.pop() {
            step!("free.listed");
            if member.is_own() {
                self.retire(&member, me);
            } else {
                self.remember(&member, block);
            }
            for (id, _) in listed.into_inner() {
                let Ok(member) = self.try_member(id.member) else {
                    self.unfinished().push(id);
                    continue;
                };
                if let Some(member) = member.filter(|member| id.block < member.blocks()) {
                    let around = self.around(&member, id.block);
                    if member.descriptor(id.block).pins.try_free(me, &around) {
                        left.push(around);
                    }
                }
            }
        }
    }

    /// Whether some parcel that is not free lists the block; `None` where not all parcels can be looked at now.
    fn is_listed(&self, listed: Listed) -> Option<bool> {
        let mut all = true;
        for (id, _) in self.members().live().filter(|(_, class)| class.parcels) {
            match self.try_member(id) {
                Ok(member) if member.as_ref().is_some_and(|member| member.lists(listed)) => {
                    return Some(true);
                }
                Ok(_) => {}
                Err(_) => all = false,
            }
        }
        all.then_some(false)
    }

    /// Clears what processes have left that died. What cannot be looked at now is left for the next sweep.
    pub(crate) fn sweep_holders(&self, me: OwnerId) {
        let _one_at_a_time = self.sweeping();
        self.holders().sweep(self.holder(), |index| self.clear_holder(index, me));
        // Members that somebody was making or taking away when he died: their memory may be large.
        self.members().finish_all(me, |id| self.is_dead(id), |id| self.unlink_member(id));
        let unfinished = std::mem::take(&mut *self.unfinished());
        for id in unfinished {
            match self.try_member(id.member) {
                Ok(member) => {
                    if let Some(member) = member.filter(|member| id.block < member.blocks()) {
                        self.free_if_unused(&member, id.block, me);
                    }
                }
                Err(_) => self.unfinished().push(id),
            }
        }
    }

    /// Marks the slots of a dead process and drops its pins; the caller has the record's lock, and sweeps as `me`.
    ///
    /// # Errors
    ///
    /// If a member cannot be attached now (no descriptors, no memory): the record is not clear then.
    pub(super) fn clear_holder(&self, dead: u32, me: OwnerId) -> Result<()> {
        self.participants().bury(dead);
        let mut unseen = Ok(());
        for (id, _) in self.members().live().collect::<Vec<_>>() {
            let member = match self.try_member(id) {
                Ok(Some(member)) => member,
                Ok(None) => continue,
                Err(error) => {
                    unseen = unseen.and(Err(error));
                    continue;
                }
            };
            for block in 0..member.blocks() {
                let pins = &member.descriptor(block).pins;
                let around = self.around(&member, block);
                let freed = if pins.is_pinned_by(dead) {
                    pins.unpin(dead, me, &around)
                } else {
                    // Its death may have come when its pin was gone already, or was not there yet.
                    pins.try_free(me, &around)
                };
                if freed {
                    step!("sweep.freed");
                    self.freed(around, me);
                } else if member.is_own() && pins.is_free() {
                    // It has nobody who retires it: he died, or is about to do it himself.
                    self.retire(&member, me);
                }
            }
            step!("sweep.member");
        }
        unseen
    }
}

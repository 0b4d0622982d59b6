//! How blocks of a root become free: by their last user, by the parcel that listed them last, or by a sweep after a death.
//!
//! The protocol is that of [`pins`](super::pins); here are the parcels that it asks for, and what follows when a block is free.

use super::{
    OwnerId, Root,
    block::BlockId,
    heap::{Lists, Member},
    parcel::Listed,
    participant,
    pins::Around,
};
use crate::{
    Result,
    atomic::{Ordering, fence},
    os::step::step,
};
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

/// A block of a root, for the protocol of pins.
pub(super) struct Surroundings<'a> {
    root: &'a Root,
    member: Arc<Member>,
    block: u32,
    /// What the block listed when it was looked at last.
    listed: RefCell<Vec<Listed>>,
    /// For how many entries it had room then.
    entries: Cell<usize>,
    /// The parcel of which it was the warden.
    ward: Cell<Option<Listed>>,
}

impl Around for Surroundings<'_> {
    fn is_dead(&self, owner: OwnerId) -> bool {
        self.root.is_dead(owner)
    }

    fn is_listed(&self, generation: u32) -> bool {
        let id = BlockId { member: self.member.id, block: self.block };
        let listed = match self.member.lists_of(self.block) {
            Lists::Nowhere => return false,
            Lists::Anywhere => self.root.is_listed((id, generation)),
            Lists::Only(parcel, entry) => self.root.is_listed_at((id, generation), parcel, entry),
        };
        listed.unwrap_or_else(|| {
            // There may be a parcel. If there is none, somebody must come back.
            self.root.unfinished().insert(id);
            true
        })
    }

    fn last_look(&self) {
        *self.listed.borrow_mut() = self.member.listed_by(self.block);
        self.entries.set(self.member.entries_of(self.block));
        self.ward.set(self.member.ward(self.block));
    }
}

impl Root {
    /// What the protocol of pins asks of this root about a block.
    pub(super) fn around(&self, member: &Arc<Member>, block: u32) -> Surroundings<'_> {
        let (listed, entries, ward) = (RefCell::default(), Cell::default(), Cell::default());
        Surroundings { root: self, member: Arc::clone(member), block, listed, entries, ward }
    }

    /// Frees a block that a parcel lists no more, if nobody else has it; what cannot be looked at now is left for the next sweep.
    pub(super) fn free_unlisted(&self, id: BlockId) {
        let (Ok(me), Ok(member)) = (participant::current(self), self.try_member(id.member)) else {
            self.unfinished().insert(id);
            return;
        };
        if let Some(member) = member.filter(|member| id.block < member.blocks()) {
            self.free_if_unused(&member, id.block, me);
        }
    }

    /// Frees what lists this block, and what lists that in turn, where nobody has it. Somebody may have been the last to have it when he could not look at it, and do nothing since; who waits for the end of this
    /// block does not wait for him.
    pub(super) fn free_who_lists(&self, listed: Listed, me: OwnerId) {
        let mut found = vec![listed];
        let mut looked = 0;
        while let Some(&listed) = found.get(looked) {
            looked += 1;
            for (id, _) in self.members().live().filter(|(_, class)| class.parcels) {
                if let Ok(Some(member)) = self.try_member(id) {
                    let more = member.unpinned_that_list(listed);
                    let more: Vec<_> = more.filter(|parcel| !found.contains(parcel)).collect();
                    found.extend(more);
                }
            }
        }
        // The outermost first: what is in it is free with it.
        for (id, _) in found.into_iter().skip(1).rev() {
            if let Ok(Some(member)) = self.try_member(id.member) {
                self.free_if_unused(&member, id.block, me);
            }
        }
    }

    /// Frees a block that nobody pins or lists.
    pub(super) fn free_if_unused(&self, member: &Arc<Member>, block: u32, me: OwnerId) {
        let around = self.around(member, block);
        if member.descriptor(block).pins.try_free(me, &around) {
            self.freed(around, me);
        }
    }

    /// A block has become free through this thread. What it listed, if it was a parcel, may be free too; and what its ward lists, if it was a warden.
    pub(super) fn freed(&self, around: Surroundings<'_>, me: OwnerId) {
        let mut left = vec![around];
        while let Some(Surroundings { member, block, listed, entries, ward, .. }) = left.pop() {
            step!("free.listed");
            let mut listed = listed.into_inner();
            if let Some(ward) = ward.get() {
                listed.extend(self.left_by_warden(ward));
            }
            if member.is_own() {
                self.keep_or_retire(&member, entries.get(), me);
            } else {
                self.remember(&member, block);
            }
            for (id, _) in listed {
                let Ok(member) = self.try_member(id.member) else {
                    self.unfinished().insert(id);
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

    /// What a parcel lists whose warden is over.
    fn left_by_warden(&self, ward: Listed) -> Vec<Listed> {
        // With that of who looks whether a block is listed: either that one sees the warden FREE, or this sees what was listed before.
        fence(Ordering::SeqCst);
        match self.try_member(ward.0.member) {
            Ok(member) => member.map_or_else(Vec::new, |member| member.listed_now(ward)),
            Err(_) => {
                self.unfinished().insert(ward.0);
                Vec::new()
            }
        }
    }

    /// Whether some parcel that is not free, and whose warden is not over, lists the block; `None` where not all parcels can be looked at now.
    fn is_listed(&self, listed: Listed) -> Option<bool> {
        fence(Ordering::SeqCst);
        let all = Cell::new(true);
        let is_over = self.wardens(&all);
        for (id, _) in self.members().live().filter(|(_, class)| class.parcels) {
            match self.try_member(id) {
                Ok(member) if member.as_ref().is_some_and(|it| it.lists(listed, &is_over)) => {
                    return Some(true);
                }
                Ok(_) => {}
                Err(_) => all.set(false),
            }
        }
        all.get().then_some(false)
    }

    /// The same of a block that only this entry of this parcel ever lists.
    fn is_listed_at(&self, listed: Listed, parcel: Listed, entry: usize) -> Option<bool> {
        fence(Ordering::SeqCst);
        let all = Cell::new(true);
        let is_over = self.wardens(&all);
        let member = self.try_member(parcel.0.member).ok()?;
        let is_listed = member.is_some_and(|it| it.lists_at(parcel, entry, listed, &is_over));
        if is_listed { Some(true) } else { all.get().then_some(false) }
    }

    /// Whether wardens are over; where one cannot be looked at now, not all of them are looked at.
    fn wardens(&self, all: &Cell<bool>) -> impl Fn(Listed) -> bool {
        |warden| {
            self.try_is_over(warden).unwrap_or_else(|_| {
                all.set(false);
                true
            })
        }
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
                        self.free_left(&member, id.block);
                    }
                }
                Err(_) => {
                    self.unfinished().insert(id);
                }
            }
        }
    }

    /// Frees what a parcel lists, if its warden is over.
    fn free_left(&self, member: &Member, block: u32) {
        if member.warden(block).is_some_and(|warden| self.is_over(warden)) {
            member.listed_by(block).into_iter().for_each(|(id, _)| self.free_unlisted(id));
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
                if member.is_own() && pins.is_left(|id| self.is_dead(id)) {
                    // Its pages may have been given back: it is not free for anybody before it goes.
                    self.retire(&member, me);
                    continue;
                }
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
        // What the dead one kept for large parcels, and what became free by its death.
        self.retire_spares(me);
        unseen
    }
}

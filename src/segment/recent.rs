//! Members of large objects that stay mapped although nobody here uses them any more, where the same objects come again and again: to a worker of a pool with each call.
//!
//! To map a member and to touch its pages for the first time takes longer than most of what is done with it.
//!
//! What is kept so is no pin, and no memory: nobody here keeps the object alive, and who takes its member away, after the last user, gives the pages back for everybody who has it mapped (`Root::retire`). Addresses and page tables stay until
//! this process maps something else, or has nothing to do ([`unmap_gone`]).

use super::{heap::Member, members::MemberId, registry};
use crate::os::limits;
use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
};

/// How many of one root.
const MOST: usize = 16;

static KEEPS: OnceLock<()> = OnceLock::new();

/// From now on this process keeps them, unless its addresses are limited. It is one that ends with whoever gives it objects: where all users have died and the name is gone, nobody gives the pages back.
pub(crate) fn keep_recent() {
    if !limits::is_address_space_limited() {
        KEEPS.get_or_init(|| ());
    }
}

/// Unmaps what is kept here of objects that are gone.
pub(crate) fn unmap_gone() {
    if KEEPS.get().is_some() {
        registry::roots().iter().for_each(|root| root.unmap_gone());
    }
}

/// Of one root; those that were used last are last.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Arc<Member>>);

impl Recent {
    /// A member was used just now.
    pub(super) fn uses(&mut self, member: &Arc<Member>) {
        let is_last = self.0.back().is_some_and(|last| last.id == member.id);
        // Parcels are kept as spares are.
        if is_last || KEEPS.get().is_none() || !member.is_own() || member.holds_parcels() {
            return;
        }
        self.retain(|id| id != member.id);
        self.0.push_back(Arc::clone(member));
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    pub(super) fn retain(&mut self, stays: impl Fn(MemberId) -> bool) {
        self.0.retain(|member| stays(member.id));
    }
}

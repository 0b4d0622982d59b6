//! The members that this process has mapped.
//!
//! Members of many blocks stay mapped as long as the root. One with a single large object is mapped while somebody here uses it, and in some processes for longer: see [`recent`](super::recent). Those of large parcels are kept as
//! [`spares`](super::spares).

use super::{by_id::ById, heap::Member, members::MemberId, recent::Recent};
use std::sync::{Arc, Weak};

enum Kept {
    Always(Arc<Member>),
    WhileUsed(Weak<Member>),
}

impl Kept {
    fn get(&self) -> Option<Arc<Member>> {
        match self {
            Self::Always(member) => Some(Arc::clone(member)),
            Self::WhileUsed(member) => member.upgrade(),
        }
    }
}

/// The members of one root.
#[derive(Default)]
pub(super) struct Attached {
    known: ById<MemberId, Kept>,
    recent: Recent,
}

impl Attached {
    pub(super) fn get(&mut self, id: MemberId) -> Option<Arc<Member>> {
        let member = self.known.get(&id).and_then(Kept::get)?;
        self.recent.uses(&member);
        Some(member)
    }

    /// Keeps a member, unless another thread was faster: the answer is the one that is kept.
    pub(super) fn keep(&mut self, member: &Arc<Member>) -> Arc<Member> {
        if let Some(known) = self.get(member.id) {
            return known;
        }
        let kept = if member.is_own() {
            self.known.retain(|_, kept| kept.get().is_some());
            self.recent.uses(member);
            Kept::WhileUsed(Arc::downgrade(member))
        } else {
            Kept::Always(Arc::clone(member))
        };
        self.known.insert(member.id, kept);
        Arc::clone(member)
    }

    pub(super) fn forget(&mut self, id: MemberId) {
        self.known.remove(&id);
        self.recent.retain(|recent| recent != id);
    }

    /// Unmaps what was used of late and is not used now, unless it is to stay.
    pub(super) fn retain_recent(&mut self, stays: impl Fn(MemberId) -> bool) {
        self.recent.retain(stays);
    }
}

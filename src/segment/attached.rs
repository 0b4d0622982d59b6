//! The members that this process has mapped.
//!
//! Members of many blocks stay mapped as long as the root. One with a single large object is mapped while somebody here uses it: else a process that saw it once would keep its memory, long after
//! everybody has dropped the object. Those of large parcels are kept as [`spares`](super::spares).

use super::{by_id::ById, heap::Member, members::MemberId};
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
pub(super) struct Attached(ById<MemberId, Kept>);

impl Attached {
    pub(super) fn get(&self, id: MemberId) -> Option<Arc<Member>> {
        self.0.get(&id).and_then(Kept::get)
    }

    /// Keeps a member, unless another thread was faster: the answer is the one that is kept.
    pub(super) fn keep(&mut self, member: &Arc<Member>) -> Arc<Member> {
        if let Some(known) = self.get(member.id) {
            return known;
        }
        let kept = if member.is_own() {
            self.0.retain(|_, kept| kept.get().is_some());
            Kept::WhileUsed(Arc::downgrade(member))
        } else {
            Kept::Always(Arc::clone(member))
        };
        self.0.insert(member.id, kept);
        Arc::clone(member)
    }

    pub(super) fn forget(&mut self, id: MemberId) {
        self.0.remove(&id);
    }
}

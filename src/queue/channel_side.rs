//! One side of a channel: a token that lives as long as somebody has that side, and how the other side looks for it.
//!
//! # Protocol
//!
//! Each process on a side pins its token; a message with an end in it lists it. The receivers' token is the warden of the queue's table: see "Parcels" in `segment::pins`.
//!
//! | it dies | the token | who goes on |
//! | --- | --- | --- |
//! | as the last sender | unpinned, when somebody sweeps | receivers watch a thread of it, sweep, and get what is left |
//! | as the last receiver | the same | senders without room do the same; so does who waits for something that the dead one had or would have had. What lies in the queue is free with the token, whoever sweeps, and the next send looks at the token first |
//! | having freed the receivers' token, before what it guards | gone | who sweeps that one comes to each block, which nothing lists |
//! | with an end listed that nobody has received | listed | whoever drops the message: the queue that it is in, the parent of a worker that never had it |
//!
//! What listed an end may be nobody's without being free, where who dropped it could not look then (no descriptors, no memory): who waits frees that too. A name may be gone with the session's; what a process has not mapped
//! by then it never sees, and it takes nothing for free that may be there.
//!
//! An end on its way is nobody's, and nobody can be watched: who waits for it looks again and again, more and more seldom.

use super::raw_queue::Peers;
use crate::{
    Result,
    segment::{Block, Glimpse, Root, Users, pack, unpack},
    sync::Looked,
};
use std::{cell::Cell, ops::Deref, sync::Arc, time::Duration};

/// The first time for which those are waited for that nobody can watch; it doubles.
const FIRST_PATIENCE: Duration = Duration::from_millis(1);
const LAST_PATIENCE: Duration = Duration::from_millis(250);

/// A side, as one who is on it has it.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    /// Pinned by each process that is on this side.
    token: Block,
    /// Where the other side's token is.
    other: [u64; 2],
    /// The same for a look in passing; none where it could not be attached: who waits finds out.
    glimpse: Option<Arc<Glimpse>>,
}

impl Side {
    pub(crate) const SENDERS: u64 = u64::from_be_bytes(*b"mp.sende");
    pub(crate) const RECEIVERS: u64 = u64::from_be_bytes(*b"mp.recei");

    /// Both sides of a new channel. What its table lists is kept as long as there are receivers.
    pub(crate) fn both(root: &Arc<Root>, table: Option<&Block>) -> Result<(Self, Self)> {
        let senders = root.allocate(8, Self::SENDERS)?;
        let receivers = root.allocate(8, Self::RECEIVERS)?;
        if let Some(table) = table {
            receivers.wards(table);
        }
        let (to_senders, to_receivers) = (pack(senders.place()), pack(receivers.place()));
        Ok((Self::of_parts(senders, to_receivers), Self::of_parts(receivers, to_senders)))
    }

    pub(crate) fn of_parts(token: Block, other: [u64; 2]) -> Self {
        let (id, generation) = unpack(other);
        let glimpse = token.root().glance(id, generation).map(Arc::new);
        Self { token, other, glimpse }
    }

    /// For handles.
    pub(crate) fn parts(&self) -> (&Block, [u64; 2]) {
        (&self.token, self.other)
    }

    /// The other side.
    pub(crate) fn others(&self) -> Others<&Root> {
        Others::new(self.token.root(), self.other)
    }

    /// The same for who watches: it is not on this side itself.
    pub(crate) fn watched_others(&self) -> Others<Arc<Root>> {
        Others::new(Arc::clone(self.token.root()), self.other)
    }

    /// Whether the other side is known to be gone for good: a look at one word, which changes seldom.
    #[inline]
    pub(crate) fn is_alone(&self) -> bool {
        self.glimpse.as_ref().is_some_and(|glimpse| glimpse.is_over())
    }

    /// Leaves this side; whether nobody is on it any more.
    pub(crate) fn leave(self) -> bool {
        let root = Arc::clone(self.token.root());
        let place = self.token.place();
        drop(self);
        root.is_over(place)
    }
}

/// Those on the other side, as one wait looks for them.
#[derive(Debug)]
pub(crate) struct Others<R> {
    root: R,
    /// Where their token is.
    token: [u64; 2],
    patience: Cell<Duration>,
}

impl<R> Others<R> {
    fn new(root: R, token: [u64; 2]) -> Self {
        Self { root, token, patience: Cell::new(FIRST_PATIENCE) }
    }
}

impl<R: Deref<Target = Root>> Peers for Others<R> {
    fn are_there(&self, looked: &mut Looked<'_>) -> bool {
        let users = self.root.users(unpack(self.token), &mut looked.lives);
        match users {
            Ok(Users::Nobody) => return false,
            Ok(Users::Watched) => self.patience.set(FIRST_PATIENCE),
            // Where it cannot be looked at now: later.
            Ok(Users::Unknown) | Err(_) => {
                let patience = self.patience.get();
                looked.patience = Some(patience);
                self.patience.set((2 * patience).min(LAST_PATIENCE));
            }
        }
        true
    }
}

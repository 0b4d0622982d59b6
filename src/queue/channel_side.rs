//! One side of a channel: a token that lives as long as somebody has that side, and how the other side looks for it.

use super::raw_queue::Peers;
use crate::{
    Result,
    segment::{Block, Root, Users, pack, unpack},
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
}

impl Side {
    pub(crate) const SENDERS: u64 = u64::from_be_bytes(*b"mp.sende");
    pub(crate) const RECEIVERS: u64 = u64::from_be_bytes(*b"mp.recei");

    /// Both sides of a new channel.
    pub(crate) fn both(root: &Arc<Root>) -> Result<(Self, Self)> {
        let senders = root.allocate(8, Self::SENDERS)?;
        let receivers = root.allocate(8, Self::RECEIVERS)?;
        let place = |block: &Block| pack((block.id(), block.generation()));
        let (to_senders, to_receivers) = (place(&senders), place(&receivers));
        Ok((
            Self { token: senders, other: to_receivers },
            Self { token: receivers, other: to_senders },
        ))
    }

    pub(crate) fn of_parts(token: Block, other: [u64; 2]) -> Self {
        Self { token, other }
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

    /// Leaves this side; whether nobody is on it any more.
    pub(crate) fn leave(self) -> bool {
        let root = Arc::clone(self.token.root());
        let place = (self.token.id(), self.token.generation());
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

//! Telling how far a job is.

use super::pending::Pending;
use crate::{os::clock::Deadline, sync::Looked};
use std::{fmt, sync::Arc, time::Duration};

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Far {
    pub(super) done: usize,
    pub(super) total: usize,
    /// Nothing more is done.
    pub(super) is_over: bool,
}

/// Who is to be told how far a job is.
#[derive(Clone)]
pub(super) struct Telling {
    tell: Arc<dyn Fn(Far) + Send + Sync>,
    /// So often; if not said, whenever a unit is over.
    every: Option<Duration>,
    next: Deadline,
    told: usize,
}

impl Telling {
    pub(super) fn at_units(tell: impl Fn(Far) + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(tell), every: None, next: Deadline::NOW, told: 0 }
    }

    #[cfg(feature = "progress")]
    pub(super) fn every(span: Duration, tell: impl Fn(Far) + Send + Sync + 'static) -> Self {
        Self { every: Some(span), ..Self::at_units(tell) }
    }

    /// Whether workers are to ring when a unit is over.
    pub(super) fn is_at_units(&self) -> bool {
        self.every.is_none()
    }

    /// Whether there is something to tell of the job. If not yet, the caller looks again in time.
    pub(super) fn is_due(&self, pending: &Pending, is_over: bool, looked: &mut Looked<'_>) -> bool {
        if is_over {
            return true;
        }
        if self.every.is_none() {
            return pending.far(is_over).done != self.told;
        }
        let left = self.next.remaining().unwrap_or(Duration::MAX);
        looked.patience = Some(looked.patience.map_or(left, |patience| patience.min(left)));
        left.is_zero()
    }

    /// Tells it. Whether it is over was asked before.
    pub(super) fn tell(&mut self, pending: &Pending, is_over: bool) {
        let far = pending.far(is_over);
        match self.every {
            Some(span) => self.next = Deadline::after(span),
            None if far.done == self.told => return,
            None => {}
        }
        self.told = far.done;
        (self.tell)(far);
    }
}

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling").field("every", &self.every).finish_non_exhaustive()
    }
}

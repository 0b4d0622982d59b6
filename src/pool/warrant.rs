//! Why a worker is to be killed: it holds only as long as the worker is still at that.

use super::{
    board::Board,
    fate::Fate,
    job::Job,
    raw_job::Units,
    word::{Done, Progress, UnitState, UnitWord},
};
use crate::{atomic::Ordering, segment::OwnerId};
use std::sync::Arc;

/// What the worker is at.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    Task {
        slot: u32,
        serial: u64,
    },
    /// A unit of a job; if only one of its items is meant, that one.
    Unit {
        job: Arc<Job>,
        unit: u32,
        item: Option<u32>,
    },
    /// It makes its state since then, by the clock; 0 if it has not even begun to.
    Beginning(u64),
    /// It was stopped, with whatever it has.
    Stopped,
}

impl Cause {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Task { serial, .. }, Self::Task { serial: other, .. }) => serial == other,
            (
                Self::Unit { job, unit, item },
                Self::Unit { job: other, unit: its_unit, item: its_item },
            ) => Arc::ptr_eq(job, other) && (unit, item) == (its_unit, its_item),
            (Self::Beginning(since), Self::Beginning(other)) => since == other,
            (Self::Stopped, Self::Stopped) => true,
            _ => false,
        }
    }
}

/// An order to kill a worker, and what becomes of what it is at.
#[derive(Clone, Debug)]
pub(super) struct Warrant {
    pub(super) seat: u32,
    /// The worker's.
    pub(super) number: u64,
    pub(super) cause: Cause,
    pub(super) fate: Fate,
}

impl Warrant {
    /// Whether the worker of this name, which has the seat and stands still, is at that. Reads words only: the worker may have stopped with any lock.
    pub(super) fn holds(&self, board: &Board, worker: Option<OwnerId>) -> bool {
        let is_worker = |owner: Option<OwnerId>| owner.is_some() && owner == worker;
        match &self.cause {
            Cause::Task { slot, serial } => {
                is_worker(board.raw().runner(board, *slot))
                    && board.pending(*slot) == Done::pending(*serial)
            }
            Cause::Unit { job, unit, item } => {
                let word = UnitWord((&**job).word(*unit).load(Ordering::SeqCst));
                let at = Progress((&**job).at(*unit).load(Ordering::Acquire));
                word.state() == UnitState::Running
                    && is_worker(word.owner())
                    && item.is_none_or(|item| item == at.item())
            }
            Cause::Beginning(since) => board.seat(self.seat).begins_since() == Some(*since),
            Cause::Stopped => true,
        }
    }

    /// Whether it is for this task.
    pub(super) fn is_for_task(&self, serial: u64) -> bool {
        match &self.cause {
            Cause::Task { serial: meant, .. } => *meant == serial,
            Cause::Stopped => true,
            Cause::Unit { .. } | Cause::Beginning(_) => false,
        }
    }

    /// Whether it is for this item of a job.
    pub(super) fn is_for_item(&self, job: &Job, item: u32) -> bool {
        match &self.cause {
            Cause::Unit { job: meant, item: late, .. } => {
                std::ptr::eq(&raw const **meant, job) && late.is_none_or(|late| late == item)
            }
            Cause::Stopped => true,
            Cause::Task { .. } | Cause::Beginning(_) => false,
        }
    }
}

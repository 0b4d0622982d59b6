//! What a pool has done.

use super::{office::Office, worker_statistics::WorkerStatistics};
use crate::os::clock;
use std::time::Duration;

/// What a pool has done until now, and what there is to do; from [`Pool::statistics`](crate::Pool::statistics). Tasks are submitted and end while it is made, so the numbers may be of slightly different moments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatistics {
    /// How many workers there are at this moment.
    pub alive: usize,
    /// How many tasks workers have ended, whatever their result. A chunk of a map is one task here.
    pub tasks: u64,
    /// How many items they had: one each, and those of the chunks.
    pub items: u64,
    /// How many workers have taken the place of one that died or was killed.
    pub restarts: u64,
    /// How many tasks are waiting or running. All items of a map are one task here.
    pub in_use: usize,
    /// How many of them wait for a worker; maps also of which some chunks run.
    pub waiting: usize,
    /// How long ago the oldest of them was submitted, to some milliseconds.
    pub oldest: Option<Duration>,
    /// The workers that there are at this moment.
    pub workers: Vec<WorkerStatistics>,
}

impl PoolStatistics {
    pub(super) fn of(office: &Office) -> Self {
        let board = &office.board;
        let ledger = office.ledger();
        let unfinished =
            || ledger.uses.iter().flatten().filter(|used| !office.is_over(&used.pending));
        let begun = unfinished().map(|used| used.submitted).min();
        let waits = unfinished().filter(|used| match &used.pending.job {
            Some(job) => job.raw().has_free(&**job),
            None => board.raw().is_offered(board, used.pending.slot),
        });
        let mut statistics = Self {
            alive: ledger.alive(),
            tasks: ledger.tasks,
            items: ledger.items,
            restarts: ledger.restarts,
            in_use: unfinished().count(),
            waiting: waits.count(),
            oldest: begun.map(|then| Duration::from_nanos(clock::about_now().saturating_sub(then))),
            workers: Vec::new(),
        };
        let now = clock::now();
        for (index, member) in ledger.workers.iter().enumerate() {
            let seat = board.seat(index as u32);
            statistics.tasks += seat.tasks();
            statistics.items += seat.items();
            if let Some(member) = member {
                let worker = WorkerStatistics::of(index, member.body.pid(), seat, now);
                statistics.workers.push(worker);
            }
        }
        // Not while others wait for the ledger: it takes some microseconds for each.
        drop(ledger);
        statistics.workers.iter_mut().for_each(WorkerStatistics::measure);
        statistics
    }
}

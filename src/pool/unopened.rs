//! A job that a worker cannot open: there is no room for it among the addresses that the worker may have, say.
//!
//! The worker says so in its seat, where there is always room, and ends: what it has done before may be the reason. If it had done nothing, no other can open the job either.

use super::{board::Board, fate::Fate, ledger::Ledger};
use crate::sync::Thread;

/// The key of what became of all items of a job that are not done. No item has this number.
pub(super) const REST: u32 = u32::MAX;

impl Ledger {
    /// Nobody begins a unit of this job from now on. Those that are run go on, and the job is over when they are done.
    pub(super) fn withdraw_job(
        &mut self,
        board: &Board,
        thread: &Thread<'_>,
        serial: u64,
        why: &str,
    ) {
        let mut uses = self.uses.iter_mut().flatten();
        let Some(used) = uses.find(|used| used.pending.serial == serial) else { return };
        let (slot, Some(job)) = (used.pending.slot, used.pending.job.clone()) else { return };
        if !board.is_over(slot, serial) {
            let fate = Fate::Unopened(format!("no worker can open the job: {why}"));
            used.fates.entry(REST).or_insert(fate);
            if job.shape().stops {
                job.raw().limit_to(0);
            }
            job.raw().withdraw(&*job);
        }
        // Else the next worker would find it, as long as nobody has asked for the results.
        board.raw().pass(used.ticket);
        if job.raw().is_over(&*job) {
            self.finish(board, thread, slot);
        }
    }
}

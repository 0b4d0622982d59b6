//! What may go on when a result is over: units of a job that was cancelled, and workers of a pool that was stopped.

use super::{office::Office, pending::Pending, raw_board::DONE};
use crate::{Result, os::clock::Deadline, sync::Looked};

impl Office {
    /// Waits for something that is over until no worker is in the middle of it, or will be.
    ///
    /// Who takes a unit of a cancelled job does nothing with it; who had one before is killed, or, as a thread, goes on to the end of its item, and rings then.
    pub(super) fn outlast_all_of(&self, pending: &Pending) -> Result<()> {
        let thread = self.thread()?;
        let look = |_: &mut Looked<'_>| (!self.is_being_run(pending)).then_some(());
        let _ = self.board.raw().bells().wait(&thread, DONE, Deadline::NEVER, look);
        self.outlast()
    }

    /// Whether a worker is at a unit of it that has not been seen to end. The word of one that was killed for a job that was over keeps its name; its seat does not.
    fn is_being_run(&self, pending: &Pending) -> bool {
        pending.job.as_ref().is_some_and(|job| {
            let mut running = job.raw().running(&**job).peekable();
            running.peek().is_some() && {
                let ledger = self.ledger();
                // When the pool is over, nobody clears seats any more.
                let is_seated = |owner| ledger.seat_of(&self.board, owner).is_some();
                !ledger.is_over && running.any(|(_, _, owner)| is_seated(owner))
            }
        })
    }
}

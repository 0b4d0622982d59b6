//! A picture of a pool for people: what its board says, and what its parent knows. Nothing is waited for, so that it can be had of a pool that hangs; others go on meanwhile.

use super::{
    board::Board,
    ledger::{Ledger, Use},
    office::Office,
    raw_board::{DONE, NEWS},
    raw_job::Units,
    word::{UnitState, UnitWord},
};
use crate::atomic::Ordering;
use std::fmt;

/// Of this office.
pub(super) struct Picture<'a>(pub(super) &'a Office);

impl fmt::Debug for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(office) = self;
        let mut picture = f.debug_struct("Office");
        picture.field("settings", &office.settings);
        let Some(ledger) = office.try_ledger() else {
            // Somebody has it; the words are there all the same.
            return picture.field("ledger", &"busy").field("board", &Raw(&office.board)).finish();
        };
        picture.field("ledger", &*ledger).field("board", &Raw(&office.board));
        picture.field("workers", &Workers(&ledger, &office.board));
        picture.field("tasks", &Tasks(&ledger, &office.board)).finish()
    }
}

struct Raw<'a>(&'a Board);

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = self.0.raw();
        f.debug_struct("Board")
            .field("orders", &raw.orders())
            .field("head", &raw.head())
            .field("news_awaited", &raw.bells().is_armed(NEWS))
            .field("done_awaited", &raw.bells().is_armed(DONE))
            .finish()
    }
}

struct Workers<'a>(&'a Ledger, &'a Board);

impl fmt::Debug for Workers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for (seat, member) in self.0.workers.iter().enumerate() {
            let pid = member.as_ref().map(|member| member.body.pid());
            let is_condemned = member.as_ref().is_some_and(|member| member.sentence.is_some());
            let place = self.1.seat(seat as u32);
            list.entry(&format_args!(
                "{{ pid: {pid:?}, name: {:?}, ready: {}, tasks: {}, condemned: {is_condemned} }}",
                place.owner(),
                place.is_ready(),
                place.tasks(),
            ));
        }
        list.finish()
    }
}

struct Tasks<'a>(&'a Ledger, &'a Board);

impl fmt::Debug for Tasks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uses = self.0.uses.iter().flatten();
        f.debug_list().entries(uses.map(|used| OneTask(used, self.1))).finish()
    }
}

struct OneTask<'a>(&'a Use, &'a Board);

impl fmt::Debug for OneTask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(used, board) = self;
        let (slot, serial) = (used.pending.slot, used.pending.serial);
        let mut picture = f.debug_struct("Task");
        picture
            .field("slot", &slot)
            .field("serial", &serial)
            .field("ticket", &used.ticket)
            .field("word", &board.raw().word_of(*board, slot))
            .field("over", &board.is_over(slot, serial))
            .field("retries", &used.retries)
            .field("cancelled", &used.is_cancelled);
        if let Some(job) = &used.pending.job {
            let state = |unit: u32| UnitWord((&**job).word(unit).load(Ordering::SeqCst)).state();
            let count =
                |wanted| (0..(&**job).count()).filter(|&unit| state(unit) == wanted).count();
            picture
                .field("units_free", &count(UnitState::Free))
                .field("units_done", &count(UnitState::Done))
                .field("units_running", &job.raw().running(&**job).collect::<Vec<_>>())
                .field("cursor", &job.raw())
                .field("died", &used.fates.keys());
        }
        picture.finish()
    }
}

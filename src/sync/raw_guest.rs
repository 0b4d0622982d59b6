//! Readers under another's read borrow: see "Guests" in `raw_borrow`.

use super::{
    CELLS, RawBorrow,
    party::Party,
    raw_borrow::{first_cell, holder, read_by},
    raw_lock::NotTaken,
};
use crate::{
    atomic::Ordering,
    os::{clock::Deadline, step::step},
    segment::OwnerId,
};

impl RawBorrow {
    /// As a reader: from now on there may be guests.
    pub(crate) fn host(&self) {
        // Sequentially consistent: before its name leaves its cell, however it does.
        self.hosted.swap(1, Ordering::SeqCst);
        step!("borrow.hosts");
    }

    /// Reads under the borrow of a host whose name is in this cell; the answer is to be given to [`Self::end_read`]. `None` when the host has gone.
    pub(crate) fn visit<P: Party>(
        &self,
        party: &P,
        (place, host): (usize, OwnerId),
        deadline: Deadline,
    ) -> Result<Option<usize>, NotTaken> {
        let Some(place) = self.cells.get(place) else { return Ok(None) };
        let is_there = || place.load(Ordering::SeqCst) == read_by(host);
        let first = first_cell(party.id());
        while is_there() {
            let heard = self.listen();
            let (mut living, mut raced) = (Vec::new(), false);
            for index in (first..CELLS).chain(0..first) {
                let cell = &self.cells[index];
                let seen = cell.load(Ordering::SeqCst);
                match holder(seen) {
                    _ if seen == 0 => {}
                    Some(reader) if seen == read_by(reader) => {
                        if !party.is_dead(reader) {
                            living.push(reader);
                            continue;
                        }
                    }
                    // A writer is there: the host has gone.
                    _ => continue,
                }
                if !self.claim(party, index, seen) {
                    raced = true;
                    continue;
                }
                step!("borrow.guest.cell");
                // In this order: while the host was there, nobody could take the cell away.
                if is_there() && cell.load(Ordering::SeqCst) == read_by(party.id()) {
                    return Ok(Some(index));
                }
                self.empty(party, index);
                return Ok(None);
            }
            if !raced {
                self.wait_for_cells(party, heard, &living, deadline)?;
            }
        }
        Ok(None)
    }
}

//! What the copied bytes of a pool's board say, for those who look from outside.

use super::{
    board::{FINGERPRINT, MAX_SLOTS, SEAT, SEATS_AT, SHAPE_AT, SLOT, Seat, Shape, bytes},
    word::{State, Word},
};
use crate::segment::{Copied, OwnerId};
use std::mem::offset_of;

/// A worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeatOutline {
    pub(crate) owner: OwnerId,
    pub(crate) is_ready: bool,
    /// How many tasks, and units of jobs, it has done.
    pub(crate) tasks: u64,
}

/// A board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoardOutline {
    pub(crate) slots: u32,
    pub(crate) workers: Vec<SeatOutline>,
    /// Tasks that nobody has begun.
    pub(crate) offered: u32,
    pub(crate) running: Vec<OwnerId>,
    pub(crate) jobs: u32,
}

impl BoardOutline {
    pub(crate) fn is_board(fingerprint: u64) -> bool {
        fingerprint == FINGERPRINT
    }

    /// From all bytes of a board; `None` if they contradict each other.
    pub(crate) fn of(board: Copied<'_>) -> Option<Self> {
        let shape = board.from(SHAPE_AT);
        let slots = shape.u32(offset_of!(Shape, slots));
        let seats = shape.u32(offset_of!(Shape, seats)) as usize;
        if slots as usize > MAX_SLOTS
            || seats > board.0.len()
            || bytes(slots as usize, seats) > board.0.len()
        {
            return None;
        }
        let seat = |index: usize| {
            let seat = board.from(SEATS_AT + index * SEAT);
            Some(SeatOutline {
                owner: OwnerId::from_bits(seat.u32(offset_of!(Seat, owner)))?,
                is_ready: seat.u32(offset_of!(Seat, is_ready)) != 0,
                tasks: seat.u64(offset_of!(Seat, tasks)),
            })
        };
        let slots_at = bytes(slots as usize, seats) - slots as usize * SLOT;
        let mut outline = Self {
            slots,
            workers: (0..seats).filter_map(seat).collect(),
            offered: 0,
            running: Vec::new(),
            jobs: 0,
        };
        for slot in 0..slots as usize {
            let word = Word(board.u64(slots_at + slot * SLOT));
            match word.state() {
                State::Idle => {}
                State::Offered => outline.offered += 1,
                State::Running => outline.running.extend(word.owner()),
                State::Job => outline.jobs += 1,
            }
        }
        Some(outline)
    }
}

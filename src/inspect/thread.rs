//! A thread that takes part in a segment.

use crate::segment::{OwnerId, ThreadOutline};
use serde::Serialize;

/// A thread that takes part in a segment, or did: what it claims has its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Thread {
    /// By which it is named elsewhere in the report: its place in the table, and how many threads had that before.
    pub id: String,
    /// Its process, as numbered in the segment's pid namespace.
    pub pid: u32,
    /// Its number, as the kernel has it.
    pub thread: u32,
    /// Its name, or nothing.
    pub name: String,
    /// Whether it lives.
    pub is_alive: bool,
}

impl Thread {
    pub(super) fn of(outline: &ThreadOutline) -> Self {
        let ThreadOutline { id, pid, thread, name, is_alive } = outline.clone();
        Self { id: text(id), pid, thread, name, is_alive }
    }
}

/// An id, as reports have it.
pub(super) fn text(id: OwnerId) -> String {
    format!("{id:?}")
}

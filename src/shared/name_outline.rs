//! The table of names as one sees it from outside: see `segment::outline`.

use super::names::{Entry, LIVE, text};
use crate::segment::{BlockId, Copied};

/// A published object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameOutline {
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) id: BlockId,
    pub(crate) generation: u32,
}

impl NameOutline {
    /// The names in a copy of the table's entries. The table's lock is not taken, so one that changes at this moment may be half of both.
    pub(crate) fn all(entries: Copied<'_>) -> Vec<Self> {
        let entries = entries.0.chunks_exact(size_of::<Entry>());
        entries
            .map(bytemuck::pod_read_unaligned::<Entry>)
            .filter(|entry| entry.state == LIVE)
            .map(|entry| Self {
                name: text(&entry.name).to_owned(),
                type_name: text(&entry.type_name).to_owned(),
                id: entry.id(),
                generation: entry.generation,
            })
            .collect()
    }

    /// Whether words lie before its data by which it is borrowed.
    pub(crate) fn is_borrowed(&self) -> bool {
        self.type_name.starts_with("Array<")
    }

    /// Whether a lock lies before its data.
    pub(crate) fn is_locked(&self) -> bool {
        ["Value<", "Shared<", "OnceValue<"].iter().any(|kind| self.type_name.starts_with(kind))
    }
}

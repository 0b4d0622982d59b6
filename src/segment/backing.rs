//! How the memory of a large object is got: when, from which nodes, in which pages.

use super::header::PAGE;
use crate::{
    Result,
    os::{mapping::Mapping, numa, object::Object},
};

/// Which memory nodes the pages come from.
#[derive(Clone, Debug, Default)]
pub(crate) enum Nodes {
    /// As the system does for who reserves them.
    #[default]
    Any,
    Interleaved,
    Bound(Vec<u32>),
}

/// The wishes of an object with a member of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backing {
    pub(crate) nodes: Nodes,
    pub(crate) huge: bool,
    /// The pages are mapped in the process that makes the object, not at its first accesses.
    pub(crate) prefault: bool,
    /// Nothing is reserved now: see [`Block::reserve`](super::Block::reserve).
    pub(crate) later: bool,
}

impl Backing {
    /// Takes the memory of a new object, which is `mapping`; the first `head` bytes in any case.
    pub(super) fn apply(&self, object: &Object, mapping: &Mapping, head: usize) -> Result<()> {
        object.reserve(head.max(PAGE))?;
        // What belongs to the object comes before its first page.
        match &self.nodes {
            Nodes::Any => {}
            Nodes::Interleaved => numa::interleave(mapping)?,
            Nodes::Bound(nodes) => numa::bind(mapping, nodes)?,
        }
        if self.huge {
            mapping.advise_huge();
        }
        if self.later {
            return Ok(());
        }
        // Huge pages come by faults only; what cannot be had so is reserved below, or tells why not.
        if self.huge && mapping.populate(0..mapping.len()).is_err() {
            return object.reserve(mapping.len());
        }
        object.reserve(mapping.len())?;
        if self.prefault {
            mapping.populate(0..mapping.len())?;
        }
        Ok(())
    }
}

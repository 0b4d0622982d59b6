//! How the memory of a large array is got: when, from which nodes, in which pages.

use super::{Array, Segment};
use crate::{
    Result,
    segment::{Backing, Nodes, Root},
};
use bytemuck::Pod;
use std::{marker::PhantomData, sync::Arc};

/// From which memory nodes the pages of an array come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// All are reserved when the array is made, as the system does it for that thread: on its node, as a rule.
    #[default]
    Creator,
    /// None is reserved when the array is made: each worker [reserves](Array::reserve) its part, and so has it on its own node. What
    /// nobody has reserved is reserved by the first borrow.
    FirstTouch,
    /// All are reserved at once, spread over all nodes.
    Interleaved,
    /// All are reserved at once, on these nodes only.
    Bound(Vec<u32>),
}

/// How an array is to be made; from [`Array::builder`].
///
/// It is for large arrays: one made so has shared memory of its own, of 1 MiB at least.
///
/// ```
/// use multiproc::{Array, Placement};
/// # fn main() -> multiproc::Result<()> {
/// let field = Array::<f64>::builder(1 << 20).placement(Placement::Interleaved).huge_pages(true).build()?;
/// assert_eq!(field.len(), 1 << 20);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ArrayBuilder<T> {
    len: usize,
    placement: Placement,
    huge_pages: bool,
    prefault: bool,
    _elements: PhantomData<fn() -> T>,
}

impl<T: Pod> ArrayBuilder<T> {
    pub(super) fn new(len: usize) -> Self {
        Self {
            len,
            placement: Placement::Creator,
            huge_pages: false,
            prefault: false,
            _elements: PhantomData,
        }
    }

    /// From which memory nodes its pages come; [`Placement::Creator`] if not said.
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Asks for transparent huge pages, in each process that has the array. Where the system has none for shared memory
    /// (`/sys/kernel/mm/transparent_hugepage/shmem_enabled`), it has ordinary ones. A segment in a file of a `hugetlbfs` has huge pages in any case.
    pub fn huge_pages(mut self, huge_pages: bool) -> Self {
        self.huge_pages = huge_pages;
        self
    }

    /// Maps all pages into this process when the array is made, instead of one by one at the first accesses. Other processes call
    /// [`Array::prefault`].
    pub fn prefault(mut self, prefault: bool) -> Self {
        self.prefault = prefault;
        self
    }

    /// Makes the array, of zeros, in the session's shared memory.
    ///
    /// # Errors
    ///
    /// As [`Array::zeroed`]; [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a memory node that is not there.
    pub fn build(self) -> Result<Array<T>> {
        self.build_in_root(&crate::segment::session()?)
    }

    /// Makes the array, of zeros, in a segment.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_in(self, segment: &Segment) -> Result<Array<T>> {
        self.build_in_root(segment.root())
    }

    fn build_in_root(self, root: &Arc<Root>) -> Result<Array<T>> {
        let later = self.placement == Placement::FirstTouch;
        let nodes = match self.placement {
            Placement::Creator | Placement::FirstTouch => Nodes::Any,
            Placement::Interleaved => Nodes::Interleaved,
            Placement::Bound(nodes) => Nodes::Bound(nodes),
        };
        let backing = Backing { nodes, huge: self.huge_pages, prefault: self.prefault, later };
        Array::zeroed_as(root, self.len, &backing)
    }
}

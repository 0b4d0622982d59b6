//! A block of a segment, as this process has it: one pin, however many handles.
//!
//! Clones are counted here, in the process. The segment knows one bit for the process; it is set when the first handle comes
//! and cleared when the last one goes. Both happen under the root's map of blocks, so that a handle which arrives
//! while the last one goes finds either the old pin or none.

use super::{Root, heap::Member, parcel::Listed, participant};
use crate::{
    Error, ErrorKind, Result,
    os::{
        fork,
        object::{Access, Object},
        step::step,
    },
};
use std::{
    fmt,
    ops::Range,
    ptr::NonNull,
    sync::{Arc, Weak},
};

/// Where a block is, within a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BlockId {
    pub(crate) member: super::members::MemberId,
    pub(crate) block: u32,
}

/// A pinned block. Clones share the pin.
#[derive(Clone)]
pub(crate) struct Block(Arc<Pinned>);

struct Pinned {
    root: Arc<Root>,
    member: Arc<Member>,
    id: BlockId,
    generation: u32,
}

/// What the root's map keeps.
pub(super) struct WeakBlock(Weak<Pinned>);

impl WeakBlock {
    pub(super) fn upgrade(&self) -> Option<Block> {
        self.0.upgrade().map(Block)
    }
}

impl Block {
    /// For a block whose bit of this process is set; called under the root's map.
    pub(super) fn new(
        root: Arc<Root>,
        member: Arc<Member>,
        id: BlockId,
        generation: u32,
    ) -> (Self, WeakBlock) {
        let pinned = Arc::new(Pinned { root, member, id, generation });
        let weak = Arc::downgrade(&pinned);
        (Self(pinned), WeakBlock(weak))
    }

    /// The beginning of its memory, at least 64 bytes aligned.
    pub(crate) fn as_ptr(&self) -> NonNull<u8> {
        self.0.member.block(self.0.id.block)
    }

    #[inline]
    pub(crate) fn root(&self) -> &Arc<Root> {
        &self.0.root
    }

    pub(crate) fn member(&self) -> &Member {
        &self.0.member
    }

    pub(crate) fn id(&self) -> BlockId {
        self.0.id
    }

    pub(crate) fn generation(&self) -> u32 {
        self.0.generation
    }

    /// What handles of it name.
    pub(crate) fn place(&self) -> Listed {
        (self.id(), self.generation())
    }

    /// Fingerprint and length in bytes of the object in it.
    pub(crate) fn contents(&self) -> (u64, u64) {
        self.0.member.contents(self.0.id.block)
    }

    /// Takes the pages of these bytes of it now, on behalf of this thread; contents stay. No access to them fails later.
    pub(crate) fn reserve(&self, bytes: Range<usize>) -> Result<()> {
        let Pinned { root, member, id, .. } = &*self.0;
        if !member.populate(id.block, bytes)? {
            // An old kernel: reserved by the file, all of it.
            let path = root.place().member(id.member).path();
            let object = Object::open(&path, Access::ReadWrite)?;
            object.reserve(object.facts()?.size as usize)?;
        }
        Ok(())
    }

    /// An error if it has no room for so many bytes, whatever is written in shared memory.
    pub(crate) fn check_room(&self, bytes: usize) -> Result<()> {
        if bytes <= self.0.member.block_bytes() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidHandle,
            "the object is smaller than its type: the segment is damaged",
        ))
    }

    /// A parcel may list it from now on.
    pub(crate) fn travels(&self) {
        self.0.member.set_travels(self.0.id.block);
    }

    /// That entry of that parcel, and nothing else ever, may list it from now on.
    pub(super) fn travels_in(&self, parcel: Listed, entry: usize) {
        self.0.member.set_travels_in(self.0.id.block, parcel, entry);
    }

    /// What the parcel in that block lists is not kept by it any longer than this block lives. Neither is anybody else's yet, and this is no parcel.
    pub(crate) fn wards(&self, parcel: &Self) {
        debug_assert!(parcel.member().holds_parcels() && !self.member().holds_parcels());
        self.0.member.set_tie(self.0.id.block, parcel.place());
        parcel.0.member.set_tie(parcel.0.id.block, self.place());
    }

    /// Pins it for a table of the segment.
    pub(crate) fn pin_for(&self, holder: u32) {
        self.0.member.descriptor(self.0.id.block).pins.pin_for(holder);
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockId { member, block } = self.0.id;
        write!(f, "{}[{}.{}:{}]", self.0.root.name(), member.index, member.generation, block)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // A forked child has the parent's memory, but not its pins.
        if fork::is_forked_holder() {
            return;
        }
        // Without a slot for this thread nobody could see that it died while it frees: then it only gives up the pin, and whoever looks next frees the block.
        let me = participant::current(&self.root).ok();
        let this: *const Self = self;
        let around = self.root.around(&self.member, self.id.block);
        let freed = {
            let mut blocks = self.root.blocks();
            if blocks.get(&self.id).is_none_or(|known| known.0.as_ptr() != this) {
                // A new handle has taken the pin over.
                return;
            }
            blocks.remove(&self.id);
            step!("unpin.begin");
            let pins = &self.member.descriptor(self.id.block).pins;
            match me {
                Some(me) => pins.unpin(self.root.holder(), me, &around).then_some(me),
                None => {
                    pins.give_up(self.root.holder());
                    None
                }
            }
        };
        if me.is_none() {
            self.root.unfinished().insert(self.id);
        }
        if let Some(me) = freed {
            self.root.freed(around, me);
        }
    }
}

//! What lies where in the files of a segment.

use crate::{
    os::asleep::FilePlace,
    segment::{BlockId, Copied, MemberOutline, RootOutline},
};

/// A place in a segment, and how far from the beginning of what lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// The life word of the thread in this slot, or beside it.
    Life(u32),
    /// The words of the table of names.
    Names(u64),
    Block(BlockId, u64),
}

impl At {
    pub(super) fn block(self) -> Option<BlockId> {
        if let Self::Block(id, _) = self { Some(id) } else { None }
    }

    /// The same thing, so many bytes further on.
    pub(super) fn further(self, bytes: u64) -> Self {
        match self {
            Self::Life(slot) => Self::Life(slot),
            Self::Names(at) => Self::Names(at + bytes),
            Self::Block(block, at) => Self::Block(block, at + bytes),
        }
    }
}

/// A root with its members.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) root: RootOutline,
    pub(super) members: Vec<MemberOutline>,
}

impl Places {
    /// What lies at a place of a file; `None` if that is none of the segment's, or nothing lies there.
    pub(super) fn find(&self, place: FilePlace) -> Option<At> {
        if place.file == self.root.facts().device_and_inode() {
            let (names, _) = self.root.names_words();
            return match self.root.slot_at(place.offset) {
                Some(slot) => Some(At::Life(slot)),
                None => place.offset.checked_sub(names).filter(|&at| at < 64).map(At::Names),
            };
        }
        let is_there = |member: &&MemberOutline| member.facts().device_and_inode() == place.file;
        let member = self.members.iter().find(is_there)?;
        let block = member.block_at(place.offset)?;
        let offset = place.offset.checked_sub(member.start_of(block)?)?;
        Some(At::Block(member.block_id(block), offset))
    }

    /// The word there, as it is now; zero where it cannot be read.
    pub(super) fn word(&self, at: At) -> u64 {
        match at {
            At::Life(_) => 0,
            At::Names(offset) => self.root.names_words().1.u64(offset as usize),
            At::Block(id, offset) => Copied(&self.bytes(id, offset, size_of::<u64>())).u64(0),
        }
    }

    /// Bytes of a block; none where they cannot be read.
    pub(super) fn bytes(&self, id: BlockId, from: u64, bytes: usize) -> Vec<u8> {
        let member = self.members.iter().find(|member| member.id() == id.member);
        member.and_then(|member| member.read(id.block, from, bytes).ok()).unwrap_or_default()
    }
}

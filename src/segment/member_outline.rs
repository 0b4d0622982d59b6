//! A member as one sees it from outside: see [`outline`](super::outline).

use super::{
    block::BlockId,
    copied::Copied,
    header::{Header, Kind, PAGE},
    heap::Descriptor,
    members::MemberId,
    outline::RootOutline,
    pins::{self, Pins},
};
use crate::{
    Error, ErrorKind, Result,
    os::object::{Access, Facts, Object},
};
use std::mem::offset_of;

/// A block with an object in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockOutline {
    pub(crate) block: u32,
    pub(crate) generation: u32,
    /// Of the object.
    pub(crate) fingerprint: u64,
    pub(crate) length: u64,
    /// The records that pin it, as bits.
    holders: [u64; WORDS],
}

const WORDS: usize = (super::HOLDERS / u64::BITS) as usize;

impl BlockOutline {
    /// The records that pin it.
    pub(crate) fn holders(&self) -> impl Iterator<Item = u32> + '_ {
        let is_set = |holder: &u32| {
            self.holders[(holder / u64::BITS) as usize] >> (holder % u64::BITS) & 1 != 0
        };
        (0..super::HOLDERS).filter(is_set)
    }
}

/// A member that is read where it is.
#[derive(Debug)]
pub(crate) struct MemberOutline {
    id: MemberId,
    object: Object,
    facts: Facts,
    header: Header,
}

/// How many descriptors are copied at once.
const BATCH: u64 = 512;
/// More blocks than members of pages have; in those of huge pages, the rest is left out.
const MOST_BLOCKS: u64 = 1 << 20;

impl MemberOutline {
    pub(crate) fn open(root: &RootOutline, id: MemberId) -> Result<Self> {
        let path = root.place().member(id).path();
        let object = Object::open(&path, Access::ReadOnly)?;
        let facts = object.check_visible()?;
        let mut header: Header = bytemuck::Zeroable::zeroed();
        object.read_at(bytemuck::bytes_of_mut(&mut header), 0)?;
        header.check(Kind::Member, facts.size)?;
        if header.nonce != root.header().nonce
            || (header.index, header.generation) != (id.index, id.generation)
        {
            return Err(Error::new(
                ErrorKind::StaleHandle,
                format!("{} belongs to another segment", path.display()),
            ));
        }
        Ok(Self { id, object, facts, header })
    }

    pub(crate) fn id(&self) -> MemberId {
        self.id
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether its blocks are the library's own, for messages.
    pub(crate) fn is_for_parcels(&self) -> bool {
        self.header.parcels != 0
    }

    /// How many of its blocks are not looked at.
    pub(crate) fn left_out(&self) -> u64 {
        self.header.blocks.saturating_sub(MOST_BLOCKS)
    }

    /// How many bytes are copied to find its blocks.
    pub(crate) fn table_bytes(&self) -> u64 {
        self.header.blocks.min(MOST_BLOCKS) * size_of::<Descriptor>() as u64
    }

    /// The blocks in which there is something.
    pub(crate) fn blocks(&self) -> Result<Vec<BlockOutline>> {
        const BYTES: usize = size_of::<Descriptor>();
        let count = self.header.blocks.min(MOST_BLOCKS);
        let mut found = Vec::new();
        let mut first = 0;
        while first < count {
            let batch = BATCH.min(count - first);
            let mut bytes = vec![0; batch as usize * BYTES];
            self.object.read_at(&mut bytes, PAGE as u64 + first * BYTES as u64)?;
            let descriptors = bytes.chunks_exact(BYTES).zip(first as u32..);
            found.extend(descriptors.filter_map(|(bytes, block)| outline(Copied(bytes), block)));
            first += batch;
        }
        Ok(found)
    }

    /// What is in this block, if there is something.
    pub(crate) fn block(&self, block: u32) -> Option<BlockOutline> {
        let mut bytes = [0; size_of::<Descriptor>()];
        let at = PAGE as u64 + u64::from(block) * bytes.len() as u64;
        self.object.read_at(&mut bytes, at).ok()?;
        outline(Copied(&bytes), block)
    }

    /// Where a block begins in the file.
    pub(crate) fn start_of(&self, block: u32) -> Option<u64> {
        let inside = u64::from(block).checked_mul(self.header.block_bytes)?;
        inside.checked_add(self.header.first_block)
    }

    /// The block in which a place of the file lies.
    pub(crate) fn block_at(&self, offset: u64) -> Option<u32> {
        let inside = offset.checked_sub(self.header.first_block)?;
        let block = inside.checked_div(self.header.block_bytes)?;
        (block < self.header.blocks).then_some(block as u32)
    }

    pub(crate) fn block_id(&self, block: u32) -> BlockId {
        BlockId { member: self.id, block }
    }

    /// Copies bytes of a block, from there on; fewer where the block ends.
    pub(crate) fn read(&self, block: u32, from: u64, bytes: usize) -> Result<Vec<u8>> {
        let room = self.header.block_bytes.saturating_sub(from);
        let start = self.start_of(block).and_then(|start| start.checked_add(from));
        let mut copy = vec![0; (bytes as u64).min(room) as usize];
        self.object.read_at(&mut copy, start.unwrap_or(u64::MAX / 2))?;
        Ok(copy)
    }
}

fn outline(descriptor: Copied<'_>, block: u32) -> Option<BlockOutline> {
    const PINS: usize = offset_of!(Descriptor, pins);
    const BITS: usize = PINS + offset_of!(Pins, bits);
    let generation = pins::live_in(descriptor.u64(PINS + offset_of!(Pins, state)))?;
    Some(BlockOutline {
        block,
        generation,
        fingerprint: descriptor.u64(offset_of!(Descriptor, fingerprint)),
        length: descriptor.u64(offset_of!(Descriptor, length)),
        holders: std::array::from_fn(|word| descriptor.u64(BITS + word * size_of::<u64>())),
    })
}

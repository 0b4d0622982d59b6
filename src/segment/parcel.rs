//! A parcel: a message in a block, with a list of the blocks of the handles in it, which live as long as it does.
//!
//! | words | |
//! | --- | --- |
//! | 0 | how many entries there are |
//! | two for each entry | block and its generation; member and its generation, and [`LISTED`] |
//! | the rest | the message |
//!
//! An entry of a message is written once, its second word last; a queue's table is written again and again, its entries emptied in between. Who looks whether a block is listed (see "Parcels" in `segment::pins`) reads the entries of parcels that it does not pin, which may be
//! freed and made anew meanwhile: so parcels lie in members of their own, in which all writes are of whole atomic words, and a fence
//! before the first lets the reader notice.
//!
//! A parcel may have a **warden**, another block: when that is over, what the parcel lists does not count any more, as if the parcel were free. So what lies in a queue that nobody receives from any more
//! is not kept, although others still have the queue, and nobody need touch its table.
#![allow(unsafe_code)]

use super::{
    MemberId, Root,
    block::{Block, BlockId},
    heap,
};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU64, Ordering},
    os::step::step,
};
use std::{ptr::NonNull, sync::Arc};

/// In an entry's second word: the entry is whole. (An index of a member has far fewer bits.)
const LISTED: u64 = 1 << 63;
const WORD: usize = size_of::<u64>();

/// A block and its generation.
pub(crate) type Listed = (BlockId, u32);

/// A parcel that this process has pinned.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    block: Block,
}

/// A block's place, as two words that are not zero together with [`LISTED`] only.
pub(crate) fn pack((id, generation): Listed) -> [u64; 2] {
    let MemberId { index, generation: member_generation } = id.member;
    [
        u64::from(id.block) << 32 | u64::from(generation),
        u64::from(index) << 32 | u64::from(member_generation),
    ]
}

pub(crate) fn unpack([block, member]: [u64; 2]) -> Listed {
    let member = MemberId { index: ((member & !LISTED) >> 32) as u32, generation: member as u32 };
    (BlockId { member, block: (block >> 32) as u32 }, block as u32)
}

/// Writes a block's place where none is.
pub(super) fn write(words: &[AtomicU64; 2], listed: Listed) {
    let [first, second] = pack(listed);
    // Release: who reads it beside the second word of the last one, and takes the two for a third, finds when it looks again that the last one was taken away.
    words[0].store(first, Ordering::Release);
    // Release: with the first word, and whatever was written before.
    words[1].store(second | LISTED, Ordering::Release);
}

/// The block's place that is written there.
pub(super) fn read(words: &[AtomicU64; 2]) -> Option<Listed> {
    // Acquire pairs with the Release of `write`; in `Pins::watch` it keeps the next look at the state behind it.
    let member = words[1].load(Ordering::Acquire);
    let block = words[0].load(Ordering::Acquire);
    (member & LISTED != 0).then(|| unpack([block, member]))
}

/// The words of a parcel's block.
#[derive(Clone, Copy)]
pub(super) struct Words<'a>(pub(super) &'a [AtomicU64]);

impl Words<'_> {
    /// How many entries there are; never more than there is room for.
    pub(super) fn count(self) -> usize {
        let room = self.0.len().saturating_sub(1) / 2;
        let count = self.0.first().map_or(0, |count| count.load(Ordering::Acquire));
        usize::try_from(count).unwrap_or(room).min(room)
    }

    /// The words of an entry.
    fn words(&self, index: usize) -> Option<&[AtomicU64; 2]> {
        self.0.get(1 + 2 * index..)?.first_chunk()
    }

    /// What an entry lists, if there is such an entry, and it is written.
    pub(super) fn get(self, index: usize) -> Option<Listed> {
        read(self.words(index).filter(|_| index < self.count())?)
    }

    /// What it lists.
    pub(super) fn entries(self) -> impl Iterator<Item = Listed> {
        let entries = self.0.get(1..).unwrap_or_default().as_chunks().0;
        entries[..self.count()].iter().filter_map(read)
    }
}

/// Writes bytes one after another, a whole word at a time; they fit. The rest of the last word is zeros.
fn store(mut words: &[AtomicU64], parts: &[&[u8]]) {
    let mut put = |chunks: &[[u8; WORD]]| {
        let (now, later) = words.split_at(chunks.len());
        for (word, chunk) in now.iter().zip(chunks) {
            word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
        }
        words = later;
    };
    // The word that a part ends in, and how much of it is there.
    let (mut shared, mut filled) = ([0; WORD], 0);
    for &part in parts {
        let (first, rest) = part.split_at(part.len().min((WORD - filled) % WORD));
        shared[filled..filled + first.len()].copy_from_slice(first);
        filled += first.len();
        if filled == WORD {
            put(&[shared]);
            (shared, filled) = ([0; WORD], 0);
        }
        let (chunks, last) = rest.as_chunks();
        put(chunks);
        if !last.is_empty() {
            shared[..last.len()].copy_from_slice(last);
            filled = last.len();
        }
    }
    if filled > 0 {
        put(&[shared]);
    }
}

impl Parcel {
    /// A new parcel with room for so many entries, and a message.
    pub(crate) fn new(
        root: &Arc<Root>,
        fingerprint: u64,
        entries: usize,
        message: &[&[u8]],
    ) -> Result<Self> {
        let head = Self::head(entries);
        let bytes = message.iter().map(|part| part.len()).sum::<usize>();
        let parcel = Self { block: root.allocate_parcel(head + bytes, head, fingerprint)? };
        let words = parcel.words();
        // Relaxed: nobody takes it for a parcel before it is handed on.
        words.0[0].store(entries as u64, Ordering::Relaxed);
        store(&words.0[1 + 2 * entries..], message);
        Ok(parcel)
    }

    /// How many bytes are before the message.
    pub(super) fn head(entries: usize) -> usize {
        WORD * (1 + 2 * entries)
    }

    /// The parcel that somebody else has made.
    pub(crate) fn open(
        root: &Arc<Root>,
        (id, generation): Listed,
        fingerprint: u64,
    ) -> Result<Self> {
        let parcel = Self { block: root.pin(id, generation)? };
        let (found, length) = parcel.block.contents();
        let head = Self::head(parcel.entries());
        if found == fingerprint
            && parcel.block.member().holds_parcels()
            && (head..=parcel.block.member().block_bytes()).contains(&parcel.bytes_of(length))
        {
            return Ok(parcel);
        }
        Err(Error::new(
            ErrorKind::InvalidHandle,
            format!("{parcel:?} is not the message that it should be: the session is damaged"),
        ))
    }

    /// The parcel in a block that is pinned.
    pub(crate) fn of_block(block: Block, fingerprint: u64) -> Result<Self> {
        let (root, place) = (Arc::clone(block.root()), (block.id(), block.generation()));
        Self::open(&root, place, fingerprint)
    }

    /// For how many entries it has room.
    pub(crate) fn entries(&self) -> usize {
        self.words().count()
    }

    fn bytes_of(&self, length: u64) -> usize {
        usize::try_from(length).unwrap_or(usize::MAX)
    }

    pub(crate) fn block(&self) -> &Block {
        &self.block
    }

    /// Where it is.
    pub(crate) fn place(&self) -> Listed {
        self.block.place()
    }

    fn words(&self) -> Words<'_> {
        Words(self.block.member().words(self.block.id().block))
    }

    /// Writes an entry, which is empty: the block lives as long as this from now on. The caller pins it meanwhile.
    pub(crate) fn list(&self, index: usize, block: &Block) {
        block.travels();
        self.write(index, block);
    }

    /// As [`list`](Self::list), for a block that no other parcel ever lists, nor this one with another entry: so nobody looks for it elsewhere.
    pub(crate) fn list_here_only(&self, index: usize, block: &Block) {
        block.travels_in(self.place(), index);
        self.write(index, block);
    }

    fn write(&self, index: usize, block: &Block) {
        // Release in it: with the mark that the block travels, and with whatever the block is.
        write(self.words().words(index).expect("the entry is there"), block.place());
    }

    /// Empties an entry, for another block. If nobody else has the block that it lists, that is free.
    ///
    /// It pins nothing meanwhile: who asks for the users of the block (see [`Root::users`]) would take this process for one.
    pub(crate) fn unlist(&self, index: usize) {
        let words = self.words();
        let Some((id, _)) = words.get(index) else { return };
        // Who looks meanwhile finds the old block or none; with the next one's first word, a block that is not the one it looks for.
        words.0[2 + 2 * index].store(0, Ordering::SeqCst);
        step!("parcel.unlisted");
        // Whoever takes the last of its users away frees it.
        self.block.root().free_unlisted(id);
    }

    /// Empties all entries from this one on.
    pub(crate) fn unlist_from(&self, first: usize) {
        (first..self.entries()).for_each(|index| self.unlist(index));
    }

    /// What an entry lists, if it is written.
    pub(crate) fn entry(&self, index: usize) -> Option<Listed> {
        self.words().get(index)
    }

    /// The message.
    pub(crate) fn message(&self) -> &[u8] {
        let head = Self::head(self.entries());
        let length = self.bytes_of(self.block.contents().1).min(self.block.member().block_bytes());
        // SAFETY: inside the block; `head` is at most its size.
        let start = unsafe { self.block.as_ptr().add(head) };
        let bytes = NonNull::slice_from_raw_parts(start, length.saturating_sub(head));
        // SAFETY: inside the block, which is pinned; after `new` only entries are written.
        unsafe { bytes.as_ref() }
    }
}

const _: () = assert!(heap::SMALLEST.is_multiple_of(WORD) && super::members::ENTRIES < 1 << 31);

//! One call of a function in another process: what lies in shared memory for it.
//!
//! # Protocol
//!
//! The parent makes a block with the function's name and the encoded arguments, keeps the blocks of the handles in them
//! pinned, and starts the worker with the block's place. The worker decodes, calls, and puts the encoded result into a block of its own.
//! For the parent it pins that block and those of the handles in it: it writes the result block's place into the call first, so the
//! parent, after the worker's end, knows what was pinned for it, and drops what it does not want.
//!
//! | the worker dies after | the parent finds | and |
//! | --- | --- | --- |
//! | anything before the place is written | no place | has nothing to drop: the worker's blocks are swept |
//! | the place is written, not yet FINISHED | a place | drops the pins that may be its own |
//! | FINISHED | a place and a result | decodes, then drops what the result did not keep |
//!
//! The parent dies: its pins are swept with it.
#![allow(unsafe_code)]

use super::{PanicReport, function::FunctionId};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, AtomicU64, Ordering},
    os::step::step,
    segment::{Block, BlockId, MemberId, Root},
    shared::{Message, encode},
};
use serde::{Deserialize, Serialize};
use std::{ptr::NonNull, sync::Arc};

const FINGERPRINT: u64 = u64::from_be_bytes(*b"mp.call.");
const RESULT: u64 = u64::from_be_bytes(*b"mp.resul");

const STARTED: u32 = 0;
const DECODED: u32 = 1;
const FINISHED: u32 = 2;

/// How the call went, as it travels back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// The encoded result.
    Returned(Vec<u8>),
    Panicked(PanicReport),
    /// What was wrong with the arguments.
    NotDecoded(String),
    /// What was wrong with the result.
    NotEncoded(String),
}

/// The head of a call's block.
#[repr(C)]
struct Head {
    state: AtomicU32,
    /// Who waits for the result.
    parent: u32,
    function: FunctionId,
    /// Behind the head: first the settings, then the arguments.
    settings_bytes: u64,
    args_bytes: u64,
    /// Where the result is: member and its generation, block and its generation. Zero until there is one.
    member: AtomicU64,
    block: AtomicU64,
}

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    block: Block,
}

/// A block's place, as two words.
fn pack(id: BlockId, generation: u32) -> [u64; 2] {
    let MemberId { index, generation: member_generation } = id.member;
    [
        u64::from(index) << 32 | u64::from(member_generation),
        u64::from(id.block) << 32 | u64::from(generation),
    ]
}

fn unpack([member, block]: [u64; 2]) -> (BlockId, u32) {
    let member = MemberId { index: (member >> 32) as u32, generation: member as u32 };
    (BlockId { member, block: (block >> 32) as u32 }, block as u32)
}

impl Call {
    /// Makes the call's block.
    pub(super) fn new(
        root: &Arc<Root>,
        function: FunctionId,
        settings: &[u8],
        args: &[u8],
    ) -> Result<Self> {
        let bytes = size_of::<Head>() + settings.len() + args.len();
        let block = root.allocate(bytes, FINGERPRINT)?;
        let head = Head {
            state: AtomicU32::new(STARTED),
            parent: root.holder(),
            function,
            settings_bytes: settings.len() as u64,
            args_bytes: args.len() as u64,
            member: AtomicU64::new(0),
            block: AtomicU64::new(0),
        };
        let call = Self { block };
        // SAFETY: the block has room for the head and the arguments, is aligned to a cache line, and nobody else knows it.
        unsafe { call.block.as_ptr().cast::<Head>().write(head) };
        let mut at = call.behind_head();
        for part in [settings, args] {
            // SAFETY: as above; the parts lie one behind the other.
            unsafe { at.copy_from_nonoverlapping(NonNull::from(part).cast(), part.len()) };
            // SAFETY: the end of the last part is the end of the object.
            at = unsafe { at.add(part.len()) };
        }
        step!("call.made");
        Ok(call)
    }

    /// Where it is, for the worker's environment.
    pub(super) fn place(&self) -> [u64; 2] {
        pack(self.block.id(), self.block.generation())
    }

    /// The call at a place that the environment told.
    pub(super) fn open(root: &Arc<Root>, place: [u64; 2]) -> Result<Self> {
        let (id, generation) = unpack(place);
        let block = root.pin(id, generation)?;
        let (fingerprint, length) = block.contents();
        let call = Self { block };
        let bytes = usize::try_from(length).unwrap_or(usize::MAX);
        let is_call = fingerprint == FINGERPRINT
            && (size_of::<Head>()..=call.block.member().block_bytes()).contains(&bytes)
            && call.head().settings_bytes.checked_add(call.head().args_bytes)
                == Some(length - size_of::<Head>() as u64);
        if !is_call {
            return Err(Error::new(
                ErrorKind::InvalidHandle,
                "the environment does not name a call of this session",
            ));
        }
        Ok(call)
    }

    fn head(&self) -> &Head {
        // SAFETY: `new` wrote a head there; since then only its atomics change.
        unsafe { self.block.as_ptr().cast().as_ref() }
    }

    fn behind_head(&self) -> NonNull<u8> {
        // SAFETY: the block is at least as large as the head.
        unsafe { self.block.as_ptr().add(size_of::<Head>()) }
    }

    pub(super) fn function(&self) -> FunctionId {
        self.head().function
    }

    /// Settings and arguments.
    fn parts(&self) -> (&[u8], &[u8]) {
        let (settings, args) = (self.head().settings_bytes, self.head().args_bytes);
        let bytes = NonNull::slice_from_raw_parts(self.behind_head(), (settings + args) as usize);
        // SAFETY: `new` wrote them, `open` checked the length, and nobody changes them.
        unsafe { bytes.as_ref() }.split_at(settings as usize)
    }

    pub(super) fn settings(&self) -> &[u8] {
        self.parts().0
    }

    pub(super) fn args(&self) -> &[u8] {
        self.parts().1
    }

    /// The worker has decoded the arguments.
    pub(super) fn decoded(&self) {
        self.head().state.store(DECODED, Ordering::Release);
        step!("call.decoded");
    }

    /// Why these handles cannot be results: nobody would keep the objects of another segment until the parent has them.
    pub(super) fn foreign(&self, handles: &[Block]) -> Option<String> {
        let foreign = handles.iter().find(|block| !Arc::ptr_eq(block.root(), self.block.root()))?;
        Some(format!(
            "the result holds a handle of an object in the segment {}, and only objects of the session can be returned: publish it there under a name",
            foreign.root().name()
        ))
    }

    /// As the worker: hands the outcome over. `handles` are those of the result.
    pub(super) fn finish(&self, outcome: &Outcome, handles: &[Block]) -> Result<()> {
        let Message { bytes, .. } = encode(outcome)?;
        let list: Vec<u64> =
            handles.iter().flat_map(|block| pack(block.id(), block.generation())).collect();
        let list: &[u8] = bytemuck::must_cast_slice(&list);
        let block = self.block.root().allocate(8 + list.len() + bytes.len(), RESULT)?;
        let parts: [&[u8]; 3] = [&(handles.len() as u64).to_ne_bytes(), list, &bytes];
        let mut at = block.as_ptr();
        for part in parts {
            // SAFETY: the block was made for the sum of the parts, and nobody else knows it.
            unsafe { at.copy_from_nonoverlapping(NonNull::from(part).cast(), part.len()) };
            // SAFETY: as above; the end of the last part is at most the end of the block.
            at = unsafe { at.add(part.len()) };
        }
        step!("call.result");
        let [member, number] = pack(block.id(), block.generation());
        self.head().member.store(member, Ordering::Relaxed);
        // Release: with the member. From here on the parent looks for pins that are its own.
        self.head().block.store(number, Ordering::Release);
        step!("call.placed");
        let parent = self.head().parent;
        block.pin_for(parent);
        handles.iter().for_each(|block| block.pin_for(parent));
        step!("call.pinned");
        // Release: everything is there.
        self.head().state.store(FINISHED, Ordering::Release);
        step!("call.finished");
        Ok(())
    }

    /// As the parent, after the worker's end: the outcome, and what it pinned for us.
    pub(super) fn collect(&self) -> Result<Option<Collected>> {
        let block = self.head().block.load(Ordering::Acquire);
        let place = [self.head().member.load(Ordering::Relaxed), block];
        if block == 0 && place[0] == 0 {
            return Ok(None);
        }
        let (id, generation) = unpack(place);
        let root = Arc::clone(self.block.root());
        if self.head().state.load(Ordering::Acquire) != FINISHED {
            // It died while it pinned: drop what may be ours. The result's block first tells which they are.
            let Ok(result) = root.pin(id, generation) else { return Ok(None) };
            let (handles, _) = read(&result)?;
            drop(Collected { bytes: Vec::new(), handles, root });
            return Ok(None);
        }
        let result = root.pin(id, generation)?;
        let (handles, bytes) = read(&result)?;
        Ok(Some(Collected { bytes: bytes.to_vec(), handles, root }))
    }
}

/// The list of handles, and the bytes, of a result's block.
fn read(block: &Block) -> Result<(Vec<BlockId>, &[u8])> {
    let damaged = || Error::new(ErrorKind::InvalidSegment, "a result in the session is damaged");
    let (fingerprint, length) = block.contents();
    let length =
        usize::try_from(length).ok().filter(|&length| length <= block.member().block_bytes());
    let length = length.filter(|_| fingerprint == RESULT).ok_or_else(damaged)?;
    // SAFETY: the block has that many bytes; the worker that wrote them has ended.
    let bytes = unsafe { NonNull::slice_from_raw_parts(block.as_ptr(), length).as_ref() };
    let (count, rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
    let list =
        usize::try_from(u64::from_ne_bytes(*count)).ok().and_then(|count| count.checked_mul(16));
    let (list, bytes) = list.and_then(|list| rest.split_at_checked(list)).ok_or_else(damaged)?;
    let word = |half: &[u8]| half.try_into().map_or(0, u64::from_ne_bytes);
    let handles = list
        .chunks_exact(16)
        .map(|place| unpack([word(&place[..8]), word(&place[8..])]).0)
        .collect();
    Ok((handles, bytes))
}

/// An outcome that has arrived. Dropping it drops the pins of handles that nobody decoded.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) bytes: Vec<u8>,
    handles: Vec<BlockId>,
    root: Arc<Root>,
}

impl Drop for Collected {
    fn drop(&mut self) {
        for &id in &self.handles {
            // A failure leaves a pin until this process ends.
            let _ = self.root.decline(id);
        }
    }
}

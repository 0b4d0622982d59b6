//! One call of a function in another process: what lies in shared memory for it.
//!
//! # Protocol
//!
//! The parent makes a [`Parcel`] with the function's name, the settings and the encoded arguments, which lists the blocks of the handles in them, and
//! starts the worker with the parcel's place. The worker decodes, takes the handles off the list, calls, and puts the encoded outcome into a parcel of its own, which lists the handles in it. When that is whole, it lists it in
//! the call. So the outcome lives as long as the call, and the call as long as the parent or the worker wants it.
//!
//! | the worker dies | the parent finds | and |
//! | --- | --- | --- |
//! | before it has taken the handles off the list | no outcome | takes them off itself, as soon as the worker has ended, whether or not it is joined |
//! | before the outcome is listed | no outcome | the worker's blocks are swept |
//! | later | the outcome | all is well |
//!
//! The parent dies: the call ends with the last of both, and the outcome with the call. If that is before the worker has opened the call, the worker finds none and ends.

use super::{PanicReport, function::FunctionId};
use crate::{
    Error, ErrorKind, Result,
    os::{fork, step::step},
    segment::{Block, Parcel, Root, pack, unpack},
    shared::{Message, encode},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const FINGERPRINT: u64 = u64::from_be_bytes(*b"mp.call.");
const OUTCOME: u64 = u64::from_be_bytes(*b"mp.outco");
/// What the parent is told where there is no room for the outcome.
const NO_ROOM: &str = "there was no room in shared memory for the result; the reason is on the process's standard error";
/// Where a call lists its outcome; behind it are the handles in its arguments.
const ENTRY: usize = 0;

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

/// How a call's message begins; behind it are the settings, then the arguments.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Head {
    function: FunctionId,
    settings_bytes: u64,
}

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    parcel: Parcel,
    head: Head,
}

impl Call {
    /// Makes the call.
    pub(super) fn new(
        root: &Arc<Root>,
        function: FunctionId,
        settings: &[u8],
        args: &Message,
    ) -> Result<Self> {
        let head = Head { function, settings_bytes: settings.len() as u64 };
        let message = [bytemuck::bytes_of(&head), settings, &args.bytes];
        // What lies in another segment its parent keeps.
        let mine = || args.handles.iter().filter(|block| Arc::ptr_eq(block.root(), root));
        let first = ENTRY + 1;
        let parcel = Parcel::new(root, FINGERPRINT, first + mine().count(), &message)?;
        mine().enumerate().for_each(|(index, block)| parcel.list(first + index, block));
        step!("call.made");
        Ok(Self { parcel, head })
    }

    /// Where it is, for the worker's environment.
    pub(super) fn place(&self) -> [u64; 2] {
        pack(self.parcel.place())
    }

    /// The call at a place that the environment told.
    pub(super) fn open(root: &Arc<Root>, place: [u64; 2]) -> Result<Self> {
        let parcel = Parcel::open(root, unpack(place), FINGERPRINT)?;
        let head = parcel.message().get(..size_of::<Head>());
        let head: Option<Head> = head.map(bytemuck::pod_read_unaligned);
        let rest = parcel.message().len().saturating_sub(size_of::<Head>()) as u64;
        match head.filter(|head| head.settings_bytes <= rest) {
            Some(head) => Ok(Self { parcel, head }),
            None => Err(Error::new(
                ErrorKind::InvalidHandle,
                "the environment does not name a call of this session",
            )),
        }
    }

    pub(super) fn function(&self) -> FunctionId {
        self.head.function
    }

    /// Settings and arguments.
    fn parts(&self) -> (&[u8], &[u8]) {
        self.parcel.message()[size_of::<Head>()..].split_at(self.head.settings_bytes as usize)
    }

    pub(super) fn settings(&self) -> &[u8] {
        self.parts().0
    }

    pub(super) fn args(&self) -> &[u8] {
        self.parts().1
    }

    /// As the worker, when the arguments are decoded: what they name lives as long as the worker wants it, and no longer as long as this call.
    pub(super) fn arguments_arrived(&self) {
        self.parcel.unlist_from(ENTRY + 1);
        step!("call.arrived");
    }

    /// As the parent: whether handles are on their way.
    pub(super) fn lists_arguments(&self) -> bool {
        self.parcel.entries() > ENTRY + 1
    }

    /// As the parent, after the worker's end: if it had not decoded its arguments, nobody has what they name.
    pub(super) fn arguments_are_nobodys(&self) {
        self.parcel.unlist_from(ENTRY + 1);
    }

    /// Why these handles cannot be results: nobody would keep the objects of another segment until the parent has them.
    pub(super) fn foreign(&self, handles: &[Block]) -> Option<String> {
        let root = self.parcel.block().root();
        let foreign = handles.iter().find(|block| !Arc::ptr_eq(block.root(), root))?;
        Some(format!(
            "the result holds a handle of an object in the segment {}, and only objects of the session can be returned: publish it there under a name",
            foreign.root().name()
        ))
    }

    fn parcel(&self, outcome: &Outcome, entries: usize) -> Result<Parcel> {
        let Message { bytes, .. } = encode(outcome)?;
        Parcel::new(self.parcel.block().root(), OUTCOME, entries, &[&bytes])
    }

    /// As the worker, before the call: the outcome of a call for whose outcome there is no room. It has its room already.
    pub(super) fn no_room(&self) -> Result<Parcel> {
        self.parcel(&Outcome::NotEncoded(NO_ROOM.into()), 0)
    }

    /// As the worker: hands the outcome over. `handles` are those of the result. Where there is no room for it, that is the outcome, and the error.
    ///
    /// A process that the function has made by a raw `fork()`, and that returns from it too, has nothing to hand over.
    pub(super) fn finish(
        &self,
        outcome: &Outcome,
        handles: &[Block],
        no_room: &Parcel,
    ) -> Result<()> {
        fork::refuse_if_forked()?;
        let parcel = match self.parcel(outcome, handles.len()) {
            Ok(parcel) => parcel,
            Err(error) => {
                self.parcel.list(ENTRY, no_room.block());
                return Err(error);
            }
        };
        for (index, block) in handles.iter().enumerate() {
            parcel.list(index, block);
            step!("call.listed");
        }
        step!("call.outcome");
        self.parcel.list(ENTRY, parcel.block());
        step!("call.finished");
        Ok(())
    }

    /// As the parent, after the worker's end: the encoded outcome. The handles in it can be decoded as long as this call is there.
    pub(super) fn outcome(&self) -> Result<Option<Parcel>> {
        let root = self.parcel.block().root();
        let entry = self.parcel.entry(ENTRY);
        entry.map(|place| Parcel::open(root, place, OUTCOME)).transpose()
    }
}

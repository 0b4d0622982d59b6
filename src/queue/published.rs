//! Queues in a segment, where other programs find them by name.
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{InPlace, Queue, format::SlotFormat, memory::Memory};
use crate::{
    Result,
    segment::Block,
    shared::{Fingerprint, Published, Segment},
};
use bytemuck::Pod;

impl<T: Pod> Queue<T, InPlace> {
    /// A new queue in a segment, where it can be [published](Segment::publish): see [`in_place`](Self::in_place).
    ///
    /// Only queues whose items lie in place can: two programs can compare the structure of such a type, but not whether what one encodes is what the other decodes. The ends of a channel cannot either: a name would count as somebody
    /// who has that end still, so that the channel never ended.
    ///
    /// # Errors
    ///
    /// As [`new`](Queue::new).
    ///
    /// ```
    /// use multiproc::{ErrorKind, InPlace, Queue, Segment};
    /// # fn main() -> multiproc::Result<()> {
    /// # let name = &format!("doc-queue-{}", std::process::id());
    /// // One program …
    /// let segment = Segment::create(name)?;
    /// let samples = Queue::<f64, _>::in_place_in(&segment, 16)?;
    /// segment.publish("samples", &samples)?;
    ///
    /// // … and another.
    /// let theirs = Segment::attach(name)?.open::<Queue<f64, InPlace>>("samples")?;
    /// theirs.send(0.5)?;
    /// assert_eq!(samples.recv()?, 0.5);
    /// let wrong = segment.open::<Queue<u64, InPlace>>("samples").unwrap_err();
    /// assert_eq!(wrong.kind(), ErrorKind::WrongType);
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_place_in(segment: &Segment, capacity: usize) -> Result<Self> {
        Self::make(segment.root(), capacity, 0)
    }
}

impl<T: Pod + Fingerprint> Published for Queue<T, InPlace> {
    const FINGERPRINT: u64 = T::FINGERPRINT.rotate_left(3) ^ <InPlace as SlotFormat<T>>::KIND;

    fn type_name() -> String {
        format!("Queue<{}, InPlace>", T::type_name())
    }

    fn block(&self) -> &Block {
        self.memory().blocks().0
    }

    /// Such a queue has no table: its block is all there is of it.
    fn from_block(block: Block) -> Result<Self> {
        Memory::open(block, None, <InPlace as SlotFormat<T>>::layout(0)).map(Self::of_memory)
    }
}

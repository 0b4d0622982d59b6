//! `Ring`: one sender, one receiver.

use super::{RingReceiver, RingSender, ring_memory::RingMemory};
use crate::{Result, segment::session, shared::Segment};
use bytemuck::Pod;
use std::marker::PhantomData;

/// A bounded ring of items from one sender to one receiver, threads of any processes: the fastest way from one to another.
///
/// [`new`](Self::new) gives the handles of both ends. A handle travels, as argument or result of [`spawn`](crate::spawn) or under a [name](crate::Segment::publish), and is cheap to clone; it does nothing but say which end it
/// is. Whoever is to use the end [claims](RingSender::claim) it: from then on the end is that thread's, as a [`RingProducer`](crate::RingProducer) or [`RingConsumer`](crate::RingConsumer), which stays on its thread and knows its
/// place in the ring by itself. So pushing and popping ask nobody who they are; they make no locked instruction, no fence and no system call unless the other side sleeps.
///
/// A small item and the word that says it is there lie in one cache line: a message of up to 56 bytes costs the transfer of that line. Items one by one, in [slices](crate::RingProducer::push_slice), or
/// [in place](crate::RingProducer::write_chunk).
///
/// # When a process dies
///
/// - A producer that is killed in the midst of a push has pushed nothing. What it pushed before is there.
/// - A consumer that is killed in the midst of a pop has popped nothing: the item is there for its successor, which begins behind the last pop that was complete.
/// - The other side is told by [`Disconnected`](crate::RingError::Disconnected), at once if it sleeps: the consumer when it has popped everything, the producer when there is no room. The same when an end is dropped.
/// - The dead one's end can be claimed again, as can one that was dropped: then the ring goes on.
/// - Until an end is claimed for the first time, those at the other end wait for whoever will.
///
/// ```
/// use multiproc::{Ring, RingSender};
///
/// fn worker(sender: RingSender<u64>) -> multiproc::Result<()> {
///     let mut producer = sender.claim()?;
///     for number in 0..1000 {
///         producer.push(number)?;
///     }
///     Ok(())
/// }
///
/// fn main() -> multiproc::Result<()> {
///     multiproc::init();
///     let (sender, receiver) = Ring::<u64>::new(64)?;
///     let worker = multiproc::spawn(worker, (sender,))?;
///     // Until the worker has dropped its end, or died.
///     let sum: u64 = receiver.claim()?.iter().sum();
///     assert_eq!(sum, 499_500);
///     worker.join()??;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Ring<T>(PhantomData<fn() -> T>);

impl<T: Pod> Ring<T> {
    /// The two ends of a new ring for so many items, in the session's shared memory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a capacity of zero, or one that no address space has; [`ErrorKind::NoSpace`](crate::ErrorKind::NoSpace) if there is not that
    /// much shared memory: it is reserved here, so that no access fails later.
    #[expect(clippy::new_ret_no_self, reason = "a ring is its two ends")]
    pub fn new(capacity: usize) -> Result<(RingSender<T>, RingReceiver<T>)> {
        RingMemory::new(&session()?, capacity).map(Self::ends)
    }

    /// The two ends of a new ring in a segment, where they can be [published](Segment::publish).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(segment: &Segment, capacity: usize) -> Result<(RingSender<T>, RingReceiver<T>)> {
        RingMemory::new(segment.root(), capacity).map(Self::ends)
    }

    fn ends(memory: RingMemory<T>) -> (RingSender<T>, RingReceiver<T>) {
        (RingSender::of(memory.clone()), RingReceiver::of(memory))
    }
}

//! `wait`: until some of several things are ready.

use super::{
    Waitable,
    descriptor_bridge::Crossing,
    spots::{LocalBell, Slept, Spots, is_slice_over},
    waitable::{Watch, Watching},
};
use crate::{
    Error, ErrorKind, Result,
    os::{clock::Deadline, poll},
};
use std::{os::fd::BorrowedFd, sync::Arc, time::Duration};

/// Waits until at least one of these is ready, for this time at the most (`None`: as long as it takes), and tells which: the numbers of **all** that are ready, in order. None when the time is up; with a time of zero it looks once.
///
/// Python's `multiprocessing.connection.wait`, for everything that is [`Waitable`]: queues, receivers, the ends of processes, events, and descriptors as [`Readable`](crate::Readable).
///
/// It takes nothing. What is ready stays so until somebody takes it, which may be another process: so follow it by a `try_` form. Where several wait for one thing, all of them are told. Nothing is polled: sleeps are by the kernel's
/// futexes, of which one thread can wait for 128, four or more for each thing in shared memory; where there are more, other threads sleep with it. Where descriptors and such things are mixed, one thread of this process,
/// which is made by the first such call and stays, waits for the descriptors.
///
/// # Errors
///
/// [`ErrorKind::InvalidInput`] for nothing without a time, which nobody could end. When this thread cannot take part in the segment of one of them: [`ErrorKind::TooMany`], [`ErrorKind::PermissionDenied`], [`ErrorKind::Forked`]. When
/// a descriptor is not open, or the system refuses.
///
/// # When a process dies
///
/// What its end makes ready, wakes who waits: the last sender of a channel, the producer of a ring, the process itself. What it had put before it died is found.
///
/// ```
/// use multiproc::{Sender, channel, wait};
///
/// fn worker(results: Sender<u64>, first: u64) -> multiproc::Result<()> {
///     for item in first..first + 3 {
///         results.send(item)?;
///     }
///     Ok(())
/// }
///
/// fn main() -> multiproc::Result<()> {
///     multiproc::init();
///     let mut receivers = Vec::new();
///     for first in [10, 20] {
///         let (sender, receiver) = channel(8)?;
///         drop(multiproc::spawn(worker, (sender, first))?);
///         receivers.push(receiver);
///     }
///     let mut sum = 0;
///     while !receivers.is_empty() {
///         let all: Vec<_> = receivers.iter().map(|receiver| receiver as _).collect();
///         // From behind, as those that are at their end are taken out.
///         for ready in wait(&all, None)?.into_iter().rev() {
///             match receivers[ready].try_recv() {
///                 Ok(item) => sum += item,
///                 Err(_) => drop(receivers.remove(ready)),
///             }
///         }
///     }
///     assert_eq!(sum, 10 + 11 + 12 + 20 + 21 + 22);
///     Ok(())
/// }
/// ```
#[doc(alias("select", "poll"))]
pub fn wait(items: &[&dyn Waitable], timeout: Option<Duration>) -> Result<Vec<usize>> {
    let deadline = timeout.map_or(Deadline::NEVER, Deadline::after);
    if items.is_empty() && timeout.is_none() {
        let message = "a wait for nothing, without a time: nobody could end it";
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let mut waiting = Waiting::default();
    for (number, item) in items.iter().enumerate() {
        match item.watch()? {
            Watch::Words(watching) => waiting.words.push((number, watching)),
            Watch::Descriptor(descriptor) => {
                waiting.numbers.push(number);
                waiting.descriptors.push(descriptor);
            }
            Watch::Over => waiting.over.push(number),
        }
    }
    waiting.run(deadline)
}

/// What a call waits for, each with its number.
#[derive(Debug, Default)]
struct Waiting<'a> {
    words: Vec<(usize, Box<dyn Watching + 'a>)>,
    numbers: Vec<usize>,
    descriptors: Vec<BorrowedFd<'a>>,
    over: Vec<usize>,
}

impl Waiting<'_> {
    fn run(mut self, deadline: Deadline) -> Result<Vec<usize>> {
        let bell = Arc::new(LocalBell::default());
        let mut spots = Spots::new();
        let mut crossing = None;
        loop {
            let state = bell.state();
            let ready = self.look(&mut spots, deadline)?;
            // Also if something is ready: whoever takes it may call again and again, and never sleep for a slice.
            if is_slice_over() {
                self.has_slept(Slept::FOR_A_SLICE);
            }
            if !ready.is_empty() || deadline.has_passed() {
                return Ok(ready);
            }
            if self.words.is_empty() && !self.descriptors.is_empty() {
                // They were waited for, for a slice.
                continue;
            }
            if !self.descriptors.is_empty() {
                match &crossing {
                    None => crossing = Some(Crossing::begin(&self.descriptors, &bell)?),
                    Some(crossing) => crossing.again()?,
                }
            }
            let slept = spots.sleep(&bell, state, deadline, 1);
            self.has_slept(slept);
        }
    }

    fn has_slept(&mut self, slept: Slept) {
        for (_, watching) in &mut self.words {
            watching.has_slept(slept);
        }
    }

    /// Those that are ready now.
    fn look(&mut self, spots: &mut Spots, deadline: Deadline) -> Result<Vec<usize>> {
        spots.clear();
        let mut ready = self.over.clone();
        for (number, watching) in &mut self.words {
            if watching.look(spots)? {
                ready.push(*number);
            }
        }
        if !self.descriptors.is_empty() {
            let alone = self.words.is_empty() && ready.is_empty();
            let until = if alone { poll::slice_of(deadline) } else { Deadline::NOW };
            let readable = poll::readable(&self.descriptors, until)?;
            ready.extend(readable.into_iter().map(|index| self.numbers[index]));
        }
        ready.sort_unstable();
        Ok(ready)
    }
}

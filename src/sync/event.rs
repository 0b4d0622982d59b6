//! `Event`: a flag that threads of any processes wait for.

use super::{
    RawEvent, Slept, Spots, Waitable, Watch, Watchable, Watching,
    placed::{Placed, object},
    raw_event::Waiter,
};
use crate::{Result, os::clock::Deadline};
use std::{fmt, time::Duration};

/// A flag that is set and cleared, and that threads of any processes wait for. Handles are cheap to clone; all clones are the same event.
///
/// Python's `Event`. Setting an event that is cleared at once still releases all who waited for it. To look whether it is set costs one load.
///
/// # When a process dies
///
/// Nobody holds an event, so nothing is lost with the dead: one that dies while it sets the event has set it or not, and if it has, all who wait go on.
///
/// ```
/// use multiproc::Event;
///
/// fn worker(start: Event) -> multiproc::Result<u32> {
///     start.wait()?;
///     Ok(42)
/// }
///
/// fn main() -> multiproc::Result<()> {
///     multiproc::init();
///     let start = Event::new()?;
///     let worker = multiproc::spawn(worker, (start.clone(),))?;
///     assert!(!start.is_set());
///     start.set()?;
///     assert_eq!(worker.join()??, 42);
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Event(Placed<RawEvent>);

object!(Event, b"mp.Event", "A new event, not set");

impl Event {
    /// Whether it is set at this moment; it may change at any time.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.words().is_set()
    }

    /// Sets it: all who wait go on, and whoever waits from now on does not wait. Nothing happens when it is set already. Without waiters it makes no system call.
    ///
    /// # Errors
    ///
    /// When this thread cannot take part in the segment: [`ErrorKind::TooMany`](crate::ErrorKind::TooMany), [`ErrorKind::Forked`](crate::ErrorKind::Forked).
    pub fn set(&self) -> Result<()> {
        self.0.words().set(&self.0.thread()?);
        Ok(())
    }

    /// Clears it: whoever waits from now on waits until it is set again.
    pub fn clear(&self) {
        self.0.words().clear();
    }

    /// Waits until it is set.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn wait(&self) -> Result<()> {
        self.wait_by(Deadline::NEVER).map(|_| ())
    }

    /// Waits until it is set, for this time at the most, by the monotonic clock; `false` when the time was up before. Zero means look; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool> {
        self.wait_by(Deadline::after(timeout))
    }

    fn wait_by(&self, deadline: Deadline) -> Result<bool> {
        if self.is_set() {
            return Ok(true);
        }
        Ok(self.0.words().wait(&self.0.thread()?, deadline))
    }

    /// Whether both handles are of one event.
    #[must_use]
    pub fn same_event(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }
}

/// One who waits for it among other things.
#[derive(Debug)]
struct EventWatch<'a> {
    event: &'a Placed<RawEvent>,
    waiter: Waiter<'a>,
}

impl Watching for EventWatch<'_> {
    fn look(&mut self, spots: &mut Spots) -> Result<bool> {
        let thread = self.event.thread()?;
        loop {
            if self.waiter.look(&thread) {
                return Ok(true);
            }
            if let Some(place) = self.waiter.arm() {
                spots.add(&thread, &[place], &[], &[]);
                return Ok(false);
            }
        }
    }

    fn has_slept(&mut self, slept: Slept) {
        self.waiter.has_slept(slept.rung);
    }
}

impl Watchable for Event {
    fn watch(&self) -> Result<Watch<'_>> {
        let waiter = self.0.words().waiter();
        Ok(Watch::Words(Box::new(EventWatch { event: &self.0, waiter })))
    }
}

impl Waitable for Event {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish()
    }
}

//! `Barrier`: threads of any processes wait for each other, turn after turn.

use super::{BarrierError, RawBarrier, Seats, placed::Placed};
use crate::{
    Error, ErrorKind, Result,
    os::clock::Deadline,
    segment::{Block, Root},
};
use std::{
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    time::Duration,
};

/// A place at which a fixed number of threads of any processes wait for each other, turn after turn. Handles are cheap to clone; all clones are the same barrier.
///
/// Python's `Barrier`. The parties are whoever waits: the turn ends when as many do as the barrier is for. What they did before is seen by all after it.
///
/// # When a process dies
///
/// One that dies while it waits, or in its action, breaks the barrier: the others get [`BarrierError::Broken`] at once, and so does whoever comes, until somebody calls
/// [`reset`](Self::reset). One that dies elsewhere is missed only: the others wait for it, or for its successor; a [time-out](BarrierBuilder::timeout) helps.
///
/// ```
/// # multiproc::test_support!();
/// use multiproc::{Barrier, BarrierError};
///
/// fn worker(barrier: Barrier) -> Result<u32, multiproc::Error> {
///     let mut first = 0;
///     for _ in 0..100 {
///         first += u32::from(barrier.wait()? == 0);
///     }
///     Ok(first)
/// }
///
/// # fn main() -> multiproc::Result<()> {
/// let barrier = Barrier::new(3)?;
/// let workers = (0..3)
///     .map(|_| multiproc::spawn(worker, (barrier.clone(),)))
///     .collect::<multiproc::Result<Vec<_>>>()?;
/// let mut first = 0;
/// for worker in workers {
///     first += worker.join()??;
/// }
/// // In each turn one was the first to arrive.
/// assert_eq!(first, 100);
///
/// barrier.abort()?;
/// assert!(matches!(barrier.wait(), Err(BarrierError::Broken)));
/// barrier.reset()?;
/// assert!(!barrier.is_broken());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Barrier(Placed<RawBarrier>);

/// How a barrier is to be made; from [`Barrier::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct BarrierBuilder {
    parties: u32,
    timeout: Option<Duration>,
}

impl BarrierBuilder {
    /// How long a [`wait`](Barrier::wait) lasts at the most; for ever if not said.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The barrier, in the session's shared memory.
    ///
    /// # Errors
    ///
    /// As [`Barrier::new`].
    pub fn build(self) -> Result<Barrier> {
        self.build_in_root(&crate::segment::session()?)
    }

    pub(crate) fn build_in_root(self, root: &Arc<Root>) -> Result<Barrier> {
        let most = root.slots();
        if self.parties == 0 || self.parties as usize > most {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "a barrier is for 1 to {most} parties here, not {}: no more threads can take part in the segment",
                    self.parties
                ),
            ));
        }
        let placed = Placed::<RawBarrier>::new(root, Barrier::HANDLE)?;
        let nanoseconds = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let timeout = self.timeout.map_or(0, |span| nanoseconds(span).saturating_add(1));
        placed.words().set_up(self.parties, timeout);
        Ok(Barrier(placed))
    }
}

impl Barrier {
    /// The kind of object, for handles.
    pub(crate) const HANDLE: u64 = u64::from_be_bytes(*b"mp.Barri");

    /// A new barrier for so many parties, in the session's shared memory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for no party, or for more than threads can take part in the session; else when the shared memory cannot be made or grown:
    /// [`ErrorKind::NoSpace`] and the like.
    pub fn new(parties: u32) -> Result<Self> {
        Self::builder(parties).build()
    }

    /// For one with a time-out of its own.
    ///
    /// ```
    /// use multiproc::{Barrier, BarrierError};
    /// use std::time::Duration;
    /// # fn main() -> multiproc::Result<()> {
    /// let barrier = Barrier::builder(2).timeout(Duration::from_millis(10)).build()?;
    /// // Nobody else comes.
    /// assert!(matches!(barrier.wait(), Err(BarrierError::TimedOut)));
    /// assert!(barrier.is_broken());
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(parties: u32) -> BarrierBuilder {
        BarrierBuilder { parties, timeout: None }
    }

    pub(crate) fn open(block: Block) -> Result<Self> {
        let placed = Placed::<RawBarrier>::open(block)?;
        let parties = placed.words().parties() as usize;
        if parties == 0 || parties > placed.root().slots() {
            return Err(Error::new(
                ErrorKind::InvalidHandle,
                format!("a barrier for {parties} parties: the segment is damaged"),
            ));
        }
        Ok(Self(placed))
    }

    pub(crate) fn as_block(&self) -> &Block {
        self.0.block()
    }

    /// Waits until all parties have arrived, for the barrier's [time-out](BarrierBuilder::timeout) at the most. The answer is the order in which the caller arrived, from 0 on: each
    /// once a turn.
    ///
    /// # Errors
    ///
    /// [`BarrierError::Broken`] if it is broken or becomes so, [`BarrierError::TimedOut`] if that happens because the caller's time is up; [`BarrierError::Failed`] when this thread cannot
    /// take part in the segment.
    #[inline]
    pub fn wait(&self) -> Result<u32, BarrierError> {
        self.wait_by(self.default_deadline(), None::<fn() -> bool>)
    }

    /// As [`wait`](Self::wait), for this time at the most, by the monotonic clock; a time too long for the clock means for ever.
    ///
    /// When the time is up before all parties have arrived, or while the action of [`wait_with`](Self::wait_with) runs, the barrier is broken, for all parties: so zero breaks it unless
    /// the caller is the last one, which never waits.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<u32, BarrierError> {
        self.wait_by(Deadline::after(timeout), None::<fn() -> bool>)
    }

    /// As [`wait`](Self::wait), and the party that arrives last, whose answer is `parties() - 1`, runs its action before anybody goes on. So all parties give the same action, as a rule.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and [`BarrierError::Failed`] with [`ErrorKind::Deadlock`] for who waits inside the action.
    ///
    /// # Panics
    ///
    /// When the action does: the panic goes on in its caller, and the barrier is broken for the others.
    ///
    /// ```
    /// use multiproc::{Atomic, Barrier, Ordering};
    /// # fn main() -> multiproc::Result<()> {
    /// let (barrier, turns) = (Barrier::new(2)?, Atomic::new(0_u32)?);
    /// std::thread::scope(|scope| {
    ///     for _ in 0..2 {
    ///         scope.spawn(|| {
    ///             for turn in 1..=10 {
    ///                 barrier.wait_with(|| turns.store(turn, Ordering::Relaxed)).unwrap();
    ///                 assert_eq!(turns.load(Ordering::Relaxed), turn);
    ///                 barrier.wait().unwrap();
    ///             }
    ///         });
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_with(&self, action: impl FnOnce()) -> Result<u32, BarrierError> {
        let mut panicked = None;
        let action = || {
            // The panic goes on below, after the others were told.
            panicked = panic::catch_unwind(AssertUnwindSafe(action)).err();
            panicked.is_none()
        };
        let passed = self.wait_by(self.default_deadline(), Some(action));
        panicked.map_or(passed, |panic| panic::resume_unwind(panic))
    }

    #[inline]
    fn default_deadline(&self) -> Deadline {
        match self.0.words().timeout() {
            0 => Deadline::NEVER,
            timeout => Deadline::after(Duration::from_nanos(timeout - 1)),
        }
    }

    #[inline]
    fn wait_by(
        &self,
        deadline: Deadline,
        action: Option<impl FnOnce() -> bool>,
    ) -> Result<u32, BarrierError> {
        let thread = self.0.thread()?;
        Ok(self.0.words().wait(&thread, self.seats(), deadline, action)?)
    }

    fn seats(&self) -> Seats<'_> {
        self.0.seats(self.0.words().used())
    }

    /// Breaks the barrier: those that wait, and all that come, get [`BarrierError::Broken`], until it is reset.
    ///
    /// # Errors
    ///
    /// When this thread cannot take part in the segment: [`ErrorKind::TooMany`], [`ErrorKind::Forked`].
    pub fn abort(&self) -> Result<()> {
        self.0.words().abort(&self.0.thread()?);
        Ok(())
    }

    /// Makes the barrier whole and empty: those that wait get [`BarrierError::Broken`], and it can be used again.
    ///
    /// # Errors
    ///
    /// As [`abort`](Self::abort).
    pub fn reset(&self) -> Result<()> {
        self.0.words().reset(&self.0.thread()?, self.seats());
        Ok(())
    }

    /// Whether it is broken at this moment; it may change at any time.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.words().is_broken()
    }

    /// How many parties wait at this moment; it may change at any time. Nobody waits at a broken barrier.
    #[must_use]
    pub fn n_waiting(&self) -> u32 {
        self.0.words().waiting()
    }

    /// For how many it is.
    #[must_use]
    pub fn parties(&self) -> u32 {
        self.0.words().parties()
    }

    /// Whether both handles are of one barrier.
    #[must_use]
    pub fn same_barrier(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("waiting", &self.n_waiting())
            .field("broken", &self.is_broken())
            .finish()
    }
}

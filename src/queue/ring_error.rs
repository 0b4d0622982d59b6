//! Why nothing was put into a ring, or got from it.

use crate::{Error, ErrorKind, os::clock::Deadline, queue::raw_ring::Refusal};

/// Why nothing was pushed into a [`Ring`](crate::Ring), or popped from it.
///
/// With `?` it becomes the crate's [`Error`]: of the kinds [`WouldBlock`](ErrorKind::WouldBlock), [`TimedOut`](ErrorKind::TimedOut) and [`Disconnected`](ErrorKind::Disconnected), or what it was.
///
/// ```
/// use multiproc::{Ring, RingError};
/// # fn main() -> multiproc::Result<()> {
/// let (sender, receiver) = Ring::<u8>::new(1)?;
/// let mut producer = sender.claim()?;
/// let mut consumer = receiver.claim()?;
/// assert!(matches!(consumer.try_pop(), Err(RingError::WouldBlock)));
/// producer.push(1)?;
/// assert!(matches!(producer.try_push(2), Err(RingError::WouldBlock)));
/// drop(producer);
/// assert_eq!(consumer.pop()?, 1);
/// assert!(matches!(consumer.pop(), Err(RingError::Disconnected)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// There is no room, or no item, and the call was a `try`.
    #[error("there is no room, or no item, at this moment")]
    WouldBlock,
    /// There was no room, or no item, in time.
    #[error("the time is up")]
    TimedOut,
    /// There is no room, or no item, and nobody is at the other end any more: its holder has given it back, or died. When somebody takes it, the ring goes on.
    #[error("there is no room, or no item, and nobody is at the other end any more")]
    Disconnected,
    /// It cannot be used.
    #[error(transparent)]
    Failed(Error),
}

impl RingError {
    #[cold]
    pub(super) fn refused(why: Refusal, deadline: Deadline) -> Self {
        match why {
            Refusal::Late if deadline == Deadline::NOW => Self::WouldBlock,
            Refusal::Late => Self::TimedOut,
            Refusal::Alone => Self::Disconnected,
            Refusal::Damaged => Self::Failed(Error::new(
                ErrorKind::InvalidSegment,
                "the ring's positions contradict each other: another program scribbled over them",
            )),
        }
    }
}

impl From<RingError> for Error {
    fn from(error: RingError) -> Self {
        let kind = match error {
            RingError::WouldBlock => ErrorKind::WouldBlock,
            RingError::TimedOut => ErrorKind::TimedOut,
            RingError::Disconnected => ErrorKind::Disconnected,
            RingError::Failed(error) => return error,
        };
        Self::new(kind, error.to_string())
    }
}

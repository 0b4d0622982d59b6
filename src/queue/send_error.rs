//! `SendError`: why an item was not sent, and the item.

use crate::{Error, ErrorKind};
use std::fmt;

/// An item that was not sent: it is here, and why.
///
/// ```
/// use multiproc::{ErrorKind, Queue};
/// # fn main() -> multiproc::Result<()> {
/// let queue = Queue::new(1)?;
/// queue.send("first".to_owned())?;
/// let error = queue.try_send("second".to_owned()).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::WouldBlock);
/// assert_eq!(error.into_item(), "second");
/// # Ok(())
/// # }
/// ```
pub struct SendError<T> {
    item: T,
    error: Error,
}

impl<T> SendError<T> {
    #[cold]
    pub(crate) fn new(item: T, error: Error) -> Self {
        Self { item, error }
    }

    /// What went wrong, in one word.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// The item.
    #[must_use]
    pub fn into_item(self) -> T {
        self.item
    }

    /// Both.
    #[must_use]
    pub fn into_parts(self) -> (T, Error) {
        (self.item, self.error)
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// Without the item, which need not be `Debug`.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T> std::error::Error for SendError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Drops the item.
impl<T> From<SendError<T>> for Error {
    fn from(error: SendError<T>) -> Self {
        error.error
    }
}

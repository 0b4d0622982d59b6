//! `RecvIntoError`: why bytes were not received into a buffer, and those for which it was too small.

use crate::{Error, ErrorKind};
use std::fmt;

/// Bytes were not received into a buffer. If that was too small for the message, the message is here, whole.
///
/// ```
/// use multiproc::{ErrorKind, Pipe};
/// # fn main() -> multiproc::Result<()> {
/// let (reader, writer) = Pipe::one_way()?;
/// writer.send_bytes(b"too long")?;
/// let error = reader.recv_into(&mut [0; 3]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// assert_eq!(error.into_message().unwrap(), b"too long");
/// # Ok(())
/// # }
/// ```
pub struct RecvIntoError {
    message: Option<Vec<u8>>,
    error: Error,
}

impl RecvIntoError {
    #[cold]
    pub(super) fn too_small(message: Vec<u8>, room: usize) -> Self {
        let text =
            format!("a message of {} bytes is larger than the buffer of {room}", message.len());
        Self { message: Some(message), error: Error::new(ErrorKind::InvalidInput, text) }
    }

    /// What went wrong, in one word: [`ErrorKind::InvalidInput`] when the buffer was too small.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// The message, if it was received.
    #[must_use]
    pub fn into_message(self) -> Option<Vec<u8>> {
        self.message
    }

    /// Both.
    #[must_use]
    pub fn into_parts(self) -> (Option<Vec<u8>>, Error) {
        (self.message, self.error)
    }
}

impl fmt::Display for RecvIntoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// Without the message, which may be long.
impl fmt::Debug for RecvIntoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvIntoError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl std::error::Error for RecvIntoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Of what was not received.
impl From<Error> for RecvIntoError {
    fn from(error: Error) -> Self {
        Self { message: None, error }
    }
}

/// Drops the message.
impl From<RecvIntoError> for Error {
    fn from(error: RecvIntoError) -> Self {
        error.error
    }
}

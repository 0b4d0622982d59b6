//! The crate's one opaque error for cold paths.
//!
//! Hot paths have small errors of their own (for example [`LockError`](crate::LockError)), which convert
//! into this one with `?`.

use std::{borrow::Cow, fmt, io};

/// The result of most calls of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in one word. Match on it with [`Error::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The name, path or object exists already.
    AlreadyExists,
    /// There is no such name, path or object.
    NotFound,
    /// The operating system, or the object's owner or mode, forbids it.
    PermissionDenied,
    /// The name is empty, too long, or has a character that is not allowed.
    InvalidName,
    /// An argument is out of range.
    InvalidInput,
    /// The segment's contents are not what this crate writes: truncated, damaged, or something else.
    InvalidSegment,
    /// The segment was made by another version, layout, machine start or pid namespace.
    Incompatible,
    /// The object has another type or length.
    WrongType,
    /// The memory or file system has no room; the message names the size wanted and the size free.
    NoSpace,
    /// A table of the segment is full: slots, processes, names or members.
    TooMany,
    /// The time is up.
    TimedOut,
    /// It would have to wait, and the call was a `try`.
    WouldBlock,
    /// The caller waits for itself.
    Deadlock,
    /// Somebody living has what only one can have.
    InUse,
    /// Nobody is at the other end any more.
    Disconnected,
    /// The calling thread does not have what only its holder may use.
    NotOwner,
    /// A process died while it held the lock; the data may be half changed.
    OwnerDied,
    /// A holder panicked or died, and nobody has repaired the data since.
    Poisoned,
    /// The barrier is broken: a party died, was late or panicked, or somebody aborted it. Nobody passes until it is reset.
    Broken,
    /// The bytes in shared memory are not a value of the type.
    InvalidValue,
    /// Nothing more is sent, or received: it was closed.
    Closed,
    /// The handle names something that was freed.
    StaleHandle,
    /// The handle's bytes are damaged or forged.
    InvalidHandle,
    /// A handle was serialised or deserialised outside this crate's transports.
    OutsideTransport,
    /// A value could not be encoded.
    Encode,
    /// A value could not be decoded.
    Decode,
    /// The program did not call [`init`](crate::init) at the top of `main`.
    NotInitialised,
    /// The process was made by a raw `fork()` and may not use what it inherited.
    Forked,
    /// The function cannot be called in another process (it lives in a shared library, for example).
    InvalidFunction,
    /// The file became shorter than the part of it that is mapped.
    Truncated,
    /// The segment was unlinked; it works on, but cannot grow.
    Unlinked,
    /// A process ended by a signal, an exit code or a panic.
    ProcessFailed,
    /// A task of a pool has no result: it panicked, its worker died, it was late, or cancelled.
    TaskFailed,
    /// This system or kernel lacks what is needed.
    Unsupported,
    /// Another error of the operating system.
    Os,
}

/// An error of this crate: a [kind](Error::kind), a message that says what was wanted, what was found and what to
/// do, and often the operating system's error as [`source`](std::error::Error::source).
///
/// It is one word, so that a `Result` of a hot path stays small.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Details>);

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Details {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// What went wrong, in one word.
    ///
    /// ```
    /// use multiproc::{ErrorKind, Segment};
    ///
    /// let error = Segment::attach("nobody-made-this").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Details { kind, message: message.into(), source: None }))
    }

    /// The failure of a system call, with the kind that its number tells.
    pub(crate) fn os(call: impl fmt::Display, source: io::Error) -> Self {
        let kind = kind_of(&source);
        let message = format!("{call} failed: {source}");
        Self::new(kind, message).with_source(source)
    }

    /// The failure of the system call that was just made.
    pub(crate) fn last_os(call: impl fmt::Display) -> Self {
        Self::os(call, io::Error::last_os_error())
    }

    /// Whether there is only too little of something at this moment, descriptors, memory or places: what failed may be done later.
    #[cold]
    pub(crate) fn is_for_now(&self) -> bool {
        let number = || self.0.source.as_ref()?.downcast_ref::<io::Error>()?.raw_os_error();
        match self.0.kind {
            ErrorKind::NoSpace | ErrorKind::TooMany => true,
            ErrorKind::Os => matches!(number(), Some(libc::EMFILE | libc::ENFILE | libc::EAGAIN)),
            _ => false,
        }
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }
}

/// The kind that the error's number tells, or the standard library where there is none.
fn kind_of(error: &io::Error) -> ErrorKind {
    match error.raw_os_error() {
        Some(libc::EEXIST) => ErrorKind::AlreadyExists,
        Some(libc::ENOENT) => ErrorKind::NotFound,
        Some(libc::EACCES | libc::EPERM | libc::ELOOP) => ErrorKind::PermissionDenied,
        Some(libc::ENOSPC | libc::ENOMEM | libc::EDQUOT) => ErrorKind::NoSpace,
        Some(libc::ETIMEDOUT) => ErrorKind::TimedOut,
        Some(libc::ENAMETOOLONG) => ErrorKind::InvalidName,
        Some(libc::ENOSYS) => ErrorKind::Unsupported,
        Some(_) => ErrorKind::Os,
        // Of the standard library's own making.
        None => match error.kind() {
            io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            io::ErrorKind::TimedOut => ErrorKind::TimedOut,
            io::ErrorKind::WouldBlock => ErrorKind::WouldBlock,
            io::ErrorKind::InvalidInput => ErrorKind::InvalidInput,
            io::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Os,
        },
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .finish()
    }
}

/// An error of the system or the standard library, for functions that return this crate's [`Result`] and use files or pipes too. The kind
/// is what the system's number or the standard library's kind says, or [`ErrorKind::Os`]; the original is the [`source`](std::error::Error::source).
///
/// ```
/// use multiproc::ErrorKind;
///
/// fn read() -> multiproc::Result<String> {
///     Ok(std::fs::read_to_string("/no/such/file")?)
/// }
///
/// let error = read().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert!(std::error::Error::source(&error).unwrap().is::<std::io::Error>());
/// ```
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        // One of this crate's that was made an `io::Error` comes back as it was.
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => Self::new(kind_of(&error), error.to_string()).with_source(error),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::AlreadyExists => io::ErrorKind::AlreadyExists,
            ErrorKind::NotFound => io::ErrorKind::NotFound,
            ErrorKind::PermissionDenied => io::ErrorKind::PermissionDenied,
            ErrorKind::TimedOut => io::ErrorKind::TimedOut,
            ErrorKind::WouldBlock => io::ErrorKind::WouldBlock,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// Kind and message travel, so that a worker's function can return this crate's `Result`; the source stays behind.
impl serde::Serialize for Error {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        (self.0.kind, &self.0.message).serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Error {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let (kind, message) = <(ErrorKind, String)>::deserialize(deserializer)?;
        Ok(Self::new(kind, message))
    }
}

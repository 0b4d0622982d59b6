//! A descriptor, as something that one can wait for.

use super::waitable::{Waitable, Watch, Watchable};
use crate::Result;
use std::os::fd::AsFd;

/// A descriptor, beside other things in a [`wait`](crate::wait): a socket, a pipe, a terminal. It is ready when there is something to read, or the end, or an error; a listening socket when somebody comes.
///
/// ```
/// use multiproc::{Queue, Readable, wait};
/// use std::{io::Write, os::unix::net::UnixStream};
/// # fn main() -> multiproc::Result<()> {
/// let queue = Queue::<u32>::new(1)?;
/// let (here, mut there) = UnixStream::pair()?;
/// there.write_all(b"x")?;
/// assert_eq!(wait(&[&queue, &Readable(&here)], None)?, [1]);
/// queue.send(7)?;
/// assert_eq!(wait(&[&queue, &Readable(here)], None)?, [0, 1]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Readable<F>(
    /// What has the descriptor, owned or borrowed.
    pub F,
);

impl<F: AsFd> Watchable for Readable<F> {
    fn watch(&self) -> Result<Watch<'_>> {
        Ok(Watch::Descriptor(self.0.as_fd()))
    }
}

impl<F: AsFd> Waitable for Readable<F> {}

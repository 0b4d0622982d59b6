//! `Pipe`: two connected ends.

use super::{Connection, Incoming, Outgoing, PipeBuilder};
use crate::Result;

/// Two [`Connection`]s: what is sent into one end is received from the other.
///
/// Python's `Pipe`. [`new`](Self::new) gives two ends that send and receive, [`one_way`](Self::one_way) a reader and a writer. Messages are of any type that can be serialised, another with each call, handles of shared memory and
/// connections included; or they are bytes.
///
/// Where large messages lie: see [large items](crate::Queue#large-items).
///
/// An end is for one process at a time: for more than two use a [`Queue`](crate::Queue) or a [`channel`](crate::channel()). Where all messages are small, of one type, and many: a [`Ring`](crate::Ring).
///
/// ```
/// use multiproc::{Connection, Pipe};
///
/// fn worker(connection: Connection) -> multiproc::Result<()> {
///     let words: Vec<String> = connection.recv()?;
///     connection.send(&words.len())?;
///     connection.send_bytes(words.concat().as_bytes())
/// }
///
/// fn main() -> multiproc::Result<()> {
///     multiproc::init();
///     let (mine, theirs) = Pipe::new()?;
///     let worker = multiproc::spawn(worker, (theirs,))?;
///     mine.send(&["shared", "memory"][..])?;
///     assert_eq!(mine.recv::<usize>()?, 2);
///     assert_eq!(mine.recv_bytes()?, b"sharedmemory");
///     worker.join()??;
///     assert!(mine.recv_bytes().is_err()); // the other end is gone
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Pipe(());

impl Pipe {
    /// Two ends, both of which send and receive, in the session's shared memory. Each way there is room for 64 messages on their way.
    ///
    /// # Errors
    ///
    /// When the shared memory cannot be made or grown: [`ErrorKind::NoSpace`](crate::ErrorKind::NoSpace) and the like.
    #[expect(clippy::new_ret_no_self, reason = "a pipe is its two ends")]
    pub fn new() -> Result<(Connection, Connection)> {
        Self::builder().build()
    }

    /// A reader and a writer.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// ```compile_fail
    /// # fn main() -> multiproc::Result<()> {
    /// let (reader, writer) = multiproc::Pipe::one_way()?;
    /// reader.send(&1)?; // a reader does not send
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// ```compile_fail
    /// # fn main() -> multiproc::Result<()> {
    /// let (reader, writer) = multiproc::Pipe::one_way()?;
    /// writer.recv::<u32>()?; // a writer does not receive
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "duplex")]
    pub fn one_way() -> Result<(Connection<Incoming>, Connection<Outgoing>)> {
        Self::builder().build_one_way()
    }

    /// A pipe with more said about it.
    pub fn builder() -> PipeBuilder {
        PipeBuilder::new()
    }
}

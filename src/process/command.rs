//! Another program as a process, which finds this one's session.

use super::Process;
use crate::{
    Result,
    segment::{self, SESSION_VARIABLE},
};
use std::process::Command;

impl Process<()> {
    /// Starts another program, written with this library too or not. It finds the session of this process by
    /// [`Segment::from_env`](crate::Segment::from_env), and in it what is published in [`Segment::session`](crate::Segment::session).
    ///
    /// Its result is `()` if it exits with code 0. It does not die with this process.
    ///
    /// # Errors
    ///
    /// When the session's shared memory cannot be made, or the system cannot start the program.
    ///
    /// ```
    /// use multiproc::{Process, ProcessError};
    /// use std::process::Command;
    /// # fn main() -> multiproc::Result<()> {
    /// Process::command(Command::new("true"))?.join()?;
    /// let failed = Process::command(Command::new("false"))?.join();
    /// assert!(matches!(failed, Err(ProcessError::Exited { code: 1, .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn command(mut command: Command) -> Result<Self> {
        let root = segment::session()?;
        command.env(SESSION_VARIABLE, segment::session_text(&root));
        Self::builder().start_command(command)
    }
}

//! A grip on a process, for who stops it and kills it while its handle is elsewhere.

use super::child::Child;
use crate::{
    Result,
    os::signals::{SIGCONT, SIGSTOP},
};
use std::sync::Arc;

/// A grip on a process. It never comes to mean another one.
#[derive(Clone, Debug)]
pub(crate) struct Grip(pub(super) Arc<Child>);

impl Grip {
    /// Asks the system to stop it, whatever it does. It has stopped when [`stopped_by`](Self::stopped_by) says so: it may come out of a call into the system first.
    pub(crate) fn stop(&self) -> Result<()> {
        self.0.signal(SIGSTOP)
    }

    /// The signal that has stopped all its threads; `None` while one of them may run. An error once it has ended and was waited for.
    pub(crate) fn stopped_by(&self) -> Result<Option<i32>> {
        self.0.stopped_by()
    }

    /// Lets it go on.
    pub(crate) fn let_go_on(&self) -> Result<()> {
        self.0.signal(SIGCONT)
    }

    /// Ends it. One that is stopped runs no further instruction of its own.
    pub(crate) fn kill(&self) -> Result<()> {
        self.0.kill()
    }

    pub(crate) fn has_ended(&self) -> bool {
        !self.0.is_alive()
    }
}

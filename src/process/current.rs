//! Who this process is, who started it, and whom it has started.

use super::{child::Child, children, settings::Settings};
use crate::{
    Result,
    atomic::{AtomicU32, Ordering},
    os::pidfd::PidFd,
    sync::{Waitable, Watch, Watchable},
};
use std::{
    fmt,
    os::fd::AsFd,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// What a worker knows of itself.
#[derive(Debug)]
struct Me {
    settings: Settings,
    parent: u32,
    /// None if the parent was gone already.
    parent_descriptor: Option<PidFd>,
}

static ME: OnceLock<Me> = OnceLock::new();

pub(super) fn become_worker(settings: Settings, parent: u32) {
    let parent_descriptor = PidFd::open(parent).ok();
    // A process becomes a worker once.
    let _ = ME.set(Me { settings, parent, parent_descriptor });
}

/// Name and number of the next child of this process.
pub(super) fn name_of_next_child() -> (String, Vec<u32>) {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let mut path = ME.get().map(|me| me.settings.path.clone()).unwrap_or_default();
    path.push(COUNT.fetch_add(1, Ordering::Relaxed));
    let numbers: Vec<_> = path.iter().map(ToString::to_string).collect();
    (format!("Process-{}", numbers.join(":")), path)
}

/// This process.
///
/// ```
/// let me = multiproc::current();
/// assert_eq!((me.name(), me.pid(), me.is_main()), ("MainProcess", std::process::id(), true));
/// ```
#[doc(alias = "current_process")]
#[must_use]
pub fn current() -> CurrentProcess {
    CurrentProcess(())
}

/// This process; from [`current`].
#[derive(Clone, Copy)]
pub struct CurrentProcess(());

impl CurrentProcess {
    /// The name that its parent gave it, such as `Process-1`; `MainProcess` for one that no other process of this library started.
    #[must_use]
    pub fn name(&self) -> &'static str {
        ME.get().map_or("MainProcess", |me| &me.settings.name)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        std::process::id()
    }

    /// Whether it is no worker.
    #[must_use]
    pub fn is_main(&self) -> bool {
        ME.get().is_none()
    }

    /// Whether it is terminated when its parent exits, and may have no children.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        ME.get().is_some_and(|me| me.settings.is_daemon)
    }
}

impl fmt::Debug for CurrentProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentProcess")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("daemon", &self.is_daemon())
            .finish()
    }
}

/// The process that has started this one; `None` unless this is a worker.
///
/// ```
/// # multiproc::test_support!();
/// let look = || multiproc::parent().map(|parent| (parent.name().to_owned(), parent.pid()));
/// assert_eq!(look(), None);
/// let seen = multiproc::spawn(look, ())?.join()?;
/// assert_eq!(seen, Some(("MainProcess".to_owned(), std::process::id())));
/// # Ok::<(), multiproc::Error>(())
/// ```
#[doc(alias = "parent_process")]
#[must_use]
pub fn parent() -> Option<ParentProcess> {
    ME.get().map(ParentProcess)
}

/// The process that has started this one; from [`parent`].
#[derive(Clone, Copy)]
pub struct ParentProcess(&'static Me);

impl ParentProcess {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.settings.parent_name.as_str()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.parent
    }

    /// Whether it still runs. A worker that was not asked to outlive its parent dies with it.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let descriptor = self.0.parent_descriptor.as_ref();
        descriptor.is_some_and(|parent| parent.has_exited().is_ok_and(|exited| !exited))
    }
}

impl Watchable for ParentProcess {
    fn watch(&self) -> Result<Watch<'_>> {
        let descriptor = self.0.parent_descriptor.as_ref();
        Ok(descriptor.map_or(Watch::Over, |parent| Watch::Descriptor(parent.as_fd())))
    }
}

/// It is ready when that process has ended.
impl Waitable for ParentProcess {}

impl fmt::Debug for ParentProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParentProcess")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("alive", &self.is_alive())
            .finish()
    }
}

/// The children of this process that have not ended, whoever has their [`Process`](crate::Process). Those that have are waited for on the way.
///
/// ```
/// # multiproc::test_support!();
/// let child = multiproc::Process::builder().name("solver").spawn(|| std::thread::park(), ())?;
/// let children = multiproc::active_children();
/// assert_eq!((children[0].name(), children[0].pid()), ("solver", child.pid()));
/// children[0].kill()?;
/// assert!(child.join().is_err() && multiproc::active_children().is_empty());
/// # Ok::<(), multiproc::Error>(())
/// ```
#[must_use]
pub fn active_children() -> Vec<ActiveChild> {
    children::alive().into_iter().map(ActiveChild).collect()
}

/// A child of this process, without its result; from [`active_children`].
#[derive(Clone)]
pub struct ActiveChild(Arc<Child>);

impl ActiveChild {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    /// Whether it is terminated when this process exits.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.0.is_daemon
    }

    /// Whether it still runs; it may end at any time.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.0.is_alive()
    }

    /// Waits for its end, for this time at the most; whether it has ended. The result stays with its [`Process`](crate::Process).
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool> {
        self.0.wait(Some(timeout)).map(|status| status.is_some())
    }

    /// Asks it to end: SIGTERM. Nothing happens once it has ended.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn terminate(&self) -> Result<()> {
        self.0.terminate()
    }

    /// Ends it: SIGKILL. Nothing happens once it has ended.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn kill(&self) -> Result<()> {
        self.0.kill()
    }
}

impl Watchable for ActiveChild {
    fn watch(&self) -> Result<Watch<'_>> {
        Ok(Watch::Descriptor(self.0.descriptor().as_fd()))
    }
}

/// It is ready when that process has ended.
impl Waitable for ActiveChild {}

impl fmt::Debug for ActiveChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveChild")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("alive", &self.is_alive())
            .finish()
    }
}

//! `Segment`: shared memory that independent programs find by name.

use super::names::{Names, Published};
use crate::{
    Error, ErrorKind, Result,
    os::{clock::Deadline, object::Access},
    segment::{self, Place, Plan, Root, SLOTS},
};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Shared memory with a name, in which programs publish objects for each other.
///
/// The program that creates it removes the name when its `Segment` is dropped; who has attached goes on with what it has. A
/// creator that was killed leaves the name until the next program of the same user sweeps it.
///
/// ```
/// use multiproc::{Segment, Value};
/// # fn main() -> multiproc::Result<()> {
/// # let name = &format!("doc-segment-{}", std::process::id());
/// // One program …
/// let segment = Segment::create(name)?;
/// let residual = Value::new_in(&segment, 0.5_f64)?;
/// segment.publish("residual", &residual)?;
///
/// // … and another.
/// let theirs = Segment::attach(name)?.open::<Value<f64>>("residual")?;
/// theirs.set(0.25)?;
/// assert_eq!(residual.get()?, 0.25);
/// # Ok(())
/// # }
/// ```
#[doc(alias("SharedMemory", "SharedMemoryManager"))]
#[derive(Clone, Debug)]
#[must_use = "the name goes with the last handle of its creator"]
pub struct Segment(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    root: Arc<Root>,
    /// The name is removed with the last handle.
    removes: bool,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.removes && !crate::os::fork::is_forked() {
            // Nobody could be told; the next sweep tries again.
            let _ = self.root.unlink();
        }
    }
}

impl Segment {
    fn new(root: Arc<Root>, removes: bool) -> Self {
        Self(Arc::new(Handle { root, removes }))
    }

    /// How a segment is to be made.
    pub fn builder() -> SegmentBuilder {
        SegmentBuilder { participants: SLOTS, keep: false }
    }

    /// Makes a segment. The name has 1 to 200 bytes without `/` and NUL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] if there is one in use; a stale one is removed. [`ErrorKind::InvalidName`],
    /// [`ErrorKind::NoSpace`].
    pub fn create(name: &str) -> Result<Self> {
        Self::builder().create(name)
    }

    /// Attaches a segment that another program, or this one, has made.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::PermissionDenied`] if it is another user's, or others may touch it, or it is a symbolic link;
    /// [`ErrorKind::InvalidSegment`] if it is something else or damaged; [`ErrorKind::Incompatible`] if another version, architecture or pid
    /// namespace made it.
    pub fn attach(name: &str) -> Result<Self> {
        Ok(Self::new(segment::attach(Place::named(name)?, Access::ReadWrite)?, false))
    }

    /// Attaches a segment, and waits for it to be made if need be, for this time at the most.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach), but [`ErrorKind::TimedOut`] for one that has not appeared.
    ///
    /// ```
    /// use multiproc::{ErrorKind, Segment};
    /// use std::time::Duration;
    /// # fn main() -> multiproc::Result<()> {
    /// # let name = &format!("doc-attach-timeout-{}", std::process::id());
    /// let early = Segment::attach_timeout(name, Duration::from_millis(10)).unwrap_err();
    /// assert_eq!(early.kind(), ErrorKind::TimedOut);
    /// std::thread::scope(|scope| {
    ///     // Whoever comes first.
    ///     let attached = scope.spawn(|| Segment::attach_timeout(name, Duration::MAX));
    ///     let _made = Segment::create(name)?;
    ///     assert_eq!(attached.join().unwrap()?.name(), name);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn attach_timeout(name: &str, timeout: Duration) -> Result<Self> {
        let root =
            segment::attach_by(Place::named(name)?, Access::ReadWrite, Deadline::after(timeout))?;
        Ok(Self::new(root, false))
    }

    /// Attaches a segment, or makes it if there is none.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach) and [`create`](Self::create).
    ///
    /// ```
    /// use multiproc::{Segment, Value};
    /// # fn main() -> multiproc::Result<()> {
    /// # let name = &format!("doc-open-or-create-{}", std::process::id());
    /// let made = Segment::open_or_create(name)?;
    /// made.publish("runs", &Value::new_in(&made, 1_u32)?)?;
    /// let attached = Segment::open_or_create(name)?;
    /// assert_eq!(attached.open::<Value<u32>>("runs")?.get()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_or_create(name: &str) -> Result<Self> {
        loop {
            match Self::attach(name) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                attached => return attached,
            }
            match Self::create(name) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                created => return created,
            }
        }
    }

    /// Attaches a segment in a file.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn attach_file(path: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self::new(segment::attach(Place::File(path.into()), Access::ReadWrite)?, false))
    }

    /// The session of the process that started this program by [`Process::command`](crate::Process::command).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if no such process did; else as [`attach`](Self::attach).
    ///
    /// ```standalone_crate
    /// use multiproc::{Process, Segment, Value};
    /// use std::process::Command;
    ///
    /// fn main() -> multiproc::Result<()> {
    ///     // The other program; here it is this one, started again.
    ///     if let Ok(session) = Segment::from_env() {
    ///         session.open::<Value<f64>>("temperature")?.set(42.0)?;
    ///         return Ok(());
    ///     }
    ///     let temperature = Value::new(21.0)?;
    ///     Segment::session()?.publish("temperature", &temperature)?;
    ///     Process::command(Command::new(std::env::current_exe()?))?.join()?;
    ///     assert_eq!(temperature.get()?, 42.0);
    ///     Ok(())
    /// }
    /// ```
    pub fn from_env() -> Result<Self> {
        Ok(Self::new(segment::from_env()?, false))
    }

    /// The session: the shared memory in which [`Value::new`](crate::Value::new) and the like make their objects. It is made on first use; workers have that of their
    /// parent.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn session() -> Result<Self> {
        Ok(Self::new(segment::session()?, false))
    }

    /// Removes the names of segments that this user's killed programs have left. Every program does so when it makes its session; this is for
    /// those that run for long. The answer is the names of those that were removed.
    ///
    /// What would be removed is among what [`inspect::list`](crate::inspect::list) calls stale.
    pub fn sweep_stale() -> Vec<String> {
        segment::sweep_all()
    }

    pub(crate) fn root(&self) -> &Arc<Root> {
        &self.0.root
    }

    /// Its name, or the path of its file.
    #[must_use]
    pub fn name(&self) -> &str {
        self.root().name()
    }

    /// The ids of the processes that are attached at this moment; they may come and go at any time.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.root().holders().pids(self.root().holder())
    }

    /// Publishes an object of this segment under a name. It stays alive as long as it is published.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`]; [`ErrorKind::InvalidName`] unless it has 1 to 128 bytes without NUL; [`ErrorKind::InvalidInput`] for an
    /// object of another segment; [`ErrorKind::TooMany`] after 256 names.
    #[allow(private_bounds)]
    pub fn publish<P: Published>(&self, name: &str, object: &P) -> Result<()> {
        Names::lock(self.root())?.publish(name, object)
    }

    /// The object with this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], and [`ErrorKind::WrongType`] if it is of another type or length.
    pub fn open<P: Published>(&self, name: &str) -> Result<P> {
        Names::lock(self.root())?.open(name)
    }

    /// Takes a name away. Who has the object keeps it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`].
    pub fn unpublish(&self, name: &str) -> Result<()> {
        Names::lock(self.root())?.unpublish(name)
    }

    /// Removes the segment's name now. Who is attached goes on with what there is, but the segment cannot grow any more.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn unlink(&self) -> Result<()> {
        self.root().unlink()
    }
}

/// How a segment is to be made; from [`Segment::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `create`"]
pub struct SegmentBuilder {
    participants: u32,
    keep: bool,
}

impl SegmentBuilder {
    /// How many living threads can take locks or make objects in it at once: 1 to 16,384, 1,024 if not said. Each costs 128 bytes.
    pub fn participants(mut self, count: u32) -> Self {
        self.participants = count;
        self
    }

    /// Whether the segment outlives the programs that use it: then nobody removes it but [`Segment::unlink`].
    pub fn keep(mut self, keep: bool) -> Self {
        self.keep = keep;
        self
    }

    fn make(self, place: Place) -> Result<Segment> {
        let plan = Plan { slots: self.participants, keep: self.keep };
        Ok(Segment::new(segment::create(place, plan)?, !self.keep))
    }

    /// Makes the segment.
    ///
    /// # Errors
    ///
    /// As [`Segment::create`].
    pub fn create(self, name: &str) -> Result<Segment> {
        self.make(Place::named(name)?)
    }

    /// Makes the segment in a file, which may be on a disk: then what is in it survives restarts if it is [kept](Self::keep).
    ///
    /// # Errors
    ///
    /// As [`Segment::create`]; the directory must exist.
    pub fn create_file(self, path: impl Into<PathBuf>) -> Result<Segment> {
        let path = path.into();
        if path.file_name().and_then(|name| name.to_str()).is_none() {
            return Err(Error::new(
                ErrorKind::InvalidName,
                format!("{} does not name a file", path.display()),
            ));
        }
        self.make(Place::File(path))
    }
}

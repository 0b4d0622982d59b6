//! Locks of a file: the kernel gives them back when a process dies, and tells nobody.

use super::{Adds, Guarded, ours};
use multiproc::{Atomic, Ordering};
use rustix::fs::{FlockOperation, fcntl_lock, flock};
use serde::{Deserialize, Serialize};
use std::{
    env,
    fs::{self, File},
    io,
    marker::PhantomData,
    path::PathBuf,
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// Which call.
pub trait Kind: Clone + Send + 'static {
    fn set(file: &File, operation: FlockOperation) -> rustix::io::Result<()>;
}

#[derive(Clone)]
pub struct Flock;

impl Kind for Flock {
    fn set(file: &File, operation: FlockOperation) -> rustix::io::Result<()> {
        flock(file, operation)
    }
}

#[derive(Clone)]
pub struct RecordLock;

impl Kind for RecordLock {
    fn set(file: &File, operation: FlockOperation) -> rustix::io::Result<()> {
        fcntl_lock(file, operation)
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct FileLock<K> {
    path: PathBuf,
    counter: Atomic<u64>,
    /// Only with who made it.
    #[allow(dead_code, reason = "what it does is to be dropped")]
    #[serde(skip)]
    _removes: Option<Arc<Removes>>,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

/// The file goes with the last one who has this.
struct Removes(PathBuf);

impl Drop for Removes {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl<K: Kind> FileLock<K> {
    pub fn new() -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("multiproc-comparison-lock-{}-{}", process::id(), NUMBER.fetch_add(1, Relaxed));
        let path = env::temp_dir().join(name);
        File::create_new(&path)?;
        let removes = Some(Arc::new(Removes(path.clone())));
        Ok(Self { path, counter: Atomic::new(0)?, _removes: removes, kind: PhantomData })
    }

    /// Others' lockings have files of their own.
    pub fn file(&self) -> io::Result<File> {
        File::options().write(true).open(&self.path)
    }
}

impl<K: Kind> Guarded for FileLock<K> {
    type Opened = Opened<K>;

    fn open(&self) -> anyhow::Result<Opened<K>> {
        Ok(Opened { file: self.file()?, counter: self.counter.clone(), kind: PhantomData })
    }

    fn total(&self) -> anyhow::Result<u64> {
        Ok(self.counter.load(Ordering::Relaxed))
    }
}

pub struct Opened<K> {
    file: File,
    counter: Atomic<u64>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Adds for Opened<K> {
    fn add(&self) -> anyhow::Result<()> {
        K::set(&self.file, FlockOperation::LockExclusive)?;
        ours::add(&self.counter);
        K::set(&self.file, FlockOperation::Unlock)?;
        Ok(())
    }
}

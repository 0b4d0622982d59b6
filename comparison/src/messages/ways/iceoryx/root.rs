use iceoryx2::prelude::{Config, FileName, Node, Path as RootPath, SemanticString, ipc};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Where the kernel keeps the files of shared memory.
const SHARED_MEMORY: &str = "/dev/shm";

/// A directory for what the library keeps in files. It goes with whoever made it, and so does the shared memory of that name: the library leaves its management there also when nobody was killed.
pub struct Root(PathBuf);

impl Root {
    pub fn new() -> anyhow::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("multiproc-comparison-{}-{number}", process::id());
        let directory = env::temp_dir().join(name);
        fs::create_dir(&directory)?;
        Ok(Self(directory))
    }

    fn remove(&self) -> io::Result<()> {
        let prefix = prefix(&self.0);
        for entry in fs::read_dir(SHARED_MEMORY)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
                fs::remove_file(entry.path())?;
            }
        }
        fs::remove_dir_all(&self.0)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if let Ok(config) = config(&self.0) {
            Node::<ipc::Service>::try_cleanup_dead_nodes(&config);
        }
        if let Err(error) = self.remove() {
            eprintln!("of {} something is left behind: {error}", self.0.display());
        }
    }
}

/// The beginning of the names of all files: the directory's, in which is the number of the process, and what ends it.
fn prefix(root: &Path) -> String {
    format!("{}_", root.file_name().unwrap_or_default().display())
}

/// Names of its own, so that nothing of others is touched.
pub fn config(root: &Path) -> anyhow::Result<Config> {
    let mut config = Config::default();
    config.global.prefix = FileName::new(prefix(root).as_bytes())?;
    config.global.set_root_path(&RootPath::new(root.as_os_str().as_encoded_bytes())?);
    Ok(config)
}

//! The path under which this program's file can be run again.
//!
//! `proc_pid_exe(5)`, `open(2)` (`O_PATH`).

use std::{
    fs,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// The link to the running file, which works when the file was replaced or deleted.
const LINK: &str = "/proc/self/exe";

/// The path to run for a worker: this program's own if the same file is still there, else the link to it.
pub(crate) fn worker_executable() -> Result<PathBuf> {
    executable_behind(Path::new(LINK))
}

/// What `link` points to, if that is the same file; else `link`.
fn executable_behind(link: &Path) -> Result<PathBuf> {
    let hint = |call: &str| format!("{call} of {} (is /proc mounted?)", link.display());
    let path = fs::read_link(link).map_err(|error| Error::os(hint("readlink"), error))?;
    // Opened, as valgrind answers open but not stat for the link; without rights, as a program may be unreadable.
    let running = fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(link);
    let running = running.and_then(|file| file.metadata());
    let running = running.map_err(|error| Error::os(hint("open"), error))?;
    let same = fs::metadata(&path)
        .is_ok_and(|found| (found.dev(), found.ino()) == (running.dev(), running.ino()));
    // A path, where there is one: some tools (valgrind) cannot run the link.
    Ok(if same { path } else { link.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        process::{Child, Command, Stdio},
    };

    use super::*;

    /// Runs `path` until its standard input is closed.
    fn run(path: &Path) -> Child {
        let mut command = Command::new(path);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        loop {
            match command.spawn() {
                // Another test's child still holds the file open for writing, between its fork and its exec.
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::yield_now();
                }
                child => return child.unwrap(),
            }
        }
    }

    #[test]
    fn this_program_is_run_by_its_path() {
        let path = worker_executable().unwrap();
        assert_eq!(path, env::current_exe().unwrap());
    }

    #[test]
    fn a_replaced_or_deleted_program_is_run_by_its_link() {
        let directory =
            env::temp_dir().join(format!("multiproc-executable-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let program = directory.join("cat");
        fs::copy("/bin/cat", &program).unwrap();

        let mut child = run(&program);
        let link = PathBuf::from(format!("/proc/{}/exe", child.id()));
        let before = executable_behind(&link).unwrap();
        fs::rename(&program, directory.join("moved")).unwrap();
        fs::write(&program, "another file").unwrap();
        let moved = executable_behind(&link).unwrap();
        fs::remove_dir_all(&directory).unwrap();
        let deleted = executable_behind(&link).unwrap();

        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        assert_eq!(before, program);
        assert_eq!(moved, directory.join("moved"));
        assert_eq!(deleted, link);
    }
}

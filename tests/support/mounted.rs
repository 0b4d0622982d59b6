//! Small file systems for tests that need a full one.

use std::{
    env,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::Command,
};

/// In the test's second run.
const MOUNTED: &str = "MP_TEST_MOUNTED";

/// Where the small file system is, in the run of [`in_small_file_system`].
pub(crate) fn mounted() -> Option<PathBuf> {
    env::var_os(MOUNTED).map(PathBuf::from)
}

/// Runs the test of this name once more, alone in another process, for which a file system of this size is mounted at the place. Where nothing can be mounted it is skipped, and says so.
pub(crate) fn in_small_file_system(test: &str, size: &str, place: &Path) {
    // A namespace of its own: the mount goes with the process.
    let script = r#"mount -t tmpfs -o "size=$1" none "$2" || exit 77
        exec "$3" --exact "$4" --nocapture"#;
    let mut child = Command::new("unshare");
    child.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", size]);
    child.arg(place).arg(env::current_exe().unwrap()).arg(test).env(MOUNTED, place);
    match child.output() {
        Ok(output) if output.status.success() => {
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
        }
        // 101 is what a failed test ends with; by a signal it was killed.
        Ok(output) if output.status.code() != Some(101) && output.status.signal().is_none() => {
            let why = String::from_utf8_lossy(&output.stderr);
            eprintln!("{test} is skipped: nothing can be mounted here: {why}");
        }
        Err(error) => eprintln!("{test} is skipped: there is no unshare: {error}"),
        Ok(output) => panic!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
    }
}

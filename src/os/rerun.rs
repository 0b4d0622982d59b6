//! For tests that change the process they run in: the same test once more, alone in a child.

use std::{env, process::Command};

/// Set in the child.
const CHILD: &str = "MULTIPROC_TEST_CHILD";

/// Runs `body` in a child of this test binary with `environment` set, and asserts that it passed there. `test` is
/// the path of the calling test, without the crate's name.
pub(crate) fn in_child(test: &str, environment: &[(&str, &str)], body: impl FnOnce()) {
    if env::var_os(CHILD).is_some_and(|name| name == test) {
        return body();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    assert!(text.contains("1 passed"), "no test has the name {test}: {text}");
}

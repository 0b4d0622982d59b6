//! Python's pools beside ours: the same work in the same run, where there is a Python. Rounds cannot take turns with those of another program.

use std::process::Command;

const PROGRAM: &str = include_str!("python.py");

pub(crate) fn all() {
    match Command::new("python3").args(["-c", PROGRAM]).status() {
        Ok(status) if status.success() => {}
        other => println!("python3 does not run its pools here: {other:?}"),
    }
}

//! `doctor`: whether this machine is good for shared memory, and what to change.

mod check;
mod control_group;
mod kernel;
mod limits;
mod segments;
mod shared_memory;

use crate::{
    arguments::DoctorOptions,
    outcome::{Ended, Outcome},
    output::{print, print_json},
    text::plain,
};
use check::Check;
use serde::Serialize;

/// The document of `doctor --json`.
#[derive(Serialize)]
struct Document {
    checks: Vec<Check>,
}

pub(crate) fn run(options: DoctorOptions) -> Ended {
    let mut checks = shared_memory::checks();
    checks.extend(limits::checks());
    checks.extend(kernel::checks());
    checks.extend(control_group::checks());
    checks.extend(segments::checks());
    let outcome = Outcome::found(checks.iter().any(Check::is_to_be_changed));
    if options.json {
        print_json(&Document { checks })?;
        return Ok(outcome);
    }
    let mut text = String::new();
    for check in &checks {
        text += &format!("{:8} {}: {}\n", check.level.word(), check.name, plain(&check.found));
        if let Some(advice) = &check.advice {
            text += &format!("         {advice}\n");
        }
    }
    print(&text)?;
    Ok(outcome)
}

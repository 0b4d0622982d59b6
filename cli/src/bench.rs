//! `bench`: how long a message takes from one process to another on this machine.

use crate::{
    arguments::BenchOptions,
    latency::measure,
    outcome::{Ended, Outcome},
    output::{print, print_json},
};
use std::io::{Write, stderr};

pub(crate) fn run(options: &BenchOptions) -> Ended {
    let results = measure(&options.latency)?;
    if let Some(directory) = &options.report {
        for path in results.save(directory)? {
            let _ = writeln!(stderr(), "{}", path.display());
        }
    }
    if options.json {
        print_json(&results)?
    } else {
        print(&results.to_string())?
    }
    Ok(Outcome::Done)
}

//! The harness of `multiproc bench`, for those who have no such command: its report and values go to the target directory.
//!
//! `--help` names the options.

#[path = "../cli/src/latency/mod.rs"]
mod latency;

use clap::Parser;
use std::{error::Error, path::Path};

#[derive(Parser)]
#[command(
    name = "ipc_latency",
    about = "How long a message takes from one process to another, beside the floor"
)]
struct Arguments {
    #[command(flatten)]
    latency: latency::Options,
    /// What `cargo bench` says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    multiproc::init();
    let results = latency::measure(&Arguments::parse().latency)?;
    print!("{results}");
    // Beside what the build leaves, wherever that is.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target directory")?;
    for path in results.save(&target.join("ipc_latency"))? {
        println!("{}", path.display());
    }
    Ok(())
}

//! The other program of `attach_by_name`: finds a segment and its objects by name, notes the residual, and halves it.

use clap::Parser;
use multiproc::{Array, ErrorKind, Segment, Value};
use std::process::ExitCode;

/// Halves the value "residual" of a segment that another program has made: see attach_by_name.
#[derive(Parser)]
struct Arguments {
    /// The segment's name. Without it nothing is to be done.
    segment: Option<String>,
}

fn halve(name: &str) -> multiproc::Result<()> {
    let segment = Segment::attach(name)?;
    let residual = segment.open::<Value<f64>>("residual")?;
    let history = segment.open::<Array<f64>>("history")?;
    let mut guard = residual.lock()?;
    history.set(0, *guard)?;
    *guard /= 2.0;
    Ok(())
}

fn main() -> ExitCode {
    let Some(name) = Arguments::parse().segment else {
        eprintln!("attach_by_name starts this program; run that one");
        return ExitCode::SUCCESS;
    };
    match halve(&name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("attach_by_name_peer: {error}");
            ExitCode::from(if error.kind() == ErrorKind::NotFound { 2 } else { 1 })
        }
    }
}

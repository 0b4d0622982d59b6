//! A value that another program finds by name: prints `residual 0.5`, starts `attach_by_name_peer`, a program of its own, which halves it, and prints
//! `residual 0.25`.

use clap::Parser;
use multiproc::{Array, Segment, Value};
use std::{
    env, io,
    path::PathBuf,
    process::{Command, ExitCode},
};

/// Publishes values by name; another program finds and changes them.
#[derive(Parser)]
struct Arguments {}

/// The peer lies beside this program. `cargo run` builds only what it runs, so under cargo it is built here.
fn peer() -> io::Result<PathBuf> {
    let path = env::current_exe()?.with_file_name("attach_by_name_peer");
    if let Some(cargo) = env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--example", "attach_by_name_peer"]);
        if path.components().any(|part| part.as_os_str() == "release") {
            build.arg("--release");
        }
        build.status()?;
    }
    if path.exists() {
        return Ok(path);
    }
    let message = format!(
        "{} is missing: cargo build --example attach_by_name_peer makes it",
        path.display()
    );
    Err(io::Error::new(io::ErrorKind::NotFound, message))
}

fn run() -> Result<f64, Box<dyn std::error::Error>> {
    let name = format!("attach-by-name-{}", std::process::id());
    let segment = Segment::create(&name)?;
    let residual = Value::new_in(&segment, 0.5_f64)?;
    segment.publish("residual", &residual)?;
    let history = Array::<f64>::zeroed_in(&segment, 4)?;
    segment.publish("history", &history)?;
    println!("residual {}", residual.get()?);

    let status = Command::new(peer()?).arg(&name).status()?;
    if !status.success() {
        return Err(format!("the peer ended with {status}").into());
    }
    println!("residual {}", residual.get()?);
    Ok(if history.get(0)? == 0.5 { residual.get()? } else { f64::NAN })
}

fn main() -> ExitCode {
    Arguments::parse();
    match run() {
        Ok(residual) => ExitCode::from(u8::from(residual != 0.25)),
        Err(error) => {
            eprintln!("attach_by_name: {error}");
            ExitCode::FAILURE
        }
    }
}

//! Messages there and back: what the parent sends through a duplex pipe, a worker sends back. Their sizes are random, from nothing to some MiB; some are bytes and some are values.
//!
//! Prints `echoed N` when all came back as they were.

use clap::Parser;
use multiproc::{Connection, ErrorKind, Pipe, Process};
use std::process::ExitCode;

/// An echo between two processes.
#[derive(Parser)]
struct Options {
    /// How many messages.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(..=1 << 32))]
    messages: u64,
    /// What the messages are.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

const MIB: usize = 1 << 20;

/// Until the other end is closed.
fn echo(connection: Connection) -> multiproc::Result<()> {
    loop {
        match connection.recv_bytes() {
            Ok(bytes) => connection.send_bytes(&bytes)?,
            // A value: it is still there.
            Err(error) if error.kind() == ErrorKind::WrongType => {
                connection.send(&connection.recv::<(u64, String)>()?)?;
            }
            Err(error) if error.kind() == ErrorKind::Disconnected => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// As many of each order of magnitude: most are small.
fn any_length(random: &mut fastrand::Rng) -> usize {
    let most = 1 << random.u32(0..=22);
    random.usize(0..=most)
}

fn run(options: &Options) -> multiproc::Result<bool> {
    let (mine, theirs) = Pipe::new()?;
    let worker = Process::builder().daemon(true).spawn(echo, (theirs,))?;
    let mut random = fastrand::Rng::with_seed(options.seed);
    let mut sent = 0;
    for number in 0..options.messages {
        let is_same = if number % 4 == 3 {
            let value = (number, format!("after {sent} bytes"));
            mine.send(&value)?;
            mine.recv::<(u64, String)>()? == value
        } else {
            // Nothing first, and then something large.
            let length = [0, 4 * MIB].get(number as usize).copied();
            let mut bytes = vec![0; length.unwrap_or_else(|| any_length(&mut random))];
            random.fill(&mut bytes);
            sent += bytes.len();
            mine.send_bytes(&bytes)?;
            mine.recv_bytes()? == bytes
        };
        if !is_same {
            eprintln!("message {number} came back as another");
            return Ok(false);
        }
    }
    mine.close();
    worker.join()??;
    eprintln!("{sent} bytes went there and back, and values");
    println!("echoed {}", options.messages);
    Ok(true)
}

fn main() -> ExitCode {
    multiproc::init();
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("pipes: {error}");
            ExitCode::from(2)
        }
    }
}

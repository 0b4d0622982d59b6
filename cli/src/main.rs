//! The command `multiproc`: looks at segments of shared memory from outside.
//!
//! All that it knows it has from the library's module `inspect`: it takes no part, so it disturbs no running program.
#![deny(unsafe_code)]

mod arguments;
mod bench;
mod completions;
mod doctor;
mod gc;
mod inspect;
mod latency;
mod ls;
mod man;
mod outcome;
mod output;
mod table;
mod text;
mod top;

use arguments::{Arguments, Command};
use clap::Parser;
use outcome::Outcome;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The processes of `bench` begin here.
    multiproc::init();
    let done = match Arguments::parse().command {
        Command::Ls(options) => ls::run(options),
        Command::Inspect(options) => inspect::run(options),
        Command::Top(options) => top::run(options),
        Command::Gc(options) => gc::run(options),
        Command::Doctor(options) => doctor::run(options),
        Command::Bench(options) => bench::run(&options),
        Command::Man(options) => man::run(&options),
        Command::Completions(options) => completions::run(options),
    };
    match done {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Err(error) if output::is_closed(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error.to_string());
            ExitCode::from(2)
        }
    }
}

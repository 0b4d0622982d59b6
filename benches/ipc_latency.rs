//! The harness: how long a message takes from one process to another, by every way there is, beside the floor.
//!
//! Two processes, each on a processor of its own, send one message back and forth. The one that begins measures each round trip; all that is printed is half of one. All rows
//! are measured in turn, for some milliseconds each, and that round after round: what disturbs the machine disturbs all of them alike. How much worse than the floor a row is,
//! is the median over the rounds of its p50 over the floor's in the same round.
//!
//! `--help` names the options. The table goes to the terminal; `ipc_latency/report.html` and `ipc_latency/latency.csv` to the target directory.

mod common;
#[path = "ipc_latency/machine.rs"]
mod machine;
#[path = "ipc_latency/measured.rs"]
mod measured;
#[path = "ipc_latency/options.rs"]
mod options;
#[path = "ipc_latency/payload.rs"]
mod payload;
#[path = "ipc_latency/play.rs"]
mod play;
#[path = "ipc_latency/players.rs"]
mod players;
#[path = "ipc_latency/plots.rs"]
mod plots;
#[path = "ipc_latency/report.rs"]
mod report;
#[path = "ipc_latency/row.rs"]
mod row;
#[path = "ipc_latency/table.rs"]
mod table;
#[path = "ipc_latency/text.rs"]
mod text;
#[path = "ipc_latency/topology.rs"]
mod topology;
#[path = "ipc_latency/transport.rs"]
mod transport;

use clap::{CommandFactory, Parser, error::ErrorKind};
use machine::Machine;
use measured::Measured;
use options::Options;
use players::Players;
use std::{error::Error, fs, path::Path, time::Instant};
use topology::Pair;

fn main() -> Result<(), Box<dyn Error>> {
    multiproc::init();
    let options = Options::parse();
    let rows = row::plan(options.quick, options.only.as_deref());
    if rows.is_empty() {
        usage("no row's name has what --only says in it");
    }
    let pair = match options.cpus {
        Some(cpus) => Pair::of(cpus),
        None => Pair::choose().unwrap_or_else(|| {
            usage("there is one processor: two processes that spin cannot be measured on it")
        }),
    };
    let machine = Machine::look(&pair);
    machine.print();

    let (rounds, slot) = (options.rounds(), options.slot());
    let began = Instant::now();
    let players = Players::start(&rows, pair.cpus)?;
    let mut measured: Vec<_> = rows.into_iter().map(Measured::new).collect();
    for round in 1..=rounds {
        for (index, row) in measured.iter_mut().enumerate() {
            match players.measure(index, &row.row, slot) {
                Ok(recorded) => row.add(&recorded),
                Err(error) => {
                    return Err(format!("{}: {error}\n{}", row.row, players.explain()).into());
                }
            }
        }
        eprintln!("round {round} of {rounds}, {:.0} s", began.elapsed().as_secs_f64());
    }
    players.end()?;

    let lines = table::lines(&measured);
    print!("{}", table::text(&lines));
    // Beside what the build leaves, wherever that is.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target directory")?;
    let directory = target.join("ipc_latency");
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("latency.csv"), table::csv(&lines))?;
    fs::write(directory.join("report.html"), report::html(&machine, &measured, &lines)?)?;
    println!("{}", directory.join("report.html").display());
    println!("{}", directory.join("latency.csv").display());
    Ok(())
}

fn usage(message: &str) -> ! {
    Options::command().error(ErrorKind::ValueValidation, message).exit()
}

//! The harness: how long a message takes from one process to another, by every way there is, beside the floor.
//!
//! Two processes, each on a processor of its own, send one message back and forth. The one that begins measures each round trip; all that is told is half of one. All rows
//! are measured in turn, for some milliseconds each, and that round after round: what disturbs the machine disturbs all of them alike. How much worse than the floor a row is,
//! is the median over the rounds of its p50 over the floor's in the same round.
//!
//! `cargo bench --bench ipc_latency` is this, too.

mod machine;
mod measured;
mod median;
mod numbers;
mod options;
mod payload;
mod pin;
mod play;
mod players;
mod plots;
mod report;
mod results;
mod row;
mod table;
mod text;
mod topology;
mod transport;
mod two_words;

pub(crate) use options::Options;
pub(crate) use results::Results;

use machine::Machine;
use measured::Measured;
use players::Players;
use std::{
    error::Error,
    io::{self, Write},
    time::Instant,
};
use topology::Pair;

/// Measures, and says on standard error how far it is.
pub(crate) fn measure(options: &Options) -> Result<Results, Box<dyn Error>> {
    let rows = row::plan(options.quick, options.only.as_deref());
    if rows.is_empty() {
        return Err("no row's name has what --only says in it".into());
    }
    let pair = options.cpus.map(Pair::of).or_else(Pair::choose);
    let pair = pair.ok_or("two processes that spin cannot be measured on one processor")?;
    let machine = Machine::look(&pair);

    let (rounds, slot) = (options.rounds(), options.slot());
    let began = Instant::now();
    let players = Players::start(&rows, pair.cpus)?;
    let mut measured: Vec<_> = rows.into_iter().map(Measured::new).collect();
    for round in 1..=rounds {
        for (index, row) in measured.iter_mut().enumerate() {
            match players.measure(index, &row.row, slot) {
                Ok(recorded) => row.add(&recorded),
                Err(error) => {
                    return Err(format!("{}: {error}{}", row.row, players.explain()).into());
                }
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        // It measures on when nobody hears it.
        let _ = writeln!(io::stderr(), "round {round} of {rounds}, {seconds:.0} s");
    }
    players.end()?;
    Ok(Results::new(machine, measured))
}

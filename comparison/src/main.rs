//! The same work by multiproc and by its rivals, in one run: `cargo run --release -p comparison`.
//!
//! What is measured comes in parts, a part in cases (a payload's size, a number of processes), and a case in contenders. All contenders of a case are run in turn, and that round
//! after round, so that what disturbs the machine disturbs all of them alike. A row of the results is the median of a contender's rounds.

#![allow(unreachable_pub, reason = "nothing is outside of a program")]

mod case;
mod child;
mod clock;
mod contender;
mod death;
mod dispatch;
mod locks;
mod options;
mod part;
mod peer;
mod python;
mod row;
mod spawn;
#[allow(dead_code, reason = "the latency harness says where it runs")]
#[path = "../../benches/ipc_latency/topology.rs"]
mod topology;
mod unit;

use clap::Parser;
use options::Options;

fn main() -> anyhow::Result<()> {
    multiproc::init();
    procspawn::init();
    child::serve();
    let options = Options::parse();
    let mut rows = Vec::new();
    for part in options.parts() {
        for case in part.cases(&options)? {
            rows.extend(case.run(options.rounds)?);
        }
    }
    for row in rows {
        println!("{row:?}");
    }
    for death in death::all(&options) {
        println!("{death:?}");
    }
    Ok(())
}

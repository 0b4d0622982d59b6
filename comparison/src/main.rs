//! The same work by multiproc and by its rivals, in one run: `cargo run --release -p comparison`.
//!
//! What is measured comes in parts, a part in cases (a payload's size, a number of processes), and a case in contenders. All contenders of a case are run in turn, and that round
//! after round, so that what disturbs the machine disturbs all of them alike. A row of the results is the median of a contender's rounds.

#![allow(unreachable_pub, reason = "nothing is outside of a program")]

mod case;
mod contender;
mod death;
#[path = "../../benches/ipc_latency/machine.rs"]
mod machine;
mod messages;
mod options;
mod part;
mod progress;
mod report;
mod results;
mod row;
#[cfg(test)]
mod samples;
mod terminal;
#[path = "../../benches/ipc_latency/text.rs"]
mod text;
#[path = "../../benches/ipc_latency/topology.rs"]
mod topology;
mod unit;

use anyhow::Context;
use clap::Parser;
use options::Options;
use part::Part;
use progress::Progress;
use results::{Fact, Results, Summary};
use std::{fs, path::Path};

fn main() -> anyhow::Result<()> {
    multiproc::init();
    let options = Options::parse();
    let results = match &options.from {
        Some(directory) => again(directory)?,
        None => measure(&options)?,
    };
    print!("{}", terminal::left_out(&results.facts));
    write(&options.out.join("report.html"), &report::html(&results)?)?;
    if let Some(file) = &options.picture {
        write(file, &report::picture(&results)?)?;
    }
    Ok(())
}

/// Measures and prints, a part at a time.
fn measure(options: &Options) -> anyhow::Result<Results> {
    let mut results = Results { facts: facts(options), ..Results::default() };
    for part in options.parts() {
        measure_part(part, options, &mut results);
        println!("{}", terminal::part(&results, part));
    }
    results.write(&options.out)?;
    Ok(results)
}

/// What fails is left out, and said so.
fn measure_part(part: Part, options: &Options, results: &mut Results) {
    let cases = match part.cases(options) {
        Ok(cases) => cases,
        Err(error) => {
            return results.facts.push(Fact::left_out(format!("{}: {error:#}", part.title())));
        }
    };
    let contenders: usize = cases.iter().map(|case| case.contenders.len()).sum();
    let progress = Progress::of(part, contenders * options.rounds());
    for case in cases {
        let (rows, failed) =
            case.run(options.rounds(), |case, contender| progress.turn(case, contender));
        results.summaries.extend(rows.iter().map(Summary::from));
        results.facts.extend(failed.into_iter().map(Fact::left_out));
    }
}

/// Reads and prints what an earlier run has measured.
fn again(directory: &Path) -> anyhow::Result<Results> {
    let results = Results::read(directory)?;
    for part in Part::ALL.into_iter().filter(|part| !results.cases(*part).is_empty()) {
        println!("{}", terminal::part(&results, part));
    }
    if !results.fates.is_empty() {
        println!("{}", terminal::deaths(&results.fates));
    }
    Ok(results)
}

fn facts(options: &Options) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(pair) = topology::Pair::choose() {
        let machine = machine::Machine::look(&pair);
        machine.print();
        println!();
        facts.extend(machine.facts().iter().map(|(name, value)| Fact::new(name, value)));
    }
    facts.push(Fact::new("rounds", options.rounds().to_string()));
    if options.quick {
        facts.push(Fact::new(
            "quick",
            "yes: it shows that all works, these are no numbers to quote",
        ));
    }
    facts
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)
            .with_context(|| format!("the directory {}", directory.display()))?;
    }
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

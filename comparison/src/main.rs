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
mod left_out;
mod lines;
mod locks;
#[path = "../../cli/src/latency/machine.rs"]
mod machine;
mod messages;
mod options;
mod part;
mod peer;
mod progress;
mod python;
mod report;
mod results;
mod row;
#[cfg(test)]
mod samples;
mod spawn;
mod terminal;
#[path = "../../cli/src/latency/text.rs"]
mod text;
#[path = "../../cli/src/latency/topology.rs"]
mod topology;
mod unit;

use anyhow::Context;
use clap::Parser;
use options::Options;
use part::Part;
use progress::Progress;
use results::{Fact, Fate, Results, Summary};
use std::{fs, path::Path};

fn main() -> anyhow::Result<()> {
    multiproc::init();
    procspawn::init();
    child::serve();
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
        if let Err(error) = measure_part(part, options, &mut results) {
            left_out::tell(format!("{}: {error:#}", part.title()));
        }
        show(part, &results);
    }
    // Who wants one part only does not wait for them.
    if options.only.is_empty() {
        let progress = Progress::waiting("When one is killed");
        results.fates = death::all(options).iter().map(Fate::from).collect();
        drop(progress);
        show_deaths(&results);
    }
    results.facts.extend(left_out::told().into_iter().map(Fact::left_out));
    results.write(&options.out)?;
    Ok(results)
}

fn measure_part(part: Part, options: &Options, results: &mut Results) -> anyhow::Result<()> {
    let cases = part.cases(options)?;
    let contenders: usize = cases.iter().map(|case| case.contenders.len()).sum();
    let progress = Progress::of(part, contenders * options.rounds());
    for case in cases {
        let rows = case.run(options.rounds(), |case, contender| progress.turn(case, contender));
        results.summaries.extend(rows.iter().map(Summary::from));
    }
    Ok(())
}

fn show(part: Part, results: &Results) {
    if !results.cases(part).is_empty() {
        println!("{}", terminal::part(results, part));
    }
}

fn show_deaths(results: &Results) {
    if !results.fates.is_empty() {
        println!("{}", terminal::deaths(&results.fates));
    }
}

/// Reads and prints what an earlier run has measured.
fn again(directory: &Path) -> anyhow::Result<Results> {
    let results = Results::read(directory)?;
    for part in Part::ALL {
        show(part, &results);
    }
    show_deaths(&results);
    Ok(results)
}

fn facts(options: &Options) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(pair) = topology::Pair::choose() {
        let machine = machine::Machine::look(&pair);
        for (name, value) in machine.facts() {
            println!("{name}: {value}");
            facts.push(Fact::new(name, value));
        }
        println!();
    }
    facts.push(Fact::new("rounds", options.rounds().to_string()));
    if options.quick {
        facts.push(Fact::new("quick", "it shows that all works, these are no numbers to quote"));
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

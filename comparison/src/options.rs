use crate::part::Part;
use clap::Parser;
use std::path::PathBuf;

/// The same work by multiproc and by its rivals, in one run.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Only these parts.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Part>,
    /// How often each contender has its turn.
    #[arg(long, default_value_t = 15)]
    pub rounds: usize,
    /// Short rounds and few of them: whether everything runs, not how fast.
    #[arg(long)]
    pub quick: bool,
    /// The directory of the results: two CSV files, the facts about the machine, and the report.
    #[arg(long, default_value = "target/comparison")]
    pub out: PathBuf,
    /// Nothing is measured: the report is made of the CSV files of this directory.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["only", "rounds", "quick"])]
    pub from: Option<PathBuf>,
    /// Also writes the plot of the latency into this file, as an SVG for a page of any colour.
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
}

impl Options {
    pub fn rounds(&self) -> usize {
        if self.quick { self.rounds.min(3) } else { self.rounds }.max(1)
    }

    pub fn parts(&self) -> Vec<Part> {
        if self.only.is_empty() { Part::ALL.to_vec() } else { self.only.clone() }
    }
}

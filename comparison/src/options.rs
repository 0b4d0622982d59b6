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
    /// The directory of the results.
    #[arg(long, default_value = "target/comparison")]
    pub out: PathBuf,
}

impl Options {
    pub fn parts(&self) -> Vec<Part> {
        if self.only.is_empty() { Part::ALL.to_vec() } else { self.only.clone() }
    }
}

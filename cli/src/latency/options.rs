//! What can be said on the command line.

use clap::Args;
use std::time::Duration;

#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The two processors, such as 0,1; without it, two cores that share as much as they can
    #[arg(long, value_name = "A,B", value_parser = two_processors)]
    pub(crate) cpus: Option<[usize; 2]>,
    /// A few seconds instead of two minutes: shows that all works, no numbers to quote
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only rows in whose name this occurs, such as ring, /64/ or spin/untouched; and the floors
    #[arg(long, value_name = "PATTERN")]
    pub(crate) only: Option<String>,
    /// How often each row has its turn
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// How long each turn is
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    millis: Option<u64>,
}

impl Options {
    pub(super) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 2 } else { 25 })
    }

    pub(super) fn slot(&self) -> Duration {
        Duration::from_millis(self.millis.unwrap_or(if self.quick { 15 } else { 25 }))
    }
}

fn two_processors(text: &str) -> Result<[usize; 2], String> {
    let parts: Result<Vec<usize>, _> = text.split(',').map(str::parse).collect();
    match parts.as_deref() {
        Ok(&[one, other]) if one != other => Ok([one, other]),
        _ => Err("two different numbers with a comma between them are wanted".to_owned()),
    }
}

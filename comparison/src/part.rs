use crate::{case::Case, dispatch, locks, options::Options, spawn};
use clap::ValueEnum;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// How long a message takes one way, by its size.
    Latency,
    /// How many bytes or messages a second one sender gets to one receiver.
    Throughput,
    /// Messages of many senders to many receivers.
    Mpmc,
    /// A lock that nobody else wants, and one that all want.
    Locks,
    /// What it costs to have a function run by a worker.
    Dispatch,
    /// From nothing to a worker that has ended.
    Spawn,
}

impl Part {
    pub const ALL: [Self; 6] =
        [Self::Latency, Self::Throughput, Self::Mpmc, Self::Locks, Self::Dispatch, Self::Spawn];

    pub fn title(self) -> &'static str {
        match self {
            Self::Latency => "One message, one way",
            Self::Throughput => "One sender, one receiver",
            Self::Mpmc => "Many senders, many receivers",
            Self::Locks => "Locks",
            Self::Dispatch => "A task to a worker",
            Self::Spawn => "Start and end of a worker",
        }
    }

    pub fn cases(self, options: &Options) -> anyhow::Result<Vec<Case>> {
        match self {
            Self::Locks => locks::cases(options),
            Self::Dispatch => dispatch::cases(options),
            Self::Spawn => spawn::cases(options),
            _ => Ok(Vec::new()),
        }
    }
}

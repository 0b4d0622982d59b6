use crate::{
    case::Case,
    dispatch, locks,
    messages::{latency, mpmc, throughput},
    options::Options,
    spawn,
};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

    /// What is measured, in a sentence or two for who reads the report.
    pub fn about(self) -> &'static str {
        match self {
            Self::Latency => {
                "From the moment at which one process begins to send until the other has the whole message: half of a round trip between two processors."
            }
            Self::Throughput => {
                "One process sends as fast as it can, another receives as fast as it can."
            }
            Self::Mpmc => {
                "Several processes send into the same queue and several take from it; all messages are counted."
            }
            Self::Locks => {
                "Taking a lock and giving it back: when nobody else wants it, and when all others do."
            }
            Self::Dispatch => {
                "A function that does next to nothing is run by a worker that exists, and its result comes back."
            }
            Self::Spawn => {
                "From nothing to a worker that has started, has run a function that does nothing, and has ended."
            }
        }
    }

    pub fn cases(self, options: &Options) -> anyhow::Result<Vec<Case>> {
        match self {
            Self::Latency => Ok(latency::cases(options)),
            Self::Throughput => Ok(throughput::cases(options)),
            Self::Mpmc => Ok(mpmc::cases(options)),
            Self::Locks => locks::cases(options),
            Self::Dispatch => dispatch::cases(options),
            Self::Spawn => spawn::cases(options),
        }
    }
}

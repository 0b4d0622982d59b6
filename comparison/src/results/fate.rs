use crate::{
    death::{Death, Verdict},
    unit::Unit,
};
use serde::{Deserialize, Serialize};

/// A line of the table of deaths, as files keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fate {
    pub killed: String,
    pub contender: String,
    pub verdict: Verdict,
    pub seen: String,
    /// From the kill until the others knew; nothing if they never did.
    pub after_ns: Option<f64>,
}

impl Fate {
    /// The verdict in a few words.
    pub fn words(&self) -> &'static str {
        match self.verdict {
            Verdict::GoesOn => "goes on",
            Verdict::Ends => "is told that it is over",
            Verdict::Leaves => "ends, and leaves something behind",
            Verdict::Silent => "goes on, not told that something may be torn",
            Verdict::Hangs => "hangs",
        }
    }

    /// How long it took until they knew, in words.
    pub fn after(&self) -> String {
        self.after_ns.map_or_else(|| "never".to_owned(), |after| Unit::Nanoseconds.amount(after))
    }
}

impl From<&Death> for Fate {
    fn from(death: &Death) -> Self {
        Self {
            killed: death.killed.to_owned(),
            contender: death.contender.to_owned(),
            verdict: death.verdict,
            seen: death.seen.clone(),
            after_ns: death.after.map(|after| after.as_nanos() as f64),
        }
    }
}

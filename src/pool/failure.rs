//! Why a task has no result, as the worker says it.

use crate::{
    Error, ErrorKind, Result,
    process::PanicReport,
    shared::{decode, encode},
};
use serde::{Deserialize, Serialize};

/// The first byte of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Tag {
    Value = 0,
    Failed = 1,
}

/// The function panicked, or was not called, or its result cannot travel.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Failure {
    Panicked {
        report: PanicReport,
        worker: u32,
    },
    /// What was wrong with the arguments.
    Decode(String),
    /// What was wrong with the result.
    Encode(String),
}

impl Failure {
    pub(super) fn panicked(report: PanicReport) -> Self {
        Self::Panicked { report, worker: std::process::id() }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // It is text, which can always be encoded.
        let message = encode(self).map(|message| message.bytes).unwrap_or_default();
        [&[Tag::Failed as u8], &message[..]].concat()
    }

    /// The same in so many bytes, where there is no room to say more: of a panic the beginning of its message, of an error the end, where the cause stands.
    pub(super) fn to_short_bytes(&self, room: usize) -> Vec<u8> {
        let short = |most: usize| match self {
            Self::Panicked { report, worker } => Self::Panicked {
                report: PanicReport::of_message(beginning(report.message(), most).to_owned()),
                worker: *worker,
            },
            Self::Decode(text) => Self::Decode(end(text, most).to_owned()),
            Self::Encode(text) => Self::Encode(end(text, most).to_owned()),
        };
        let mut all = (0..room).rev().map(|most| short(most).to_bytes());
        all.find(|bytes| bytes.len() <= room).unwrap_or_default()
    }

    pub(super) fn from_bytes(tag: u8, bytes: &[u8]) -> Result<Self> {
        if tag != Tag::Failed as u8 {
            return Err(Error::new(
                ErrorKind::Decode,
                format!("an outcome begins with {tag}: the session is damaged"),
            ));
        }
        decode(bytes)
    }
}

fn beginning(text: &str, most: usize) -> &str {
    let mut ends = (0..=most.min(text.len())).rev();
    ends.find_map(|end| text.get(..end)).unwrap_or_default()
}

fn end(text: &str, most: usize) -> &str {
    let mut begins = text.len().saturating_sub(most)..=text.len();
    begins.find_map(|begin| text.get(begin..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_shortened() {
        let room = 20;
        let short = |failure: Failure| {
            let bytes = failure.to_short_bytes(room);
            assert!(bytes.len() <= room);
            Failure::from_bytes(bytes[0], &bytes[1..]).unwrap()
        };
        let report = PanicReport::of_message("ä".repeat(100));
        match short(Failure::Panicked { report, worker: 7 }) {
            Failure::Panicked { report, worker: 7 } => {
                assert!(report.message().len() > 8 && "ä".repeat(100).contains(report.message()));
            }
            other => panic!("{other:?}"),
        }
        match short(Failure::Encode(format!("{} is full", "x".repeat(100)))) {
            Failure::Encode(text) => assert!(text.ends_with("x is full"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

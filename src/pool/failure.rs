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
    /// There was no room in shared memory to say more.
    NoRoom = 2,
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

    pub(super) fn from_bytes(tag: u8, bytes: &[u8]) -> Result<Self> {
        if tag == Tag::NoRoom as u8 {
            return Ok(Self::Encode(
                "there was no room in shared memory for the result, or for the reason of its absence".into(),
            ));
        }
        if tag != Tag::Failed as u8 {
            return Err(Error::new(
                ErrorKind::Decode,
                format!("an outcome begins with {tag}: the session is damaged"),
            ));
        }
        decode(bytes)
    }
}

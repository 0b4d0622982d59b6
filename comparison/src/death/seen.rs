use super::{Death, Verdict};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What one of the others saw.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    /// When, by the clock of all processes.
    pub(super) at: u64,
    /// What it was told; nothing if all looked as if nobody had died.
    pub(super) told: Option<String>,
    /// Half of a change is there.
    pub(super) is_torn: bool,
    /// What they shared can be used again; nothing if the attempt hangs.
    pub(super) goes_on: Option<bool>,
}

/// What a death showed.
pub(super) enum Found {
    /// One that waited for the dead, or nothing within the limit. With the time of the kill.
    Waiter { killed: u64, seen: Option<Seen> },
    /// What outlived its parent.
    Orphans {
        /// How many workers there were.
        workers: usize,
        /// Those that did not end.
        remain: usize,
        /// What is still in shared memory, and what a next program made of that.
        left: Option<String>,
        after: Duration,
    },
}

impl Found {
    pub(super) fn judge(self, killed: &'static str, contender: &'static str) -> Death {
        let (seen, verdict, after) = match self {
            Self::Waiter { killed, seen } => waiter(killed, seen),
            Self::Orphans { workers, remain, left, after } => orphans(workers, remain, left, after),
        };
        Death { killed, contender, seen, verdict, after }
    }
}

fn waiter(killed: u64, seen: Option<Seen>) -> (String, Verdict, Option<Duration>) {
    let Some(seen) = seen else {
        return ("it waits for ever".to_owned(), Verdict::Hangs, None);
    };
    let after = Some(Duration::from_nanos(seen.at.saturating_sub(killed)));
    let verdict = match (&seen.told, seen.goes_on) {
        (_, None) => Verdict::Hangs,
        (None, _) if seen.is_torn => Verdict::Silent,
        (_, Some(true)) => Verdict::GoesOn,
        (_, Some(false)) => Verdict::Ends,
    };
    let told =
        seen.told.map_or_else(|| "it is not told".to_owned(), |told| format!("it is told: {told}"));
    let torn = if seen.is_torn { "; what they share is torn" } else { "" };
    let then = match seen.goes_on {
        None => "; the next attempt waits for ever",
        Some(true) => "; the next attempt succeeds",
        Some(false) => "; the next attempt fails too",
    };
    (format!("{told}{torn}{then}"), verdict, after)
}

fn orphans(
    workers: usize,
    remain: usize,
    left: Option<String>,
    after: Duration,
) -> (String, Verdict, Option<Duration>) {
    let memory = left.as_deref().unwrap_or("no shared memory stays");
    if remain > 0 {
        let seen = format!("{remain} of {workers} processes run on; {memory}");
        return (seen, Verdict::Hangs, None);
    }
    let verdict = if left.is_some() { Verdict::Leaves } else { Verdict::GoesOn };
    (format!("all {workers} processes end; {memory}"), verdict, Some(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(seen: Seen) -> Verdict {
        waiter(0, Some(seen)).1
    }

    #[test]
    fn verdicts_follow_from_what_was_seen() {
        let told = || Some("gone".to_owned());
        assert_eq!(waiter(0, None).1, Verdict::Hangs);
        assert_eq!(verdict(Seen::default()), Verdict::Hangs);
        assert_eq!(
            verdict(Seen { told: told(), goes_on: Some(true), ..Seen::default() }),
            Verdict::GoesOn
        );
        assert_eq!(
            verdict(Seen { told: told(), goes_on: Some(false), ..Seen::default() }),
            Verdict::Ends
        );
        assert_eq!(
            verdict(Seen { is_torn: true, goes_on: Some(true), ..Seen::default() }),
            Verdict::Silent
        );
        assert_eq!(orphans(2, 1, None, Duration::ZERO).1, Verdict::Hangs);
        assert_eq!(orphans(2, 0, Some(String::new()), Duration::ZERO).1, Verdict::Leaves);
    }
}

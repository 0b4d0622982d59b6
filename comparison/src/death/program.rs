//! Contenders that are programs of their own, with workers of their own. They say what they see, a line each: `killed TIME`, `told TIME TEXT` or `untold TIME`, `torn`, `goes_on yes` or `no`.

use super::{
    limit,
    seen::{Found, Seen},
};
use crate::{clock, lines::lines_of, peer};
use anyhow::{Context, bail};
use std::{
    fmt::Arguments,
    io::{Write, stdout},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

/// A program in a process group of its own, which ends with this.
pub(super) struct Program {
    pub(super) child: Child,
    lines: Receiver<String>,
}

impl Program {
    pub(super) fn start(mut command: Command) -> anyhow::Result<Self> {
        // Its complaints about the death are no news here.
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let lines = lines_of(&mut child)?;
        Ok(Self { child, lines })
    }

    pub(super) fn line(&self, limit: Duration) -> Result<String, RecvTimeoutError> {
        self.lines.recv_timeout(limit)
    }

    /// What it sees of the death that it brings about.
    pub(super) fn watch(self) -> anyhow::Result<Found> {
        let first = self.line(5 * limit()).context("it does not come so far")?;
        let killed = first.strip_prefix("killed ").context(first.clone())?.parse()?;
        let end = Instant::now() + limit();
        let (mut seen, mut is_torn) = (None, false);
        loop {
            let line = match self.line(end.saturating_duration_since(Instant::now())) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    // Nobody of the program has its output any more.
                    if seen.is_none() {
                        seen = self.dead()?;
                    }
                    break;
                }
            };
            let mut words = line.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("told"), Some(at), text) => {
                    let told = Some(text.unwrap_or_default().to_owned());
                    seen = Some(Seen { at: at.parse()?, told, ..Seen::default() });
                }
                (Some("untold"), Some(at), _) => {
                    seen = Some(Seen { at: at.parse()?, ..Seen::default() });
                }
                (Some("torn"), ..) => is_torn = true,
                (Some("goes_on"), Some(whether), _) => {
                    if let Some(seen) = &mut seen {
                        seen.goes_on = Some(whether == "yes");
                    }
                    break;
                }
                _ => bail!("{line}"),
            }
        }
        if let Some(seen) = &mut seen {
            seen.is_torn = is_torn;
        }
        Ok(Found::Waiter { killed, seen })
    }

    /// If the program itself has ended with what was killed in it.
    fn dead(&self) -> anyhow::Result<Option<Seen>> {
        let at = clock::now();
        let status = peer::exit_of(&self.child)?;
        let told = match (status.exit_status(), status.terminating_signal()) {
            (Some(0), _) => bail!("it ended and said nothing"),
            (_, Some(signal)) => format!("the whole program ends, by signal {signal}"),
            (code, _) => format!("the whole program ends, with code {code:?}"),
        };
        Ok(Some(Seen { at, told: Some(told), is_torn: false, goes_on: Some(false) }))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Nobody has waited for it yet: the group keeps its number.
        peer::kill_group(self.child.id());
        let _ = self.child.wait();
    }
}

/// For the programs of ours.
pub(super) fn say(line: Arguments<'_>) {
    let mut output = stdout().lock();
    let _ = writeln!(output, "{line}");
    let _ = output.flush();
}

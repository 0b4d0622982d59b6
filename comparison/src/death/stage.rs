//! Where one is killed, and another one waits for it.

use super::{
    limit,
    seen::{Found, Seen},
};
use crate::clock;
use anyhow::{Context, anyhow, ensure};
use multiproc::{Atomic, Ordering, Process, ProcessBuilder};
use serde::{Deserialize, Serialize};
use std::{
    thread,
    time::{Duration, Instant},
};

/// What the parties of a death have besides that which they share.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Stage {
    /// The one that will die has done what it should, and stays.
    doomed: Atomic<u32>,
    /// Counts what the other one does. When that stops, it waits.
    steps: Atomic<u64>,
    /// It has been killed.
    gone: Atomic<u32>,
    /// When the other one was told, zero before: it may hang afterwards.
    at: Atomic<u64>,
    /// Two numbers that are alike unless somebody is at changing them.
    pub(super) pair: [Atomic<u64>; 2],
}

/// Nobody who is not waiting takes so long for a step.
const QUIET: Duration = Duration::from_millis(100);

impl Stage {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            doomed: Atomic::new(0)?,
            gone: Atomic::new(0)?,
            steps: Atomic::new(0)?,
            at: Atomic::new(0)?,
            pair: [Atomic::new(0)?, Atomic::new(0)?],
        })
    }

    /// The doomed one waits for its end.
    pub(super) fn stay(&self) -> ! {
        self.doomed.store(1, Ordering::SeqCst);
        loop {
            thread::park();
        }
    }

    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::SeqCst);
    }

    /// The other one knows, now.
    pub(super) fn knows(&self) -> u64 {
        let now = clock::now();
        self.at.store(now, Ordering::SeqCst);
        now
    }

    pub(super) fn wait_for_doomed(&self) -> anyhow::Result<()> {
        wait(&self.doomed)
    }

    pub(super) fn wait_until_gone(&self) -> anyhow::Result<()> {
        wait(&self.gone)
    }

    fn wait_for_quiet(&self) -> anyhow::Result<()> {
        let start = Instant::now();
        let (mut last, mut since) = (0, Instant::now());
        loop {
            let steps = self.steps.load(Ordering::SeqCst);
            if steps != last {
                (last, since) = (steps, Instant::now());
            }
            if last > 0 && since.elapsed() >= QUIET {
                return Ok(());
            }
            ensure!(start.elapsed() < 5 * limit(), "the other one does not come so far");
            thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Kills the one when the other waits, and looks what that sees. Both have ended then.
    pub(super) fn kill_when_waited_for(
        &self,
        doomed: Process<Result<(), String>>,
        mut waiter: Process<Result<Seen, String>>,
    ) -> anyhow::Result<Found> {
        let ready = self.wait_for_doomed().and_then(|()| self.wait_for_quiet());
        let early = waiter.try_join();
        let ready = match early {
            Some(early) => Err(anyhow!("it did not wait: {early:?}")),
            None => ready,
        };
        self.kill(ready, doomed, waiter)
    }

    /// Kills the one when it and a third one have come so far, and looks what the other sees, which begins then. Both have ended then.
    pub(super) fn kill_at_once(
        &self,
        doomed: Process<Result<(), String>>,
        other: Process<Result<Seen, String>>,
    ) -> anyhow::Result<Found> {
        let ready = self.wait_for_doomed().and_then(|()| self.wait_for_quiet());
        self.kill(ready, doomed, other)
    }

    fn kill(
        &self,
        ready: anyhow::Result<()>,
        mut doomed: Process<Result<(), String>>,
        mut other: Process<Result<Seen, String>>,
    ) -> anyhow::Result<Found> {
        let killed = clock::now();
        doomed.kill()?;
        let died = doomed.join_timeout(limit()).context("the killed one does not end")?;
        if let Err(error) = ready {
            other.kill()?;
            return Err(error.context(format!("{died:?}, {:?}", other.join_timeout(limit()))));
        }
        self.gone.store(1, Ordering::SeqCst);
        if let Some(seen) = other.join_timeout(limit()) {
            return Ok(Found::Waiter { killed, seen: Some(seen?.map_err(anyhow::Error::msg)?) });
        }
        other.kill()?;
        let _ = other.join_timeout(limit()).context("it cannot be killed")?;
        let seen = match self.at.load(Ordering::SeqCst) {
            0 => None,
            at => Some(Seen { at, ..Seen::default() }),
        };
        Ok(Found::Waiter { killed, seen })
    }
}

fn wait(flag: &Atomic<u32>) -> anyhow::Result<()> {
    let start = Instant::now();
    while flag.load(Ordering::SeqCst) == 0 {
        ensure!(start.elapsed() < 5 * limit(), "another one does not come so far");
        thread::park_timeout(Duration::from_millis(1));
    }
    Ok(())
}

/// Others of a death: they end with us at the latest.
pub(super) fn party() -> ProcessBuilder {
    Process::builder().daemon(true)
}

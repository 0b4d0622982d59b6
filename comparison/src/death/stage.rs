//! Where one is killed, and another one waits for it.

use super::{
    LIMIT,
    seen::{Found, Seen},
};
use crate::clock;
use anyhow::{Context, bail, ensure};
use multiproc::{Atomic, Ordering, Process};
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
        let start = Instant::now();
        while self.doomed.load(Ordering::SeqCst) == 0 {
            ensure!(start.elapsed() < 5 * LIMIT, "the one to be killed does not come so far");
            thread::park_timeout(Duration::from_millis(1));
        }
        Ok(())
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
            ensure!(start.elapsed() < 5 * LIMIT, "the other one does not come so far");
            thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Kills the one when the other waits, and looks what that sees. Both have ended then.
    pub(super) fn play(
        &self,
        doomed: Process<Result<(), String>>,
        mut waiter: Process<Result<Seen, String>>,
    ) -> anyhow::Result<Found> {
        let mut doomed = doomed;
        let ready = self.wait_for_doomed().and_then(|()| self.wait_for_quiet());
        if let Err(error) = ready {
            let _ = doomed.kill();
            let _ = waiter.kill();
            let said = (doomed.join(), waiter.join_timeout(LIMIT));
            return Err(error.context(format!("{said:?}")));
        }
        if let Some(early) = waiter.try_join() {
            let _ = doomed.kill();
            let _ = doomed.join();
            bail!("it did not wait: {early:?}");
        }
        let killed = clock::now();
        doomed.kill()?;
        ensure!(doomed.join_timeout(LIMIT).is_some(), "the killed one does not end");
        let seen = match waiter.join_timeout(LIMIT) {
            Some(seen) => Some(seen?.map_err(anyhow::Error::msg)?),
            None => {
                waiter.kill()?;
                let _ = waiter.join_timeout(LIMIT).context("it cannot be killed")?;
                let at = self.at.load(Ordering::SeqCst);
                (at > 0).then(|| Seen {
                    at,
                    told: Some("of a death".to_owned()),
                    ..Seen::default()
                })
            }
        };
        Ok(Found::Waiter { killed, seen })
    }
}

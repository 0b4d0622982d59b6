//! What the others see when a peer is killed. Each death is really died, and each verdict is made of what was seen.

mod links;
mod locks;
mod parent;
mod pools;
mod program;
mod python;
mod seen;
mod stage;

use crate::{left_out, options::Options};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// What became of the others when a peer was killed.
#[derive(Clone, Debug)]
pub struct Death {
    /// Who was killed, at what: `the sender`, `the holder of the lock`, `a worker of the pool`.
    pub killed: &'static str,
    pub contender: &'static str,
    /// What the others saw, in a sentence.
    pub seen: String,
    /// Whether all others could go on, and were told of it.
    pub verdict: Verdict,
    /// From the kill until they knew; nothing if they never did, within the limit of the test.
    pub after: Option<Duration>,
}

/// The worse ones come later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// They were told, and went on; workers of a killed parent: they ended, and left nothing.
    GoesOn,
    /// They were told, and what they shared is of no more use.
    Ends,
    /// They ended, and left processes or shared memory behind.
    Leaves,
    /// They were not told, and went on with what may be torn.
    Silent,
    /// They wait for ever.
    Hangs,
}

static IS_QUICK: AtomicBool = AtomicBool::new(false);

/// Who has seen nothing for so long waits for ever.
fn limit() -> Duration {
    if IS_QUICK.load(Ordering::Relaxed) { Duration::from_secs(1) } else { Duration::from_secs(2) }
}

/// All deaths of all contenders; who cannot die here is left out with a word on it.
pub fn all(options: &Options) -> Vec<Death> {
    let times = if options.quick { 1 } else { 5 };
    IS_QUICK.store(options.quick, Ordering::Relaxed);
    let deaths = links::deaths()
        .into_iter()
        .chain(locks::deaths())
        .chain(pools::deaths())
        .chain(parent::deaths())
        .chain(python::deaths());
    let mut seen = Vec::new();
    for (killed, contender, death) in deaths {
        match repeated(times, || Ok(death()?.judge(killed, contender))) {
            Ok(death) => seen.push(death),
            Err(error) => left_out::tell(format!("the death of {killed}, {contender}: {error:#}")),
        }
    }
    seen.sort_by_key(|death| KILLED.iter().position(|killed| *killed == death.killed));
    seen
}

/// Some deaths: the worst of the verdicts, and the median time. Who hangs does so once.
fn repeated(times: usize, death: impl Fn() -> anyhow::Result<Death>) -> anyhow::Result<Death> {
    let mut deaths = vec![death()?];
    while deaths.len() < times && deaths.iter().all(|death| death.verdict != Verdict::Hangs) {
        deaths.push(death()?);
    }
    let mut after: Vec<_> = deaths.iter().filter_map(|death| death.after).collect();
    after.sort();
    let worst = deaths.into_iter().max_by_key(|death| death.verdict);
    let mut worst = worst.context("there is one at least")?;
    if worst.after.is_some() {
        worst.after = Some(after[after.len() / 2]);
    }
    Ok(worst)
}

const SENDER: &str = "the sender, while the receiver waits";
const RECEIVER: &str = "the receiver, while the sender waits for room";
const HALF: &str = "one of two senders, in the middle of a message";
const HOLDER: &str = "the holder of a lock, while another waits";
const WORKER: &str = "a worker of a pool, during a task";
const PARENT: &str = "the parent of workers";
const KILLED: [&str; 6] = [SENDER, RECEIVER, HALF, HOLDER, WORKER, PARENT];

/// Who is killed, the contender, and how it is done.
type Deadly = (&'static str, &'static str, Box<dyn Fn() -> anyhow::Result<seen::Found>>);

fn deadly(
    killed: &'static str,
    contender: &'static str,
    death: impl Fn() -> anyhow::Result<seen::Found> + 'static,
) -> Deadly {
    (killed, contender, Box::new(death))
}

/// A program that dies, or in which something does: started with that role.
pub fn play(role: &str) {
    let roles = pools::ROLES.iter().chain(&parent::ROLES);
    let Some((_, play)) = roles.into_iter().find(|(name, _)| *name == role) else {
        panic!("no role {role}");
    };
    if let Err(error) = play() {
        eprintln!("{role}: {error:#}");
        std::process::exit(1);
    }
}

type Role = (&'static str, fn() -> anyhow::Result<()>);

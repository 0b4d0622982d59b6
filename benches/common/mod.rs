//! What the benches share: medians of rounds, the clock of all processes, and the answer of sleepers to a death.
#![allow(dead_code, unused_imports, reason = "each bench uses its part")]

use multiproc::{Atomic, Lock, LockError, Ordering, Process, spawn};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    io::Read,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

pub(crate) mod game;
#[path = "../../cli/src/latency/median.rs"]
mod median;
#[path = "../../cli/src/latency/pin.rs"]
mod pin;
#[path = "../../cli/src/latency/two_words.rs"]
mod two_words;

pub(crate) use median::median;
pub(crate) use pin::pin;

pub(crate) fn report(name: &str, value: f64, goal: &str) {
    println!("ratio {name} {value:.3} goal {goal}");
}

pub(crate) fn time(count: u32, mut body: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        body();
    }
    start.elapsed().as_secs_f64()
}

/// Nanoseconds of the clock that all processes of the machine share; an `Instant` cannot travel.
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a `timespec` of ours that the call may write.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(failed, 0);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

/// Start and end of one worker.
pub(crate) type Span = (u64, u64);

/// From the first start to the last end: all the work, whoever was made to wait.
pub(crate) fn whole(spans: Vec<Span>) -> f64 {
    let start = spans.iter().map(|span| span.0).min().unwrap();
    let end = spans.iter().map(|span| span.1).max().unwrap();
    (end - start) as f64
}

/// The guard, also from somebody who died or panicked; an error if the lock was not got.
pub(crate) fn whatever<G>(taken: Result<G, LockError<G>>) -> G {
    taken.or_else(LockError::into_guard).unwrap_or_else(|error| panic!("{error}"))
}

/// What somebody holds when it is killed, and others sleep for.
pub(crate) trait Mortal: Clone + Serialize + DeserializeOwned + 'static {
    /// Takes it, and never returns.
    fn die(&self, doomed: &Doomed) -> !;

    /// Sleeps for it; returns when it has gone on, and keeps nobody else from that.
    fn outlive(&self);

    /// Whether all sleepers are where they should be, as far as it can be told.
    fn is_ready(&self, sleepers: u32) -> bool {
        let _ = sleepers;
        true
    }

    /// Kills; the answer is the time just before.
    fn kill(&self, victim: &Process<()>, sleepers: u32) -> u64 {
        let _ = sleepers;
        let start = now();
        victim.kill().unwrap();
        start
    }
}

/// The one that will be killed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Doomed(Atomic<u32>);

impl Doomed {
    /// From now on others can come to sleep.
    pub(crate) fn has_it(&self) {
        self.0.store(1, Ordering::SeqCst);
    }

    /// Waits for the end.
    pub(crate) fn stay(&self) -> ! {
        self.has_it();
        loop {
            thread::park();
        }
    }
}

/// What the parties of a death tell each other.
#[derive(Clone, Serialize, Deserialize)]
struct Scene {
    doomed: Doomed,
    there: Atomic<u32>,
    /// Sleepers that have gone on stay until all have, so that nobody's end takes the others' time.
    stay: Lock,
}

fn victim<M: Mortal>(mortal: M, scene: Scene) {
    mortal.die(&scene.doomed)
}

fn sleeper<M: Mortal>(mortal: M, scene: Scene) -> u64 {
    scene.there.fetch_add(1, Ordering::SeqCst);
    mortal.outlive();
    let gone_on = now();
    println!();
    drop(whatever(scene.stay.lock()));
    gone_on
}

/// From the kill until all sleepers, processes too, have gone on, with no newcomer. In milliseconds.
pub(crate) fn death<M: Mortal>(mortal: &M, sleepers: u32) -> f64 {
    let scene = Scene {
        doomed: Doomed(Atomic::new(0).unwrap()),
        there: Atomic::new(0).unwrap(),
        stay: Lock::new().unwrap(),
    };
    let victim: Process<()> = spawn(victim::<M>, (mortal.clone(), scene.clone())).unwrap();
    while scene.doomed.0.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    let closed = scene.stay.lock().unwrap();
    let start = |_| -> Process<u64> {
        Process::builder()
            .stdout(Stdio::piped())
            .spawn(sleeper::<M>, (mortal.clone(), scene.clone()))
            .unwrap()
    };
    let mut waiting: Vec<_> = (0..sleepers).map(start).collect();
    // Behind the count nothing sleeps but what waits.
    while scene.there.load(Ordering::SeqCst) < sleepers
        || !mortal.is_ready(sleepers)
        || !waiting.iter().all(|it| sleeps(it.pid()))
    {
        thread::yield_now();
    }
    let start = mortal.kill(&victim, sleepers);
    for waiter in &mut waiting {
        waiter.take_stdout().unwrap().read_exact(&mut [0]).unwrap();
    }
    drop(closed);
    let last = waiting.into_iter().map(|waiter| waiter.join().unwrap()).max().unwrap();
    assert!(victim.join().is_err());
    Duration::from_nanos(last - start).as_secs_f64() * 1e3
}

/// Whether the main thread of the process sleeps: the kernel's word.
fn sleeps(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'))
}

impl Mortal for Lock {
    fn die(&self, doomed: &Doomed) -> ! {
        let _guard = self.lock().unwrap();
        doomed.stay()
    }

    fn outlive(&self) {
        whatever(self.lock()).clear_poison();
    }
}

//! Those who send and receive, each in its process or thread: they play a turn whenever they are told to.

use super::{
    payload::STOP,
    way::{Inlet, Outlet, Way},
};
use crate::clock::now;
use anyhow::ensure;
use multiproc::{Connection, ErrorKind};
use serde::{Deserialize, Serialize};
use std::{
    hint::spin_loop,
    time::{Duration, Instant},
};

/// How long nothing is sent before a message for which somebody is to sleep: several times as long as anybody stays awake.
const PAUSE: Duration = Duration::from_micros(200);
/// Round trips that are measured at once, so that the clock takes no time of theirs.
const AT_ONCE: u64 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Sends and waits for the answer.
    Client,
    /// Answers.
    Server,
    Sender,
    Receiver,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Turn {
    pub length: Duration,
    /// Who receives is to sleep before each message.
    pub pauses: bool,
}

/// What a player did in a turn.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Done {
    pub messages: u64,
    /// Of their words.
    pub sum: u64,
    /// The client's: one way, the median.
    pub nanoseconds: f64,
    /// A sender's: just before its first message, by the clock of all processes.
    pub begin: u64,
    /// A receiver's: when it had read its last message.
    pub end: u64,
}

/// What a player says: nothing when it is ready, then of each turn.
pub type Answer = Result<Done, String>;

/// Plays each turn until nobody tells it to.
pub fn play<W: Way>(role: Role, ways: Vec<W>, control: Connection) -> anyhow::Result<()> {
    let played = match role {
        Role::Client => {
            let (mut outlet, mut inlet) = (ways[0].outlet()?, ways[1].inlet()?);
            obey(&control, |turn| ask(&mut outlet, &mut inlet, turn))
        }
        Role::Server => {
            let mut inlet = ways[0].inlet()?;
            let mut outlet = ways[1].outlet()?;
            obey(&control, |_| answer(&mut outlet, &mut inlet))
        }
        Role::Sender => {
            let mut outlet = ways[0].outlet()?;
            obey(&control, |turn| send(&mut outlet, turn))
        }
        Role::Receiver => {
            let mut inlet = ways[0].inlet()?;
            obey(&control, |_| receive(&mut inlet))
        }
    };
    // It is told; here only whoever tells may be gone.
    played.or_else(|error| match error.kind() {
        ErrorKind::Disconnected => Ok(()),
        _ => Err(error.into()),
    })
}

fn obey(
    control: &Connection,
    mut turn: impl FnMut(Turn) -> anyhow::Result<Done>,
) -> multiproc::Result<()> {
    control.send(&Answer::Ok(Done::default()))?;
    loop {
        let order = control.recv()?;
        let answer: Answer = turn(order).map_err(|error| format!("{error:#}"));
        control.send(&answer)?;
    }
}

fn ask(outlet: &mut impl Outlet, inlet: &mut impl Inlet, turn: Turn) -> anyhow::Result<Done> {
    let begin = Instant::now();
    let at_once = if turn.pauses { 1 } else { AT_ONCE };
    let (mut done, mut measured) = (Done::default(), Vec::new());
    while begin.elapsed() < turn.length {
        if turn.pauses {
            let pause = Instant::now();
            while pause.elapsed() < PAUSE {
                spin_loop();
            }
        }
        let start = Instant::now();
        for _ in 0..at_once {
            done.messages += 1;
            outlet.send(done.messages)?;
            let answer = inlet.receive()?;
            ensure!(answer == done.messages, "{answer} came instead of {}", done.messages);
            done.sum += answer;
        }
        measured.push(start.elapsed().as_nanos() as f64 / at_once as f64 / 2.0);
    }
    outlet.send(STOP)?;
    ensure!(inlet.receive()? == STOP, "a message came after the last");
    measured.sort_by(f64::total_cmp);
    done.nanoseconds = measured[measured.len() / 2];
    Ok(done)
}

fn answer(outlet: &mut impl Outlet, inlet: &mut impl Inlet) -> anyhow::Result<Done> {
    let mut done = Done::default();
    loop {
        let word = inlet.receive()?;
        outlet.send(word)?;
        if word == STOP {
            return Ok(done);
        }
        done.messages += 1;
        done.sum += word;
    }
}

fn send(outlet: &mut impl Outlet, turn: Turn) -> anyhow::Result<Done> {
    let begin = Instant::now();
    let mut done = Done { begin: now(), ..Done::default() };
    // The clock is looked at now and then.
    while !done.messages.is_multiple_of(16) || begin.elapsed() < turn.length {
        done.messages += 1;
        outlet.send(done.messages)?;
        done.sum += done.messages;
    }
    outlet.send(STOP)?;
    Ok(done)
}

fn receive(inlet: &mut impl Inlet) -> anyhow::Result<Done> {
    let mut done = Done::default();
    loop {
        let word = inlet.receive()?;
        if word == STOP {
            done.end = now();
            return Ok(done);
        }
        done.messages += 1;
        done.sum += word;
    }
}

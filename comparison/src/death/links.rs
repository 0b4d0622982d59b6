//! Two processes with a link from one to the other. One of them is killed.

mod iceoryx;
mod ipc_channel;
mod ours;
mod pipe;
mod torn;
mod unix_socket;

use super::{
    Deadly, RECEIVER, SENDER, deadly,
    seen::{Found, Seen},
    stage::{Stage, party},
};
use anyhow::anyhow;
use multiproc::Process;
use serde::{Serialize, de::DeserializeOwned};
use std::{io, process::Stdio};

/// What travels to the process of an end, which makes the end of it.
trait Ticket: Serialize + DeserializeOwned + Sized + 'static {
    type End;
    fn open(self) -> anyhow::Result<Self::End>;
    /// For the standard output of a sender, or the standard input of a receiver.
    fn stdio(&mut self) -> Option<Stdio> {
        None
    }
}

/// Messages are numbers, among enough other bytes that a link is full soon.
const LENGTH: usize = 1024;
type Message = [u8; LENGTH];

trait Sends {
    /// Waits for room.
    fn send(&mut self, message: &Message) -> anyhow::Result<()>;
    /// After an error: whether a new peer could be sent to.
    fn again(&mut self) -> bool {
        self.send(&[0; LENGTH]).is_ok()
    }
}

trait Receives {
    /// Waits for a message.
    fn receive(&mut self) -> anyhow::Result<Message>;
    /// After an error: whether a new peer could be received from.
    fn again(&mut self) -> bool {
        self.receive().is_ok()
    }
}

type Made<S, R> = fn() -> anyhow::Result<(S, R)>;

pub(super) fn deaths() -> Vec<Deadly> {
    let mut deaths = Vec::new();
    deaths.extend(both("multiproc channel", ours::channel));
    deaths.extend(both("multiproc Queue, whose handles are of both ends", ours::queue));
    deaths.extend(both("multiproc Pipe", ours::pipe));
    deaths.extend(both("iceoryx2", iceoryx::alone));
    deaths.extend(both("iceoryx2, with somebody who looks for the dead", iceoryx::watched));
    deaths.extend(both("ipc-channel", ipc_channel::new));
    deaths.extend(both("Unix socket", unix_socket::new));
    deaths.extend(both("pipe", pipe::new));
    deaths.extend(torn::deaths());
    deaths
}

fn both<S: Ticket<End: Sends>, R: Ticket<End: Receives>>(
    contender: &'static str,
    make: Made<S, R>,
) -> [Deadly; 2] {
    [
        deadly(SENDER, contender, move || cleaned(sender_dies(make))),
        deadly(RECEIVER, contender, move || cleaned(receiver_dies(make))),
    ]
}

/// Afterwards nothing is there that a killed one left.
fn cleaned(found: anyhow::Result<Found>) -> anyhow::Result<Found> {
    iceoryx::clean();
    found
}

fn sender_dies<S: Ticket<End: Sends>, R: Ticket<End: Receives>>(
    make: Made<S, R>,
) -> anyhow::Result<Found> {
    let stage = Stage::new()?;
    let (sender, receiver) = make()?;
    let waiter = start_receiver(receiver, waiting_receiver::<R>, &stage)?;
    let doomed = start_sender(sender, doomed_sender::<S>, &stage)?;
    stage.kill_when_waited_for(doomed, waiter)
}

fn receiver_dies<S: Ticket<End: Sends>, R: Ticket<End: Receives>>(
    make: Made<S, R>,
) -> anyhow::Result<Found> {
    let stage = Stage::new()?;
    let (sender, receiver) = make()?;
    let doomed = start_receiver(receiver, doomed_receiver::<R>, &stage)?;
    let waiter = start_sender(sender, waiting_sender::<S>, &stage)?;
    stage.kill_when_waited_for(doomed, waiter)
}

fn start_sender<S: Ticket, T: Serialize + DeserializeOwned + Send + 'static>(
    mut ticket: S,
    role: impl multiproc::Function<(S, Stage), Output = Result<T, String>>,
    stage: &Stage,
) -> multiproc::Result<Process<Result<T, String>>> {
    let mut builder = party();
    if let Some(output) = ticket.stdio() {
        builder = builder.stdout(output);
    }
    builder.spawn(role, (ticket, stage.clone()))
}

fn start_receiver<R: Ticket, T: Serialize + DeserializeOwned + Send + 'static>(
    mut ticket: R,
    role: impl multiproc::Function<(R, Stage), Output = Result<T, String>>,
    stage: &Stage,
) -> multiproc::Result<Process<Result<T, String>>> {
    let mut builder = party();
    if let Some(input) = ticket.stdio() {
        builder = builder.stdin(input);
    }
    builder.spawn(role, (ticket, stage.clone()))
}

fn said<T>(result: anyhow::Result<T>) -> Result<T, String> {
    result.map_err(|error| format!("{error:#}"))
}

fn doomed_sender<S: Ticket<End: Sends>>(ticket: S, stage: Stage) -> Result<(), String> {
    let mut end = said(ticket.open())?;
    said(end.send(&[1; LENGTH]))?;
    stage.stay()
}

fn doomed_receiver<R: Ticket<End: Receives>>(ticket: R, stage: Stage) -> Result<(), String> {
    let mut end = said(ticket.open())?;
    said(end.receive())?;
    stage.stay()
}

fn waiting_receiver<R: Ticket<End: Receives>>(ticket: R, stage: Stage) -> Result<Seen, String> {
    let mut end = said(ticket.open())?;
    assert_eq!(said(end.receive())?, [1; LENGTH], "the first message");
    said(stage.wait_for_doomed())?;
    stage.step();
    match end.receive() {
        Ok(message) => Err(format!("a message from the dead: {}", message[0])),
        Err(error) => Ok(told(&stage, &error, || end.again())),
    }
}

fn waiting_sender<S: Ticket<End: Sends>>(ticket: S, stage: Stage) -> Result<Seen, String> {
    let mut end = said(ticket.open())?;
    said(end.send(&[1; LENGTH]))?;
    said(stage.wait_for_doomed())?;
    loop {
        stage.step();
        if let Err(error) = end.send(&[2; LENGTH]) {
            return Ok(told(&stage, &error, || end.again()));
        }
    }
}

fn told(stage: &Stage, error: &anyhow::Error, again: impl FnOnce() -> bool) -> Seen {
    let at = stage.knows();
    Seen { at, told: Some(format!("{error:#}")), is_torn: false, goes_on: Some(again()) }
}

/// The standard library says of what it could not do, not of why.
fn end_of_file(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => anyhow!("end of file"),
        _ => error.into(),
    }
}

//! Two senders, one of which is killed when it has written a part of a message.

use super::{
    LENGTH, Message, Receives, Sends, Ticket, cleaned, iceoryx, ours, pipe, said, start_receiver,
    start_sender,
};
use crate::death::{
    Deadly, HALF, deadly, limit,
    seen::{Found, Seen},
    stage::Stage,
};
use anyhow::bail;
use std::thread;

pub(super) trait Begins: Sends {
    /// Begins a message, and leaves it so.
    fn begin(&mut self) -> anyhow::Result<()>;
}

type Made<S, R> = fn() -> anyhow::Result<(S, S, R)>;

pub(super) fn deaths() -> Vec<Deadly> {
    vec![
        torn("multiproc Queue", ours::two),
        torn("iceoryx2", iceoryx::two),
        torn("pipe", pipe::two),
    ]
}

fn torn<S: Ticket<End: Begins>, R: Ticket<End: Receives>>(
    contender: &'static str,
    make: Made<S, R>,
) -> Deadly {
    deadly(HALF, contender, move || cleaned(dies(make)))
}

fn dies<S: Ticket<End: Begins>, R: Ticket<End: Receives>>(
    make: Made<S, R>,
) -> anyhow::Result<Found> {
    let stage = Stage::new()?;
    let (sender, other, receiver) = make()?;
    let receiver = start_receiver(receiver, receives::<R>, &stage)?;
    let doomed = start_sender(sender, begins::<S>, &stage)?;
    let mut survivor = start_sender(other, survives::<S>, &stage)?;
    let found = stage.kill_at_once(doomed, receiver);
    let early = survivor.try_join();
    survivor.kill()?;
    let _ = survivor.join_timeout(limit());
    match early {
        Some(early) => bail!("the other sender has ended: {early:?}"),
        None => found,
    }
}

fn begins<S: Ticket<End: Begins>>(ticket: S, stage: Stage) -> Result<(), String> {
    let mut end = said(ticket.open())?;
    said(end.begin())?;
    stage.stay()
}

const WHOLE: Message = [7; LENGTH];

fn survives<S: Ticket<End: Sends>>(ticket: S, stage: Stage) -> Result<(), String> {
    let mut end = said(ticket.open())?;
    stage.step();
    said(stage.wait_until_gone())?;
    for _ in 0..2 {
        said(end.send(&WHOLE))?;
    }
    loop {
        thread::park();
    }
}

fn receives<R: Ticket<End: Receives>>(ticket: R, stage: Stage) -> Result<Seen, String> {
    let mut end = said(ticket.open())?;
    said(stage.wait_until_gone())?;
    let mut told = None;
    let first = match end.receive() {
        Err(error) => {
            told = Some(format!("{error:#}"));
            end.receive()
        }
        first => first,
    };
    let at = stage.knows();
    let is_torn = first.as_ref().is_ok_and(|first| *first != WHOLE);
    let goes_on = Some(first.is_ok() && end.receive().is_ok_and(|next| next == WHOLE));
    Ok(Seen { at, told, is_torn, goes_on })
}

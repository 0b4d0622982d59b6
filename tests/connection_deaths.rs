//! A process dies with an end of a pipe, wherever it is: the other end gets what was sent, whole, and then the end. CN20; rows 7, 8 and 15 as far as they are about pipes.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.
#![cfg(debug_assertions)]

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    __private::die_at, Connection, ErrorKind, Event, Incoming, Outgoing, Pipe, Process,
    ProcessError, Result, Value, spawn,
};
use std::{thread, time::Duration};
use support::watchdog;
use watching::{is_gone, sleeps, until};

multiproc::test_support!();

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

fn arm(step: &str, nth: u32) {
    // The first registration is over before anything is armed.
    drop(Value::new(0_u8).unwrap());
    die_at(step, nth);
}

/// It was killed by its fate, or did what it was to do.
fn dead_or_done(process: Process<Result<()>>) -> bool {
    match process.join() {
        Err(ProcessError::Signalled { signal: 9, .. }) => true,
        ended => {
            ended.unwrap().unwrap();
            false
        }
    }
}

/// A small one, and one that is larger than a slot.
fn message(number: u32) -> (u32, Vec<u8>) {
    let length = if number.is_multiple_of(2) { 3 } else { 5000 };
    (number, vec![number as u8; length])
}

fn send_and_stay(end: Connection, count: u32, sent: Event) -> Result<()> {
    for number in 0..count {
        end.send(&message(number))?;
    }
    sent.set()?;
    loop {
        thread::park();
    }
}

fn recv_until_the_end(end: Connection, polls: bool) -> Result<(u32, ErrorKind)> {
    let mut count = 0;
    loop {
        if polls {
            assert!(end.poll(Duration::MAX)?);
        }
        match end.recv::<(u32, Vec<u8>)>() {
            Ok(found) => assert_eq!(found, message(count)),
            Err(error) => return Ok((count, error.kind())),
        }
        count += 1;
    }
}

/// The peer is killed idle, or between messages, while the other end sleeps: in a receiving form, or asking.
#[test]
fn who_waits_for_a_message_hears_of_the_death() {
    let _watchdog = watchdog(120);
    for round in 0..12 {
        let (count, polls) = (round / 2 % 3, round % 2 == 0);
        let (dying, waiting) = Pipe::new().unwrap();
        let sent = Event::new().unwrap();
        let peer = spawn(send_and_stay, (dying, count, sent.clone())).unwrap();
        let waiter = spawn(recv_until_the_end, (waiting, polls)).unwrap();
        sent.wait().unwrap();
        until(|| sleeps(&waiter));
        peer.kill().unwrap();
        assert_eq!(waiter.join().unwrap().unwrap(), (count, ErrorKind::Disconnected));
        peer.join().unwrap_err();
    }
}

fn send_until_the_end(end: Connection) -> Result<ErrorKind> {
    let mut number = 0;
    loop {
        match end.send(&message(number)) {
            Ok(()) => number += 1,
            Err(error) => return Ok(error.kind()),
        }
    }
}

/// The peer is killed while the other end sleeps because the pipe is full.
#[test]
fn who_waits_for_room_hears_of_the_death() {
    let _watchdog = watchdog(120);
    for _ in 0..10 {
        let (dying, sending) = Pipe::builder().capacity(2).build().unwrap();
        let sent = Event::new().unwrap();
        let peer = spawn(send_and_stay, (dying, 0, sent.clone())).unwrap();
        sent.wait().unwrap();
        let sender = spawn(send_until_the_end, (sending,)).unwrap();
        until(|| sleeps(&sender));
        peer.kill().unwrap();
        assert_eq!(sender.join().unwrap().unwrap(), ErrorKind::Disconnected);
        peer.join().unwrap_err();
    }
}

fn send_some(step: String, nth: u32, end: Connection<Outgoing>) -> Result<()> {
    arm(&step, nth);
    for number in 0..4 {
        end.send(&message(number))?;
    }
    Ok(())
}

/// CN20: the sender dies at each step. A message is received whole or not at all, those before it are, and then comes the end, to a receiver that sleeps as well as to one that comes late.
#[test]
fn a_message_is_whole_or_was_not_sent() {
    let _watchdog = watchdog(300);
    let mut deaths = 0;
    for step in ["queue.writing", "queue.put", "bells.cleared", "alloc.claimed", "queue.closed"] {
        for nth in 1..=4 {
            for late in [false, true] {
                let (reader, writer) = Pipe::builder().capacity(8).build_one_way().unwrap();
                let sender = spawn(send_some, (step.to_owned(), nth, writer)).unwrap();
                if late {
                    until(|| is_gone(&sender));
                }
                let mut count = 0;
                let end = loop {
                    match reader.recv::<(u32, Vec<u8>)>() {
                        Ok(found) => assert_eq!(found, message(count)),
                        Err(error) => break error.kind(),
                    }
                    count += 1;
                };
                assert_eq!(end, ErrorKind::Disconnected, "{step} {nth}");
                // What was put before the step is there.
                let least = if step == "queue.put" { nth } else { 0 };
                assert!(count >= least.min(4), "{step} {nth}: {count}");
                deaths += u32::from(dead_or_done(sender));
            }
        }
    }
    // Who closes comes there once, and who is asleep is rung for when chance will.
    assert!(deaths >= 20, "{deaths}");
}

fn recv_some(step: String, nth: u32, end: Connection<Incoming>) -> Result<()> {
    arm(&step, nth);
    for number in 0..4 {
        assert_eq!(kind(end.recv_bytes()), ErrorKind::WrongType);
        assert!(end.poll(Duration::MAX)?);
        assert_eq!(end.recv::<(u32, Vec<u8>)>()?, message(number));
    }
    Ok(())
}

/// The receiver dies at each step: the sender is told when there is no room, and what was sent is freed with the pipe.
#[test]
fn a_receiver_dies_at_each_step() {
    let _watchdog = watchdog(300);
    for step in
        ["queue.reading", "queue.given_back", "queue.finished", "bells.sleep", "bells.woken"]
    {
        for nth in 1..=3 {
            let (reader, writer) = Pipe::builder().capacity(1).build_one_way().unwrap();
            let receiver = spawn(recv_some, (step.to_owned(), nth, reader)).unwrap();
            let mut sent = 0;
            let error = loop {
                match writer.send(&message(sent)) {
                    Ok(()) => sent += 1,
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::Disconnected, "{step} {nth}");
            let died = dead_or_done(receiver);
            assert!(died || sent >= 4, "{step} {nth}: {sent}");
            assert_eq!(kind(writer.try_send(&1)), ErrorKind::Disconnected);
        }
    }
}

fn send_an_end(carrier: Connection, sent: Event) -> Result<()> {
    let (reader, writer) = Pipe::one_way()?;
    carrier.send(&reader)?;
    carrier.send(&writer)?;
    drop((reader, writer));
    sent.set()?;
    loop {
        thread::park();
    }
}

/// A worker dies that has sent an end in a message, or was to receive one.
#[test]
fn an_end_in_a_message_survives_its_sender_and_goes_with_its_receiver() {
    let _watchdog = watchdog(120);
    let (carrier, theirs) = Pipe::new().unwrap();
    let sent = Event::new().unwrap();
    let worker = spawn(send_an_end, (theirs, sent.clone())).unwrap();
    sent.wait().unwrap();
    let (reader, writer) = Pipe::one_way().unwrap();
    carrier.send(&writer).unwrap();
    drop(writer);
    worker.kill().unwrap();
    worker.join().unwrap_err();
    // What it has sent is there, and works.
    let reader_there: Connection<Incoming> = carrier.recv().unwrap();
    let writer_there: Connection<Outgoing> = carrier.recv().unwrap();
    assert_eq!(kind(carrier.recv::<u8>()), ErrorKind::Disconnected);
    writer_there.send("still there").unwrap();
    assert_eq!(reader_there.recv::<String>().unwrap(), "still there");
    // What was sent to it goes with the pipe.
    drop(carrier);
    assert_eq!(kind(reader.recv::<u8>()), ErrorKind::Disconnected);
}

fn hold(end: Connection, held: Event) -> Result<()> {
    end.send(&1_u32)?;
    held.set()?;
    loop {
        thread::park();
    }
}

/// The user of an end dies: whoever else has it may use it from then on.
#[test]
fn a_dead_users_end_is_taken_over() {
    let _watchdog = watchdog(120);
    let (mine, shared) = Pipe::new().unwrap();
    let (carrier_in, carrier_out) = Pipe::one_way().unwrap();
    // Two handles of one end.
    carrier_out.send(&shared).unwrap();
    let held = Event::new().unwrap();
    let worker = spawn(hold, (shared, held.clone())).unwrap();
    held.wait().unwrap();
    let shared: Connection = carrier_in.recv().unwrap();
    assert_eq!(kind(shared.send(&2_u32)), ErrorKind::InUse);
    worker.kill().unwrap();
    worker.join().unwrap_err();
    shared.send(&2_u32).unwrap();
    assert_eq!((mine.recv::<u32>().unwrap(), mine.recv::<u32>().unwrap()), (1, 2));
}

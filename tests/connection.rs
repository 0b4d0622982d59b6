//! `Pipe` and `Connection`: CN01–CN07, CN11, CN14, CN19–CN23.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    __private::{decode, encode},
    Atomic, Connection, ErrorKind, Event, Incoming, Ordering, Outgoing, Pipe, Queue, Result, Value,
    spawn,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::{
    sync::{Barrier, OnceLock},
    thread,
    time::Duration,
};
use support::watchdog;
use watching::{own_thread, sleeps, thread_sleeps, until};

multiproc::test_support!();

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

/// Until the other end is closed.
fn echo(connection: Connection) -> Result<u32> {
    let mut count = 0;
    while connection.poll(Duration::MAX)? {
        match connection.recv_bytes() {
            Ok(bytes) => connection.send_bytes(&bytes)?,
            Err(error) if error.kind() == ErrorKind::WrongType => {
                let (number, text): (u64, String) = connection.recv()?;
                connection.send(&(number + 1, text.as_str()))?;
            }
            Err(error) if error.kind() == ErrorKind::Disconnected => break,
            Err(error) => return Err(error),
        }
        count += 1;
    }
    Ok(count)
}

/// CN01, CN04.
#[test]
fn values_and_bytes_come_back() {
    let _watchdog = watchdog(120);
    let (mine, theirs) = Pipe::builder().capacity(2).inline_bytes(16).build().unwrap();
    let worker = spawn(echo, (theirs,)).unwrap();
    mine.send(&(6_u64, "a text that is longer than a slot")).unwrap();
    let answer: (u64, String) = mine.recv().unwrap();
    assert_eq!(answer, (7, "a text that is longer than a slot".to_owned()));
    for length in (0..40).chain([1011, 1012, 1013, 4096, 16 << 20]) {
        let bytes: Vec<_> = (0..length).map(|at| (at % 251) as u8).collect();
        mine.send_bytes(&bytes).unwrap();
        assert!(mine.recv_bytes().unwrap() == bytes, "{length} bytes");
    }
    mine.close();
    assert_eq!(worker.join().unwrap().unwrap(), 46);
}

/// CN01: into a typed buffer, also with an offset; CN02: too small.
#[test]
fn bytes_are_received_into_a_buffer() {
    let _watchdog = watchdog(60);
    let (reader, writer) = Pipe::one_way().unwrap();
    let numbers = [1_i32, -2, 3];
    for offset in [0, 3] {
        writer.send_bytes(bytemuck::cast_slice(&numbers)).unwrap();
        let mut buffer = [7_i32; 8];
        let place = bytemuck::cast_slice_mut(&mut buffer[offset..]);
        assert_eq!(reader.recv_into(place).unwrap(), 12);
        assert_eq!(buffer[offset..offset + 3], numbers);
        assert!(buffer[..offset].iter().chain(&buffer[offset + 3..]).all(|&rest| rest == 7));
    }
    for length in [5, 5000] {
        writer.send_bytes(&vec![9; length]).unwrap();
        let mut buffer = [7; 4];
        let error = reader.recv_into(&mut buffer).unwrap_err();
        assert_eq!((error.kind(), buffer), (ErrorKind::InvalidInput, [7; 4]));
        assert_eq!(error.into_message().unwrap(), vec![9; length]);
    }
    writer.send_bytes(&[]).unwrap();
    assert_eq!(reader.recv_into(&mut []).unwrap(), 0);
    let error = reader.try_recv_into(&mut []).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let error = reader.recv_into_timeout(&mut [], Duration::from_millis(1)).unwrap_err();
    assert_eq!((error.kind(), error.into_message()), (ErrorKind::TimedOut, None));
}

/// CN03: nothing at once, nothing for a while, something at once; the end is something.
#[test]
fn one_can_ask_whether_there_is_something() {
    let _watchdog = watchdog(60);
    let (reader, writer) = Pipe::one_way().unwrap();
    assert!(!reader.poll(Duration::ZERO).unwrap());
    assert!(!reader.poll(Duration::from_millis(20)).unwrap());
    assert_eq!(kind(reader.try_recv::<u32>()), ErrorKind::WouldBlock);
    assert_eq!(kind(reader.recv_timeout::<u32>(Duration::from_millis(1))), ErrorKind::TimedOut);
    assert_eq!(kind(reader.recv_bytes_timeout(Duration::from_millis(1))), ErrorKind::TimedOut);
    writer.send(&5).unwrap();
    for time in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
        assert!(reader.poll(time).unwrap());
    }
    assert_eq!(reader.try_recv::<i32>().unwrap(), 5);
    assert!(!reader.poll(Duration::ZERO).unwrap());
    writer.close();
    assert!(reader.poll(Duration::ZERO).unwrap());
    assert!(reader.poll(Duration::MAX).unwrap());
    assert_eq!(kind(reader.try_recv_bytes()), ErrorKind::Disconnected);
}

fn poll_and_say(reader: Connection<Incoming>, begun: Event) -> Result<(bool, Option<u32>)> {
    begun.set()?;
    let found = reader.poll(Duration::MAX)?;
    Ok((found, reader.try_recv().ok()))
}

/// CN03: who asks sleeps, and is woken by a message and by the end.
#[test]
fn who_asks_is_woken() {
    let _watchdog = watchdog(60);
    for message in [Some(8_u32), None] {
        let (reader, writer) = Pipe::one_way().unwrap();
        let begun = Event::new().unwrap();
        let worker = spawn(poll_and_say, (reader, begun.clone())).unwrap();
        begun.wait().unwrap();
        until(|| sleeps(&worker));
        if let Some(message) = message {
            writer.send(&message).unwrap();
        }
        drop(writer);
        assert_eq!(worker.join().unwrap().unwrap(), (true, message));
    }
}

/// One ring for one message: it must not stop at a thread that only asks.
#[test]
fn who_asks_takes_no_ring_away() {
    let _watchdog = watchdog(60);
    for _ in 0..50 {
        let (reader, writer) = Pipe::one_way().unwrap();
        let (names, ready) = (std::sync::Mutex::new(Vec::new()), Barrier::new(4));
        let begin = || {
            names.lock().unwrap().push(own_thread());
            ready.wait();
        };
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    begin();
                    assert!(reader.poll(Duration::MAX).unwrap());
                });
            }
            let receiver = scope.spawn(|| {
                begin();
                reader.recv::<u32>().unwrap()
            });
            ready.wait();
            until(|| names.lock().unwrap().iter().all(|name| thread_sleeps(name)));
            writer.send(&3_u32).unwrap();
            assert_eq!(receiver.join().unwrap(), 3);
            // Those who came too late for it are told of the end.
            writer.close();
        });
    }
}

fn read_all(reader: Connection<Incoming>) -> Result<Vec<String>> {
    let mut all = Vec::new();
    loop {
        match reader.recv() {
            Ok(text) => all.push(text),
            Err(error) if error.kind() == ErrorKind::Disconnected => return Ok(all),
            Err(error) => return Err(error),
        }
    }
}

/// CN05, CN06, CN11: a reader in another process, whose end is gone here; empty messages are messages.
#[test]
fn a_sequence_arrives_and_then_the_end() {
    let _watchdog = watchdog(60);
    let texts = ["hello", "", "a", "b", "", "bye", "", "lop"];
    let (reader, writer) = Pipe::builder().capacity(2).build_one_way().unwrap();
    let worker = spawn(read_all, (reader,)).unwrap();
    for text in texts {
        writer.send(text).unwrap();
    }
    drop(writer);
    assert_eq!(worker.join().unwrap().unwrap(), texts);
}

/// CN19, CN22.
#[test]
fn sending_to_a_closed_end_is_an_error() {
    let _watchdog = watchdog(60);
    let (mine, theirs) = Pipe::new().unwrap();
    theirs.send(&1).unwrap();
    mine.send(&2).unwrap();
    theirs.close();
    assert_eq!(kind(mine.send(&3)), ErrorKind::Disconnected);
    assert_eq!(kind(mine.try_send_bytes(b"3")), ErrorKind::Disconnected);
    // What was sent before is there.
    assert_eq!(mine.recv::<i32>().unwrap(), 1);
    let error = mine.recv::<i32>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(error.to_string().contains("all messages are received"), "{error}");
}

#[test]
fn a_full_pipe_is_told() {
    let _watchdog = watchdog(60);
    let (reader, writer) = Pipe::builder().capacity(1).build_one_way().unwrap();
    writer.try_send(&1).unwrap();
    assert_eq!(kind(writer.try_send(&2)), ErrorKind::WouldBlock);
    assert_eq!(kind(writer.try_send_bytes(b"2")), ErrorKind::WouldBlock);
    assert_eq!(kind(writer.send_timeout(&2, Duration::from_millis(1))), ErrorKind::TimedOut);
    let late = writer.send_bytes_timeout(b"2", Duration::from_millis(1));
    assert_eq!(kind(late), ErrorKind::TimedOut);
    assert_eq!(reader.recv::<i32>().unwrap(), 1);
    assert_eq!(kind(Pipe::builder().capacity(0).build()), ErrorKind::InvalidInput);
    assert_eq!(kind(Pipe::builder().inline_bytes(2 << 20).build()), ErrorKind::InvalidInput);
    assert_eq!(
        kind(Pipe::builder().inline_bytes(2 << 20).build_one_way()),
        ErrorKind::InvalidInput
    );
}

/// The wrong form is told, and takes nothing.
#[test]
fn bytes_and_values_are_told_apart() {
    let _watchdog = watchdog(60);
    let (reader, writer) = Pipe::builder().capacity(2).inline_bytes(8).build_one_way().unwrap();
    for length in [3_usize, 300] {
        writer.send_bytes(&vec![1; length]).unwrap();
        writer.send(&vec![2_u8; length]).unwrap();
        // The ring is full, and stays in order.
        for _ in 0..40 {
            assert_eq!(kind(reader.recv::<Vec<u8>>()), ErrorKind::WrongType);
            assert_eq!(kind(writer.try_send(&3)), ErrorKind::WouldBlock);
        }
        assert_eq!(reader.recv_bytes().unwrap(), vec![1; length]);
        for _ in 0..40 {
            assert_eq!(kind(reader.recv_bytes()), ErrorKind::WrongType);
            let error = reader.recv_into(&mut [0; 500]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WrongType);
        }
        assert_eq!(reader.recv::<Vec<u8>>().unwrap(), vec![2; length]);
    }
}

/// CN21: nothing is sent, and the connection goes on.
#[test]
fn a_message_over_the_limit_is_an_error() {
    let _watchdog = watchdog(60);
    let (reader, writer) = Pipe::one_way().unwrap();
    let error = writer.send_bytes(&vec![0; (1 << 30) + 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    writer.send_bytes(b"small").unwrap();
    assert_eq!(reader.recv_bytes().unwrap(), b"small");
}

struct Stubborn;

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom("never"))
    }
}

#[derive(Debug)]
struct Picky;

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer)?;
        Err(de::Error::custom("never"))
    }
}

#[derive(Debug)]
struct Panics;

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("a decoder that panics")
    }
}

/// A message that does not travel harms no other.
#[test]
fn a_message_that_does_not_travel_is_an_error() {
    let _watchdog = watchdog(60);
    let (reader, writer) = Pipe::builder().capacity(1).build_one_way().unwrap();
    for _ in 0..3 {
        assert_eq!(kind(writer.send(&Stubborn)), ErrorKind::Encode);
        writer.send(&1_u8).unwrap();
        assert_eq!(kind(reader.recv::<Picky>()), ErrorKind::Decode);
        writer.send(&1_u8).unwrap();
        assert_eq!(kind(reader.recv::<String>()), ErrorKind::Decode);
        writer.send(&1_u8).unwrap();
        let recv = || reader.recv::<Panics>();
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(recv)).unwrap_err();
        writer.send("whole").unwrap();
        assert_eq!(reader.recv::<String>().unwrap(), "whole");
    }
}

fn pass_on(carrier: Connection) -> Result<()> {
    let reader: Connection<Incoming> = carrier.recv()?;
    let writer: Connection<Outgoing> = carrier.recv()?;
    let duplex: Connection = carrier.recv()?;
    let number: u32 = reader.recv()?;
    writer.send(&(number + 1))?;
    duplex.send(&(number + 2))?;
    assert_eq!(duplex.recv::<u32>()?, number);
    carrier.send(&reader)?;
    Ok(())
}

/// CN23: ends travel through ends, and keep their direction.
#[test]
fn ends_travel_through_ends() {
    let _watchdog = watchdog(60);
    let (mine, theirs) = Pipe::new().unwrap();
    let worker = spawn(pass_on, (theirs,)).unwrap();
    let ((reader_there, writer), (reader, writer_there)) =
        (Pipe::one_way().unwrap(), Pipe::one_way().unwrap());
    let (duplex, duplex_there) = Pipe::new().unwrap();
    writer.send(&10_u32).unwrap();
    mine.send(&reader_there).unwrap();
    mine.send(&writer_there).unwrap();
    mine.send(&duplex_there).unwrap();
    drop((reader_there, writer_there, duplex_there));
    assert_eq!(reader.recv::<u32>().unwrap(), 11);
    assert_eq!(duplex.recv::<u32>().unwrap(), 12);
    duplex.send(&10_u32).unwrap();
    let reader_back: Connection<Incoming> = mine.recv().unwrap();
    worker.join().unwrap().unwrap();
    assert_eq!(kind(reader.recv::<u32>()), ErrorKind::Disconnected);
    assert_eq!(kind(duplex.recv::<u32>()), ErrorKind::Disconnected);
    // The other end of this one is here.
    writer.send(&20_u32).unwrap();
    assert_eq!(reader_back.recv::<u32>().unwrap(), 20);
}

/// CN23: a reader does not become a writer on its way.
#[test]
fn an_end_of_another_direction_is_refused() {
    let _watchdog = watchdog(60);
    let (carrier_in, carrier_out) = Pipe::one_way().unwrap();
    let (reader, writer) = Pipe::one_way().unwrap();
    let (duplex, _peer) = Pipe::new().unwrap();
    carrier_out.send(&reader).unwrap();
    assert_eq!(kind(carrier_in.recv::<Connection<Outgoing>>()), ErrorKind::WrongType);
    carrier_out.send(&writer).unwrap();
    assert_eq!(kind(carrier_in.recv::<Connection>()), ErrorKind::WrongType);
    carrier_out.send(&duplex).unwrap();
    assert_eq!(kind(carrier_in.recv::<Connection<Incoming>>()), ErrorKind::WrongType);
    carrier_out.send(&Value::new(1_u64).unwrap()).unwrap();
    assert!(carrier_in.recv::<Connection>().is_err());
    // What was refused is not the end.
    writer.send(&1).unwrap();
    assert_eq!(reader.recv::<i32>().unwrap(), 1);
}

/// CN17.
#[test]
fn a_forged_end_is_an_error_and_no_crash() {
    let _watchdog = watchdog(60);
    let (reader, _writer) = Pipe::one_way().unwrap();
    let bytes = encode(&reader).unwrap();
    assert!(decode::<Connection<Incoming>>(&bytes).is_ok());
    assert_eq!(kind(decode::<Connection<Outgoing>>(&bytes)), ErrorKind::WrongType);
    for length in 0..bytes.len() {
        assert!(decode::<Connection<Incoming>>(&bytes[..length]).is_err(), "{length} bytes");
    }
    for at in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[at] ^= 0x55;
        // Where the other end is, nothing checks: if nobody is there, that is the end.
        if let Ok(end) = decode::<Connection<Incoming>>(&forged) {
            let _ = (end.poll(Duration::ZERO), end.try_recv::<u32>());
        }
    }
}

/// Handles of other objects, and ends as items of a queue.
#[test]
fn handles_travel_in_messages_and_ends_in_queues() {
    let _watchdog = watchdog(60);
    let (reader, writer) = Pipe::one_way().unwrap();
    let value = Value::new(4_u64).unwrap();
    writer.send(&(1_u8, &value)).unwrap();
    drop(value);
    assert_eq!(reader.recv::<(u8, Value<u64>)>().unwrap().1.get().unwrap(), 4);
    let queue = Queue::new(1).unwrap();
    queue.send(Some(writer)).unwrap();
    assert!(!reader.poll(Duration::ZERO).unwrap());
    let writer: Option<Connection<Outgoing>> = queue.recv().unwrap();
    writer.unwrap().send(&5).unwrap();
    assert_eq!(reader.recv::<i32>().unwrap(), 5);
    assert_eq!(kind(reader.recv::<i32>()), ErrorKind::Disconnected);
}

/// Uses the end that it gets until it is told to stop.
fn use_end(carrier: Connection, stays: bool) -> Result<u32> {
    let end: Connection = carrier.recv()?;
    end.send(&1_u32)?;
    carrier.send("in use")?;
    let word: String = carrier.recv()?;
    assert_eq!(word, "stop");
    if stays {
        std::mem::forget(end);
    }
    Ok(std::process::id())
}

/// One process at a time; whose the end is, is found at the first use after it was sent, dropped, or left by a dead one.
#[test]
fn an_end_is_for_one_process_at_a_time() {
    let _watchdog = watchdog(60);
    for stays in [false, true] {
        let (mine, shared) = Pipe::new().unwrap();
        // It is used here before it is sent.
        shared.send(&0_u32).unwrap();
        let (carrier, theirs) = Pipe::new().unwrap();
        let worker = spawn(use_end, (theirs, stays)).unwrap();
        carrier.send(&shared).unwrap();
        assert_eq!(carrier.recv::<String>().unwrap(), "in use");
        for error in [
            shared.send(&2).unwrap_err(),
            shared.try_send_bytes(b"2").unwrap_err(),
            shared.recv::<u32>().unwrap_err(),
            shared.recv_into(&mut []).unwrap_err().into(),
            shared.poll(Duration::MAX).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InUse);
            assert!(error.to_string().contains(&format!("process {} ", worker.pid())), "{error}");
        }
        carrier.send("stop").unwrap();
        worker.join().unwrap().unwrap();
        shared.send(&2_u32).unwrap();
        assert_eq!([(); 3].map(|()| mine.recv::<u32>().unwrap()), [0, 1, 2]);
    }
}

/// Threads of one process share an end: each message is received once, and whole.
#[test]
fn threads_share_an_end() {
    let _watchdog = watchdog(120);
    let (mine, theirs) = Pipe::builder().capacity(3).inline_bytes(64).build().unwrap();
    let worker = spawn(echo, (theirs,)).unwrap();
    let mut got: Vec<Vec<u8>> = thread::scope(|scope| {
        for thread in 0..4_u8 {
            let mine = &mine;
            scope.spawn(move || {
                (0..100).for_each(|turn| mine.send_bytes(&vec![thread; turn]).unwrap());
            });
        }
        let receive = || (0..200).map(|_| mine.recv_bytes().unwrap()).collect::<Vec<_>>();
        let receivers = [scope.spawn(receive), scope.spawn(receive)];
        receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect()
    });
    got.sort();
    let mut sent: Vec<_> =
        (0..4_u8).flat_map(|thread| (0..100).map(move |turn| vec![thread; turn])).collect();
    sent.sort();
    assert!(got == sent);
    drop(mine);
    assert_eq!(worker.join().unwrap().unwrap(), 400);
}

/// A raw `fork()` has a copy that takes nothing, ends nothing, and is told so.
#[test]
fn a_forked_childs_copy_is_no_end() {
    let _watchdog = watchdog(60);
    let (mine, theirs) = Pipe::new().unwrap();
    mine.send(&1).unwrap();
    theirs.send(&1).unwrap();
    // SAFETY: the child only calls what it may, and ends by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused = kind(mine.try_send(&2)) == ErrorKind::Forked
            && kind(mine.try_recv::<i32>()) == ErrorKind::Forked
            && kind(theirs.poll(Duration::ZERO)) == ErrorKind::Forked;
        drop((mine, theirs));
        // SAFETY: it ends here.
        unsafe { libc::_exit(i32::from(!refused)) };
    }
    let mut status = 0;
    // SAFETY: the status is a valid place for the answer.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    theirs.send(&2).unwrap();
    assert_eq!((mine.recv::<i32>().unwrap(), mine.recv::<i32>().unwrap()), (1, 2));
    assert_eq!(theirs.recv::<i32>().unwrap(), 1);
}

static HANDLED: OnceLock<Atomic<u32>> = OnceLock::new();

extern "C" fn handle(_: libc::c_int) {
    if let Some(handled) = HANDLED.get() {
        handled.fetch_add(1, Ordering::SeqCst);
    }
}

/// Sends so many large messages with a handler that interrupts system calls, and receives as many.
fn exchange(connection: Connection, handled: Atomic<u32>, count: u8) -> Result<()> {
    HANDLED.set(handled).unwrap();
    // SAFETY: a sigaction of zeros has no flags, blocks nothing and has no handler yet.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handle as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handler has the type that goes without SA_SIGINFO, and does nothing but an atomic addition.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()) }, 0);
    connection.send(&())?;
    for number in 0..count {
        connection.send_bytes(&vec![number; 1 << 18])?;
    }
    for number in 0..count {
        assert!(connection.poll(Duration::MAX)?);
        assert!(connection.recv_bytes()? == vec![number; 1 << 18]);
    }
    Ok(())
}

/// CN14: signals come while it sleeps for room, and while it sleeps for messages.
#[test]
fn a_signal_does_not_end_a_wait() {
    let _watchdog = watchdog(120);
    const COUNT: u8 = 8;
    let (mine, theirs) = Pipe::builder().capacity(1).build().unwrap();
    let handled = Atomic::new(0).unwrap();
    let worker = spawn(exchange, (theirs, handled.clone(), COUNT)).unwrap();
    let pid = i32::try_from(worker.pid()).unwrap();
    mine.recv::<()>().unwrap();
    let mut sent = 0;
    let mut interrupt = || {
        until(|| sleeps(&worker));
        // SAFETY: a call without memory; the process is a child that was not waited for.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGUSR1) }, 0);
        sent += 1;
        until(|| handled.load(Ordering::SeqCst) >= sent);
    };
    for number in 0..COUNT {
        if number + 1 < COUNT {
            (0..5).for_each(|_| interrupt());
        }
        assert!(mine.recv_bytes().unwrap() == vec![number; 1 << 18]);
    }
    for number in 0..COUNT {
        (0..5).for_each(|_| interrupt());
        mine.send_bytes(&vec![number; 1 << 18]).unwrap();
    }
    worker.join().unwrap().unwrap();
}

#[test]
fn debug_says_what_waits() {
    let (mine, theirs) = Pipe::new().unwrap();
    mine.send(&1).unwrap();
    assert_eq!(format!("{mine:?}"), "Connection { incoming: 0, outgoing: 1, .. }");
    assert_eq!(format!("{theirs:?}"), "Connection { incoming: 1, outgoing: 0, .. }");
    let (reader, writer) = Pipe::one_way().unwrap();
    assert_eq!(format!("{reader:?}"), "Connection { incoming: 0, .. }");
    assert_eq!(format!("{writer:?}"), "Connection { outgoing: 0, .. }");
    assert!(format!("{:?}", Pipe::builder()).contains("capacity: 64"));
}

/// What moves between threads, and what they share.
#[test]
fn ends_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<Connection>();
    check::<Connection<Incoming>>();
    check::<Connection<Outgoing>>();
}

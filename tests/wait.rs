//! `wait`: until some of several things are ready. CN24 to CN29.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    Atomic, Connection, ErrorKind, Event, JoinableQueue, Ordering, Pipe, Process, Queue, Readable,
    Receiver, Ring, RingSender, Sender, Waitable, channel, parent, spawn, wait,
};
use std::{
    fs,
    io::{Read, Write},
    os::{
        fd::BorrowedFd,
        unix::net::{UnixListener, UnixStream},
    },
    thread,
    time::{Duration, Instant},
};
use support::watchdog;
use watching::{own_thread, sleeps, thread_sleeps, until};

multiproc::test_support!();

const NOTHING: &[usize] = &[];
const MOMENT: Duration = Duration::from_millis(20);

fn write_ten(sender: Sender<(u32, u32)>, writer: u32, slowly: bool) -> multiproc::Result<()> {
    for message in 0..10 {
        if slowly {
            // Nobody sets it: a pause.
            Event::new()?.wait_timeout(Duration::from_millis(3))?;
        }
        sender.send((writer, message))?;
    }
    Ok(())
}

/// CN24
fn multiplex(slowly: bool) {
    let _watchdog = watchdog(60);
    let mut receivers = Vec::new();
    let mut writers = Vec::new();
    for writer in 0..4 {
        let (sender, receiver) = channel(3).unwrap();
        writers.push(spawn(write_ten, (sender, writer, slowly)).unwrap());
        receivers.push(receiver);
    }
    let mut messages = Vec::new();
    while !receivers.is_empty() {
        let all: Vec<&dyn Waitable> = receivers.iter().map(|receiver| receiver as _).collect();
        let ready = wait(&all, None).unwrap();
        assert!(!ready.is_empty());
        for ready in ready.into_iter().rev() {
            match receivers[ready].try_recv() {
                Ok(message) => messages.push(message),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Disconnected);
                    receivers.remove(ready);
                }
            }
        }
    }
    let of_writer = |writer| messages.iter().filter(move |message| message.0 == writer);
    for writer in 0..4 {
        assert!(of_writer(writer).map(|message| message.1).eq(0..10), "in order, and all");
    }
    for writer in writers {
        writer.join().unwrap().unwrap();
    }
}

#[test]
fn four_writers_are_multiplexed() {
    multiplex(false);
}

#[test]
fn four_slow_writers_are_multiplexed() {
    multiplex(true);
}

/// CN25
#[test]
fn sockets_are_mixed_in() {
    let _watchdog = watchdog(60);
    let path = std::env::temp_dir().join(support::unique("wait"));
    let listener = UnixListener::bind(&path).unwrap();
    let (sender, receiver) = channel(3).unwrap();
    let writer = spawn(write_ten, (sender, 7, true)).unwrap();
    let client = thread::spawn({
        let path = path.clone();
        move || {
            let mut socket = UnixStream::connect(path).unwrap();
            for message in 0..10_u8 {
                Event::new().unwrap().wait_timeout(Duration::from_millis(3)).unwrap();
                socket.write_all(&[message]).unwrap();
            }
        }
    });
    let readable = Readable(&listener);
    assert_eq!(wait(&[&readable], None).unwrap(), [0], "somebody comes");
    let (mut socket, _) = listener.accept().unwrap();
    let (mut messages, mut bytes) = (Vec::new(), Vec::new());
    let (mut at_end, mut alone) = (false, false);
    while !(at_end && alone) {
        let readable = Readable(socket.try_clone().unwrap());
        let mut all: Vec<(usize, &dyn Waitable)> = Vec::new();
        if !alone {
            all.push((0, &receiver));
        }
        if !at_end {
            all.push((1, &readable));
        }
        let items: Vec<_> = all.iter().map(|&(_, item)| item).collect();
        for ready in wait(&items, None).unwrap() {
            if all[ready].0 == 0 {
                match receiver.try_recv() {
                    Ok((_, message)) => messages.push(message),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Disconnected);
                        alone = true;
                    }
                }
            } else {
                let mut byte = [0];
                match socket.read(&mut byte).unwrap() {
                    0 => at_end = true,
                    _ => bytes.push(byte[0]),
                }
            }
        }
    }
    assert_eq!(messages, (0..10).collect::<Vec<_>>());
    assert_eq!(bytes, (0..10).collect::<Vec<_>>());
    client.join().unwrap();
    writer.join().unwrap().unwrap();
    fs::remove_file(path).unwrap();
}

/// CN26
#[test]
fn after_the_time_there_is_none_and_then_the_one() {
    let _watchdog = watchdog(60);
    let (sender, receiver) = channel(1).unwrap();
    let (_silent, never) = channel::<u32>(1).unwrap();
    let began = Instant::now();
    assert_eq!(wait(&[&never, &receiver], Some(MOMENT)).unwrap(), NOTHING);
    assert!(began.elapsed() >= MOMENT);
    sender.send(1).unwrap();
    assert_eq!(wait(&[&never, &receiver], Some(Duration::from_secs(50))).unwrap(), [1]);
    assert_eq!(wait(&[&never, &receiver], None).unwrap(), [1], "it was not taken");
}

fn send_when_told(sender: Sender<u32>, start: Event, sent: Event) {
    start.wait().unwrap();
    sender.send(4).unwrap();
    sent.set().unwrap();
}

/// CN27
#[test]
fn all_that_are_ready_are_told() {
    let _watchdog = watchdog(60);
    let (first, a) = channel(1).unwrap();
    let (second, b) = channel::<u32>(1).unwrap();
    let (start, sent) = (Event::new().unwrap(), Event::new().unwrap());
    let process = spawn(send_when_told, (first, start.clone(), sent)).unwrap();
    let look = |timeout| wait(&[&a, &process, &b], timeout).unwrap();
    assert_eq!(look(Some(MOMENT)), NOTHING);
    start.set().unwrap();
    assert!(look(None).contains(&0));
    // Its end is the end of its sender too.
    assert_eq!(wait(&[&process], None).unwrap(), [0]);
    assert_eq!(look(None), [0, 1]);
    second.send(5).unwrap();
    assert_eq!(look(None), [0, 1, 2]);
    assert_eq!((a.recv().unwrap(), b.recv().unwrap()), (4, 5));
    assert_eq!(look(None), [0, 1], "an end is ready for ever");
    process.join().unwrap();
}

/// CN28, CN29: a negative time does not exist; zero means look.
#[test]
fn no_time_is_a_look_and_nothing_is_a_pause() {
    let _watchdog = watchdog(60);
    let queue = Queue::<u32>::new(1).unwrap();
    let (_here, there) = UnixStream::pair().unwrap();
    let socket = Readable(there);
    assert_eq!(wait(&[&queue, &socket], Some(Duration::ZERO)).unwrap(), NOTHING);
    let began = Instant::now();
    assert_eq!(wait(&[], Some(MOMENT)).unwrap(), NOTHING);
    assert!(began.elapsed() >= MOMENT);
    assert_eq!(wait(&[], Some(Duration::ZERO)).unwrap(), NOTHING);
    assert_eq!(wait(&[], None).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(wait(&[&socket], Some(MOMENT)).unwrap(), NOTHING);
    assert_eq!(wait(&[&queue, &socket], Some(MOMENT)).unwrap(), NOTHING);
    assert!(began.elapsed() >= 3 * MOMENT);
}

#[test]
fn a_time_beyond_the_clock_is_none() {
    let _watchdog = watchdog(60);
    let queue = Queue::new(1).unwrap();
    queue.send(1).unwrap();
    assert_eq!(wait(&[&queue], Some(Duration::MAX)).unwrap(), [0]);
}

/// A thread that waits, by the kernel's name of it.
struct Asleep<'scope, T> {
    thread: thread::ScopedJoinHandle<'scope, T>,
    name: String,
}

impl<T> Asleep<'_, T> {
    fn join(self) -> thread::Result<T> {
        self.thread.join()
    }

    fn until_it_sleeps(&self) {
        until(|| thread_sleeps(&self.name));
    }
}

/// Begins to wait on a thread of its own, and is asleep.
fn asleep<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    body: impl FnOnce() -> T + Send + 'scope,
) -> Asleep<'scope, T> {
    let (tell, told) = std::sync::mpsc::channel();
    let thread = scope.spawn(move || {
        // Registered before, as that may sleep too.
        drop(Event::new().unwrap().wait_timeout(Duration::from_micros(1)));
        tell.send(own_thread()).unwrap();
        body()
    });
    let asleep = Asleep { thread, name: told.recv().unwrap() };
    asleep.until_it_sleeps();
    asleep
}

#[test]
fn an_event_is_ready_when_it_is_set_or_was() {
    let _watchdog = watchdog(60);
    let (event, queue) = (Event::new().unwrap(), Queue::<u32>::new(1).unwrap());
    for clears in [false, true] {
        thread::scope(|scope| {
            let watcher = asleep(scope, || wait(&[&queue, &event], None).unwrap());
            let waiter = asleep(scope, || event.wait().unwrap());
            event.set().unwrap();
            if clears {
                event.clear();
            }
            assert_eq!(watcher.join().unwrap(), [1]);
            waiter.join().unwrap();
        });
        let expected: &[usize] = if clears { &[] } else { &[1] };
        assert_eq!(wait(&[&queue, &event], Some(Duration::ZERO)).unwrap(), expected);
        event.clear();
    }
}

fn push(sender: RingSender<u32>, items: u32) -> multiproc::Result<()> {
    let mut producer = sender.claim()?;
    for item in 0..items {
        producer.push(item)?;
    }
    Ok(())
}

#[test]
fn a_ring_is_ready_for_its_items_and_its_end() {
    let _watchdog = watchdog(60);
    let event = Event::new().unwrap();
    for items in [0, 1, 5, 1000] {
        let (sender, receiver) = Ring::new(4).unwrap();
        let mut consumer = receiver.claim().unwrap();
        assert_eq!(wait(&[&event, &consumer], Some(MOMENT)).unwrap(), NOTHING, "nobody came yet");
        let producer = spawn(push, (sender, items)).unwrap();
        let mut popped = 0;
        loop {
            assert_eq!(wait(&[&event, &consumer], None).unwrap(), [1]);
            match consumer.try_pop() {
                Ok(item) => assert_eq!(item, popped),
                Err(error) => {
                    assert!(matches!(error, multiproc::RingError::Disconnected));
                    break;
                }
            }
            popped += 1;
        }
        assert_eq!(popped, items);
        producer.join().unwrap().unwrap();
    }
}

#[test]
fn a_ring_whose_producer_is_killed_is_ready() {
    let _watchdog = watchdog(60);
    let hold = |sender: RingSender<u32>, held: Event| {
        let mut producer = sender.claim().unwrap();
        producer.push(1).unwrap();
        held.set().unwrap();
        thread::park();
    };
    let (sender, receiver) = Ring::<u32>::new(4).unwrap();
    let mut consumer = receiver.claim().unwrap();
    let held = Event::new().unwrap();
    let holder = spawn(hold, (sender, held.clone())).unwrap();
    held.wait().unwrap();
    assert_eq!(consumer.pop().unwrap(), 1);
    let me = own_thread();
    thread::scope(|scope| {
        scope.spawn(|| {
            until(|| thread_sleeps(&me));
            holder.kill().unwrap();
        });
        assert_eq!(wait(&[&consumer], None).unwrap(), [0]);
    });
    assert!(consumer.is_disconnected());
    holder.join().unwrap_err();
}

#[test]
fn a_joinable_queue_and_a_closed_one_are_ready() {
    let _watchdog = watchdog(60);
    let (joinable, queue) = (JoinableQueue::new(2).unwrap(), Queue::<u32>::new(2).unwrap());
    thread::scope(|scope| {
        let watcher = asleep(scope, || wait(&[&joinable, &queue], None).unwrap());
        joinable.send(1).unwrap();
        assert_eq!(watcher.join().unwrap(), [0]);
    });
    joinable.recv().unwrap();
    joinable.task_done().unwrap();
    thread::scope(|scope| {
        let watcher = asleep(scope, || wait(&[&joinable, &queue], None).unwrap());
        queue.close().unwrap();
        assert_eq!(watcher.join().unwrap(), [1]);
    });
}

/// A watcher in another process, asleep.
fn watcher(receiver: &Receiver<u32>) -> Process<Result<u32, ErrorKind>> {
    let watch = |receiver: Receiver<u32>, begun: Atomic<u32>| {
        begun.store(1, Ordering::SeqCst);
        // Something else that never happens.
        let never = Event::new().unwrap();
        assert_eq!(wait(&[&never, &receiver], None).unwrap(), [1]);
        receiver.try_recv().map_err(|error| error.kind())
    };
    let begun = Atomic::new(0).unwrap();
    let process = spawn(watch, (receiver.clone(), begun.clone())).unwrap();
    until(|| begun.load(Ordering::SeqCst) > 0 && sleeps(&process));
    process
}

#[test]
fn the_end_of_a_killed_sender_wakes_who_waits() {
    let _watchdog = watchdog(60);
    let hold = |_sender: Sender<u32>, held: Event| {
        held.set().unwrap();
        thread::park();
    };
    for _ in 0..10 {
        let (sender, receiver) = channel::<u32>(2).unwrap();
        let held = Event::new().unwrap();
        let holder = spawn(hold, (sender, held.clone())).unwrap();
        held.wait().unwrap();
        let watcher = watcher(&receiver);
        holder.kill().unwrap();
        assert_eq!(watcher.join().unwrap(), Err(ErrorKind::Disconnected));
        holder.join().unwrap_err();
    }
}

#[test]
fn a_watcher_and_a_sleeping_receiver_hear_of_an_item() {
    let _watchdog = watchdog(60);
    for _ in 0..20 {
        let (sender, receiver) = channel::<u32>(2).unwrap();
        thread::scope(|scope| {
            let getter = asleep(scope, || receiver.recv().unwrap());
            let watchers: Vec<_> =
                (0..3).map(|_| asleep(scope, || wait(&[&receiver], None).unwrap())).collect();
            sender.send(1).unwrap();
            assert_eq!(getter.join().unwrap(), 1, "no watcher takes the ring that it needs");
            // Whoever looked after it was gone waits for the next.
            sender.send(2).unwrap();
            for watcher in watchers {
                assert_eq!(watcher.join().unwrap(), [0]);
            }
        });
        assert_eq!(receiver.recv().unwrap(), 2);
    }
}

#[test]
fn an_end_of_a_pipe_is_ready_for_messages_and_the_end() {
    let _watchdog = watchdog(60);
    let (here, there) = Pipe::new().unwrap();
    let answer = |there: Connection| {
        while let Ok(number) = there.recv::<u32>() {
            there.send(&(number + 1)).unwrap();
        }
    };
    let peer = spawn(answer, (there,)).unwrap();
    let (_silent, never) = channel::<u32>(1).unwrap();
    let readiness = here.readiness().unwrap();
    assert_eq!(wait(&[&never, &here], Some(MOMENT)).unwrap(), NOTHING);
    for number in 0..10 {
        here.send(&number).unwrap();
        assert_eq!(wait(&[&never, &here], None).unwrap(), [1]);
        assert_eq!(wait(&[&Readable(&readiness)], None).unwrap(), [0]);
        assert_eq!(here.recv::<u32>().unwrap(), number + 1);
        readiness.clear().unwrap();
    }
    peer.kill().unwrap();
    assert_eq!(wait(&[&never, &here], None).unwrap(), [1]);
    assert_eq!(here.recv::<u32>().unwrap_err().kind(), ErrorKind::Disconnected);
    peer.join().unwrap_err();
}

/// With more words than the kernel takes at once.
#[test]
fn two_hundred_queues() {
    let _watchdog = watchdog(60);
    let queues: Vec<_> = (0..200).map(|_| Queue::<u32>::new(1).unwrap()).collect();
    let (_here, there) = UnixStream::pair().unwrap();
    let socket = Readable(there);
    for mixed in [false, true] {
        let mut all: Vec<&dyn Waitable> = queues.iter().map(|queue| queue as _).collect();
        if mixed {
            all.push(&socket);
        }
        assert_eq!(wait(&all, Some(MOMENT)).unwrap(), NOTHING);
        for chosen in [0, 1, 30, 77, 199] {
            thread::scope(|scope| {
                let queue = &queues[chosen];
                let me = own_thread();
                scope.spawn(move || {
                    until(|| thread_sleeps(&me));
                    queue.send(7).unwrap();
                });
                assert_eq!(wait(&all, None).unwrap(), [chosen]);
            });
            assert_eq!(queues[chosen].try_recv().unwrap(), 7);
        }
        let helpers = || {
            let tasks = fs::read_dir("/proc/self/task").unwrap();
            let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm"));
            tasks
                .filter_map(|task| name(task.unwrap()).ok())
                .filter(|name| name.trim() == "multiproc-wait")
                .count()
        };
        // Another test may have some at the moment.
        until(|| helpers() == 0);
    }
}

#[test]
fn a_descriptor_beside_a_queue_is_noticed() {
    let _watchdog = watchdog(60);
    let queue = Queue::<u32>::new(1).unwrap();
    for _ in 0..20 {
        let (mut here, there) = UnixStream::pair().unwrap();
        let socket = Readable(&there);
        thread::scope(|scope| {
            // One that is named twice, and waited for twice.
            let watcher = asleep(scope, || wait(&[&queue, &socket, &socket], None).unwrap());
            let other = asleep(scope, || wait(&[&queue, &socket], None).unwrap());
            here.write_all(b"x").unwrap();
            assert_eq!(watcher.join().unwrap(), [1, 2]);
            assert_eq!(other.join().unwrap(), [1]);
        });
        // Nothing keeps the socket open after the wait; but another test may be starting a process.
        drop(there);
        until(|| (&here).write_all(b"y").is_err());
    }
}

#[test]
fn a_process_beside_a_queue_is_noticed() {
    let _watchdog = watchdog(60);
    let queue = Queue::<u32>::new(1).unwrap();
    let stop = Event::new().unwrap();
    let process = spawn(|stop: Event| stop.wait().unwrap(), (stop.clone(),)).unwrap();
    thread::scope(|scope| {
        let watcher = asleep(scope, || wait(&[&queue, &process], None).unwrap());
        stop.set().unwrap();
        assert_eq!(watcher.join().unwrap(), [1]);
    });
    process.join().unwrap();
    assert!(parent().is_none());
    let my_parent = |queue: Queue<u32>| wait(&[&parent().unwrap(), &queue], None).unwrap();
    queue.send(1).unwrap();
    assert_eq!(spawn(my_parent, (queue,)).unwrap().join().unwrap(), [1]);
}

#[cfg(debug_assertions)]
mod deaths {
    use super::*;
    use multiproc::{__private::die_at, ProcessError};

    fn send_and_die(sender: Sender<u32>, step: String, start: Event) {
        start.wait().unwrap();
        die_at(&step, 1);
        sender.send(7).unwrap();
    }

    /// The writer has put its item and dies before anybody was rung for, or with some of them rung.
    #[test]
    fn a_writer_that_dies_after_its_news_wakes_who_waits() {
        let _watchdog = watchdog(60);
        for step in ["queue.put", "bells.cleared"] {
            for receivers in 0..2 {
                let (sender, receiver) = channel::<u32>(2).unwrap();
                // Without a receiver the item stays, and is all that there is to notice.
                let _held = (receivers == 0).then(|| sender.clone());
                thread::scope(|scope| {
                    let getters: Vec<_> =
                        (0..receivers).map(|_| asleep(scope, || receiver.recv())).collect();
                    let watchers: Vec<_> = (0..3)
                        .map(|_| asleep(scope, || wait(&[&receiver], None).unwrap()))
                        .collect();
                    let start = Event::new().unwrap();
                    let args = (sender, step.to_owned(), start.clone());
                    let writer = spawn(send_and_die, args).unwrap();
                    // The sender's way to the writer was news too: they have looked again.
                    watchers.iter().for_each(Asleep::until_it_sleeps);
                    start.set().unwrap();
                    let ended = writer.join();
                    // Where nobody can sleep at many words, nobody may have looked again.
                    let looks_late = std::env::var_os("MULTIPROC_NO_WAITV").is_some();
                    let killed = matches!(ended, Err(ProcessError::Signalled { signal: 9, .. }));
                    assert!(killed || looks_late, "{step} with {receivers}: {ended:?}");
                    for watcher in watchers {
                        assert_eq!(watcher.join().unwrap(), [0], "{step}");
                    }
                    for getter in getters {
                        assert_eq!(getter.join().unwrap().unwrap(), 7, "{step}");
                    }
                });
            }
        }
    }

    #[test]
    fn an_event_whose_setter_dies_wakes_who_waits() {
        let _watchdog = watchdog(60);
        let set = |event: Event| {
            drop(Event::new().unwrap().set());
            die_at("event.set", 1);
            event.set().unwrap();
        };
        for _ in 0..5 {
            let event = Event::new().unwrap();
            thread::scope(|scope| {
                let watchers: Vec<_> =
                    (0..2).map(|_| asleep(scope, || wait(&[&event], None).unwrap())).collect();
                let waiter = asleep(scope, || event.wait().unwrap());
                spawn(set, (event.clone(),)).unwrap().join().unwrap_err();
                for watcher in watchers {
                    assert_eq!(watcher.join().unwrap(), [0]);
                }
                waiter.join().unwrap();
            });
        }
    }
}

/// What a forked process inherited is not its own; descriptors are.
#[test]
fn a_forked_process_is_refused() {
    let _watchdog = watchdog(60);
    let (queue, event) = (Queue::<u32>::new(1).unwrap(), Event::new().unwrap());
    let (mut here, there) = UnixStream::pair().unwrap();
    let socket = Readable(there);
    let readiness = queue.readiness().unwrap();
    assert_eq!(wait(&[&queue, &event, &socket], Some(MOMENT)).unwrap(), NOTHING);
    here.write_all(b"x").unwrap();
    // SAFETY: the child makes errors and looks at a descriptor, and ends by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused = [
            wait(&[&queue], None).map(drop),
            wait(&[&event, &socket], None).map(drop),
            queue.readiness().map(drop),
            readiness.clear(),
        ];
        let is_forked = |error: &multiproc::Error| error.kind() == ErrorKind::Forked;
        let all = refused.iter().all(|refused| refused.as_ref().is_err_and(is_forked));
        let ready = wait(&[&socket], None).is_ok_and(|ready| ready == [0]);
        drop(readiness);
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(!(all && ready))) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0);
    queue.send(1).unwrap();
    assert_eq!(wait(&[&Readable(&readiness)], None).unwrap(), [0], "it is still ours");
}

/// A descriptor that somebody closes meanwhile is an error, not a wait for ever.
#[test]
fn a_closed_descriptor_is_an_error() {
    let _watchdog = watchdog(60);
    let queue = Queue::<u32>::new(1).unwrap();
    // SAFETY: the number is never an open descriptor; nothing is read or closed by it.
    let nobodys = Readable(unsafe { BorrowedFd::borrow_raw(i32::MAX) });
    let items: [&dyn Waitable; 2] = [&queue, &nobodys];
    for first in [1, 0] {
        let error = wait(&items[first..], None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Os);
        assert!(error.to_string().contains("descriptor 2147483647"), "{error}");
    }
}

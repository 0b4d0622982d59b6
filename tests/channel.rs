//! `channel` and `JoinableQueue`: what ends when the other side is gone or dead, and what is waited for.

#[path = "support/descriptors.rs"]
mod descriptors;
mod support;
#[path = "support/watching.rs"]
mod watching;

use descriptors::no_descriptors;
use multiproc::{
    Barrier, ErrorKind, Event, JoinableQueue, Process, Queue, Receiver, Sender, channel,
    channel_in_place, spawn,
};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::{thread, time::Duration};
use watching::{sleeps, until};

multiproc::test_support!();

fn send_one(sender: Sender<u32>, item: u32) -> multiproc::Result<()> {
    sender.send(item)?;
    Ok(())
}

fn hold_sender(_sender: Sender<u32>, held: Event) {
    held.set().unwrap();
    loop {
        thread::park();
    }
}

fn hold_receiver(_receiver: Receiver<u32>, held: Event) {
    held.set().unwrap();
    loop {
        thread::park();
    }
}

fn recv_until_the_end(receiver: Receiver<u32>) -> multiproc::Result<(u32, ErrorKind)> {
    let mut sum = 0;
    loop {
        match receiver.recv() {
            Ok(item) => sum += item,
            Err(error) => return Ok((sum, error.kind())),
        }
    }
}

#[test]
fn items_come_before_the_end() {
    let _watchdog = support::watchdog(60);
    let (sender, receiver) = channel(2).unwrap();
    let workers: Vec<_> =
        (1..=4).map(|item| spawn(send_one, (sender.clone(), item)).unwrap()).collect();
    drop(sender);
    let sum: u32 = receiver.iter().map(|item| item.unwrap()).sum();
    assert_eq!(sum, 10);
    assert_eq!(receiver.recv().unwrap_err().kind(), ErrorKind::Disconnected);
    assert_eq!(receiver.try_recv().unwrap_err().kind(), ErrorKind::Disconnected);
    for worker in workers {
        worker.join().unwrap().unwrap();
    }
}

#[test]
fn a_receiver_hears_of_the_death_of_the_last_sender() {
    let _watchdog = support::watchdog(60);
    for _ in 0..20 {
        let (sender, receiver) = channel(2).unwrap();
        let held = Event::new().unwrap();
        let holder = spawn(hold_sender, (sender.clone(), held.clone())).unwrap();
        held.wait().unwrap();
        sender.send(7).unwrap();
        let waiter = spawn(recv_until_the_end, (receiver,)).unwrap();
        drop(sender);
        until(|| sleeps(&waiter));
        holder.kill().unwrap();
        assert_eq!(waiter.join().unwrap().unwrap(), (7, ErrorKind::Disconnected));
        holder.join().unwrap_err();
    }
}

#[test]
fn a_sender_hears_of_the_end_of_the_last_receiver() {
    let _watchdog = support::watchdog(60);
    let (sender, receiver) = channel(1).unwrap();
    sender.send(1).unwrap();
    drop(receiver);
    let error = sender.send(2).unwrap_err();
    assert_eq!((error.kind(), error.into_item()), (ErrorKind::Disconnected, 2));
    for _ in 0..20 {
        let (sender, receiver) = channel(1).unwrap();
        let held = Event::new().unwrap();
        let holder = spawn(hold_receiver, (receiver, held.clone())).unwrap();
        held.wait().unwrap();
        sender.send(1).unwrap();
        let waiter = spawn(send_one, (sender, 2)).unwrap();
        until(|| sleeps(&waiter));
        holder.kill().unwrap();
        let error = waiter.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected);
        holder.join().unwrap_err();
    }
}

#[test]
fn an_end_on_its_way_is_an_end() {
    let _watchdog = support::watchdog(60);
    let (outer_sender, outer_receiver) = channel::<Sender<u32>>(1).unwrap();
    let (sender, receiver) = channel(1).unwrap();
    outer_sender.send(sender).unwrap();
    assert_eq!(receiver.try_recv().unwrap_err().kind(), ErrorKind::WouldBlock);
    outer_receiver.recv().unwrap().send(5).unwrap();
    assert_eq!(receiver.recv().unwrap(), 5);
    assert_eq!(receiver.recv().unwrap_err().kind(), ErrorKind::Disconnected);
}

#[test]
fn items_in_place_and_clones() {
    let _watchdog = support::watchdog(60);
    let (sender, receiver) = channel_in_place::<u64>(3).unwrap();
    let (other_sender, other_receiver) = (sender.clone(), receiver.clone());
    assert!(sender.same_channel(&other_sender));
    sender.send(1).unwrap();
    other_sender.send(2).unwrap();
    drop((sender, receiver));
    assert_eq!((other_receiver.len(), other_receiver.capacity()), (2, 3));
    assert_eq!((other_receiver.recv().unwrap(), other_receiver.recv().unwrap()), (1, 2));
    assert_eq!(other_receiver.try_recv().unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(other_sender);
    assert_eq!(other_receiver.try_recv().unwrap_err().kind(), ErrorKind::Disconnected);
    assert!(format!("{other_receiver:?}").contains("Receiver"));
}

fn work(queue: JoinableQueue<Option<u32>>, seen: multiproc::Atomic<u32>) -> multiproc::Result<()> {
    while let Some(item) = queue.recv()? {
        seen.fetch_add(item, multiproc::Ordering::Relaxed);
        queue.task_done()?;
    }
    queue.task_done()
}

/// JQ01.
#[test]
fn join_returns_when_all_is_done() {
    let _watchdog = support::watchdog(60);
    let (queue, seen) = (JoinableQueue::new(4).unwrap(), multiproc::Atomic::new(0).unwrap());
    // JQ03.
    queue.join().unwrap();
    let workers: Vec<_> =
        (0..4).map(|_| spawn(work, (queue.clone(), seen.clone())).unwrap()).collect();
    queue.send_all((1..=10).map(Some)).unwrap();
    queue.join().unwrap();
    assert_eq!(seen.load(multiproc::Ordering::Relaxed), 55);
    queue.send_all([None; 4]).unwrap();
    for worker in workers {
        worker.join().unwrap().unwrap();
    }
    queue.join().unwrap();
}

/// JQ02, JQ04.
#[test]
fn what_is_not_done_is_unfinished() {
    let _watchdog = support::watchdog(60);
    let queue = JoinableQueue::new(2).unwrap();
    assert_eq!(queue.task_done().unwrap_err().kind(), ErrorKind::NotOwner);
    queue.send(1).unwrap();
    assert!(!queue.join_timeout(Duration::from_millis(5)).unwrap());
    assert_eq!(queue.recv().unwrap(), 1);
    assert_eq!((queue.len(), queue.unfinished()), (0, 1));
    assert!(!queue.join_timeout(Duration::ZERO).unwrap());
    queue.task_done().unwrap();
    assert!(queue.join_timeout(Duration::ZERO).unwrap());
    assert_eq!(queue.task_done().unwrap_err().kind(), ErrorKind::NotOwner);
    queue.send(2).unwrap();
    queue.lease().unwrap().done();
    queue.join().unwrap();
}

/// All handles of a process know what its threads have received, also those that came separately.
#[test]
fn what_one_handle_received_another_one_does() {
    let _watchdog = support::watchdog(60);
    let queue = JoinableQueue::<u32>::new(2).unwrap();
    let handles = Queue::new(2).unwrap();
    handles.send_all([queue.clone(), queue.clone()]).unwrap();
    queue.send_all([1, 2]).unwrap();
    let (one, other) = (handles.recv().unwrap(), handles.recv().unwrap());
    assert_eq!((one.recv().unwrap(), other.recv().unwrap()), (1, 2));
    // What it received stays received, although its handle goes.
    drop(one);
    other.task_done().unwrap();
    queue.task_done().unwrap();
    assert_eq!(other.task_done().unwrap_err().kind(), ErrorKind::NotOwner);
    queue.join().unwrap();
    // With the last one it is given back.
    handles.send(queue.clone()).unwrap();
    queue.send(3).unwrap();
    assert_eq!(queue.recv().unwrap(), 3);
    drop((queue, other));
    let queue = handles.recv().unwrap();
    assert_eq!((queue.len(), queue.recv().unwrap()), (1, 3));
    queue.task_done().unwrap();
}

fn take_and_die(queue: JoinableQueue<u32>, ready: Barrier) {
    queue.recv().unwrap();
    ready.wait().unwrap();
    loop {
        thread::park();
    }
}

fn finish_one(queue: JoinableQueue<u32>) -> multiproc::Result<u32> {
    let item = queue.recv()?;
    queue.task_done()?;
    Ok(item)
}

/// JQ06: the item of a dead worker is another's.
#[test]
fn what_a_dead_worker_had_is_done_by_another() {
    let _watchdog = support::watchdog(60);
    for _ in 0..20 {
        let (queue, ready) = (JoinableQueue::new(2).unwrap(), Barrier::new(2).unwrap());
        queue.send(5).unwrap();
        let dying = spawn(take_and_die, (queue.clone(), ready.clone())).unwrap();
        ready.wait().unwrap();
        assert_eq!(queue.unfinished(), 1);
        let other = spawn(finish_one, (queue.clone(),)).unwrap();
        until(|| sleeps(&other));
        dying.kill().unwrap();
        queue.join().unwrap();
        assert_eq!(other.join().unwrap().unwrap(), 5);
        dying.join().unwrap_err();
    }
}

/// A request that nobody will answer is not kept by the queue in which it lies: who waits for the answer is told.
#[test]
fn what_nobody_receives_any_more_is_dropped() {
    let (requests, receiver) = channel::<Sender<u32>>(4).unwrap();
    let (answers, answer) = channel::<u32>(1).unwrap();
    requests.send(answers).unwrap();
    drop(receiver);
    let told = answer.recv_timeout(Duration::from_secs(5)).unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Disconnected);
    drop(requests);
}

/// What is given back when the queue was shut down is nobody's.
#[test]
fn a_queue_that_was_shut_down_can_be_joined() {
    let queue = JoinableQueue::new(2).unwrap();
    queue.send("a lease".to_owned()).unwrap();
    let lease = queue.lease().unwrap();
    queue.shut_down().unwrap();
    assert!(!queue.join_timeout(Duration::ZERO).unwrap());
    drop(lease);
    assert!(queue.join_timeout(Duration::from_secs(5)).unwrap());
}

fn never_called(_sender: Sender<u32>) {}

/// A worker that dies before it has its arguments: nobody has the end among them, and nobody need join the worker to find out.
#[test]
fn an_end_on_its_way_to_a_worker_that_dies_is_gone() {
    let _watchdog = support::watchdog(120);
    // Killed at some moment of its beginning, or at a step.
    let steps = ["holder.claimed", "participant.locked", "call.decoded", "parcel.unlisted"];
    let steps = if cfg!(debug_assertions) { &steps[..] } else { &[] };
    for step in (0..10).map(|_| None).chain(steps.iter().map(Some)) {
        let (sender, receiver) = channel::<u32>(1).unwrap();
        let mut worker = Process::builder();
        if let Some(step) = step {
            worker = worker.env("MULTIPROC_DIE_AT", format!("{step}:1"));
        }
        // Another process waits too, which is not the worker's parent.
        let other = spawn(recv_until_the_end, (receiver.clone(),)).unwrap();
        let worker = worker.spawn(never_called, (sender,)).unwrap();
        if step.is_none() {
            worker.kill().unwrap();
        }
        assert_eq!(receiver.recv().unwrap_err().kind(), ErrorKind::Disconnected);
        assert_eq!(other.join().unwrap().unwrap(), (0, ErrorKind::Disconnected));
        let ended = worker.join();
        assert!(ended.is_err() || step.is_none(), "{step:?}");
    }
}

/// Has an end in it, and is no item all the same.
#[derive(Serialize)]
struct Spoilt(Sender<u32>, Event, Event);

impl<'de> Deserialize<'de> for Spoilt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (_sender, arrived, go_on) = <(Sender<u32>, Event, Event)>::deserialize(deserializer)?;
        arrived.set().unwrap();
        go_on.wait().unwrap();
        Err(de::Error::custom("it is spoilt"))
    }
}

/// The end that arrived in an item which is none, is gone at once for who waits at the other end.
#[test]
fn an_end_in_a_spoilt_item_is_dropped() {
    let _watchdog = support::watchdog(60);
    for _ in 0..10 {
        let queue = Queue::<Spoilt>::new(1).unwrap();
        let (sender, receiver) = channel::<u32>(1).unwrap();
        let (arrived, go_on) = (Event::new().unwrap(), Event::new().unwrap());
        let receive = |queue: Queue<Spoilt>| queue.recv().map(drop).unwrap_err().kind();
        let other = spawn(receive, (queue.clone(),)).unwrap();
        queue.send(Spoilt(sender, arrived.clone(), go_on.clone())).unwrap();
        arrived.wait().unwrap();
        let waiter = spawn(recv_until_the_end, (receiver,)).unwrap();
        until(|| sleeps(&waiter));
        go_on.set().unwrap();
        assert_eq!(waiter.join().unwrap().unwrap(), (0, ErrorKind::Disconnected));
        assert_eq!(other.join().unwrap(), ErrorKind::Decode);
    }
}

/// A request, with where its answer goes.
type Request = (u32, Sender<u32>);

fn serve_nobody(_requests: Receiver<Request>, held: Event) {
    held.set().unwrap();
    loop {
        thread::park();
    }
}

fn take_one_and_park(requests: Receiver<Request>, held: Event) {
    let _request = requests.recv().unwrap();
    serve_nobody(requests, held);
}

fn wait_for_answer(answer: Receiver<u32>) -> ErrorKind {
    answer.recv().unwrap_err().kind()
}

/// Nobody dropped anything, and the client still has its end of the requests: what the dead server had, or would have had, is dropped all the same.
#[test]
fn who_waits_for_a_dead_servers_answer_is_told() {
    let _watchdog = support::watchdog(60);
    for round in 0..20 {
        let (queued, before) = (round % 2 == 0, round % 4 < 2);
        let (requests, receiver) = channel::<Request>(4).unwrap();
        let (answers, answer) = channel(1).unwrap();
        let held = Event::new().unwrap();
        let args = (receiver, held.clone());
        let server =
            if queued { spawn(serve_nobody, args) } else { spawn(take_one_and_park, args) };
        let server = server.unwrap();
        requests.send((1, answers)).unwrap();
        held.wait().unwrap();
        if before {
            // It sleeps when the server dies. This one has the end too.
            let client = spawn(wait_for_answer, (answer.clone(),)).unwrap();
            until(|| sleeps(&client));
            server.kill().unwrap();
            assert_eq!(client.join().unwrap(), ErrorKind::Disconnected);
        } else {
            server.kill().unwrap();
            until(|| !server.is_alive());
        }
        assert_eq!(wait_for_answer(answer), ErrorKind::Disconnected);
        // It is known now.
        let (answers, answer) = channel(1).unwrap();
        let error = requests.send((2, answers)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected);
        drop(error);
        assert_eq!(wait_for_answer(answer), ErrorKind::Disconnected);
        server.join().unwrap_err();
    }
}

/// Sweeps what the dead left, and dies itself at a step of that.
#[cfg(debug_assertions)]
fn sweep_and_die(step: String, nth: u32) {
    multiproc::__private::die_at(&step, nth);
    // Whoever makes something large sweeps.
    drop(multiproc::Array::<u8>::zeroed(3 << 20).unwrap());
}

/// Who sweeps the dead server dies in the middle of it: what lay in the server's queue is dropped all the same.
#[cfg(debug_assertions)]
#[test]
fn who_waits_is_told_although_the_sweeper_dies_too() {
    let _watchdog = support::watchdog(120);
    for (step, nth) in ["free.dying", "free.freed", "free.listed", "sweep.freed"]
        .iter()
        .flat_map(|step| (1..=5).map(move |nth| (step, nth)))
    {
        let (requests, receiver) = channel::<Request>(4).unwrap();
        let (answers, answer) = channel(1).unwrap();
        let held = Event::new().unwrap();
        let server = spawn(serve_nobody, (receiver, held.clone())).unwrap();
        requests.send((1, answers)).unwrap();
        held.wait().unwrap();
        server.kill().unwrap();
        server.join().unwrap_err();
        drop(spawn(sweep_and_die, ((*step).to_owned(), nth)).unwrap().join());
        assert_eq!(wait_for_answer(answer), ErrorKind::Disconnected, "{step}:{nth}");
        let (answers, answer) = channel(1).unwrap();
        assert_eq!(requests.send((2, answers)).unwrap_err().kind(), ErrorKind::Disconnected);
        assert_eq!(wait_for_answer(answer), ErrorKind::Disconnected);
    }
}

fn hold_outer(_outer: Receiver<Receiver<Request>>, held: Event) {
    held.set().unwrap();
    loop {
        thread::park();
    }
}

/// The item is a receiver, whose channel has a request in it, for which somebody waits.
#[test]
fn what_lies_in_what_a_dead_receiver_had_is_dropped() {
    let _watchdog = support::watchdog(60);
    for _ in 0..10 {
        let (outer, outer_receiver) = channel::<Receiver<Request>>(1).unwrap();
        let (requests, receiver) = channel::<Request>(3).unwrap();
        let (answers, answer) = channel(1).unwrap();
        let held = Event::new().unwrap();
        let holder = spawn(hold_outer, (outer_receiver, held.clone())).unwrap();
        requests.send((1, answers)).unwrap();
        outer.send(receiver).unwrap();
        held.wait().unwrap();
        holder.kill().unwrap();
        assert_eq!(wait_for_answer(answer), ErrorKind::Disconnected);
        let (answers, answer) = channel(1).unwrap();
        assert_eq!(requests.send((2, answers)).unwrap_err().kind(), ErrorKind::Disconnected);
        assert_eq!(wait_for_answer(answer), ErrorKind::Disconnected);
        holder.join().unwrap_err();
    }
}

/// Senders that go on while the receiver dies: nothing of what they send stays.
#[test]
fn what_is_sent_while_the_receiver_dies_is_dropped() {
    let _watchdog = support::watchdog(120);
    for round in 0..20 {
        let (requests, receiver) = channel::<Request>(1000).unwrap();
        let held = Event::new().unwrap();
        let server = spawn(serve_nobody, (receiver, held.clone())).unwrap();
        held.wait().unwrap();
        let send = move |requests: Sender<Request>, count: u32| {
            let mut waiting = Vec::new();
            for number in 0..count {
                let (answers, answer) = channel(1).unwrap();
                if requests.send((number, answers)).is_err() {
                    break;
                }
                waiting.push(answer);
            }
            let kinds = waiting.into_iter().map(wait_for_answer);
            kinds.filter(|&kind| kind != ErrorKind::Disconnected).count()
        };
        let client = spawn(send, (requests.clone(), 200)).unwrap();
        let mine = thread::spawn(move || send(requests, 20 * round));
        server.kill().unwrap();
        assert_eq!((client.join().unwrap(), mine.join().unwrap()), (0, 0));
        server.join().unwrap_err();
    }
}

type LargeRequest = (Sender<u32>, Vec<u8>);

/// Goes as the last receiver when it cannot look at what lies in the channel, and does nothing more.
fn leave_without_descriptors(requests: Receiver<LargeRequest>, ready: Barrier) {
    ready.wait().unwrap();
    ready.wait().unwrap();
    let none = no_descriptors();
    drop(requests);
    drop(none);
    ready.wait().unwrap();
    loop {
        thread::park();
    }
}

/// Whoever waits for an answer finds by itself that nobody has the request, where who dropped it could not see to it.
#[test]
fn a_request_that_could_not_be_dropped_keeps_nobody_waiting() {
    let _watchdog = support::watchdog(60);
    let (requests, receiver) = channel(2).unwrap();
    let (answer, answers) = channel(1).unwrap();
    let ready = Barrier::new(2).unwrap();
    let other = spawn(leave_without_descriptors, (receiver, ready.clone())).unwrap();
    ready.wait().unwrap();
    requests.send((answer, vec![0; 3 << 20])).unwrap();
    ready.wait().unwrap();
    ready.wait().unwrap();
    assert_eq!(answers.recv().unwrap_err().kind(), ErrorKind::Disconnected);
    other.kill().unwrap();
    other.join().unwrap_err();
}

/// A thread for which there is no room in the segment drops the last sender: whoever waits finds out all the same.
#[test]
fn an_end_that_is_dropped_without_a_slot_is_gone() {
    const NAME: &str = "an_end_that_is_dropped_without_a_slot_is_gone";
    if std::env::var_os("MULTIPROC_PARTICIPANTS").is_none() {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args([NAME, "--exact"]).env("MULTIPROC_PARTICIPANTS", "2");
        // Nobody rings for such a thread: the end of a slice is what this is about.
        again.env_remove("MULTIPROC_SLICE_MS");
        assert!(again.status().unwrap().success());
        return;
    }
    let _watchdog = support::watchdog(20);
    let (sender, receiver) = channel::<u32>(1).unwrap();
    let (begun, begins) = std::sync::mpsc::channel();
    let waiter = thread::spawn(move || {
        receiver.try_recv().unwrap_err();
        begun.send(watching::own_thread()).unwrap();
        receiver.recv().unwrap_err().kind()
    });
    let waiting = begins.recv().unwrap();
    until(|| watching::thread_sleeps(&waiting));
    let slotless = thread::spawn(move || {
        assert_eq!(sender.send(1).unwrap_err().kind(), ErrorKind::TooMany);
        drop(sender);
    });
    slotless.join().unwrap();
    assert_eq!(waiter.join().unwrap(), ErrorKind::Disconnected);
}

/// Has all requests, and does none.
fn hold_requests(requests: JoinableQueue<Sender<u32>>, count: usize, ready: Barrier) {
    let mut held = Vec::new();
    while held.len() < count {
        let more = count - held.len();
        requests.recv_into(&mut held, more).unwrap();
    }
    ready.wait().unwrap();
    loop {
        thread::park();
    }
}

/// What a dead worker has of a queue that was shut down comes back to nobody: who waits for its answer is told, whether the worker dies before the end or later, and however much it has.
#[test]
fn what_a_dead_worker_has_of_a_queue_that_was_shut_down_is_dropped() {
    let _watchdog = support::watchdog(60);
    for (count, dies_first) in [(1, false), (1, true), (2500, true)] {
        let requests = JoinableQueue::new(count).unwrap();
        let (answer, answers) = channel(1).unwrap();
        let ready = Barrier::new(2).unwrap();
        let worker = spawn(hold_requests, (requests.clone(), count, ready.clone())).unwrap();
        requests.send_all(std::iter::repeat_with(|| answer.clone()).take(count)).unwrap();
        drop(answer);
        ready.wait().unwrap();
        if dies_first {
            worker.kill().unwrap();
            worker.join().unwrap_err();
            requests.shut_down().unwrap();
        } else {
            requests.shut_down().unwrap();
            worker.kill().unwrap();
            worker.join().unwrap_err();
        }
        assert_eq!(answers.recv().unwrap_err().kind(), ErrorKind::Disconnected, "{count}");
    }
}

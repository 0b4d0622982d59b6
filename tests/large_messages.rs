//! Messages that have memory of their own: they arrive whole, their memory is used again, it is not more than is said, and it goes back.

mod support;

#[path = "support/mounted.rs"]
mod mounted;

use mounted::{in_small_file_system, mounted};
use multiproc::{Array, Barrier, Connection, Pipe, Queue, Segment, Value, spawn};
use serde_bytes::ByteBuf;
use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};
use support::{shared_objects, watchdog};

multiproc::test_support!();

const MIB: usize = 1 << 20;
/// What a process keeps at the most.
const KEPT: usize = 32 * MIB;

/// All tests look at the one session.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The session's objects of this size or more, and how many bytes they are.
fn large(least: usize) -> (BTreeSet<String>, usize) {
    let session = Segment::session().unwrap().name().to_owned();
    let size = |name: &String| {
        let data = fs::metadata(format!("/dev/shm/{name}")).ok()?;
        (data.len() as usize >= least).then_some((name.clone(), data.len() as usize))
    };
    let (names, sizes): (_, Vec<_>) = shared_objects(&session).iter().filter_map(size).unzip();
    (names, sizes.iter().sum())
}

/// After a death: sweeps until nothing large is left, not even what is kept for the next message.
fn wait_until_nothing_is_kept() {
    while !large(2 * MIB).0.is_empty() {
        drop(Array::<u8>::zeroed(2 * MIB).unwrap());
    }
}

fn echo(connection: Connection) {
    while let Ok(bytes) = connection.recv_bytes() {
        connection.send_bytes(&bytes).unwrap();
    }
}

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| ((at * 31 + seed * 7) >> 3) as u8).collect()
}

/// Every size, in memory that others have used; handles in it too.
#[test]
fn messages_arrive_whole() {
    let _watchdog = watchdog(120);
    let _alone = alone();
    let (ours, theirs) = Pipe::new().unwrap();
    let child = spawn(echo, (theirs,)).unwrap();
    let edges =
        [1024, 4096, 65536, MIB, 2 * MIB].map(|edge| [edge - 65, edge - 8, edge, edge + 57]);
    let sizes = [0, 1, 7, 9].into_iter().chain(edges.into_iter().flatten());
    let sizes: Vec<_> = sizes.collect();
    for (seed, &size) in sizes.iter().chain(sizes.iter().rev()).enumerate() {
        let sent = pattern(size, seed);
        ours.send_bytes(&sent).unwrap();
        assert!(ours.recv_bytes().unwrap() == sent, "{size} bytes");
    }
    drop(ours);
    child.join().unwrap();

    let queue = Queue::<(ByteBuf, Vec<Value<u32>>)>::new(2).unwrap();
    for (seed, handles) in [1, 300, 0, 5, 300, 2].into_iter().enumerate() {
        let sent = pattern(3 * MIB - seed, seed);
        let values = (0..handles).map(|number| Value::new(number).unwrap()).collect();
        queue.send((ByteBuf::from(sent.clone()), values)).unwrap();
        let (bytes, values) = queue.recv().unwrap();
        assert!(*bytes == sent && values.len() == handles as usize);
        assert!((0..handles).eq(values.iter().map(|value| value.get().unwrap())));
    }
}

/// Receives two messages at once and answers both at once, then goes on one by one.
fn echo_pair_first(connection: Connection, turn: Barrier) {
    turn.wait().unwrap();
    let pair = [(); 2].map(|()| connection.recv_bytes().unwrap());
    pair.iter().for_each(|bytes| connection.send_bytes(bytes).unwrap());
    turn.wait().unwrap();
    echo(connection);
}

/// A message may be received and dropped before its sender has let go of it: then the answer needs a second member. So the pair comes first, after which each process knows two.
#[test]
fn steady_traffic_takes_no_more() {
    let _watchdog = watchdog(60);
    let _alone = alone();
    let (ours, theirs) = Pipe::new().unwrap();
    let turn = Barrier::new(2).unwrap();
    let child = spawn(echo_pair_first, (theirs, turn.clone())).unwrap();
    let message = pattern(3 * MIB, 1);
    (0..2).for_each(|_| ours.send_bytes(&message).unwrap());
    // It receives now, and has answered then.
    for _ in 0..2 {
        turn.wait().unwrap();
    }
    (0..2).for_each(|_| assert_eq!(ours.recv_bytes().unwrap().len(), message.len()));
    let exchange = || {
        ours.send_bytes(&message).unwrap();
        assert_eq!(ours.recv_bytes().unwrap().len(), message.len());
    };
    (0..5).for_each(|_| exchange());
    let before = large(3 * MIB).0;
    (0..50).for_each(|_| exchange());
    assert_eq!(large(3 * MIB).0, before, "members were made anew");
    drop(ours);
    child.join().unwrap();
}

/// More messages at once than is kept: when all are received, the rest has gone. What was kept goes when a process ends.
#[test]
fn what_is_kept_is_bounded() {
    let _watchdog = watchdog(60);
    let _alone = alone();
    let several = || {
        let others = large(3 * MIB).1;
        let queue = Queue::<ByteBuf>::new(14).unwrap();
        let message = pattern(3 * MIB, 2);
        for _ in 0..2 {
            (0..14).for_each(|_| queue.send(ByteBuf::from(message.clone())).unwrap());
            assert!(large(3 * MIB).1 > KEPT);
            (0..14).for_each(|_| assert!(*queue.recv().unwrap() == message));
        }
        let kept = large(3 * MIB).1 - others;
        assert!((MIB..=KEPT + MIB).contains(&kept), "{kept} bytes are kept");
    };
    // So that nobody keeps any yet.
    assert!(spawn(|| -> () { std::process::abort() }, ()).unwrap().join().is_err());
    wait_until_nothing_is_kept();
    several();
    // Too large to be kept at all.
    let queue = Queue::<ByteBuf>::new(1).unwrap();
    queue.send(ByteBuf::from(vec![1; KEPT + 1])).unwrap();
    assert_eq!(queue.recv().unwrap().len(), KEPT + 1);
    assert!(large(KEPT).0.is_empty());
    spawn(several, ()).unwrap().join().unwrap();
    wait_until_nothing_is_kept();
}

/// Who keeps memory, takes it, or takes it away, dies.
#[cfg(debug_assertions)]
#[test]
fn the_dead_keep_nothing() {
    let _watchdog = watchdog(120);
    let _alone = alone();
    let traffic = |step: String, nth: u32| -> () {
        let queue = Queue::<ByteBuf>::new(12).unwrap();
        multiproc::__private::die_at(&step, nth);
        for _ in 0..2 {
            (0..12).for_each(|_| queue.send(ByteBuf::from(vec![3; 3 * MIB])).unwrap());
            (0..12).for_each(|_| assert_eq!(queue.recv().unwrap().len(), 3 * MIB));
        }
        std::process::abort();
    };
    let steps = [
        "spare.claimed",
        "alloc.claimed",
        "alloc.pinned",
        "alloc.live",
        "parcel.unlisted",
        "unpin.cleared",
        "free.dying",
        "free.freed",
        "free.listed",
        "member.emptied",
        "member.retiring",
        "member.unlinked",
        "member.live",
        "none",
    ];
    for step in steps {
        for nth in [1, 5] {
            assert!(spawn(traffic, (step.to_owned(), nth)).unwrap().join().is_err(), "{step}");
            wait_until_nothing_is_kept();
        }
    }
}

/// What is kept does not stand in the way of others, although another process has it mapped.
#[test]
fn what_is_kept_is_given_back_where_there_is_no_room() {
    const NAME: &str = "what_is_kept_is_given_back_where_there_is_no_room";
    let _watchdog = watchdog(60);
    let _alone = alone();
    let Some(_) = mounted() else {
        return in_small_file_system(NAME, "40m", Path::new("/dev/shm"));
    };
    let (ours, theirs) = Pipe::new().unwrap();
    let child = spawn(echo, (theirs,)).unwrap();
    for _ in 0..3 {
        let message = pattern(12 * MIB, 3);
        ours.send_bytes(&message).unwrap();
        assert!(ours.recv_bytes().unwrap() == message);
        drop(Array::<u8>::zeroed(30 * MIB).unwrap());
    }
    drop(ours);
    child.join().unwrap();
}

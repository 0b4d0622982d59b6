//! Processes that go on after their session has lost its name, as those do that outlive who made it: they cannot map what they have not mapped, and must not take it for gone.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{Array, ErrorKind, Event, Queue, Sender, Value, channel, spawn};
use std::{
    fs,
    sync::{Mutex, PoisonError},
    thread,
};
use support::{shared_objects, watchdog};

multiproc::test_support!();

/// What lies in a session after as many small objects lies in another member than those before them.
const MANY: usize = 2000;

/// One test after the other: each takes the session's names away.
static ALONE: Mutex<()> = Mutex::new(());

fn unlink_the_session() {
    let mine = format!("-{}-", std::process::id());
    for name in shared_objects("multiproc-") {
        if name.contains(&mine) {
            fs::remove_file(format!("/dev/shm/{name}")).unwrap();
        }
    }
}

fn hold_sender(_sender: Sender<u32>, held: Event) {
    held.set().unwrap();
    loop {
        thread::park();
    }
}

/// Sweeps when it is told.
fn sweep(here: Event, go: Event, swept: Event) {
    here.set().unwrap();
    go.wait().unwrap();
    // There is no more room, but first it looks for what the dead have left.
    let _ = Array::<u8>::zeroed(2 << 20);
    swept.set().unwrap();
}

/// Keeps a value until it is told.
fn keep(value: Value<u64>, here: Event, go: Event, dropped: Event) {
    here.set().unwrap();
    go.wait().unwrap();
    drop(value);
    dropped.set().unwrap();
}

/// In a process whose session this is alone.
fn in_a_session_of_its_own(test: &str, body: impl FnOnce()) {
    if std::env::var_os("UNLINKED_SESSION_OF").is_some() {
        return body();
    }
    let _watchdog = watchdog(120);
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env("UNLINKED_SESSION_OF", test)
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn who_cannot_see_all_forgets_nobody_who_died() {
    in_a_session_of_its_own("who_cannot_see_all_forgets_nobody_who_died", || {
        let _watchdog = watchdog(60);
        let [here, go, swept, held] = std::array::from_fn(|_| Event::new().unwrap());
        let sweeper = spawn(sweep, (here.clone(), go.clone(), swept.clone())).unwrap();
        here.wait().unwrap();
        let between: Vec<_> = (0..MANY).map(|_| Value::new(0_u8).unwrap()).collect();
        let (sender, receiver) = channel(2).unwrap();
        let holder = spawn(hold_sender, (sender.clone(), held.clone())).unwrap();
        held.wait().unwrap();
        drop(sender);
        unlink_the_session();
        holder.kill().unwrap();
        holder.join().unwrap_err();
        go.set().unwrap();
        swept.wait().unwrap();
        assert_eq!(receiver.recv().unwrap_err().kind(), ErrorKind::Disconnected);
        drop(between);
        // It has no room for its result, and nobody here has mapped what it has.
        drop(sweeper.join());
    });
}

#[test]
fn what_is_listed_where_somebody_cannot_look_is_kept() {
    in_a_session_of_its_own("what_is_listed_where_somebody_cannot_look_is_kept", || {
        let _watchdog = watchdog(60);
        let [here, go, dropped] = std::array::from_fn(|_| Event::new().unwrap());
        let value = Value::new(7_u64).unwrap();
        let keeper =
            spawn(keep, (value.clone(), here.clone(), go.clone(), dropped.clone())).unwrap();
        here.wait().unwrap();
        let queue = Queue::new(2).unwrap();
        queue.send((value, vec![0_u8; 5000])).unwrap();
        unlink_the_session();
        go.set().unwrap();
        dropped.wait().unwrap();
        assert_eq!(queue.recv().unwrap().0.get().unwrap(), 7);
        drop(keeper.join());
    });
}

//! Deaths at steps that need somebody else at just that moment: a sleeper, a contender, a corpse. Nobody new arrives: the survivors have begun to wait
//! before the death.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.
#![cfg(debug_assertions)]

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    __private::die_at, Array, Atomic, Lock, LockError, Ordering, Process, ProcessError, Value,
    spawn,
};
use serde::{Deserialize, Deserializer, Serialize};
use std::{thread, time::Duration};
use support::{wait_until_nothing_large_is_left, watchdog};
use watching::{sleeps, until};

multiproc::test_support!();

/// A step at which a process is to die; `None` for a survivor.
type Fate = Option<&'static str>;

fn arm(step: &str) {
    if !step.is_empty() {
        die_at(step, 1);
    }
}

/// A contender: says that it begins, takes the lock, gives it back.
fn contend(step: String, lock: Lock, begun: Atomic<u32>, wait: Option<Duration>) {
    // The first registration is over before anything is armed.
    drop(Value::new(0_u8).unwrap());
    arm(&step);
    begun.fetch_add(1, Ordering::SeqCst);
    let taken = wait.map_or_else(|| lock.lock(), |time| lock.lock_timeout(time));
    match taken {
        Ok(_) | Err(LockError::TimedOut) => {}
        Err(error) => error.into_guard().unwrap().clear_poison(),
    }
}

fn contender(fate: Fate, lock: &Lock, begun: &Atomic<u32>, wait: Option<Duration>) -> Process<()> {
    let before = begun.load(Ordering::SeqCst);
    let args = (fate.unwrap_or_default().to_owned(), lock.clone(), begun.clone(), wait);
    let process = spawn(contend, args).unwrap();
    until(|| begun.load(Ordering::SeqCst) > before && sleeps(&process));
    process
}

/// The one that had a fate was killed by it, where it came to it; the others went on.
fn survivors(processes: Vec<(Fate, Process<()>)>) -> bool {
    let mut died = false;
    for (fate, process) in processes {
        match process.join() {
            Err(ProcessError::Signalled { signal: 9, .. }) if fate.is_some() => died = true,
            ended => ended.unwrap(),
        }
    }
    died
}

#[test]
fn a_sleeper_of_a_lock_dies_at_each_step() {
    let _watchdog = watchdog(180);
    for step in ["lock.sleep", "lock.woken", "lock.taken", "lock.released"] {
        let mut died = 0;
        for position in 0..3 {
            let (lock, begun) = (Lock::new().unwrap(), Atomic::new(0_u32).unwrap());
            let held = lock.lock().unwrap();
            let fates = (0..3).map(|index| (index == position).then_some(step));
            let waiting = fates.map(|fate| (fate, contender(fate, &lock, &begun, None))).collect();
            drop(held);
            died += u32::from(survivors(waiting));
            drop(lock.lock().or_else(LockError::into_guard).unwrap());
        }
        assert!(died > 0, "nobody came to {step}");
    }
}

#[test]
fn a_holder_dies_while_it_gives_back() {
    let _watchdog = watchdog(60);
    for sleepers in [1, 4] {
        let (lock, begun) = (Lock::new().unwrap(), Atomic::new(0_u32).unwrap());
        let go = Lock::new().unwrap();
        let closed = go.lock().unwrap();
        let give_back = |lock: Lock, go: Lock, begun: Atomic<u32>| {
            let held = lock.lock().unwrap();
            begun.fetch_add(1, Ordering::SeqCst);
            drop(go.lock().unwrap());
            die_at("lock.released", 1);
            drop(held);
        };
        let holder = spawn(give_back, (lock.clone(), go.clone(), begun.clone())).unwrap();
        until(|| begun.load(Ordering::SeqCst) == 1);
        let waiting = (0..sleepers).map(|_| (None, contender(None, &lock, &begun, None))).collect();
        drop(closed);
        assert!(holder.join().is_err());
        assert!(!survivors(waiting));
    }
}

#[test]
fn one_whose_time_is_up_dies() {
    let _watchdog = watchdog(60);
    let (lock, begun) = (Lock::new().unwrap(), Atomic::new(0_u32).unwrap());
    let held = lock.lock().unwrap();
    let time = Some(Duration::from_millis(50));
    let late = contender(Some("lock.late"), &lock, &begun, time);
    let patient = contender(None, &lock, &begun, None);
    assert!(late.join().is_err());
    drop(held);
    patient.join().unwrap();
}

/// A borrower: reads or writes for a moment.
fn borrow(step: String, field: Array<u32>, begun: Atomic<u32>, writes: bool) {
    drop(Value::new(0_u8).unwrap());
    arm(&step);
    begun.fetch_add(1, Ordering::SeqCst);
    if writes {
        let guard = field.write().or_else(LockError::into_guard).unwrap();
        guard.clear_poison();
    } else {
        drop(field.read().or_else(LockError::into_guard).unwrap());
    }
}

fn borrower(fate: Fate, field: &Array<u32>, begun: &Atomic<u32>, writes: bool) -> Process<()> {
    let before = begun.load(Ordering::SeqCst);
    let args = (fate.unwrap_or_default().to_owned(), field.clone(), begun.clone(), writes);
    let process = spawn(borrow, args).unwrap();
    until(|| begun.load(Ordering::SeqCst) > before && sleeps(&process));
    process
}

#[test]
fn one_that_waits_for_readers_dies_at_each_step() {
    let _watchdog = watchdog(120);
    for step in
        ["borrow.write.word", "borrow.cells.sleep", "borrow.cells.woken", "borrow.write.begun"]
    {
        for others_write in [false, true] {
            let (field, begun) = (Array::zeroed(4).unwrap(), Atomic::new(0_u32).unwrap());
            let read = field.read().unwrap();
            let mut waiting = vec![(Some(step), borrower(Some(step), &field, &begun, true))];
            for _ in 0..2 {
                waiting.push((None, borrower(None, &field, &begun, others_write)));
            }
            drop(read);
            assert!(survivors(waiting), "nobody came to {step}");
            drop(field.write().or_else(LockError::into_guard).unwrap());
        }
    }
}

#[test]
fn a_reader_dies_while_it_rings() {
    let _watchdog = watchdog(60);
    for step in ["borrow.cells.counted", "borrow.cells.cleared"] {
        let (field, begun) = (Array::<u32>::zeroed(4).unwrap(), Atomic::new(0_u32).unwrap());
        let go = Lock::new().unwrap();
        let closed = go.lock().unwrap();
        let read = |step: String, field: Array<u32>, go: Lock, begun: Atomic<u32>| {
            let read = field.read().unwrap();
            begun.fetch_add(1, Ordering::SeqCst);
            drop(go.lock().unwrap());
            arm(&step);
            drop(read);
        };
        let args = (step.to_owned(), field.clone(), go.clone(), begun.clone());
        let reader = spawn(read, args).unwrap();
        until(|| begun.load(Ordering::SeqCst) == 1);
        let writer = borrower(None, &field, &begun, true);
        let second = borrower(None, &field, &begun, true);
        drop(closed);
        assert!(reader.join().is_err(), "{step}");
        writer.join().unwrap();
        second.join().unwrap();
    }
}

/// A writer dies, and then its heir while it settles.
#[test]
fn an_heir_dies_too() {
    let _watchdog = watchdog(60);
    let mut died = 0;
    // Once for each survivor, and on until somebody came to the step: who is first is not ours to say.
    for round in 0.. {
        let position = round % 3;
        let (field, begun) = (Array::zeroed(4).unwrap(), Atomic::new(0_u32).unwrap());
        let keep = |field: Array<u32>, begun: Atomic<u32>| -> () {
            let _held = field.write().unwrap();
            begun.fetch_add(1, Ordering::SeqCst);
            loop {
                thread::park();
            }
        };
        let writer = spawn(keep, (field.clone(), begun.clone())).unwrap();
        until(|| begun.load(Ordering::SeqCst) == 1);
        let fates = (0..3).map(|index| (index != position).then_some("borrow.settled"));
        let waiting = fates.map(|fate| (fate, borrower(fate, &field, &begun, false))).collect();
        writer.kill().unwrap();
        assert!(writer.join().is_err());
        died += u32::from(survivors(waiting));
        assert!(field.is_poisoned());
        if round >= 2 && died > 0 {
            break;
        }
    }
}

/// A corpse's pins are swept by one that dies while it sweeps, and then by another.
/// For tests that look at all large objects of the session.
static LARGE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn a_sweeper_dies() {
    let _watchdog = watchdog(60);
    let _alone = LARGE.lock();
    let leave = || -> () {
        let kept: Vec<_> = (0..10).map(|n| Value::new(n).unwrap()).collect();
        let large = Array::<u8>::zeroed(3 << 20).unwrap();
        std::hint::black_box((&kept, &large));
        std::process::abort()
    };
    let sweep = |step: String| {
        drop(Value::new(0_u8).unwrap());
        arm(&step);
        drop(Array::<u8>::zeroed(2 << 20).unwrap());
    };
    for step in
        ["sweep.freed", "sweep.member", "member.emptied", "member.retiring", "member.unlinked"]
    {
        // So that free entries lie before those that the dead had.
        let before: Vec<_> = (0..4).map(|_| Array::<u8>::zeroed(2 << 20).unwrap()).collect();
        // Its record is not taken by the sweeper before it sweeps: two corpses.
        for _ in 0..2 {
            assert!(spawn(leave, ()).unwrap().join().is_err());
        }
        let _ = spawn(sweep, (step.to_owned(),)).unwrap().join();
        drop(before);
        wait_until_nothing_large_is_left();
    }
}

/// Who makes or drops a large object dies at each step of it; whoever needs room next finds what is left.
#[test]
fn nothing_is_lost_between_use_and_freedom() {
    let _watchdog = watchdog(120);
    let _alone = LARGE.lock();
    let make_and_drop = |step: String| {
        drop(Value::new(0_u8).unwrap());
        arm(&step);
        drop(Array::<u8>::zeroed(3 << 20).unwrap());
    };
    let steps = [
        "member.claimed",
        "member.created",
        "member.reserved",
        "member.made",
        "member.live",
        "alloc.claimed",
        "alloc.prepared",
        "alloc.pinned",
        "alloc.live",
        "unpin.begin",
        "unpin.cleared",
        "free.dying",
        "free.freed",
        "free.listed",
        "member.emptied",
        "member.retiring",
        "member.unlinked",
    ];
    for step in steps {
        let before: Vec<_> = (0..4).map(|_| Array::<u8>::zeroed(2 << 20).unwrap()).collect();
        assert!(spawn(make_and_drop, (step.to_owned(),)).unwrap().join().is_err(), "{step}");
        drop(before);
        wait_until_nothing_large_is_left();
    }
}

/// An argument that arms a step when it is decoded: before the function is called.
#[derive(Serialize)]
struct Arms(String);

impl<'de> Deserialize<'de> for Arms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let step = String::deserialize(deserializer)?;
        die_at(&step, 1);
        Ok(Self(step))
    }
}

#[test]
fn a_worker_dies_around_the_call() {
    let _watchdog = watchdog(60);
    let run = |step: &str| {
        let value = Value::new(7_u64).unwrap();
        let process = spawn(|_: Arms, value: Value<u64>| value, (Arms(step.to_owned()), value));
        process.unwrap().join()
    };
    for step in ["call.decoded", "call.arrived", "call.listed", "call.outcome"] {
        assert!(matches!(run(step), Err(ProcessError::Signalled { signal: 9, .. })), "{step}");
    }
    // Once the result is there it counts, whatever happens to the worker.
    assert_eq!(run("call.finished").unwrap().get().unwrap(), 7);
    // Where it drops its own handles; or before, where it sweeps what another test's worker has left.
    match run("free.revived") {
        Ok(value) => assert_eq!(value.get().unwrap(), 7),
        Err(error) => assert!(matches!(error, ProcessError::Signalled { signal: 9, .. })),
    }
}

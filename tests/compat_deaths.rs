//! Deaths of those who have, want or wait for a `compat::Mutex`, with nobody new arriving.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.
#![cfg(all(feature = "raw-sync", debug_assertions))]

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    __private::die_at, Array, Atomic, Error, ErrorKind, Ordering, Process, ProcessError,
    compat::Mutex, spawn,
};
use raw_sync::{
    Timeout,
    locks::{LockGuard, LockImpl, LockInit},
};
use std::{thread, time::Duration};
use support::watchdog;
use watching::{sleeps, until};

multiproc::test_support!();

/// Shared memory that is used through its address: large enough that it stays where it is, and nobody takes a borrow meanwhile.
type Memory = Array<u64>;

fn address(memory: &Memory) -> *mut u8 {
    memory.write().unwrap().as_mut_ptr().cast()
}

fn make_lock() -> (Memory, Box<dyn LockImpl>) {
    let memory = Memory::zeroed(64).unwrap();
    // SAFETY: the array has room for a mutex, and nobody else uses it yet.
    let made = unsafe { Mutex::new(address(&memory), address(&memory).wrapping_add(256)) };
    let lock = made.unwrap().0;
    (memory, lock)
}

fn open_lock(memory: &Memory) -> Box<dyn LockImpl> {
    // SAFETY: `make_lock` made it there.
    unsafe { Mutex::from_existing(address(memory), address(memory).wrapping_add(256)) }.unwrap().0
}

/// Takes it from the living or the dead, and says of how many it was told.
fn take(lock: &dyn LockImpl) -> (LockGuard<'_>, u32) {
    let mut told = 0;
    loop {
        match lock.lock() {
            Ok(guard) => return (guard, told),
            Err(error) => {
                let error = error.downcast_ref::<Error>().unwrap();
                assert_eq!(error.kind(), ErrorKind::OwnerDied, "{error}");
                told += 1;
            }
        }
    }
}

/// A process that waits for the lock, has it for a moment, and says of how many deaths it was told. It may be told to die at a step.
fn sleeper(memory: &Memory, fate: Option<&'static str>) -> Process<u32> {
    let begun = Atomic::new(0_u32).unwrap();
    let wait = |memory: Memory, begun: Atomic<u32>, fate: String| {
        let lock = open_lock(&memory);
        if !fate.is_empty() {
            die_at(&fate, 1);
        }
        begun.store(1, Ordering::SeqCst);
        take(&*lock).1
    };
    let args = (memory.clone(), begun.clone(), fate.unwrap_or_default().to_owned());
    let process = spawn(wait, args).unwrap();
    until(|| begun.load(Ordering::SeqCst) == 1 && sleeps(&process));
    process
}

/// A process that has the lock until it is killed.
fn owner(memory: &Memory) -> Process<()> {
    let has = Atomic::new(0_u32).unwrap();
    let keep = |memory: Memory, has: Atomic<u32>| -> () {
        let lock = open_lock(&memory);
        let _held = take(&*lock).0;
        has.store(1, Ordering::SeqCst);
        loop {
            thread::park();
        }
    };
    let process = spawn(keep, (memory.clone(), has.clone())).unwrap();
    until(|| has.load(Ordering::SeqCst) == 1);
    process
}

fn was_killed<R: serde::de::DeserializeOwned>(process: Process<R>) -> bool {
    match process.join() {
        Err(ProcessError::Signalled { signal: 9, .. }) => true,
        ended => ended.map(drop).map(|()| false).unwrap(),
    }
}

/// Lets a thread (0: this one) run on the first processor only; an idle one gives way to every other.
fn place(thread: u32, idle: bool) {
    let thread = thread as libc::pid_t;
    let set = [1_u64; 1];
    // SAFETY: the set is read, and as long as said.
    let placed = unsafe { libc::sched_setaffinity(thread, 8, set.as_ptr().cast()) };
    let nothing = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameter is read only.
    let idles =
        !idle || unsafe { libc::sched_setscheduler(thread, libc::SCHED_IDLE, &nothing) } == 0;
    if placed != 0 || !idles {
        eprintln!("the schedule is left to luck: {}", std::io::Error::last_os_error());
    }
}

/// The ring goes to a sleeper that is killed before it runs; another may have the lock by then. It is the only ring that there was.
#[test]
fn the_woken_waiter_is_killed() {
    let _watchdog = watchdog(120);
    place(0, false);
    for taken in [false, true] {
        let mut was_faster = 0;
        let mut killed = 0;
        // It may have been faster than its death; not for ever.
        while killed < 10 {
            assert!(was_faster < 1000, "the first one was always faster than its death");
            let (memory, lock) = make_lock();
            let held = lock.lock().unwrap();
            let (first, second) = (sleeper(&memory, None), sleeper(&memory, None));
            // It gets the ring, as it slept first, and runs when this thread sleeps.
            place(first.pid(), true);
            drop(held);
            let held = taken.then(|| take(&*lock).0);
            first.kill().unwrap();
            let died = was_killed(first);
            killed += u32::from(died);
            was_faster += u32::from(!died);
            drop(held);
            second.join().unwrap();
        }
    }
}

#[test]
fn a_sleeper_dies_at_each_step() {
    let _watchdog = watchdog(180);
    for step in ["mutex.sleep", "mutex.taken", "mutex.marked"] {
        let mut died = 0;
        for position in 0..3 {
            let (memory, lock) = make_lock();
            let held = lock.lock().unwrap();
            let fates = (0..3).map(|index| (index == position).then_some(step));
            let waiting: Vec<_> = fates.map(|fate| sleeper(&memory, fate)).collect();
            drop(held);
            died += waiting.into_iter().map(|process| u32::from(was_killed(process))).sum::<u32>();
            drop(take(&*lock));
        }
        assert!(died > 0, "nobody came to {step}");
    }
}

/// The owner dies; then the heir, before or after it has counted that, or while it tells.
#[test]
fn an_heir_dies_too() {
    let _watchdog = watchdog(180);
    for step in ["mutex.taken", "mutex.marked", "mutex.told"] {
        let mut died = 0;
        for position in 0..3 {
            let (memory, lock) = make_lock();
            let owner = owner(&memory);
            let fates = (0..3).map(|index| (index != position).then_some(step));
            let waiting: Vec<_> = fates.map(|fate| (fate, sleeper(&memory, fate))).collect();
            owner.kill().unwrap();
            assert!(was_killed(owner));
            for (fate, process) in waiting {
                if fate.is_some() {
                    died += u32::from(was_killed(process));
                } else {
                    assert!(process.join().unwrap() > 0, "it was told of nobody");
                }
            }
            // Told once, of all of them.
            assert_eq!(take(&*lock).1, 1);
        }
        assert_eq!(died, 6, "{step}");
    }
}

/// One whose time is up has taken no ring with it.
#[test]
fn one_whose_time_is_up_leaves_the_others_their_ring() {
    let _watchdog = watchdog(60);
    let (memory, lock) = make_lock();
    let held = lock.lock().unwrap();
    let late = |memory: Memory| {
        let time = Timeout::Val(Duration::from_millis(30));
        open_lock(&memory).try_lock(time).map(drop).is_err()
    };
    let late = spawn(late, (memory.clone(),)).unwrap();
    let patient = sleeper(&memory, None);
    assert!(late.join().unwrap());
    drop(held);
    assert_eq!(patient.join().unwrap(), 0);
}

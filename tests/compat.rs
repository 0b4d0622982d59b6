//! The traits of `raw_sync` across processes, of which some are killed.
#![cfg(feature = "raw-sync")]

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    Array, Atomic, Error, ErrorKind, Ordering, compat,
    compat::{Event, Mutex},
    spawn,
};
use raw_sync::{
    Timeout,
    events::{EventImpl, EventInit, EventState},
    locks::{LockImpl, LockInit},
};
use std::{
    thread,
    time::{Duration, Instant},
};
use support::watchdog;
use watching::until;

multiproc::test_support!();

/// Shared memory that is used through its address: a large array, which stays where it is, and of which nobody takes a borrow meanwhile.
type Memory = Array<u64>;

fn memory() -> Memory {
    Memory::zeroed(64).unwrap()
}

fn address(memory: &Memory) -> *mut u8 {
    memory.write().unwrap().as_mut_ptr().cast()
}

fn make_lock(memory: &Memory) -> Box<dyn LockImpl> {
    // SAFETY: the array has room for a mutex, and nobody else uses it yet.
    unsafe { Mutex::new(address(memory), address(memory).wrapping_add(256)) }.unwrap().0
}

fn open_lock(memory: &Memory) -> Box<dyn LockImpl> {
    // SAFETY: `make_lock` made it there.
    unsafe { Mutex::from_existing(address(memory), address(memory).wrapping_add(256)) }.unwrap().0
}

fn open_event(memory: &Memory) -> Box<dyn EventImpl> {
    // SAFETY: an event was made there.
    unsafe { Event::from_existing(address(memory)) }.unwrap().0
}

fn make_event(memory: &Memory, auto: bool) -> Box<dyn EventImpl> {
    // SAFETY: the array has room for an event, and nobody else uses it yet.
    unsafe { Event::new(address(memory), auto) }.unwrap().0
}

fn kind(error: &(dyn std::error::Error + 'static)) -> ErrorKind {
    error.downcast_ref::<Error>().unwrap().kind()
}

/// Written for `raw_sync`: it knows the traits only.
fn count(lock: &dyn LockImpl, times: u32) {
    for _ in 0..times {
        let guard = lock.lock().unwrap();
        let number: *mut u64 = guard.cast();
        // SAFETY: the data lies behind the lock, and the lock is held.
        unsafe { *number += 1 };
    }
}

#[test]
fn nothing_is_lost_under_the_lock() {
    let _watchdog = watchdog(60);
    let memory = memory();
    let lock = make_lock(&memory);
    let worker = |memory: Memory| count(&*open_lock(&memory), 20_000);
    let workers: Vec<_> = (0..4).map(|_| spawn(worker, (memory.clone(),)).unwrap()).collect();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    count(&*lock, 1);
    assert_eq!(memory.get(32).unwrap(), 80_001);
}

#[test]
fn a_killed_owner_is_told_once_to_each_lock_object() {
    let _watchdog = watchdog(60);
    let (memory, held) = (memory(), Atomic::new(0_u32).unwrap());
    let lock = make_lock(&memory);
    let hold = |memory: Memory, held: Atomic<u32>| -> () {
        let lock = open_lock(&memory);
        let _guard = lock.lock().unwrap();
        held.store(1, Ordering::SeqCst);
        loop {
            thread::park();
        }
    };
    let try_now = |lock: &dyn LockImpl| {
        lock.try_lock(Timeout::Val(Duration::ZERO)).map(drop).map_err(|error| kind(&*error))
    };
    for sleeper in [false, true] {
        held.store(0, Ordering::SeqCst);
        let owner = spawn(hold, (memory.clone(), held.clone())).unwrap();
        until(|| held.load(Ordering::SeqCst) == 1);
        let other = open_lock(&memory);
        assert_eq!(try_now(&*lock), Err(ErrorKind::TimedOut));
        let wait = |memory: Memory, held: Atomic<u32>| {
            let lock = open_lock(&memory);
            held.store(2, Ordering::SeqCst);
            let told = lock.lock().map(drop).map_err(|error| kind(&*error));
            drop(lock.lock().unwrap());
            told
        };
        let waiter = sleeper.then(|| spawn(wait, (memory.clone(), held.clone())).unwrap());
        until(|| held.load(Ordering::SeqCst) == 1 + u32::from(sleeper));
        owner.kill().unwrap();
        assert!(owner.join().is_err());
        if let Some(waiter) = waiter {
            assert_eq!(waiter.join().unwrap(), Err(ErrorKind::OwnerDied));
        }
        // Whoever has found it, the others hear of it too.
        for known in [&lock, &other] {
            assert_eq!(try_now(&**known), Err(ErrorKind::OwnerDied));
            assert_eq!(try_now(&**known), Ok(()));
        }
        // One that came later does not.
        assert_eq!(try_now(&*open_lock(&memory)), Ok(()));
    }
}

#[test]
fn what_is_no_lock_is_an_error() {
    let _watchdog = watchdog(60);
    let memory = memory();
    let found = || {
        // SAFETY: the memory is there, and nobody writes to it meanwhile.
        let opened = unsafe { Mutex::from_existing(address(&memory), address(&memory)) };
        opened.map(drop).map_err(|error| (kind(&*error), error.to_string()))
    };
    let (zeros, message) = found().unwrap_err();
    assert_eq!(zeros, ErrorKind::InvalidSegment);
    assert!(message.contains("zeros"), "{message}");
    // SAFETY: there is room for a lock.
    unsafe { raw_sync::locks::Mutex::new(address(&memory), address(&memory)) }.map(drop).unwrap();
    assert_eq!(found().unwrap_err().0, ErrorKind::InvalidSegment);
    memory.write().unwrap().fill(u64::MAX);
    assert_eq!(found().unwrap_err().0, ErrorKind::InvalidSegment);
    // Whatever was there before, it is a lock when it was made.
    drop(make_lock(&memory));
    assert_eq!(found(), Ok(()));
    // Of another C library: the word of its mutex is somewhere else.
    let before = memory.get(5).unwrap();
    memory.set(5, before ^ (4 << 32)).unwrap();
    assert_eq!(found().unwrap_err().0, ErrorKind::Incompatible);
}

#[test]
fn what_raw_sync_lets_happen_is_an_error() {
    let _watchdog = watchdog(60);
    let memory = memory();
    let lock = make_lock(&memory);
    assert!(lock.release().is_err(), "nobody has it");
    let guard = lock.lock().unwrap();
    assert_eq!(kind(&*lock.lock().map(drop).unwrap_err()), ErrorKind::Deadlock);
    // Times are kept, and not in the wall clock's way.
    let late = |memory: Memory| {
        let lock = open_lock(&memory);
        let start = Instant::now();
        let error = lock.try_lock(Timeout::Val(Duration::from_millis(810))).map(drop).unwrap_err();
        (kind(&*error), start.elapsed() >= Duration::from_millis(810))
    };
    let late = spawn(late, (memory.clone(),)).unwrap().join().unwrap();
    assert_eq!(late, (ErrorKind::TimedOut, true));
    let theirs = spawn(|memory: Memory| open_lock(&memory).release().is_err(), (memory.clone(),));
    assert!(theirs.unwrap().join().unwrap());
    drop(guard);
    drop(lock.rlock().unwrap());
    assert!(!lock.as_raw().is_null());
    assert_eq!(Mutex::size_of(Some(lock.as_raw().cast())), Mutex::size_of(None));
}

#[test]
fn an_event_releases_one_or_all() {
    let _watchdog = watchdog(60);
    for auto in [false, true] {
        let (memory, woken) = (memory(), Atomic::new(0_u32).unwrap());
        let event = make_event(&memory, auto);
        let wait = |memory: Memory, woken: Atomic<u32>| {
            let event = open_event(&memory);
            woken.fetch_add(1, Ordering::SeqCst);
            event.wait(Timeout::Infinite).unwrap();
            woken.fetch_add(100, Ordering::SeqCst);
        };
        let waiters: Vec<_> =
            (0..3).map(|_| spawn(wait, (memory.clone(), woken.clone())).unwrap()).collect();
        until(|| woken.load(Ordering::SeqCst) == 3);
        if auto {
            for round in 1..=3 {
                event.set(EventState::Signaled).unwrap();
                until(|| woken.load(Ordering::SeqCst) == 3 + round * 100);
            }
        } else {
            // Cleared at once: those who waited go all the same. (Each of them waits, or has not begun: then it is signalled again.)
            until(|| {
                event.set(EventState::Signaled).unwrap();
                event.set(EventState::Clear).unwrap();
                woken.load(Ordering::SeqCst) == 303
            });
        }
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        let error = event.wait(Timeout::Val(Duration::from_millis(20))).unwrap_err();
        assert_eq!(kind(&*error), ErrorKind::TimedOut);
    }
}

/// With condition variables this hangs: a killed waiter is never forgotten.
#[test]
fn killed_waiters_take_no_signal_with_them() {
    let _watchdog = watchdog(120);
    for round in 0..30 {
        let (memory, woken) = (memory(), Atomic::new(0_u32).unwrap());
        let event = make_event(&memory, round % 2 == 0);
        let wait = |memory: Memory, woken: Atomic<u32>| {
            let event = open_event(&memory);
            woken.fetch_add(1, Ordering::SeqCst);
            event.wait(Timeout::Infinite).unwrap();
        };
        let waiters: Vec<_> =
            (0..3).map(|_| spawn(wait, (memory.clone(), woken.clone())).unwrap()).collect();
        until(|| woken.load(Ordering::SeqCst) == 3);
        // One signal: whoever it wakes of the two that die, the last one gets it, or the next signal.
        event.set(EventState::Signaled).unwrap();
        for victim in &waiters[..2] {
            victim.kill().unwrap();
        }
        let mut waiters = waiters.into_iter();
        for victim in waiters.by_ref().take(2) {
            // It may have taken the signal before it died.
            let _ = victim.join();
        }
        event.set(EventState::Signaled).unwrap();
        waiters.for_each(|last| last.join().unwrap());
    }
}

#[test]
fn what_is_no_event_is_an_error() {
    let memory = memory();
    // SAFETY: the memory is there; it holds no event.
    let error = unsafe { Event::from_existing(address(&memory)) }.map(drop).unwrap_err();
    assert_eq!(kind(&*error), ErrorKind::InvalidSegment);
    // The address need not be aligned.
    let (event, used) =
        // SAFETY: there is room.
        unsafe { Event::new(address(&memory).wrapping_add(1), false) }.unwrap();
    assert_eq!(used, Event::size_of(Some(address(&memory).wrapping_add(1))));
    assert!(used > compat::Event::size_of(None));
    event.set(EventState::Signaled).unwrap();
    event.wait(Timeout::Infinite).unwrap();
}

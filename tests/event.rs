//! `Event` across processes: EV01–EV05, EV08; EV06 and the deaths are in `tests/deaths.rs` and `tests/deaths_at_steps.rs`.

#[path = "support/quiet.rs"]
mod quiet;
mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{Atomic, ErrorKind, Event, Ordering, Process, ProcessError, Segment, Value, spawn};
use quiet::{SIGSYS, without_system_calls};
use std::{
    thread,
    time::{Duration, Instant},
};
use support::{clean, unique, watchdog};
use watching::{own_thread, sleeps, thread_sleeps, until};

multiproc::test_support!();

/// EV01: a wait without time looks; one with a time lasts it. EV04: Debug says which.
#[test]
fn an_event_that_is_not_set_is_waited_for_in_vain() {
    let _watchdog = watchdog(60);
    let event = Event::new().unwrap();
    assert!(!event.is_set() && !event.wait_timeout(Duration::ZERO).unwrap());
    let (start, time) = (Instant::now(), Duration::from_millis(60));
    assert!(!event.wait_timeout(time).unwrap());
    assert!(start.elapsed() >= time);
    assert!(format!("{event:?}").contains("set: false"), "{event:?}");
    event.set().unwrap();
    assert!(format!("{event:?}").contains("set: true"), "{event:?}");
}

/// EV02, EV05: set it is waited for at once; setting it twice and clearing it once clears it.
#[test]
fn an_event_that_is_set_is_not_waited_for() {
    let _watchdog = watchdog(60);
    let event = Event::new().unwrap();
    event.set().unwrap();
    event.set().unwrap();
    event.wait().unwrap();
    for time in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
        assert!(event.is_set() && event.wait_timeout(time).unwrap());
    }
    event.clear();
    assert!(!event.is_set() && !event.wait_timeout(Duration::ZERO).unwrap());
    event.clear();
    event.set().unwrap();
    assert!(event.is_set());
}

/// Waits for it, for ever in both ways, and says what it has seen.
fn wait_once(event: &Event, timed: bool, data: &Atomic<u64>) -> u64 {
    if timed {
        assert!(event.wait_timeout(Duration::MAX).unwrap());
    } else {
        event.wait().unwrap();
    }
    // What was done before it was set is seen.
    data.load(Ordering::Relaxed)
}

/// Processes that wait for it, asleep.
fn waiting(event: &Event, data: &Atomic<u64>) -> Vec<Process<u64>> {
    let ready = Atomic::new(0_u32).unwrap();
    let wait = |event: Event, timed: bool, data: Atomic<u64>, ready: Atomic<u32>| {
        ready.fetch_add(1, Ordering::SeqCst);
        wait_once(&event, timed, &data)
    };
    let args = |timed| (event.clone(), timed, data.clone(), ready.clone());
    let waiting: Vec<_> = [false, true].map(|timed| spawn(wait, args(timed)).unwrap()).into();
    until(|| ready.load(Ordering::SeqCst) == 2 && waiting.iter().all(sleeps));
    waiting
}

/// EV03: processes and threads wait until another process sets it, again after each time that it is cleared.
#[test]
fn who_waits_goes_on_when_another_process_sets_it() {
    let _watchdog = watchdog(60);
    let (event, data) = (Event::new().unwrap(), Atomic::new(0_u64).unwrap());
    for round in 1..=5 {
        let processes = waiting(&event, &data);
        thread::scope(|scope| {
            let threads = [false, true].map(|timed| {
                let (event, data) = (&event, &data);
                scope.spawn(move || wait_once(event, timed, data))
            });
            let set = |event: Event, data: Atomic<u64>, round: u64| {
                data.store(round, Ordering::Relaxed);
                event.set().unwrap();
            };
            spawn(set, (event.clone(), data.clone(), round)).unwrap().join().unwrap();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), round);
            }
        });
        for process in processes {
            assert_eq!(process.join().unwrap(), round);
        }
        event.clear();
    }
}

/// Who waited when it was set goes on, though it is cleared before they look.
#[test]
fn set_and_cleared_at_once_it_releases_all_who_waited() {
    let _watchdog = watchdog(120);
    let (event, data) = (Event::new().unwrap(), Atomic::new(0_u64).unwrap());
    for _ in 0..30 {
        let processes = waiting(&event, &data);
        thread::scope(|scope| {
            let (tell, names) = std::sync::mpsc::channel();
            let event = &event;
            let thread = scope.spawn(move || {
                tell.send(own_thread()).unwrap();
                event.wait().unwrap();
            });
            let name = names.recv().unwrap();
            until(|| thread_sleeps(&name));
            event.set().unwrap();
            event.clear();
            thread.join().unwrap();
        });
        processes.into_iter().for_each(|process| assert!(process.join().is_ok()));
        assert!(!event.is_set());
    }
}

/// Two play ball with two events, in two processes.
#[test]
fn events_go_to_and_fro() {
    let _watchdog = watchdog(60);
    let (ping, pong) = (Event::new().unwrap(), Event::new().unwrap());
    let count = Value::new(0_u64).unwrap();
    let play = |mine: Event, other: Event, count: Value<u64>| {
        for _ in 0..500 {
            mine.wait().unwrap();
            mine.clear();
            count.update(|n| n + 1).unwrap();
            other.set().unwrap();
        }
    };
    let other = spawn(play, (ping.clone(), pong.clone(), count.clone())).unwrap();
    ping.set().unwrap();
    play(pong, ping, count.clone());
    other.join().unwrap();
    assert_eq!(count.get().unwrap(), 1000);
}

/// EV08: setting from everywhere at once, and while others wait and clear, blocks nobody.
#[test]
fn everybody_sets_and_clears_at_once() {
    let _watchdog = watchdog(60);
    let event = Event::new().unwrap();
    let turn = |event: Event| {
        for _ in 0..2000 {
            event.set().unwrap();
            event.clear();
            event.wait_timeout(Duration::from_micros(10)).unwrap();
        }
    };
    let processes = [(); 2].map(|()| spawn(turn, (event.clone(),)).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| turn(event.clone()));
    });
    processes.into_iter().for_each(|process| process.join().unwrap());
    event.set().unwrap();
    event.wait().unwrap();
}

/// By name; as results; clones are the same event.
#[test]
fn handles_travel_and_are_published() {
    let name = unique("event");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let event = Event::new_in(&segment).unwrap();
        segment.publish("start", &event).unwrap();
        let find = |name: String| {
            let event = Segment::attach(&name).unwrap().open::<Event>("start").unwrap();
            event.set().unwrap();
            Event::new().unwrap()
        };
        let other = spawn(find, (name.clone(),)).unwrap().join().unwrap();
        let same = segment.open::<Event>("start").unwrap();
        assert!(event.is_set() && same.is_set() && !other.is_set());
        assert!(event.same_event(&same) && event.same_event(&event.clone()));
        assert!(!event.same_event(&other));
        let wrong = segment.open::<multiproc::Lock>("start").map(drop).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::WrongType);
    });
}

/// Setting, clearing and looking make no system call while nobody waits; with a waiter, setting makes one, and who is killed in it has released the waiter.
#[test]
fn without_waiters_it_makes_no_system_call() {
    let _watchdog = watchdog(60);
    let event = Event::new().unwrap();
    let set_quietly = |event: Event| {
        let other = Event::new().unwrap();
        // Its first sleep asks the kernel for the thread's robust list.
        let prepare = move || assert!(!other.wait_timeout(Duration::from_millis(1)).unwrap());
        without_system_calls(prepare, move || {
            for _ in 0..1000 {
                event.set().unwrap();
                event.set().unwrap();
                event.wait().unwrap();
                assert!(event.wait_timeout(Duration::MAX).unwrap());
                event.clear();
            }
            event.set().unwrap();
        });
    };
    spawn(set_quietly, (event.clone(),)).unwrap().join().unwrap();
    event.clear();
    let waiter = waiting(&event, &Atomic::new(0).unwrap());
    let error = spawn(set_quietly, (event.clone(),)).unwrap().join().unwrap_err();
    assert!(matches!(error, ProcessError::Signalled { signal: SIGSYS, .. }), "{error}");
    waiter.into_iter().for_each(|process| assert!(process.join().is_ok()));
}

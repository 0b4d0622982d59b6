//! A process dies at each step of a queue's operations, with nobody new arriving: the others go on, everything that was acknowledged is received, once, and nothing stays allocated.
//! QU27, rows 7, 8, 9, 15, 19.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.
#![cfg(debug_assertions)]

#[path = "support/numbered.rs"]
mod numbered;
mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    __private::die_at, Atomic, ErrorKind, Event, InPlace, Ordering, Process, ProcessError, Queue,
    Value, spawn,
};
use numbered::Numbered;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use support::{wait_until_nothing_large_is_left, watchdog};
use watching::{is_gone, sleeps, until};

multiproc::test_support!();

/// Large items are looked for in the whole session: one test at a time.
static LARGE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    LARGE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn arm(step: &str) {
    // The first registration is over before anything is armed.
    drop(Value::new(0_u8).unwrap());
    if !step.is_empty() {
        let (step, nth) = step.split_once(':').unwrap_or((step, "1"));
        die_at(step, nth.parse().unwrap());
    }
}

/// Whether it was killed by its fate, or what it says.
fn end<R: serde::de::DeserializeOwned + 'static>(process: Process<R>) -> Option<R> {
    match process.join() {
        Err(ProcessError::Signalled { signal: 9, .. }) => None,
        ended => Some(ended.unwrap()),
    }
}

/// Begun, and asleep or dead.
fn start<R>(begun: &Atomic<u32>, start: impl FnOnce() -> Process<R>) -> Process<R> {
    let before = begun.load(Ordering::SeqCst);
    let process = start();
    until(|| (begun.load(Ordering::SeqCst) > before && sleeps(&process)) || is_gone(&process));
    process
}

/// Says that it begins, and gets one item, or hears why not.
fn consumer(step: &str, queue: &Numbered, begun: &Atomic<u32>) -> Process<Result<u64, ErrorKind>> {
    let consume = |step: String, queue: Numbered, begun: Atomic<u32>| {
        arm(&step);
        begun.fetch_add(1, Ordering::SeqCst);
        queue.recv().map_err(|error| error.kind())
    };
    start(begun, || spawn(consume, (step.to_owned(), queue.clone(), begun.clone())).unwrap())
}

/// Says that it begins, and puts an item in.
fn producer(
    step: &str,
    queue: &Numbered,
    begun: &Atomic<u32>,
    number: u64,
) -> Process<Result<(), ErrorKind>> {
    let produce = |step: String, queue: Numbered, begun: Atomic<u32>, number: u64| {
        arm(&step);
        begun.fetch_add(1, Ordering::SeqCst);
        queue.send(number).map_err(|error| error.kind())
    };
    let args = (step.to_owned(), queue.clone(), begun.clone(), number);
    start(begun, || spawn(produce, args).unwrap())
}

/// What one that is told to does.
fn act(deed: &str, queue: &Numbered) {
    match (deed, queue) {
        ("send", _) => queue.send(100).unwrap(),
        ("recv", _) => drop(queue.recv().unwrap()),
        ("give back", _) => queue.lease(|_, _, _| false).unwrap(),
        ("abandon", Numbered::InPlace(queue) | Numbered::Loaned(queue)) => {
            drop(queue.loan().unwrap());
        }
        ("close", _) => queue.close(),
        ("shut down", _) => queue.shut_down(),
        _ => panic!("nobody can {deed}"),
    }
}

/// Does it when it is told to, with the step armed.
fn fated(step: &str, queue: &Numbered, go: &Event, deed: &str) -> Process<()> {
    let obey = |step: String, queue: Numbered, go: Event, deed: String| {
        go.wait().unwrap();
        arm(&step);
        act(&deed, &queue);
    };
    let args = (step.to_owned(), queue.clone(), go.clone(), deed.to_owned());
    let process = spawn(obey, args).unwrap();
    until(|| sleeps(&process));
    process
}

fn fresh(form: usize, capacity: usize) -> Numbered {
    Numbered::all(capacity).into_iter().nth(form).unwrap()
}

const FORMS: usize = 5;

/// The step of one that receives in this form: small items that lie as they are, are copied out of their slots, and are never in a receiver's hands.
fn step_of(form: usize, step: &str) -> Option<&str> {
    match (form, step) {
        (0, "queue.reading") => None,
        (0, "queue.finished") => Some("queue.copied"),
        _ => Some(step),
    }
}

/// A process that keeps something of the queue until it is killed.
fn keeper(queue: &Numbered, how: &str) -> Process<()> {
    let keep = |queue: Numbered, how: String, inside: Event| {
        let stay = || -> bool {
            inside.set().unwrap();
            loop {
                thread::park();
            }
        };
        match (&queue, how.as_str()) {
            (Numbered::InPlace(queue) | Numbered::Loaned(queue), "loan") => {
                let mut loan = queue.loan().unwrap();
                // Half a frame.
                *loan = 0xdead;
                stay();
            }
            (Numbered::InPlace(queue) | Numbered::Loaned(queue), "in place") => {
                let _got = queue.recv_in_place().unwrap();
                stay();
            }
            _ => queue.lease(|_, _, _| stay()).unwrap(),
        }
    };
    let inside = Event::new().unwrap();
    let process = spawn(keep, (queue.clone(), how.to_owned(), inside.clone())).unwrap();
    until(|| inside.is_set());
    process
}

fn kill<R: serde::de::DeserializeOwned + 'static>(process: Process<R>) {
    process.kill().unwrap();
    drop(process.join());
}

/// Row 7: one that is blocked in a receive is killed; the item is there for the next.
#[test]
fn a_blocked_receiver_is_killed() {
    let _watchdog = watchdog(300);
    for form in [0, 2] {
        let (queue, begun) = (fresh(form, 2), Atomic::new(0_u32).unwrap());
        for round in 0..100 {
            let blocked = consumer("", &queue, &begun);
            if round % 2 == 0 {
                kill(blocked);
                queue.send(round).unwrap();
                assert_eq!(queue.try_recv().unwrap(), round);
            } else {
                // At the same moment: the item is there, or was received.
                blocked.kill().unwrap();
                queue.send(round).unwrap();
                let got = end(blocked).map_or_else(|| queue.try_recv(), |got| Ok(got.unwrap()));
                assert_eq!(got.unwrap(), round);
            }
            assert_eq!(queue.try_recv().unwrap_err().kind(), ErrorKind::WouldBlock);
        }
    }
}

/// Rows 8 and 9: a producer dies in the middle of an item. Nobody waits for the rest of it, also not behind it.
#[test]
fn a_producer_dies_in_the_middle_of_an_item() {
    let _watchdog = watchdog(300);
    let (queue, begun) = (fresh(1, 3), Atomic::new(0_u32).unwrap());
    for round in 0..200 {
        let holder = keeper(&queue, "loan");
        if round % 2 == 0 {
            // Somebody sleeps behind it, and the next item is there before it is killed.
            let waiting = consumer("", &queue, &begun);
            queue.send(round).unwrap();
            until(|| sleeps(&waiting));
            kill(holder);
            assert_eq!(end(waiting).unwrap(), Ok(round));
        } else {
            kill(holder);
            assert_eq!(queue.try_recv().unwrap_err().kind(), ErrorKind::WouldBlock);
            queue.send(round).unwrap();
            let Numbered::Loaned(inner) = &queue else { unreachable!() };
            assert_eq!(inner.recv_timeout(Duration::from_secs(100)).unwrap(), round);
        }
        assert_eq!(queue.rest(), []);
    }
}

/// A holder of an item is killed, 200 times, while others sleep: one of them gets it, flagged.
#[test]
fn a_holder_of_an_item_is_killed() {
    let _watchdog = watchdog(300);
    let _alone = alone();
    for form in 0..FORMS {
        let (queue, begun) = (fresh(form, 1), Atomic::new(0_u32).unwrap());
        for round in 0..40 {
            queue.send(round).unwrap();
            let holder = keeper(&queue, if round % 2 == 0 { "lease" } else { "in place" });
            match round % 3 {
                0 => {
                    let waiting = [(); 2].map(|()| consumer("", &queue, &begun));
                    kill(holder);
                    until(|| waiting.iter().any(is_gone));
                    queue.send(round + 1000).unwrap();
                    let mut got = waiting.map(|process| end(process).unwrap().unwrap());
                    got.sort_unstable();
                    assert_eq!(got, [round, round + 1000]);
                }
                1 => {
                    // Those who wait for room wait for who holds the item, and then for who gets it.
                    let waiting = producer("", &queue, &begun, round + 1000);
                    kill(holder);
                    assert_eq!(queue.recv().unwrap(), round);
                    assert_eq!(end(waiting), Some(Ok(())));
                    assert_eq!(queue.recv().unwrap(), round + 1000);
                }
                _ => {
                    kill(holder);
                    let look = |number, attempts, flagged| {
                        assert_eq!((number, attempts, flagged), (round, 2, true));
                        true
                    };
                    queue.lease(look).unwrap();
                }
            }
            assert_eq!(queue.rest(), []);
        }
    }
    wait_until_nothing_large_is_left();
}

/// Row 15: a child that has sent large items is joined before anybody receives; and killed just after.
#[test]
fn a_producer_of_large_items_is_gone() {
    let _watchdog = watchdog(120);
    let queue = Queue::<Vec<u8>>::new(2).unwrap();
    let send = |queue: Queue<Vec<u8>>, dies: bool| {
        queue.send(vec![7; 1 << 20]).unwrap();
        if dies {
            std::process::abort();
        }
    };
    for round in 0..20 {
        let process = spawn(send, (queue.clone(), round % 2 == 0)).unwrap();
        assert_eq!(process.join().is_ok(), round % 2 == 1);
        assert_eq!(queue.try_recv().unwrap(), vec![7; 1 << 20]);
    }
}

/// Row 19: an item that does not encode is the sender's error, in a process that is killed next.
#[test]
fn what_does_not_encode_leaves_nothing() {
    let _watchdog = watchdog(120);
    let queue = Queue::<Option<Refuses>>::new(1).unwrap();
    let send = |queue: Queue<Option<Refuses>>| -> () {
        assert_eq!(queue.send(Some(Refuses)).unwrap_err().kind(), ErrorKind::Encode);
        std::process::abort()
    };
    for _ in 0..20 {
        assert!(spawn(send, (queue.clone(),)).unwrap().join().is_err());
        assert!(queue.is_empty() && !queue.is_full());
        queue.try_send(None).unwrap();
        assert!(queue.try_recv().unwrap().is_none());
    }
}

struct Refuses;

impl serde::Serialize for Refuses {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not me"))
    }
}

impl<'de> serde::Deserialize<'de> for Refuses {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

/// Steps of one that sends, without others; and whether the item is there when it dies there.
const SENDING: &[(&str, bool)] = &[("queue.writing", false), ("queue.put", true)];
/// Those of one that has a block made for the item.
const MAKING: &[&str] = &["alloc.claimed", "alloc.prepared", "alloc.live", "member.live"];
/// Steps of one that receives; and whether the item is there afterwards.
const RECEIVING: &[(&str, bool)] = &[("queue.reading", true), ("queue.finished", false)];
/// Those of one that frees a block, where the item is there or was had.
const FREEING: &[&str] = &["pin.set", "unpin.begin", "unpin.cleared", "free.dying", "free.freed"];

fn each_time<'a>(steps: &'a [&'a str]) -> impl Iterator<Item = (&'a str, u32)> {
    steps.iter().flat_map(|&step| (1..=3).map(move |nth| (step, nth)))
}

/// Nobody waits. What is there afterwards is exact, and nothing is left allocated.
#[test]
fn one_dies_alone() {
    let _watchdog = watchdog(300);
    let _alone = alone();
    for form in 0..FORMS {
        let go = Event::new().unwrap();
        go.set().unwrap();
        let dies =
            |step: &str, queue: &Numbered, deed| end(fated(step, queue, &go, deed)).is_none();
        for &(step, is_there) in SENDING {
            // The slot in which one died has no room before the first item is had.
            let queue = fresh(form, 3);
            queue.send(1).unwrap();
            assert!(dies(step, &queue, "send"), "nobody came to {step}");
            if !is_there {
                queue.send(2).unwrap();
            }
            let expected = if is_there { vec![1, 100] } else { vec![1, 2] };
            assert_eq!(queue.rest(), expected, "{step} of {queue:?}");
        }
        for &(step, is_there) in RECEIVING {
            let Some(step) = step_of(form, step) else { continue };
            let queue = fresh(form, 2);
            queue.send(1).unwrap();
            queue.send(2).unwrap();
            assert!(dies(step, &queue, "recv"), "nobody came to {step}");
            // What is taken over may be later than its successor.
            let mut rest = queue.rest();
            rest.sort_unstable();
            assert_eq!(rest, if is_there { vec![1, 2] } else { vec![2] }, "{step}");
            // There is room.
            queue.send(3).unwrap();
            queue.send(4).unwrap();
            assert_eq!(queue.rest(), [3, 4], "{step}");
        }
        for step in ["queue.reading", "queue.given_back"] {
            let queue = fresh(form, 2);
            queue.send(1).unwrap();
            queue.send(2).unwrap();
            assert!(dies(step, &queue, "give back"), "nobody came to {step}");
            let mut seen = Vec::new();
            for _ in 0..2 {
                queue
                    .lease(|number, _, flagged| {
                        seen.push((number, flagged));
                        true
                    })
                    .unwrap();
            }
            seen.sort_unstable();
            assert_eq!(seen, [(1, true), (2, false)], "{step}");
            assert_eq!(queue.rest(), [], "{step}");
        }
        if let 0 | 1 = form {
            for step in ["queue.writing", "queue.abandoned"] {
                let queue = fresh(form, 2);
                assert!(dies(step, &queue, "abandon"), "nobody came to {step}");
                assert_eq!(queue.rest(), [], "{step}");
                queue.send(1).unwrap();
                queue.send(2).unwrap();
                assert_eq!(queue.rest(), [1, 2], "{step}");
            }
        } else if fresh(form, 1).is_large() {
            let mut reached = 0;
            for (step, nth) in each_time(MAKING) {
                let queue = fresh(form, 2);
                let died = dies(&format!("{step}:{nth}"), &queue, "send");
                reached += u32::from(died);
                let rest = queue.rest();
                assert!(rest.is_empty() && died || rest == [100], "{step}: {rest:?}");
                drop(queue);
                wait_until_nothing_large_is_left();
            }
            for (step, nth) in each_time(FREEING) {
                let queue = fresh(form, 2);
                queue.send(1).unwrap();
                queue.send(2).unwrap();
                let died = dies(&format!("{step}:{nth}"), &queue, "recv");
                reached += u32::from(died);
                let mut rest = queue.rest();
                rest.sort_unstable();
                assert!(rest == [1, 2] && died || rest == [2], "{step}: {rest:?}");
                drop(queue);
                wait_until_nothing_large_is_left();
            }
            assert!(reached >= 6, "{reached}");
        }
        wait_until_nothing_large_is_left();
    }
}

/// A producer dies at a step while consumers sleep: the item is received, or there is none, and the next one is.
#[test]
fn a_producer_dies_beside_sleeping_consumers() {
    let _watchdog = watchdog(300);
    let _alone = alone();
    for form in 0..FORMS {
        for step in ["queue.writing", "queue.put", "bells.cleared"] {
            for sleepers in [1_u64, 3] {
                let (queue, begun) = (fresh(form, 4), Atomic::new(0_u32).unwrap());
                let go = Event::new().unwrap();
                let fated = fated(step, &queue, &go, "send");
                let waiting: Vec<_> = (0..sleepers).map(|_| consumer("", &queue, &begun)).collect();
                go.set().unwrap();
                assert!(end(fated).is_none(), "nobody came to {step}");
                // At the step in the middle of a loan the first ring was that it holds the slot: then there is no item.
                let is_there = step == "queue.put" || (step == "bells.cleared" && form != 1);
                if is_there {
                    until(|| waiting.iter().any(is_gone));
                }
                let more = sleepers - u64::from(is_there);
                (0..more).for_each(|number| queue.send(number).unwrap());
                let mut got: Vec<_> =
                    waiting.into_iter().map(|process| end(process).unwrap().unwrap()).collect();
                got.sort_unstable();
                let expected: Vec<_> = (0..more).chain(is_there.then_some(100)).collect();
                assert_eq!(got, expected, "{step} of {queue:?}");
                assert_eq!(queue.rest(), [], "{step}");
            }
        }
    }
    wait_until_nothing_large_is_left();
}

/// A consumer dies at a step while producers sleep: there is room for one of them, or for another one when somebody receives.
#[test]
fn a_consumer_dies_beside_sleeping_producers() {
    let _watchdog = watchdog(300);
    let _alone = alone();
    for form in 0..FORMS {
        for step in ["queue.reading", "queue.finished", "bells.cleared"] {
            let Some(step) = step_of(form, step) else { continue };
            for sleepers in [1, 3] {
                let (queue, begun) = (fresh(form, 1), Atomic::new(0_u32).unwrap());
                queue.send(50).unwrap();
                let go = Event::new().unwrap();
                let fated = fated(step, &queue, &go, "recv");
                let waiting: Vec<_> =
                    (0..sleepers).map(|at| producer("", &queue, &begun, at)).collect();
                go.set().unwrap();
                assert!(end(fated).is_none(), "nobody came to {step}");
                // At the step in the middle of a lease the first ring was that it holds the slot: then it has not finished.
                let is_held =
                    step == "queue.reading" || (step == "bells.cleared" && matches!(form, 1 | 4));
                let mut got = Vec::new();
                if is_held {
                    got.push(queue.recv().unwrap());
                    assert_eq!(got, [50], "{step}");
                } else {
                    until(|| waiting.iter().any(is_gone));
                }
                got.extend((0..sleepers).map(|_| queue.recv().unwrap()));
                got.sort_unstable();
                let expected: Vec<_> = (0..sleepers).chain(is_held.then_some(50)).collect();
                assert_eq!(got, expected, "{step} of {queue:?}");
                waiting.into_iter().for_each(|process| assert_eq!(end(process), Some(Ok(()))));
                assert_eq!(queue.rest(), [], "{step}");
            }
        }
    }
    wait_until_nothing_large_is_left();
}

/// The first two schedules, for getting: one of three who sleep dies when it is woken, before or after it has an item, in each place of the row.
#[test]
fn a_woken_consumer_dies() {
    let _watchdog = watchdog(300);
    let _alone = alone();
    for form in 0..FORMS {
        for (step, has_had_it) in [
            ("bells.sleep", false),
            ("bells.woken", false),
            ("queue.reading", false),
            ("queue.finished", true),
            ("bells.awake", false),
        ] {
            let Some(step) = step_of(form, step) else { continue };
            // What is copied is had before the next one is woken.
            let has_had_it = has_had_it || (form, step) == (0, "bells.awake");
            let mut count = 0;
            // Once for each place, and on until somebody came to the step: who is woken first is not ours to say.
            for round in 0.. {
                assert!(round < 100, "nobody came to {step}");
                let position = round % 3;
                let (queue, begun) = (fresh(form, 4), Atomic::new(0_u32).unwrap());
                let fate = |at| if at == position { step } else { "" };
                let mut waiting: Vec<_> =
                    (0..3).map(|at| consumer(fate(at), &queue, &begun)).collect();
                let fated = waiting.remove(position);
                // Exactly as many as the others need.
                let sent = 2 + u64::from(has_had_it);
                (0..sent).for_each(|number| queue.send(number).unwrap());
                let mut got: Vec<_> =
                    waiting.into_iter().map(|process| end(process).unwrap().unwrap()).collect();
                count += u32::from(is_gone(&fated));
                kill(fated);
                got.extend(queue.rest());
                got.sort_unstable();
                let before = got.len();
                got.dedup();
                assert_eq!(got.len(), before, "{step}: twice: {got:?}");
                let least = if has_had_it { sent - 1 } else { sent };
                assert!(got.len() as u64 >= least, "{step} of {queue:?}: {got:?}");
                if round >= 2 && count > 0 {
                    break;
                }
            }
        }
    }
    wait_until_nothing_large_is_left();
}

/// The same for putting.
#[test]
fn a_woken_producer_dies() {
    let _watchdog = watchdog(300);
    let _alone = alone();
    for form in 0..FORMS {
        for (step, has_sent) in [
            ("bells.sleep", false),
            ("bells.woken", false),
            ("queue.writing", false),
            ("queue.put", true),
            ("bells.awake", false),
        ] {
            for position in 0..3 {
                let (queue, begun) = (fresh(form, 1), Atomic::new(0_u32).unwrap());
                queue.send(50).unwrap();
                let fate = |at| if at == position { step } else { "" };
                let mut waiting: Vec<_> =
                    (0..3).map(|at| producer(fate(at as usize), &queue, &begun, at)).collect();
                let fated = waiting.remove(position);
                // One after the other: what is there, and then what the others send.
                let mut got: Vec<_> = (0..3).map(|_| queue.recv().unwrap()).collect();
                for process in waiting {
                    assert_eq!(end(process), Some(Ok(())), "{step}");
                }
                let came = is_gone(&fated);
                kill(fated);
                got.extend(queue.rest());
                got.sort_unstable();
                let mut expected: Vec<u64> = (0..3).chain([50]).collect();
                if !got.contains(&(position as u64)) {
                    assert!(!(has_sent && came), "{step}: an item was lost");
                    expected.remove(position);
                }
                assert_eq!(got, expected, "{step} of {queue:?}");
            }
        }
    }
    wait_until_nothing_large_is_left();
}

/// The third schedule: who brings news and who is woken by it die together, or one after the other; the last one goes on.
#[test]
fn both_sides_die_together() {
    let _watchdog = watchdog(300);
    let _alone = alone();
    for form in 0..FORMS {
        for news in ["queue.put", "bells.cleared"] {
            for woken in ["bells.woken", "queue.reading"] {
                // A loan rings when it holds its slot: then there is no item.
                if form == 1 && news == "bells.cleared" {
                    continue;
                }
                let Some(woken) = step_of(form, woken) else { continue };
                let (queue, begun) = (fresh(form, 4), Atomic::new(0_u32).unwrap());
                let go = Event::new().unwrap();
                let bringer = fated(news, &queue, &go, "send");
                let doomed = [(); 2].map(|()| consumer(woken, &queue, &begun));
                let last = consumer("", &queue, &begun);
                go.set().unwrap();
                assert!(end(bringer).is_none());
                assert_eq!(end(last).unwrap(), Ok(100), "{news} and {woken}");
                doomed.into_iter().for_each(kill);
                assert_eq!(queue.rest(), []);
            }
        }
        for news in ["queue.finished", "bells.cleared"] {
            for woken in ["bells.woken", "queue.writing"] {
                if matches!(form, 1 | 4) && news == "bells.cleared" {
                    continue;
                }
                let Some(news) = step_of(form, news) else { continue };
                let (queue, begun) = (fresh(form, 1), Atomic::new(0_u32).unwrap());
                queue.send(50).unwrap();
                let go = Event::new().unwrap();
                let bringer = fated(news, &queue, &go, "recv");
                let doomed = [1, 2].map(|number| producer(woken, &queue, &begun, number));
                let last = producer("", &queue, &begun, 3);
                go.set().unwrap();
                assert!(end(bringer).is_none());
                assert_eq!(end(last), Some(Ok(())), "{news} and {woken}");
                doomed.into_iter().for_each(kill);
                assert_eq!(queue.rest(), [3]);
            }
        }
    }
    wait_until_nothing_large_is_left();
}

/// Who closes it, or shuts it down, dies at a step: all who sleep are told.
#[test]
fn who_closes_it_dies() {
    let _watchdog = watchdog(300);
    let _alone = alone();
    for form in 0..FORMS {
        for deed in ["close", "shut down"] {
            for step in ["queue.closed", "bells.cleared.for_all"] {
                let (empty, full) = (fresh(form, 1), fresh(form, 1));
                full.send(50).unwrap();
                let (begun, go) = (Atomic::new(0_u32).unwrap(), Event::new().unwrap());
                let closers = [&empty, &full].map(|queue| fated(step, queue, &go, deed));
                let consumers = [(); 3].map(|()| consumer("", &empty, &begun));
                let producers = [1, 2, 3].map(|number| producer("", &full, &begun, number));
                go.set().unwrap();
                closers.into_iter().for_each(|closer| assert!(end(closer).is_none(), "{step}"));
                for process in consumers {
                    assert_eq!(end(process), Some(Err(ErrorKind::Closed)), "{step}");
                }
                for process in producers {
                    assert_eq!(end(process), Some(Err(ErrorKind::Closed)), "{step}");
                }
                let rest = full.rest();
                assert!(rest == [50] || rest.is_empty());
            }
        }
    }
    wait_until_nothing_large_is_left();
}

/// Heirs die while they put right what a dead producer left: the last one goes on.
#[test]
fn those_who_bury_a_writer_die() {
    let _watchdog = watchdog(300);
    for step in ["queue.burying", "queue.abandoned"] {
        let mut count = 0;
        for round in 0.. {
            assert!(round < 100, "nobody came to {step}");
            let (queue, begun) = (fresh(0, 4), Atomic::new(0_u32).unwrap());
            let holder = keeper(&queue, "loan");
            (1..=3).for_each(|number| queue.send(number).unwrap());
            let fate = |at| if at == round % 3 { "" } else { step };
            let mut waiting: Vec<_> = (0..3).map(|at| consumer(fate(at), &queue, &begun)).collect();
            kill(holder);
            let last = waiting.remove(round % 3);
            let mut got = vec![end(last).unwrap().unwrap()];
            for process in waiting {
                // There is an item for each.
                match end(process) {
                    Some(number) => got.push(number.unwrap()),
                    None => count += 1,
                }
            }
            got.extend(queue.rest());
            got.sort_unstable();
            assert_eq!(got, [1, 2, 3], "{step}");
            if round >= 2 && count > 0 {
                break;
            }
        }
    }
}

/// Heirs of a dead consumer's item die when they have it, or when they have brought it back: the last one goes on.
#[test]
fn those_who_inherit_an_item_die() {
    let _watchdog = watchdog(300);
    let _alone = alone();
    for form in 0..FORMS {
        for step in ["queue.inherited", "queue.brought_back"] {
            let mut count = 0;
            for round in 0.. {
                assert!(round < 200, "nobody came to {step}");
                let (queue, begun) = (fresh(form, 1), Atomic::new(0_u32).unwrap());
                queue.send(50).unwrap();
                let holder = keeper(&queue, "lease");
                // One of each side that is to live, and one of each that is to die.
                let late = (round % 2) as usize;
                let fate = |at: usize| if at == late { "" } else { step };
                let producers: Vec<_> =
                    (0..2).map(|at| producer(fate(at), &queue, &begun, at as u64)).collect();
                let consumers: Vec<_> =
                    (0..2).map(|at| consumer(fate(at), &queue, &begun)).collect();
                kill(holder);
                // The living consumer gets an item, whichever, and then the living producer has room.
                let (mut doomed, mut got) = (Vec::new(), Vec::new());
                for (at, process) in consumers.into_iter().enumerate() {
                    if at == late {
                        got.push(end(process).unwrap().unwrap());
                    } else {
                        doomed.push(process);
                    }
                }
                for (at, process) in producers.into_iter().enumerate() {
                    // Whoever is to die may have put its item in before.
                    until(|| at != late || is_gone(&process) || !queue.is_empty());
                    got.extend(queue.rest());
                    if at == late {
                        assert_eq!(end(process), Some(Ok(())), "{step}");
                    } else {
                        until(|| sleeps(&process));
                        count += u32::from(is_gone(&process));
                        kill(process);
                    }
                }
                for process in doomed {
                    until(|| sleeps(&process));
                    count += u32::from(is_gone(&process));
                    process.kill().unwrap();
                    got.extend(end(process).map(Result::unwrap));
                }
                got.extend(queue.rest());
                got.sort_unstable();
                let before = got.len();
                got.dedup();
                assert_eq!(got.len(), before, "{step}: twice: {got:?}");
                assert!(got.contains(&50) && got.contains(&(late as u64)), "{step}: {got:?}");
                if round >= 3 && count > 0 {
                    break;
                }
            }
        }
    }
    wait_until_nothing_large_is_left();
}

/// A lease and a loan are given up by one that dies doing so, while others sleep.
#[test]
fn one_dies_giving_back() {
    let _watchdog = watchdog(300);
    let _alone = alone();
    for form in 0..FORMS {
        for step in ["queue.given_back", "queue.reading"] {
            let (queue, begun) = (fresh(form, 1), Atomic::new(0_u32).unwrap());
            let go = Event::new().unwrap();
            let fated = fated(step, &queue, &go, "give back");
            queue.send(50).unwrap();
            let blocked = producer("", &queue, &begun, 1);
            go.set().unwrap();
            assert!(end(fated).is_none(), "nobody came to {step}");
            assert_eq!(queue.recv().unwrap(), 50);
            assert_eq!(end(blocked), Some(Ok(())));
            assert_eq!(queue.rest(), [1]);
        }
    }
    for step in ["queue.abandoned", "queue.writing"] {
        let queue = Queue::<u64, InPlace>::in_place(2).unwrap();
        let (queue, begun) = (Numbered::Loaned(queue), Atomic::new(0_u32).unwrap());
        let go = Event::new().unwrap();
        let fated = fated(step, &queue, &go, "abandon");
        let waiting = consumer("", &queue, &begun);
        go.set().unwrap();
        assert!(end(fated).is_none(), "nobody came to {step}");
        queue.send(1).unwrap();
        assert_eq!(end(waiting).unwrap(), Ok(1), "{step}");
    }
    wait_until_nothing_large_is_left();
}

/// A producer dies when it has passed by a lease: the lap is as good as before.
#[test]
fn one_dies_passing_by_a_lease() {
    let _watchdog = watchdog(120);
    for form in [0, 2] {
        let (queue, go) = (fresh(form, 3), Event::new().unwrap());
        queue.send(0).unwrap();
        queue
            .lease(|number, _, _| {
                assert_eq!(number, 0);
                for number in [1, 2] {
                    queue.send(number).unwrap();
                    assert_eq!(queue.try_recv().unwrap(), number);
                }
                let fated = fated("queue.passed", &queue, &go, "send");
                go.set().unwrap();
                assert!(end(fated).is_none(), "nobody passed");
                for number in [3, 4] {
                    queue.send(number).unwrap();
                }
                assert_eq!(queue.rest(), [3, 4]);
                false
            })
            .unwrap();
        assert_eq!(queue.rest(), [0]);
    }
}

/// A wait in vain that ends by its time, and dies there, takes nothing with it.
#[test]
fn one_whose_time_is_up_dies() {
    let _watchdog = watchdog(120);
    let (queue, begun) = (Queue::<u64>::new(1).unwrap(), Atomic::new(0_u32).unwrap());
    let late = |queue: Queue<u64>, begun: Atomic<u32>, time: Duration| {
        arm("bells.awake");
        begun.fetch_add(1, Ordering::SeqCst);
        drop(queue.recv_timeout(time));
    };
    let late = |milliseconds| {
        let time = Duration::from_millis(milliseconds);
        start(&begun, || spawn(late, (queue.clone(), begun.clone(), time)).unwrap())
    };
    let patient = |queue: Queue<u64>, begun: Atomic<u32>| {
        begun.fetch_add(1, Ordering::SeqCst);
        queue.recv().unwrap()
    };
    let first = late(50);
    let patient = start(&begun, || spawn(patient, (queue.clone(), begun.clone())).unwrap());
    // Where the machine takes the time for others, it is up before there was a sleep, and nobody dies.
    assert!(end(first).is_none() || (0..7).any(|doubled| end(late(100 << doubled)).is_none()));
    queue.send(1).unwrap();
    assert_eq!(end(patient), Some(1));
}

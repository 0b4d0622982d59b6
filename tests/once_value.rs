//! `OnceValue` across processes: made once, whoever asks, whoever dies. Python's module has none.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    Atomic, Error, ErrorKind, OnceValue, Ordering, ProcessError, Segment, Value, spawn,
};
use std::{panic, thread};
use support::{clean, unique, watchdog};
use watching::{sleeps, until};

multiproc::test_support!();

type Wide = [u64; 64];

/// A value that is whole, from one maker.
fn whole(value: &Wide) -> u64 {
    assert!(value.iter().all(|number| *number == value[0]), "{value:?}");
    value[0]
}

/// Of all who ask at once, one makes it, and all have that one.
#[test]
fn it_is_made_once() {
    let _watchdog = watchdog(120);
    for _ in 0..20 {
        let (value, made) = (OnceValue::<Wide>::new().unwrap(), Atomic::new(0_u64).unwrap());
        let ask = |value: OnceValue<Wide>, made: Atomic<u64>| {
            let make = || [made.fetch_add(1, Ordering::SeqCst) + 1; 64];
            whole(value.get_or_init(make).unwrap())
        };
        let processes = [(); 2].map(|()| spawn(ask, (value.clone(), made.clone())).unwrap());
        let seen = thread::scope(|scope| {
            let threads = [(); 2].map(|()| scope.spawn(|| ask(value.clone(), made.clone())));
            threads.map(|thread| thread.join().unwrap())
        });
        assert_eq!(seen, [1, 1]);
        assert!(processes.into_iter().all(|process| process.join().unwrap() == 1));
        assert!(made.load(Ordering::SeqCst) == 1 && value.is_set());
        assert_eq!(value.get().unwrap().map(whole), Some(1));
    }
}

#[test]
fn it_is_set_once() {
    let _watchdog = watchdog(60);
    let value = OnceValue::<u64>::new().unwrap();
    assert!(!value.is_set() && value.get().unwrap().is_none());
    assert!(format!("{value:?}").contains("value: None"), "{value:?}");
    assert_eq!(value.set(7).unwrap(), Ok(()));
    assert_eq!(value.set(8).unwrap(), Err(8));
    assert_eq!(*value.get_or_init(|| unreachable!()).unwrap(), 7);
    let shown = format!("{value:?}");
    assert!(shown.contains("value: Some(7)") && shown.contains("maker: None"), "{shown}");
    let theirs = spawn(|value: OnceValue<u64>| value.set(9).unwrap(), (value.clone(),)).unwrap();
    assert_eq!(theirs.join().unwrap(), Err(9));
    assert_eq!(value.get().unwrap(), Some(&7));
}

/// While one makes it, the others wait; Debug says who makes it; to get it is not to wait.
#[test]
fn the_others_wait_for_the_maker() {
    let _watchdog = watchdog(60);
    let (value, state) = (OnceValue::<u64>::new().unwrap(), Atomic::new(0_u32).unwrap());
    let make = |value: OnceValue<u64>, state: Atomic<u32>| {
        let slowly = || {
            state.store(1, Ordering::SeqCst);
            while state.load(Ordering::SeqCst) == 1 {
                thread::yield_now();
            }
            5
        };
        *value.get_or_init(slowly).unwrap()
    };
    let maker = spawn(make, (value.clone(), state.clone())).unwrap();
    until(|| state.load(Ordering::SeqCst) == 1);
    let ask = |value: OnceValue<u64>| *value.get_or_init(|| unreachable!()).unwrap();
    let waiter = spawn(ask, (value.clone(),)).unwrap();
    until(|| sleeps(&waiter));
    assert!(value.get().unwrap().is_none() && !value.is_set());
    let shown = format!("{value:?}");
    assert!(shown.contains(&format!("process {}", maker.pid())), "{shown}");
    state.store(2, Ordering::SeqCst);
    assert_eq!((maker.join().unwrap(), waiter.join().unwrap()), (5, 5));
}

/// A maker that panics has made none, nor one that fails: the next makes it.
#[test]
fn a_panic_or_an_error_makes_nothing() {
    let _watchdog = watchdog(60);
    let value = OnceValue::<u64>::new().unwrap();
    for _ in 0..2 {
        let panicked = panic::catch_unwind(|| value.get_or_init(|| panic!("inside")).map(|_| ()));
        assert!(panicked.is_err() && !value.is_set());
        let failed = value.get_or_try_init(|| Err(Error::from(std::io::Error::other("no value"))));
        assert!(failed.unwrap_err().to_string().contains("no value") && !value.is_set());
    }
    let inside = |value: OnceValue<u64>| {
        value.get_or_init(|| panic!("inside another")).unwrap();
    };
    let error = spawn(inside, (value.clone(),)).unwrap().join().unwrap_err();
    assert!(matches!(error, ProcessError::Panicked { .. }), "{error}");
    assert_eq!(value.get_or_init(|| 3).unwrap(), &3);
}

/// One that is killed while it makes it has made none: one of those who wait makes it.
#[test]
fn a_killed_maker_has_made_nothing() {
    let _watchdog = watchdog(60);
    for _ in 0..10 {
        let (value, inside) = (OnceValue::<Wide>::new().unwrap(), Atomic::new(false).unwrap());
        let keep = |value: OnceValue<Wide>, inside: Atomic<bool>| {
            let make = || loop {
                inside.store(true, Ordering::SeqCst);
                thread::park();
            };
            value.get_or_init(make).map(|_| ()).unwrap();
        };
        let maker = spawn(keep, (value.clone(), inside.clone())).unwrap();
        until(|| inside.load(Ordering::SeqCst));
        let ask = |value: OnceValue<Wide>, number: u64| {
            whole(value.get_or_init(|| [number; 64]).unwrap())
        };
        let waiting = [1, 2].map(|number| spawn(ask, (value.clone(), number)).unwrap());
        until(|| waiting.iter().all(sleeps));
        maker.kill().unwrap();
        assert!(maker.join().is_err());
        let [one, two] = waiting.map(|process| process.join().unwrap());
        assert!(one == two && value.get().unwrap().map(whole) == Some(one));
    }
}

/// A maker that asks for the value itself would wait for itself.
#[test]
fn a_maker_that_asks_for_itself_is_told() {
    let _watchdog = watchdog(60);
    let value = OnceValue::<u64>::new().unwrap();
    let mut told = None;
    let make = || {
        told = value.get_or_init(|| 1).err().map(|error| error.kind());
        2
    };
    assert_eq!(*value.get_or_init(make).unwrap(), 2);
    assert_eq!(told, Some(ErrorKind::Deadlock));
    let value = OnceValue::<u64>::new().unwrap();
    let error = value.get_or_try_init(|| value.get_or_init(|| 1).copied()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock);
    // Setting inside is likewise refused, and the value is made by the next.
    let error = value.get_or_try_init(|| value.set(1).map(|_| 0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock);
    assert_eq!(*value.get_or_init(|| 4).unwrap(), 4);
}

#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Values of any alignment, and of none of their bits.
#[test]
fn values_have_their_alignment() {
    let line = OnceValue::<Line>::new().unwrap();
    let made = line.get_or_init(|| Line([7; 64])).unwrap();
    assert!(std::ptr::from_ref(made).addr().is_multiple_of(64) && *made == Line([7; 64]));
    let theirs = |line: OnceValue<Line>| *line.get().unwrap().unwrap() == Line([7; 64]);
    assert!(spawn(theirs, (line.clone(),)).unwrap().join().unwrap());
    let nothing = OnceValue::<()>::new().unwrap();
    assert!(!nothing.is_set());
    nothing.get_or_init(|| ()).unwrap();
    assert!(nothing.is_set() && nothing.get().unwrap().is_some());
}

/// By name; as results; one of another type is refused.
#[test]
fn handles_travel_and_are_published() {
    let name = unique("once");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let value = OnceValue::<u64>::new_in(&segment).unwrap();
        segment.publish("seed", &value).unwrap();
        let find = |name: String| {
            let value = Segment::attach(&name).unwrap().open::<OnceValue<u64>>("seed").unwrap();
            assert_eq!(*value.get_or_init(|| 6).unwrap(), 6);
            OnceValue::<u64>::new().unwrap()
        };
        let other = spawn(find, (name.clone(),)).unwrap().join().unwrap();
        let same = segment.open::<OnceValue<u64>>("seed").unwrap();
        assert_eq!((value.get().unwrap(), same.get().unwrap()), (Some(&6), Some(&6)));
        assert_eq!(other.get().unwrap(), None);
        let wrong = segment.open::<OnceValue<i64>>("seed").map(drop).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::WrongType);
        let wrong = segment.open::<Value<u64>>("seed").map(drop).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::WrongType);
    });
}

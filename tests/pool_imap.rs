//! `imap`, and where its items come from: sources that take their time, pools that have no room.

mod support;
#[path = "support/tasks.rs"]
mod tasks;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{ErrorKind, Event, Pool, TaskError};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};
use support::watchdog;
use tasks::square;
use watching::until;

multiproc::test_support!();

const MOMENT: Duration = Duration::from_millis(20);

fn after((event, x): (Event, u64)) -> u64 {
    event.wait().unwrap();
    x
}

/// A source that takes its time is not asked again while a result is there.
#[test]
fn what_is_there_does_not_wait_for_the_source() {
    let _watchdog = watchdog(60);
    for (chunk, is_ordered) in [(1, true), (1, false), (3, true)] {
        let pool = Pool::new(1).unwrap();
        let (given, done) = (Cell::new(0), Cell::new(0));
        let worker = || pool.statistics().workers[0].clone();
        let items = (0..10_u64).inspect(|&x| {
            assert!(given.get() >= done.get(), "{} of {} were given", given.get(), done.get());
            // The worker has done all whole chunks, and sleeps.
            let whole = x / chunk as u64 * chunk as u64;
            until(|| pool.statistics().items == whole);
            let idle = worker().idle;
            until(|| worker().idle >= idle + MOMENT);
            done.set(whole);
        });
        let count = |result: Result<u64, _>| {
            given.set(given.get() + 1);
            result.unwrap()
        };
        let squares: Vec<u64> = if is_ordered {
            pool.imap(square, items).chunk_size(chunk).map(count).collect()
        } else {
            pool.imap_unordered(square, items).chunk_size(chunk).map(count).collect()
        };
        assert!(squares.into_iter().eq((0..10).map(square)));
    }
}

/// A pool that has no room keeps nobody longer than said, and no item is lost by that.
#[test]
fn a_full_pool_keeps_the_time() {
    let _watchdog = watchdog(60);
    for chunk in [1, 3] {
        let pool = Pool::builder().workers(1).capacity(1).build().unwrap();
        let event = Event::new().unwrap();
        let other = pool.apply_async(after, ((event.clone(), 7),)).unwrap();
        let mut squares = pool.imap(square, 0..10).chunk_size(chunk);
        for _ in 0..3 {
            assert_eq!(squares.next_timeout(MOMENT).unwrap_err().kind(), ErrorKind::TimedOut);
        }
        event.set().unwrap();
        assert!(squares.map(Result::unwrap).eq((0..10).map(square)));
        assert_eq!(other.get().unwrap(), 7);
        // Its own tasks leave no room.
        let event = Event::new().unwrap();
        let items = (0..10).map(|x| (event.clone(), x));
        let mut waiting = pool.imap(after, items).chunk_size(chunk);
        for _ in 0..3 {
            assert_eq!(waiting.next_timeout(MOMENT).unwrap_err().kind(), ErrorKind::TimedOut);
        }
        event.set().unwrap();
        assert!(waiting.map(Result::unwrap).eq(0..10));
    }
}

/// Who only looks gets all, too.
#[test]
fn who_does_not_wait_gets_all() {
    let _watchdog = watchdog(60);
    let pool = Pool::builder().workers(2).capacity(2).build().unwrap();
    for chunk in [1, 4] {
        let mut squares = pool.imap(square, 0..100).chunk_size(chunk);
        let mut all = Vec::new();
        loop {
            match squares.next_timeout(Duration::ZERO) {
                Ok(Some(one)) => all.push(one.unwrap()),
                Ok(None) => break,
                Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
            }
        }
        assert!(all.into_iter().eq((0..100).map(square)));
    }
}

/// As long as nothing is there, as many items are taken as may be.
#[test]
fn items_are_taken_ahead() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    for (chunk, ahead, most) in [(1, 3, 3), (10, 25, 20)] {
        let (event, taken) = (Event::new().unwrap(), AtomicUsize::new(0));
        thread::scope(|threads| {
            threads.spawn(|| {
                until(|| taken.load(Ordering::SeqCst) == most);
                event.set().unwrap();
            });
            let items = (0..100).map(|x| {
                taken.fetch_add(1, Ordering::SeqCst);
                (event.clone(), x)
            });
            let mut few = pool.imap(after, items).chunk_size(chunk).ahead(ahead);
            assert_eq!(few.next().unwrap().unwrap(), 0);
            assert_eq!(taken.load(Ordering::SeqCst), most);
        });
    }
}

#[derive(serde::Deserialize)]
struct Bomb(u64);

impl serde::Serialize for Bomb {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(self.0, 7, "on the way");
        serializer.serialize_newtype_struct("Bomb", &self.0)
    }
}

/// Of a source that panics, what came before is given first.
#[test]
fn a_panic_comes_where_its_item_would() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let next = |mapped: &mut dyn Iterator<Item = Result<u64, TaskError>>| {
        let next = catch_unwind(AssertUnwindSafe(|| mapped.next()));
        next.map(|one| one.map(Result::unwrap)).map_err(drop)
    };
    for (chunk, is_ordered) in [(1, true), (1, false), (3, true), (3, false), (100, true)] {
        let comes = |mapped: &mut dyn Iterator<Item = Result<u64, TaskError>>| {
            let mut seven: Vec<_> = (0..7).map(|_| next(mapped).unwrap().unwrap()).collect();
            seven.sort_unstable();
            assert!(seven.into_iter().eq((0..7).map(square)), "chunks of {chunk}");
            assert_eq!(next(mapped), Err(()));
            assert_eq!([next(mapped), next(mapped)], [Ok(None), Ok(None)]);
        };
        let items = || (0..10).inspect(|&x| assert_ne!(x, 7, "at the source"));
        let bombs = || (0..10).map(Bomb);
        let of_bomb = |Bomb(x): Bomb| square(x);
        if is_ordered {
            comes(&mut pool.imap(square, items()).chunk_size(chunk));
            comes(&mut pool.imap(of_bomb, bombs()).chunk_size(chunk));
        } else {
            comes(&mut pool.imap_unordered(square, items()).chunk_size(chunk));
            comes(&mut pool.imap_unordered(of_bomb, bombs()).chunk_size(chunk));
        }
    }
    assert_eq!(pool.apply(square, (9,)).unwrap(), 81);
}

/// It would refuse all items, of which there may be no end.
#[test]
fn a_closed_pool_refuses_once() {
    let _watchdog = watchdog(60);
    for (chunk, errors) in [(1, 1), (3, 3)] {
        let pool = Pool::new(1).unwrap();
        let mut squares = pool.imap(square, 0..).chunk_size(chunk).ahead(chunk);
        assert_eq!(squares.next().unwrap().unwrap(), 0);
        pool.close().unwrap();
        let rest: Vec<_> = squares.collect();
        let (done, refused) = rest.split_at(rest.len() - errors);
        assert!(done.iter().zip(1..).all(|(one, x)| *one.as_ref().unwrap() == square(x)));
        for error in refused {
            let kind = ErrorKind::Closed;
            assert!(matches!(error, Err(TaskError::Failed { kind: is, .. }) if *is == kind));
        }
    }
}

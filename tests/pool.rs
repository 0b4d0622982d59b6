//! `Pool`: what it does and what it refuses. The names are those of behaviours.

mod support;
#[path = "support/tasks.rs"]
mod tasks;

use multiproc::{Atomic, ErrorKind, Ordering, Pool, PoolWorker, Queue, TaskError};
use std::time::Duration;
use support::{clean, watchdog};
use tasks::square;

multiproc::test_support!();

/// PO01.
#[test]
fn apply() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    assert_eq!(pool.apply(square, (5,)).unwrap(), 25);
    assert_eq!(pool.apply(|| (), ()).unwrap(), ());
    let join = |a: String, b: Vec<u8>| format!("{a}{b:?}");
    assert_eq!(pool.apply(join, ("x".into(), vec![1, 2])).unwrap(), "x[1, 2]");
}

/// PO02, PO03, PO04.
#[test]
fn map_gives_the_results_in_order() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(3).unwrap();
    assert_eq!(pool.map(square, 0..10).unwrap(), (0..10).map(square).collect::<Vec<_>>());
    let all = pool.mapping().chunk_size(20).map(square, 0..100).unwrap();
    assert_eq!(all, (0..100).map(square).collect::<Vec<_>>());
    for chunk in [1, 7, 1000] {
        let texts = pool.mapping().chunk_size(chunk).map(|x: u32| x.to_string(), 0..100).unwrap();
        assert_eq!(texts, (0..100).map(|x| x.to_string()).collect::<Vec<_>>());
    }
    let guided = pool.mapping().guided().map(|x: i16| f64::from(x) / 2.0, -50..50).unwrap();
    assert_eq!(guided, (-50..50).map(|x| f64::from(x) / 2.0).collect::<Vec<_>>());
    let lengths = pool.map(|text: String| text.len(), ["a".to_owned(), String::new()]).unwrap();
    assert_eq!(lengths, [1, 0]);
    assert_eq!(pool.starmap(u64::pow, [(2, 3), (3, 2)]).unwrap(), [8, 9]);
    let later = pool.starmap_async(|a: u8, b: String| format!("{a}{b}"), [(1, "x".to_owned())]);
    assert_eq!(later.unwrap().get().unwrap(), ["1x"]);
    let nothing: Vec<()> = pool.map(|_: u8| (), 0..100).unwrap();
    assert_eq!(nothing.len(), 100);
}

/// PO07, PO17.
#[test]
fn nothing_is_mapped_at_once() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    assert_eq!(pool.map(square, []).unwrap(), []);
    assert!(pool.map_async(square, []).unwrap().ready());
    assert_eq!(pool.mapping().chunk_size(1).try_map(square, []).unwrap().len(), 0);
}

/// PO09, PO10, PO36.
#[test]
fn a_result_is_waited_for() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let queue = Queue::<u32>::new(1).unwrap();
    let wait = |queue: Queue<u32>| queue.recv().unwrap();
    let result = pool.apply_async(wait, (queue.clone(),)).unwrap();
    assert!(result.get_timeout(Duration::from_millis(20)).is_none());
    assert!(result.get_timeout(Duration::ZERO).is_none());
    assert!(!result.ready() && result.successful().is_none());
    assert!(!result.wait_timeout(Duration::from_millis(1)));
    queue.send(42).unwrap();
    result.wait();
    assert!(result.ready() && result.successful() == Some(true));
    assert_eq!((result.get().unwrap(), result.get().unwrap()), (42, 42));
}

/// PO15, PO29.
#[test]
fn numbers_of_nothing_are_refused() {
    let refused = |built: multiproc::Result<Pool>| built.unwrap_err().kind();
    assert_eq!(refused(Pool::new(0)), ErrorKind::InvalidInput);
    let builder = || Pool::builder().workers(1);
    assert_eq!(refused(builder().tasks_per_child(0).build()), ErrorKind::InvalidInput);
    assert_eq!(refused(builder().capacity(0).build()), ErrorKind::InvalidInput);
    let pool = Pool::new(3).unwrap();
    assert_eq!((pool.workers(), pool.pids().len()), (3, 3));
    let chunk = pool.mapping().chunk_size(0).map(square, 0..3);
    assert!(matches!(chunk, Err(TaskError::Failed { kind: ErrorKind::InvalidInput, .. })));
}

/// PO19, and the terms of `map` and `try_map`.
#[test]
fn a_panic_is_the_error_of_its_task() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let odd = |x: u32| if x % 10 == 3 { panic!("no {x}") } else { x };
    match pool.apply(odd, (3,)) {
        Err(TaskError::Panicked { index: 0, report, worker }) => {
            assert_eq!(report.message(), "no 3");
            assert!(report.location().unwrap().contains("pool.rs"));
            assert!(pool.pids().contains(&worker));
        }
        other => panic!("{other:?}"),
    }
    let all = pool.mapping().chunk_size(8).try_map(odd, 0..40).unwrap();
    for (index, result) in all.iter().enumerate() {
        match result {
            Ok(value) => assert!(*value as usize == index && index % 10 != 3),
            Err(error) => assert!(error.index() == index && index % 10 == 3, "{error}"),
        }
    }
    assert_eq!(pool.mapping().chunk_size(4).map(odd, 0..40).unwrap_err().index(), 3);
    assert_eq!(pool.statistics().restarts, 0);
}

/// PO06, PO26.
#[test]
fn what_cannot_be_encoded_is_an_error() {
    #[derive(serde::Deserialize)]
    struct Never;
    impl serde::Serialize for Never {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let pids = pool.pids();
    assert!(matches!(pool.apply(|_: Never| (), (Never,)), Err(TaskError::Encode { .. })));
    let one = pool.map(|_: Option<Never>| (), [None, Some(Never)]);
    assert!(matches!(one, Err(TaskError::Encode { index: 1, .. })));
    for _ in 0..20 {
        assert!(matches!(pool.apply(|| Never, ()), Err(TaskError::Encode { .. })));
        assert!(matches!(pool.map(|_: u8| Never, [1]), Err(TaskError::Encode { index: 0, .. })));
    }
    assert_eq!(pool.pids(), pids);
}

/// Arguments and results of any size, and handles in both.
#[test]
fn large_values_and_handles_travel() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let reverse = |mut bytes: Vec<u8>| {
        bytes.reverse();
        bytes
    };
    for size in [0, 1, 100, 111, 112, 113, 5000, 3 << 20] {
        let bytes: Vec<u8> = (0..size).map(|x| x as u8).collect();
        let mut reversed = bytes.clone();
        reversed.reverse();
        assert_eq!(pool.apply(reverse, (bytes.clone(),)).unwrap(), reversed);
        let all = pool.map(reverse, [bytes, vec![1, 2]]).unwrap();
        assert_eq!(all, [reversed, vec![2, 1]]);
    }
    let count = |number: Atomic<u32>| {
        number.fetch_add(1, Ordering::SeqCst);
        number
    };
    let number = Atomic::new(0).unwrap();
    assert_eq!(pool.apply(count, (number.clone(),)).unwrap().load(Ordering::SeqCst), 1);
    let all = pool.map(count, (0..10).map(|_| number.clone())).unwrap();
    assert_eq!((all.len(), all[9].load(Ordering::SeqCst)), (10, 11));
}

/// PO16, PO18, PO34, PO35, PO46, PO47.
#[test]
fn closed_and_terminated_pools_take_nothing() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    assert_eq!(pool.join().unwrap_err().kind(), ErrorKind::InvalidInput);
    let done = pool.apply_async(square, (3,)).unwrap();
    pool.close().unwrap();
    pool.close().unwrap();
    pool.join().unwrap();
    pool.join().unwrap();
    assert_eq!(done.get().unwrap(), 9);
    let closed = |result| matches!(result, Err(TaskError::Failed { kind: ErrorKind::Closed, .. }));
    assert!(closed(pool.apply(square, (1,)).map(drop)));
    assert!(closed(pool.map(square, [1]).map(drop)));
    pool.terminate().unwrap();
    pool.join().unwrap();

    let pool = Pool::builder().workers(2).capacity(16_384).build().unwrap();
    let park = || loop {
        std::thread::park();
    };
    let before = pool.apply_async(square, (4,)).unwrap();
    before.wait();
    let waiting: Vec<_> =
        (0..10_000).map(|_| pool.apply_async::<_, (), ()>(park, ()).unwrap()).collect();
    let mapped = pool.map_async(square, 0..1000).unwrap();
    pool.terminate().unwrap();
    pool.terminate().unwrap();
    assert!(pool.join_timeout(Duration::from_secs(50)).unwrap());
    assert_eq!(before.get().unwrap(), 16);
    assert!(waiting.iter().all(|task| matches!(task.get(), Err(TaskError::Terminated { .. }))));
    assert!(matches!(mapped.get(), Err(TaskError::Terminated { .. })));
    assert!(closed(pool.apply(square, (1,)).map(drop)));
    pool.close().unwrap();
}

/// PO24: what was submitted is done, and nothing is left.
#[test]
fn a_dropped_pool_finishes() {
    clean("mp-test-", || {
        let counted = Atomic::new(0_u32).unwrap();
        let pool = Pool::new(2).unwrap();
        let count = |counted: Atomic<u32>| counted.fetch_add(1, Ordering::SeqCst);
        for _ in 0..100 {
            drop(pool.apply_async(count, (counted.clone(),)).unwrap());
        }
        let results = pool.map_async(square, 0..100).unwrap();
        drop(pool);
        assert_eq!(counted.load(Ordering::SeqCst), 100);
        assert_eq!(results.get().unwrap().len(), 100);
    });
}

/// PO27, PO28.
#[test]
fn workers_wear_out() {
    let _watchdog = watchdog(60);
    let pool = Pool::builder().workers(2).tasks_per_child(10).build().unwrap();
    let before = pool.pids();
    let results: Vec<_> = (0..100).map(|x| pool.apply_async(square, (x,)).unwrap()).collect();
    for (x, result) in results.iter().enumerate() {
        assert_eq!(result.get().unwrap(), (x * x) as u64);
    }
    assert!(pool.pids().iter().all(|pid| !before.contains(pid)));
    assert_eq!(pool.mapping().chunk_size(1).map(square, 0..100).unwrap().len(), 100);

    let pool = Pool::builder().workers(3).tasks_per_child(1).build().unwrap();
    let results: Vec<_> = (0..12).map(|x| pool.apply_async(square, (x,)).unwrap()).collect();
    pool.close().unwrap();
    pool.join().unwrap();
    assert!(results.iter().enumerate().all(|(x, result)| result.get().unwrap() == (x * x) as u64));
    assert_eq!(pool.statistics().restarts, 0);
}

/// PO31, PO50.
#[test]
fn each_worker_has_its_state() {
    let _watchdog = watchdog(60);
    struct State {
        worker: usize,
        seen: u32,
        /// Not `Send`.
        _pointer: *const (),
    }
    let make = |worker: PoolWorker| {
        let _pointer = std::ptr::null();
        Ok::<_, String>(State { worker: worker.index(), seen: 0, _pointer })
    };
    let pool = Pool::builder().workers(2).state(make).build().unwrap();
    let count = |state: &mut State, x: u32| {
        assert!(x != 77);
        state.seen += 1;
        (state.worker, state.seen, std::process::id())
    };
    let mut most = [0; 2];
    for (worker, seen, _) in pool.mapping().chunk_size(1).map(count, 0..50).unwrap() {
        assert!(seen > most[worker], "in order for each worker");
        most[worker] = seen;
    }
    assert_eq!(most[0] + most[1], 50);
    // A panic takes the state with it.
    let pool = Pool::builder().workers(1).state(make).build().unwrap();
    assert_eq!(pool.apply(count, (1,)).unwrap().1, 1);
    assert_eq!(pool.apply(count, (1,)).unwrap().1, 2);
    assert!(pool.apply(count, (77,)).is_err());
    assert_eq!(pool.apply(count, (1,)).unwrap().1, 1);
    let all = pool.mapping().chunk_size(4).try_map(count, [1, 77, 1, 1]).unwrap();
    let seen: Vec<_> = all.iter().map(|one| one.as_ref().map_or(0, |seen| seen.1)).collect();
    assert_eq!(seen, [2, 0, 1, 2]);
}

/// PO33.
#[test]
fn many_workers() {
    let _watchdog = watchdog(120);
    let pool = Pool::new(200).unwrap();
    let all = pool.mapping().chunk_size(1).map(square, 0..1000).unwrap();
    assert_eq!(all, (0..1000).map(square).collect::<Vec<_>>());
}

/// More tasks than there is room for, from several threads.
#[test]
fn submitters_wait_for_room() {
    let _watchdog = watchdog(60);
    let pool = Pool::builder().workers(2).capacity(4).build().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let pool = &pool;
            scope.spawn(move || {
                let results: Vec<_> = (0..300)
                    .map(|x| pool.apply_async(|a: u64, b: u64| a * 1000 + b, (thread, x)).unwrap())
                    .collect();
                for (x, result) in results.iter().enumerate() {
                    assert_eq!(result.get().unwrap(), thread * 1000 + x as u64);
                }
                assert_eq!(pool.map(square, 0..100).unwrap().len(), 100);
            });
        }
    });
    assert_eq!(pool.statistics().in_use, 0);
    let pool = Pool::builder().workers(2).capacity(1).build().unwrap();
    for x in 0..100 {
        let one = pool.apply_async(square, (x,)).unwrap();
        assert_eq!(pool.map(square, [x, 1, 2]).unwrap(), [x * x, 1, 4]);
        assert_eq!(one.get().unwrap(), x * x);
    }
}

/// Cancelled tasks: those that wait, those that run, and jobs.
#[test]
fn tasks_are_cancelled() {
    let _watchdog = watchdog(60);
    let pool = Pool::builder().workers(1).capacity(8).build().unwrap();
    let begun = Atomic::new(0_u32).unwrap();
    let park = |begun: Atomic<u32>, _: u32| -> u32 {
        begun.fetch_add(1, Ordering::SeqCst);
        loop {
            std::thread::park();
        }
    };
    let running = pool.apply_async(park, (begun.clone(), 0)).unwrap();
    let cancelled = |error| matches!(error, Err(TaskError::Cancelled { .. }));
    // More than there is room for: each gives its place back when it can.
    for _ in 0..7 {
        let waiting = pool.apply_async(square, (1,)).unwrap();
        assert!(waiting.cancel().unwrap());
        assert!(!waiting.cancel().unwrap());
        assert!(cancelled(waiting.get().map(drop)));
    }
    let last = begun.clone();
    while begun.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    assert!(running.cancel().unwrap());
    assert!(cancelled(running.get().map(drop)));
    assert_eq!(pool.apply(square, (7,)).unwrap(), 49);
    let job = pool.starmap_async(park, (0..10).map(|x| (begun.clone(), x))).unwrap();
    while last.load(Ordering::SeqCst) == 1 {
        std::thread::yield_now();
    }
    assert!(job.cancel().unwrap());
    assert!(cancelled(job.get().map(drop)));
    assert_eq!(pool.map(square, [7]).unwrap(), [49]);
    assert_eq!(last.load(Ordering::SeqCst), 2);
}

/// Two pools at once, and a pool in a child.
#[test]
fn pools_live_beside_each_other() {
    let _watchdog = watchdog(60);
    let (one, two) = (Pool::new(1).unwrap(), Pool::new(2).unwrap());
    let (a, b) = (one.map_async(square, 0..10).unwrap(), two.map_async(square, 0..10).unwrap());
    assert_eq!(a.get().unwrap(), b.get().unwrap());
    let child = multiproc::spawn(
        |n: u64| Pool::new(2).unwrap().map(square, 0..n).unwrap().iter().sum::<u64>(),
        (10,),
    );
    assert_eq!(child.unwrap().join().unwrap(), 285);
}

/// PO08, PO11, PO13, PO14, PO39: one by one, in order and as they come.
#[test]
fn results_come_one_by_one() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let mut squares = pool.imap(square, 0..1000);
    for x in 0..1000 {
        assert_eq!(squares.next().unwrap().unwrap(), x * x);
    }
    assert!(squares.next().is_none() && squares.next().is_none());
    let mut all: Vec<_> = pool.imap_unordered(square, 0..1000).map(Result::unwrap).collect();
    all.sort_unstable();
    assert_eq!(all, (0..1000).map(square).collect::<Vec<_>>());
    assert!(pool.imap(square, []).next().is_none());
    assert!(pool.imap_unordered(square, []).next().is_none());
    // The error of one does not end the rest.
    let even = |x: u32| {
        assert!(x.is_multiple_of(2), "odd");
        x
    };
    for (at, one) in pool.imap(even, 0..20).enumerate() {
        match one {
            Ok(x) => assert!(x as usize == at && at % 2 == 0),
            Err(error) => assert!(error.index() == at && at % 2 == 1),
        }
    }
    // No more are taken than said.
    let taken = std::cell::Cell::new(0);
    let items = (0..100).inspect(|_| taken.set(taken.get() + 1));
    let mut few = pool.imap(square, items).ahead(3);
    few.next().unwrap().unwrap();
    assert!(taken.get() <= 3);
    drop(few);
    // Late, and then there.
    let queue = Queue::<u32>::new(4).unwrap();
    let wait = |queue: Queue<u32>| queue.recv().unwrap();
    let mut slow = pool.imap(wait, [queue.clone()]);
    let late = slow.next_timeout(Duration::from_millis(10)).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TimedOut);
    queue.send(7).unwrap();
    assert_eq!(slow.next().unwrap().unwrap(), 7);
    // Items that panic as they come.
    let bad = || (0..10_u64).inspect(|&x| assert!(x != 3, "no item"));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.map(square, bad())));
    assert!(caught.is_err());
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        pool.imap_unordered(square, bad()).count()
    }));
    assert!(caught.is_err());
    assert_eq!(pool.apply(square, (9,)).unwrap(), 81);
}

/// A number that cannot be encoded if it is the greatest.
#[derive(Debug, serde::Deserialize)]
struct Picky(u32);

impl serde::Serialize for Picky {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == u32::MAX {
            return Err(serde::ser::Error::custom("never"));
        }
        serializer.serialize_newtype_struct("Picky", &self.0)
    }
}

/// PO11, PO13, PO14 in chunks: each item has its own result, wherever it was done.
#[test]
fn results_come_chunk_by_chunk() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let squares = pool.imap(square, 0..1000).chunk_size(100);
    assert!(squares.map(Result::unwrap).eq((0..1000).map(square)));
    let all = pool.imap_unordered(square, 0..1005).chunk_size(100);
    let mut all: Vec<_> = all.map(Result::unwrap).collect();
    all.sort_unstable();
    assert!(all.into_iter().eq((0..1005).map(square)));
    assert!(pool.imap(square, []).chunk_size(7).next().is_none());
    // One that panics, one that cannot be encoded, and one whose result cannot.
    let item = |x: u32| if x == 13 { Picky(u32::MAX) } else { Picky(x) };
    let function = |Picky(x): Picky| {
        assert_ne!(x, 5, "five");
        Picky(if x == 8 { u32::MAX } else { x })
    };
    for chunk in [1, 4, 7, 100] {
        let all = pool.imap(function, (0..20).map(item)).chunk_size(chunk);
        for (at, one) in all.enumerate() {
            match (at, one) {
                (5, Err(TaskError::Panicked { index: 5, .. }))
                | (8 | 13, Err(TaskError::Encode { .. })) => {}
                (_, one) => assert_eq!(one.unwrap().0 as usize, at),
            }
        }
    }
    let indices = |error: TaskError| error.index();
    let failed = pool.imap(function, (0..20).map(item)).chunk_size(6);
    let failed: Vec<_> = failed.filter_map(Result::err).map(indices).collect();
    assert_eq!(failed, [5, 8, 13]);
    // Whole chunks are taken, as many as there is room for.
    let taken = std::cell::Cell::new(0);
    let items = (0..100).inspect(|_| taken.set(taken.get() + 1));
    let mut few = pool.imap(square, items).chunk_size(10).ahead(25);
    few.next().unwrap().unwrap();
    assert!(taken.get() <= 20);
    for _ in 0..5 {
        few.next().unwrap().unwrap();
    }
    assert!(taken.get() <= 30);
    drop(few);
    let mut none = pool.imap(square, 0..10).chunk_size(0);
    let error = none.next().unwrap().unwrap_err();
    assert!(matches!(error, TaskError::Failed { kind: ErrorKind::InvalidInput, .. }), "{error}");
    assert!(none.next().is_none());
}

/// What is the same for all items, handles in it too; and what cannot be decoded.
#[test]
fn a_context_goes_with_the_items() {
    #[derive(serde::Serialize)]
    struct Shy(u32);
    impl<'de> serde::Deserialize<'de> for Shy {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Err(serde::de::Error::custom("shy"))
        }
    }
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let counted = Atomic::new(0_u32).unwrap();
    let count = |(counted, names): &(Atomic<u32>, Vec<String>), at: usize| {
        counted.fetch_add(1, Ordering::SeqCst);
        assert!(at != 100);
        names[at % 2].clone()
    };
    let context = (counted.clone(), vec!["even".to_owned(), "odd".to_owned()]);
    let names = pool.mapping().chunk_size(3).map_with(&context, count, 0..50).unwrap();
    assert!(names.iter().enumerate().all(|(at, name)| *name == context.1[at % 2]));
    assert_eq!(counted.load(Ordering::SeqCst), 50);
    // A panic takes nothing from the next.
    assert_eq!(pool.map_with(&context, count, [1, 100, 0]).unwrap_err().index(), 1);
    assert_eq!(pool.map_with(&context, count, [1]).unwrap(), ["odd"]);
    let later = pool.map_with_async(&context, count, [0, 1]).unwrap();
    assert_eq!(later.get().unwrap(), ["even", "odd"]);
    let shy = pool.map_with(&Shy(7), |shy: &Shy, x: u32| shy.0 + x, [1, 2]);
    assert!(matches!(shy, Err(TaskError::Decode { index: 0, .. })), "{shy:?}");
    assert_eq!(pool.apply(square, (3,)).unwrap(), 9);
}

//! What a pool tells with the feature `tracing`: spans around tasks in the workers, the lives of workers in the pool's process.
#![cfg(feature = "tracing")]

mod support;

use multiproc::{Pool, PoolWorker, TaskError};
use std::{env, fs::File, io::Write, sync::Mutex, time::Duration};
use support::watchdog;
use tracing_subscriber::{filter::LevelFilter, fmt, fmt::format::FmtSpan};

multiproc::test_support!();

const FILE: &str = "MULTIPROC_TEST_TRACE";

/// Has this process write what is told to a file.
fn subscribe(file: File) {
    let spans = FmtSpan::NEW | FmtSpan::CLOSE;
    fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_span_events(spans)
        .with_ansi(false)
        .without_time()
        .with_writer(Mutex::new(file))
        .init();
}

/// In a worker: each writes its own lines, behind those of the others.
fn subscribe_in_worker(_: PoolWorker) -> Result<(), String> {
    let path = env::var_os(FILE).unwrap();
    subscribe(File::options().append(true).open(path).unwrap());
    Ok(())
}

#[test]
fn tasks_are_spans_and_lives_are_told() {
    let _watchdog = watchdog(60);
    let directory = env::temp_dir();
    let path = |name: &str| directory.join(format!("mp-test-trace-{name}-{}", std::process::id()));
    let (ours, theirs) = (path("ours"), path("theirs"));
    File::create(&theirs).unwrap().flush().unwrap();
    subscribe(File::create(&ours).unwrap());
    multiproc::set_log_level(LevelFilter::DEBUG);
    let pool = Pool::builder().workers(1).env(FILE, &theirs).state(subscribe_in_worker);
    let pool = pool.build().unwrap();
    assert_eq!(pool.apply(|(): &mut (), x: u32| x + 1, (1,)).unwrap(), 2);
    assert_eq!(pool.mapping().chunk_size(5).map(|(): &mut (), x: u32| x, 0..10).unwrap().len(), 10);
    let dies = pool.apply(|(): &mut ()| -> () { std::process::abort() }, ());
    assert!(matches!(dies, Err(TaskError::WorkerDied { signal: Some(6), .. })));
    let late = pool.task(
        |(): &mut ()| -> () {
            loop {
                std::thread::park()
            }
        },
        (),
    );
    let late = late.deadline(Duration::from_millis(20)).submit().unwrap();
    assert!(matches!(late.get(), Err(TaskError::TimedOut { .. })));
    pool.close().unwrap();
    pool.join().unwrap();
    drop(pool);

    let told = std::fs::read_to_string(&theirs).unwrap();
    let has = |text: &str, words: &[&str]| {
        text.lines().any(|line| words.iter().all(|word| line.contains(word)))
    };
    for words in [
        &["DEBUG", "multiproc", "worker of a pool is ready", "worker=0"][..],
        &["DEBUG", "task{task=", "new"],
        &["DEBUG", "task{task=", "close"],
        &["DEBUG", "chunk{task=", "first=0 end=5", "close"],
        &["DEBUG", "chunk{task=", "first=5 end=10", "close"],
    ] {
        assert!(has(&told, words), "{words:?} in {told}");
    }
    let told = std::fs::read_to_string(&ours).unwrap();
    for words in [
        &["DEBUG", "multiproc", "worker of a pool started", "worker=0", "pid="][..],
        &["WARN", "worker of a pool died", "worker=0", "signal"],
        &["WARN", "worker of a pool killed", "worker=0", "TimedOut"],
        &["DEBUG", "worker of a pool ended", "tasks="],
    ] {
        assert!(has(&told, words), "{words:?} in {told}");
    }
    for file in [ours, theirs] {
        std::fs::remove_file(file).unwrap();
    }
}

//! Made-up results for tests, of the shape that real ones have.

use crate::{
    death::Verdict,
    part::Part,
    results::{Fact, Fate, Results, Summary},
    unit::Unit,
};

/// A contender's time for an empty message, and for each byte of it.
const LINKS: [(&str, f64, f64); 13] = [
    ("multiproc ring, spinning", 62.0, 0.09),
    ("multiproc queue, spinning", 118.0, 0.11),
    ("multiproc queue, asleep", 5_900.0, 0.11),
    ("multiproc pipe", 6_400.0, 0.2),
    ("iceoryx2, spinning", 171.0, 0.1),
    ("iceoryx2 event, asleep", 8_300.0, 0.1),
    ("ipc-channel", 14_800.0, 0.42),
    ("crossbeam-channel, threads", 96.0, 0.1),
    ("rtrb, threads", 55.0, 0.08),
    ("Unix socket", 7_100.0, 0.31),
    ("pipe", 6_100.0, 0.28),
    ("Python Pipe", 31_000.0, 0.9),
    ("Python Queue", 72_000.0, 1.4),
];

pub fn results() -> Results {
    let mut summaries = Vec::new();
    for size in [8.0, 64.0, 1024.0, 8192.0, 65536.0] {
        for (contender, first, each) in LINKS {
            let case =
                if size < 1024.0 { format!("{size} B") } else { format!("{} KiB", size / 1024.0) };
            summaries.push(summary(
                Part::Latency,
                &case,
                Some(size),
                contender,
                Unit::Nanoseconds,
                first + each * size,
            ));
        }
    }
    for (contender, first, each) in LINKS {
        summaries.push(summary(
            Part::Throughput,
            "64 B",
            Some(64.0),
            contender,
            Unit::PerSecond,
            1e9 / (first / 3.0 + each * 64.0),
        ));
        summaries.push(summary(
            Part::Throughput,
            "64 KiB",
            Some(65536.0),
            contender,
            Unit::BytesPerSecond,
            65536e9 / (first + each * 65536.0),
        ));
    }
    for (case, at) in [("2 to 2", 4.0), ("4 to 4", 8.0)] {
        for (contender, first, _) in LINKS.into_iter().skip(1) {
            summaries.push(summary(
                Part::Mpmc,
                case,
                Some(at),
                contender,
                Unit::PerSecond,
                2e9 / (first + 40.0 * at),
            ));
        }
    }
    let locks = [
        ("multiproc Mutex", 14.0, 190.0),
        ("std Mutex, threads", 11.0, 160.0),
        ("parking_lot Mutex, threads", 10.0, 120.0),
        ("flock", 900.0, 5_200.0),
        ("Python Lock", 310.0, 9_800.0),
    ];
    for (contender, alone, wanted) in locks {
        summaries.push(summary(
            Part::Locks,
            "nobody else",
            Some(1.0),
            contender,
            Unit::Nanoseconds,
            alone,
        ));
        summaries.push(summary(
            Part::Locks,
            "two want it",
            Some(2.0),
            contender,
            Unit::Nanoseconds,
            wanted,
        ));
    }
    let pools = [
        ("multiproc pool", 9_000.0, 310_000.0),
        ("procspawn pool", 78_000.0, 1_900_000.0),
        ("rayon, threads", 2_100.0, 41_000.0),
        ("Python Pool", 96_000.0, 24_000_000.0),
        ("Python ProcessPoolExecutor", 210_000.0, 38_000_000.0),
    ];
    for (contender, task, start) in pools {
        summaries.push(summary(
            Part::Dispatch,
            "one task",
            None,
            contender,
            Unit::Nanoseconds,
            task,
        ));
        summaries.push(summary(
            Part::Spawn,
            "one worker",
            None,
            contender,
            Unit::Nanoseconds,
            start,
        ));
    }
    Results { summaries, fates: fates(), facts: facts() }
}

fn summary(
    part: Part,
    case: &str,
    at: Option<f64>,
    contender: &str,
    unit: Unit,
    median: f64,
) -> Summary {
    Summary {
        part,
        case: case.to_owned(),
        at,
        contender: contender.to_owned(),
        unit,
        median,
        lower_quartile: median * 0.96,
        upper_quartile: median * 1.09,
        rounds: 15,
    }
}

fn fates() -> Vec<Fate> {
    let fate = |killed: &str, contender: &str, verdict, seen: &str, after_ns| Fate {
        killed: killed.to_owned(),
        contender: contender.to_owned(),
        verdict,
        seen: seen.to_owned(),
        after_ns,
    };
    vec![
        fate(
            "the sender, in the middle of a message",
            "multiproc queue",
            Verdict::GoesOn,
            "The receiver got all whole messages, and then that the sender is gone; another sender went on.",
            Some(212_000.0),
        ),
        fate(
            "the sender, in the middle of a message",
            "Unix socket",
            Verdict::Ends,
            "The receiver read half a message, then the end of the stream.",
            Some(58_000.0),
        ),
        fate(
            "the sender, in the middle of a message",
            "Python Queue",
            Verdict::Hangs,
            "The feeder's lock stayed locked: no other process could put anything <ever> again.",
            None,
        ),
        fate(
            "the holder of the lock",
            "multiproc Mutex",
            Verdict::GoesOn,
            "The next one got the lock, and was told that its holder had died.",
            Some(81_000.0),
        ),
        fate(
            "the holder of the lock",
            "Python Lock",
            Verdict::Hangs,
            "All others waited; nobody was told.",
            None,
        ),
        fate(
            "the holder of the lock",
            "flock",
            Verdict::Silent,
            "The kernel gave the lock to the next one, which was not told that the work under it was half done.",
            None,
        ),
        fate(
            "a worker of the pool",
            "multiproc pool",
            Verdict::GoesOn,
            "The task was told to have died with its worker; a new worker took the others.",
            Some(1_400_000.0),
        ),
        fate(
            "a worker of the pool",
            "Python ProcessPoolExecutor",
            Verdict::Ends,
            "BrokenProcessPool for all tasks & the pool was of no more use.",
            Some(3_100_000.0),
        ),
    ]
}

fn facts() -> Vec<Fact> {
    vec![
        Fact::new("date", "2026-01-02 03:04:05 UTC"),
        Fact::new("command", "target/release/comparison"),
        Fact::new("processor", "Made-up Processor 9000"),
        Fact::new("cpus", "0 and 1: one package, two cores, shared L3 (32768K), one NUMA node"),
        Fact::new("rounds", "15"),
        Fact::left_out("Python Queue, 1 MiB: no answer within 10 s"),
    ]
}

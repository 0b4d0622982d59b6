//! What segments and objects cost: made, found, dropped, and sent to another process.

use multiproc::{Array, Atomic, Lock, Ordering, Process, Segment, Value, spawn};
use std::time::Instant;

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn nanoseconds(name: &str, count: u32, mut body: impl FnMut(u32)) {
    let round = |_| {
        let start = Instant::now();
        (0..count).for_each(&mut body);
        start.elapsed().as_secs_f64() * 1e9 / f64::from(count)
    };
    println!("{name}_ns {:.0}", median((0..11).map(round).collect()));
}

/// Handles as arguments and results, less what the process costs without them.
fn round_trip() {
    const HANDLES: usize = 1000;
    let timed = |start: Instant| start.elapsed().as_secs_f64() * 1e9;
    let back = |values: Vec<Value<u64>>| values;
    let mut costs = Vec::new();
    for _ in 0..21 {
        let values: Vec<_> = (0..HANDLES as u64).map(|n| Value::new(n).unwrap()).collect();
        let start = Instant::now();
        let none: Process<Vec<Value<u64>>> = spawn(back, (Vec::new(),)).unwrap();
        assert!(none.join().unwrap().is_empty());
        let without = timed(start);
        let start = Instant::now();
        let process = spawn(back, (values.clone(),)).unwrap();
        let returned = process.join().unwrap();
        costs.push((timed(start) - without) / HANDLES as f64);
        assert_eq!(returned[HANDLES - 1].get().unwrap(), HANDLES as u64 - 1);
    }
    println!("handle_round_trip_ns {:.0}", median(costs));
}

fn main() {
    multiproc::init();
    let id = std::process::id();
    nanoseconds("segment_create_attach_unlink", 50, |round| {
        let segment = Segment::create(&format!("bench-{id}-{round}")).unwrap();
        drop(Segment::attach(segment.name()).unwrap());
    });
    nanoseconds("value_create_drop", 10_000, |number| drop(Value::new(number).unwrap()));
    nanoseconds("lock_create_drop", 10_000, |_| drop(Lock::new().unwrap()));
    nanoseconds("atomic_create_drop", 10_000, |number| {
        assert_eq!(Atomic::new(number).unwrap().load(Ordering::Relaxed), number);
    });
    nanoseconds("array_2mib_create_drop", 50, |_| drop(Array::<u8>::zeroed(2 << 20).unwrap()));
    let segment = Segment::create(&format!("bench-{id}")).unwrap();
    let value = Value::new_in(&segment, 1_u64).unwrap();
    segment.publish("value", &value).unwrap();
    nanoseconds("open_by_name", 10_000, |_| drop(segment.open::<Value<u64>>("value").unwrap()));
    round_trip();
}

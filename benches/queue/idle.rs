//! What who waits costs: the processor's time of a process that waits for an item for some seconds.

use super::common::{now, report};
use multiproc::{InPlace, Queue, Ring, RingReceiver, spawn};
use std::{thread, time::Duration};

const WHILE: Duration = Duration::from_secs(3);

/// Nanoseconds for which this process has had a processor.
fn used() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a `timespec` of ours that the call may write.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

/// Percent of a processor, while it waits.
fn percent(wait: impl FnOnce()) -> f64 {
    let (used_before, start) = (used(), now());
    wait();
    let (took, passed) = (used() - used_before, now() - start);
    assert!(passed >= WHILE.as_nanos() as u64 / 2, "it did not wait");
    100.0 * took as f64 / passed as f64
}

fn wait_for_queue(queue: Queue<u64, InPlace>) -> f64 {
    percent(|| assert_eq!(queue.recv().unwrap(), 7))
}

fn wait_for_ring(receiver: RingReceiver<u64>) -> f64 {
    let mut consumer = receiver.claim().unwrap();
    percent(|| assert_eq!(consumer.pop().unwrap(), 7))
}

pub(crate) fn all() {
    let queue = Queue::in_place(4).unwrap();
    let (sender, receiver) = Ring::new(4).unwrap();
    let mut producer = sender.claim().unwrap();
    let of_queue = spawn(wait_for_queue, (queue.clone(),)).unwrap();
    let of_ring = spawn(wait_for_ring, (receiver,)).unwrap();
    thread::sleep(WHILE);
    queue.send(7).unwrap();
    producer.push(7).unwrap();
    let worse = of_queue.join().unwrap().max(of_ring.join().unwrap());
    report("idle_receiver_cpu_percent", worse, "<= 0.1");
}

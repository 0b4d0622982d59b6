//! A queue whose consumers are killed all the time: how many items come through, and that none is lost.

use super::common::now;
use multiproc::{AtomicArray, InPlace, Ordering, Process, Queue, spawn};
use std::{thread, time::Duration};

const ITEMS: u32 = 1_000_000;
const CONSUMERS: usize = 2;
const EVERY: Duration = Duration::from_millis(10);

fn produce(items: Queue<u32, InPlace>) {
    (0..ITEMS).for_each(|item| items.send(item).unwrap());
    items.close().unwrap();
}

/// What it has leased and not done when it is killed, another one gets.
fn consume(items: Queue<u32, InPlace>, seen: AtomicArray<u32>) {
    while let Ok(lease) = items.lease() {
        seen[*lease as usize].fetch_add(1, Ordering::Relaxed);
        lease.done();
    }
    assert!(items.is_closed());
}

pub(crate) fn all() {
    let items = Queue::in_place(1024).unwrap();
    let seen = AtomicArray::zeroed(ITEMS as usize).unwrap();
    let start = || spawn(consume, (items.clone(), seen.clone())).unwrap();
    let begin = now();
    let producer = spawn(produce, (items.clone(),)).unwrap();
    let mut consumers: Vec<Process<()>> = (0..CONSUMERS).map(|_| start()).collect();
    let mut kills = 0;
    while !(items.is_closed() && items.is_empty()) {
        thread::sleep(EVERY);
        let victim = consumers.remove(0);
        victim.kill().unwrap();
        // One that was ready before has nothing against it.
        kills += u32::from(victim.join().is_err());
        consumers.push(start());
    }
    // Those that are left do what nobody has done.
    consumers.into_iter().for_each(|consumer| consumer.join().unwrap());
    producer.join().unwrap();
    let seconds = (now() - begin) as f64 / 1e9;

    let seen = seen.to_vec();
    let lost = seen.iter().filter(|&&count| count == 0).count();
    assert_eq!(lost, 0, "items that nobody received");
    let again: u32 = seen.iter().map(|count| count - 1).sum();
    assert!(again <= kills, "{again} items came again after {kills} deaths");
    println!("killed_consumers_kills {kills}");
    println!("killed_consumers_received_again {again}");
    println!("killed_consumers_items_per_s {:.0}", f64::from(ITEMS) / seconds);
}

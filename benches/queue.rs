//! Rings and queues beside bare floors and rivals: each ratio is the median of the ratios of many short rounds, in which ours and the other take turns.

mod common;
#[path = "queue/queues.rs"]
mod queues;
#[path = "queue/ring.rs"]
mod ring;

fn main() {
    multiproc::init();
    ring::all();
    queues::all();
}

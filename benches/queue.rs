//! Rings and queues beside bare floors and rivals: each ratio is the median of the ratios of many short rounds, in which ours and the other take turns.

mod common;
#[path = "queue/idle.rs"]
mod idle;
#[path = "queue/killed.rs"]
mod killed;
#[path = "queue/payloads.rs"]
mod payloads;
#[path = "queue/queues.rs"]
mod queues;
#[path = "queue/ring.rs"]
mod ring;
#[path = "queue/wake.rs"]
mod wake;

fn main() {
    multiproc::init();
    ring::all();
    queues::all();
    wake::all();
    payloads::all();
    idle::all();
    killed::all();
}

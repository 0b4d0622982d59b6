//! Rings and queues beside bare floors and rivals: each ratio is the median of the ratios of many short rounds, in which ours and the other take turns.

use std::env;

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
    let parts: [(&str, fn()); 6] = [
        ("ring", ring::all),
        ("queues", queues::all),
        ("wake", wake::all),
        ("payloads", payloads::all),
        ("idle", idle::all),
        ("killed", killed::all),
    ];
    // `cargo bench --bench queue -- wake idle`; cargo itself adds an option.
    let wanted: Vec<_> = env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            part();
        }
    }
}

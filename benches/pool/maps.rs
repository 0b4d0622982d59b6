//! Many trivial tasks at once, cut into chunks: of numbers, which lie in shared memory as they are, and of structs, which are encoded.

use super::{rounds, trivial, value};
use multiproc::Pool;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

const TASKS: u64 = 100_000;

/// Goes through serde: it is no number, nor a tuple of some.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: u64,
    y: u8,
    is_seen: bool,
}

fn see(point: Point) -> Point {
    Point { x: trivial(point.x), is_seen: true, ..point }
}

fn numbers(pool: &Pool) {
    let all: Vec<u64> = (0..TASKS).collect();
    let right = |got: &[u64]| assert_eq!(got[7], trivial(7));
    let ours = rounds("map_pod_ns", TASKS, || {
        right(&pool.map(trivial, all.iter().copied()).unwrap());
    });
    value("map_pod_ns", ours, "<= 5");
    let rayon = rounds("rayon_chunk1_ns", TASKS, || {
        let got: Vec<u64> = all.par_iter().with_max_len(1).map(|&x| trivial(x)).collect();
        right(&got);
    });
    value("rayon_chunk1_ns", rayon, "none");
    let ours = rounds("map_chunk1_ns", TASKS, || {
        right(&pool.mapping().chunk_size(1).map(trivial, all.iter().copied()).unwrap());
    });
    value("map_chunk1_ns", ours, "<= 500");
    let ours = rounds("map_pairs_ns", TASKS, || {
        let got = pool.map(|(x, y): (u64, u8)| (trivial(x), y), (0..TASKS).map(|x| (x, 1)));
        assert_eq!(got.unwrap()[7], (trivial(7), 1));
    });
    value("map_pairs_ns", ours, "none");
}

fn encoded(pool: &Pool) {
    let ours = rounds("map_encoded_ns", TASKS, || {
        let points = (0..TASKS).map(|x| Point { x, y: 1, is_seen: false });
        let got = pool.map(see, points).unwrap();
        assert_eq!(got[7], Point { x: trivial(7), y: 1, is_seen: true });
    });
    value("map_encoded_ns", ours, "<= 20");
    let ours = rounds("map_strings_ns", TASKS, || {
        let got = pool.map(|text: String| text.len(), (0..TASKS).map(|_| "seven".to_owned()));
        assert_eq!(got.unwrap()[7], 5);
    });
    value("map_strings_ns", ours, "none");
}

fn one_by_one(pool: &Pool) {
    const ITEMS: u64 = 20_000;
    for (name, chunk) in [("imap_ns", 1), ("imap_chunk100_ns", 100)] {
        let ours = rounds(name, ITEMS, || {
            let results = pool.imap(trivial, 0..ITEMS).chunk_size(chunk);
            assert_eq!(results.map(Result::unwrap).last(), Some(trivial(ITEMS - 1)));
        });
        value(name, ours, "none");
    }
}

pub(crate) fn all() {
    let pool = Pool::new(2).unwrap();
    numbers(&pool);
    encoded(&pool);
    one_by_one(&pool);
}

use multiproc::Pool;
use serde::{Deserialize, Serialize};
use std::time::Instant;
const TASKS: u64 = 100_000;
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: u64,
    y: u8,
    is_seen: bool,
}
fn trivial(x: u64) -> u64 {
    x ^ 0x5555
}
fn see(point: Point) -> Point {
    Point { x: trivial(point.x), is_seen: true, ..point }
}
fn main() {
    multiproc::init();
    let pool = Pool::new(2).unwrap();
    let rounds: usize = std::env::args().nth(1).map_or(300, |r| r.parse().unwrap());
    let which = std::env::args().nth(2).unwrap_or("enc".into());
    let mut all: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            let mut n = TASKS;
            match &*which {
                "enc" => {
                    let points = (0..TASKS).map(|x| Point { x, y: 1, is_seen: false });
                    let got = pool.map(see, points).unwrap();
                    assert_eq!(got[7], Point { x: trivial(7), y: 1, is_seen: true });
                }
                "pod" => {
                    let got = pool.map(trivial, 0..TASKS).unwrap();
                    assert_eq!(got[7], trivial(7));
                }
                "apply" => {
                    n = 20000;
                    let results: Vec<_> =
                        (0..n).map(|x| pool.apply_async(trivial, (x,)).unwrap()).collect();
                    for (x, result) in results.iter().enumerate() {
                        assert_eq!(result.get().unwrap(), trivial(x as u64));
                    }
                }
                _ => panic!(),
            }
            start.elapsed().as_nanos() as f64 / n as f64
        })
        .collect();
    all.sort_by(f64::total_cmp);
    println!("{which} best {:.1} p25 {:.1} median {:.1}", all[0], all[rounds / 4], all[rounds / 2]);
}

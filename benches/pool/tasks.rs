//! Tasks submitted one by one.

use super::{rounds, trivial, value};
use multiproc::Pool;

pub(crate) fn all() {
    const PIPELINED: u64 = 20_000;
    let pool = Pool::new(2).unwrap();
    let ours = rounds("apply_async_ns", PIPELINED, || {
        let results: Vec<_> =
            (0..PIPELINED).map(|x| pool.apply_async(trivial, (x,)).unwrap()).collect();
        for (x, result) in results.iter().enumerate() {
            assert_eq!(result.get().unwrap(), trivial(x as u64));
        }
    });
    value("apply_async_ns", ours, "<= 500");
}

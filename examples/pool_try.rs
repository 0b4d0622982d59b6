use std::time::Instant;
fn encoded(x: (u64, u8)) -> (u64, u8) {
    (x.0 ^ 0x5555, x.1)
}
fn trivial(x: u64) -> u64 {
    x ^ 0x5555
}
fn main() {
    multiproc::init();
    let pool = multiproc::Pool::new(2).unwrap();
    let which = std::env::args().nth(1).unwrap();
    let n = 100_000u64;
    for _ in 0..std::env::var("N").map_or(15, |n| n.parse().unwrap()) {
        let start = Instant::now();
        match which.as_str() {
            "pod" => {
                let r = pool.map_async(trivial, 0..n).unwrap();
                let a = start.elapsed();
                r.wait();
                let b = start.elapsed();
                let v = r.get().unwrap();
                let c = start.elapsed();
                drop(r);
                let d = start.elapsed();
                assert_eq!(v.len(), n as usize);
                println!("submit {a:?} wait {b:?} get {c:?} drop {d:?}");
            }
            "enc" => {
                let r = pool.map_async(encoded, (0..n).map(|x| (x, 1))).unwrap();
                let a = start.elapsed();
                r.wait();
                let b = start.elapsed();
                let v = r.get().unwrap();
                let c = start.elapsed();
                drop(r);
                let d = start.elapsed();
                assert_eq!(v.len(), n as usize);
                println!("submit {a:?} wait {b:?} get {c:?} drop {d:?}");
            }
            _ => {
                let rs: Vec<_> =
                    (0..20000u64).map(|x| pool.apply_async(trivial, (x,)).unwrap()).collect();
                let a = start.elapsed();
                for r in &rs {
                    r.get().unwrap();
                }
                let b = start.elapsed();
                drop(rs);
                println!("submit {a:?} get {b:?} drop {:?}", start.elapsed());
            }
        }
    }
}

use multiproc::*;
use std::time::Instant;
fn echo(a: Queue<u64, InPlace>, b: Queue<u64, InPlace>, n: u64) {
    for _ in 0..n {
        let x = a.recv().unwrap();
        b.send(x).unwrap();
    }
}
fn cons(a: Queue<u64, InPlace>, n: u64, ready: Barrier) -> u64 {
    ready.wait().unwrap();
    let mut s = 0u64;
    for _ in 0..n {
        s = s.wrapping_add(a.recv().unwrap());
    }
    s
}
fn prod(a: Queue<u64, InPlace>, n: u64, ready: Barrier) {
    ready.wait().unwrap();
    for i in 0..n {
        a.send(i).unwrap();
    }
}
fn ours(k: u64, n: u64) -> f64 {
    let q = Queue::<u64, _>::in_place(1024).unwrap();
    let b = Barrier::new(2 * k as u32 + 1).unwrap();
    let ws: Vec<_> = (0..k).map(|_| spawn(cons, (q.clone(), n / k, b.clone())).unwrap()).collect();
    let ps: Vec<_> = (0..k).map(|_| spawn(prod, (q.clone(), n / k, b.clone())).unwrap()).collect();
    b.wait().unwrap();
    let t = Instant::now();
    for p in ps {
        p.join().unwrap();
    }
    for p in ws {
        p.join().unwrap();
    }
    t.elapsed().as_nanos() as f64 / n as f64
}
fn theirs(k: u64, n: u64) -> f64 {
    let (s, r) = crossbeam_channel::bounded::<u64>(1024);
    let b = std::sync::Barrier::new(2 * k as usize + 1);
    std::thread::scope(|scope| {
        for _ in 0..k {
            let (s, r, b) = (s.clone(), r.clone(), &b);
            scope.spawn(move || {
                b.wait();
                for i in 0..n / k {
                    s.send(i).unwrap();
                }
            });
            scope.spawn(move || {
                b.wait();
                let mut x = 0u64;
                for _ in 0..n / k {
                    x = x.wrapping_add(r.recv().unwrap());
                }
                std::hint::black_box(x);
            });
        }
        b.wait();
        Instant::now()
    })
    .elapsed()
    .as_nanos() as f64
        / n as f64
}
fn theirs_t(k: u64, n: u64) -> f64 {
    let _ = theirs;
    let (s, r) = crossbeam_channel::bounded::<u64>(1024);
    let b = std::sync::Arc::new(std::sync::Barrier::new(2 * k as usize + 1));
    let mut hs = vec![];
    for _ in 0..k {
        let (s, r, b1, b2) = (s.clone(), r.clone(), b.clone(), b.clone());
        hs.push(std::thread::spawn(move || {
            b1.wait();
            for i in 0..n / k {
                s.send(i).unwrap();
            }
        }));
        hs.push(std::thread::spawn(move || {
            b2.wait();
            let mut x = 0u64;
            for _ in 0..n / k {
                x = x.wrapping_add(r.recv().unwrap());
            }
            std::hint::black_box(x);
        }));
    }
    b.wait();
    let t = Instant::now();
    for h in hs {
        h.join().unwrap();
    }
    t.elapsed().as_nanos() as f64 / n as f64
}
fn main() {
    init();
    let n = 2_000_000u64;
    let q = Queue::<u64, _>::in_place(1024).unwrap();
    for _ in 0..3 {
        let t = Instant::now();
        for i in 0..n {
            q.send(i).unwrap();
            q.recv().unwrap();
        }
        let a = t.elapsed().as_nanos() as f64 / n as f64;
        let (s, r) = crossbeam_channel::bounded::<u64>(1024);
        let t = Instant::now();
        for i in 0..n {
            s.send(i).unwrap();
            r.recv().unwrap();
        }
        let c = t.elapsed().as_nanos() as f64 / n as f64;
        println!("same thread: ours {a:.1} crossbeam {c:.1}");
        let (o1, t1) = (ours(1, n), theirs_t(1, n));
        let (o4, t4) = (ours(4, n), theirs_t(4, n));
        println!("1x1 {o1:.1} {t1:.1} = {:.2}   4x4 {o4:.1} {t4:.1} = {:.2}", t1 / o1, t4 / o4);
        let (a, b) =
            (Queue::<u64, _>::in_place(64).unwrap(), Queue::<u64, _>::in_place(64).unwrap());
        let m = 100_000;
        let w = spawn(echo, (a.clone(), b.clone(), m)).unwrap();
        a.send(0).unwrap();
        b.recv().unwrap();
        let t = Instant::now();
        for i in 1..m {
            a.send(i).unwrap();
            b.recv().unwrap();
        }
        println!("pingpong one way {:.1} ns", t.elapsed().as_nanos() as f64 / m as f64 / 2.0);
        w.join().unwrap();
    }
}

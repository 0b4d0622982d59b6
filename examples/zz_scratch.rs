use multiproc::Ring;
use std::time::Instant;
fn pin(p: usize) { unsafe { let mut s: libc::cpu_set_t = std::mem::zeroed(); libc::CPU_SET(p, &mut s); libc::sched_setaffinity(0, size_of_val(&s), &s); } }
fn main() {
    multiproc::init();
    const N: u64 = 10_000_000;
    // same thread cost
    {
        let (s, r) = Ring::<u64>::new(1024).unwrap();
        let (mut p, mut c) = (s.claim().unwrap(), r.claim().unwrap());
        let t = Instant::now(); let mut sum = 0u64;
        for i in 0..N / 512 { for j in 0..512 { p.push(i + j).unwrap(); } for _ in 0..512 { sum += c.pop().unwrap(); } }
        println!("same thread push+pop {:.2} ns ({sum})", t.elapsed().as_nanos() as f64 / N as f64);
        let (mut p, mut c) = rtrb::RingBuffer::<u64>::new(1024);
        let t = Instant::now(); let mut sum = 0u64;
        for i in 0..N / 512 { for j in 0..512 { p.push(i + j).unwrap(); } for _ in 0..512 { sum += c.pop().unwrap(); } }
        println!("rtrb same thread push+pop {:.2} ns ({sum})", t.elapsed().as_nanos() as f64 / N as f64);
    }
    for _ in 0..4 {
        let (s, r) = Ring::<u64>::new(1024).unwrap();
        let t = Instant::now();
        let a = std::thread::spawn(move || { pin(0); let mut p = s.claim().unwrap(); for i in 0..N { p.push(i).unwrap(); } });
        let b = std::thread::spawn(move || { pin(1); let mut c = r.claim().unwrap(); let mut s = 0u64; for _ in 0..N { s += c.pop().unwrap(); } s });
        a.join().unwrap(); b.join().unwrap();
        println!("ring {:.2} ns", t.elapsed().as_nanos() as f64 / N as f64);
        multiproc::__private::ring_counts();
        let (mut p, mut c) = rtrb::RingBuffer::<u64>::new(1024);
        let t = Instant::now();
        let a = std::thread::spawn(move || { pin(0); for i in 0..N { while p.push(i).is_err() { std::hint::spin_loop() } } });
        let b = std::thread::spawn(move || { pin(1); let mut s = 0u64; for _ in 0..N { s += loop { match c.pop() { Ok(i) => break i, Err(_) => std::hint::spin_loop() } } } s });
        a.join().unwrap(); b.join().unwrap();
        println!("rtrb {:.2} ns", t.elapsed().as_nanos() as f64 / N as f64);
    }
}

//! The library's protocol files under a random scheduler: one thread runs at a time, any atomic access may be where another goes on, and where a thread dies. No slices: who sleeps with nobody to wake him hangs.
#![allow(dead_code, unreachable_pub, unused)]
mod atomic {
    pub use std::sync::atomic::{Ordering, fence};
    macro_rules! atomics { ($($n:ident $v:ident;)*) => {$(
        #[derive(Debug)] #[repr(transparent)]
        pub struct $n(std::sync::atomic::$n);
        impl $n {
            pub const fn new(v: $v) -> Self { Self(std::sync::atomic::$n::new(v)) }
            pub fn peek(&self) -> $v { self.0.load(Ordering::SeqCst) }
            pub fn load(&self, o: Ordering) -> $v { crate::world::point(); self.0.load(o) }
            pub fn store(&self, v: $v, o: Ordering) { crate::world::point(); self.0.store(v, o) }
            pub fn swap(&self, v: $v, o: Ordering) -> $v { crate::world::point(); self.0.swap(v, o) }
            pub fn fetch_add(&self, v: $v, o: Ordering) -> $v { crate::world::point(); self.0.fetch_add(v, o) }
            pub fn fetch_max(&self, v: $v, o: Ordering) -> $v { crate::world::point(); self.0.fetch_max(v, o) }
            pub fn fetch_or(&self, v: $v, o: Ordering) -> $v { crate::world::point(); self.0.fetch_or(v, o) }
            pub fn fetch_and(&self, v: $v, o: Ordering) -> $v { crate::world::point(); self.0.fetch_and(v, o) }
            pub fn compare_exchange(&self, a: $v, b: $v, s: Ordering, f: Ordering) -> Result<$v, $v> { crate::world::point(); self.0.compare_exchange(a, b, s, f) }
            pub fn compare_exchange_weak(&self, a: $v, b: $v, s: Ordering, f: Ordering) -> Result<$v, $v> { self.compare_exchange(a, b, s, f) }
        }
    )*} }
    atomics! { AtomicU32 u32; AtomicU64 u64; }
}
mod os {
    pub mod clock {
        use std::cell::Cell;
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Deadline(u8);
        thread_local! { pub static SLEPT: Cell<bool> = Cell::new(false); }
        impl Deadline {
            pub const NEVER: Self = Self(0);
            pub const NOW: Self = Self(1);
            pub const SOON: Self = Self(2);
            pub fn has_passed(self) -> bool { match self { Self::NEVER => false, Self::NOW => true, _ => SLEPT.with(Cell::get) } }
        }
    }
    pub mod step { macro_rules! step { ($name:literal) => { $crate::world::step($name) }; } pub(crate) use step; }
}
#[path = "../../src/segment"]
mod segment { mod owner; pub(crate) use owner::OwnerId; }
#[path = "../../src/sync"]
mod sync {
    pub mod party;
    pub mod raw_barrier;
    pub mod raw_borrow;
    pub mod raw_event;
    mod raw_loan;
    pub mod raw_lock;
    pub mod raw_semaphore;
    mod seats;
    pub const CELLS: usize = 2;
    pub(crate) use {raw_borrow::RawBorrow, raw_lock::RawLock, seats::Seats};
}
mod plays;
mod world;
fn main() {
    let mut args = std::env::args().skip(1);
    let play = args.next().unwrap();
    let (from, to): (u64, u64) = (args.next().unwrap().parse().unwrap(), args.next().unwrap().parse().unwrap());
    std::panic::set_hook(Box::new(|_| ()));
    let mut bad = 0;
    for seed in from..to {
        if let Err(why) = plays::play(&play, seed) {
            println!("seed {seed}: {why}");
            bad += 1;
            if bad >= 5 { std::process::exit(1) }
        }
    }
    println!("{play}: {} runs, {bad} bad", to - from);
    std::process::exit(0)
}

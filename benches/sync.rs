//! The other locks beside this crate's `Lock`, what waits beside bare floors, and the answer of sleepers to a death in each.
//!
//! Each ratio is the median of the ratios of many short rounds, in which ours and the other take turns.

mod common;

use common::{
    Doomed, Mortal, death,
    game::{
        EventPingPong, FutexPingPong, Game, Seats, SemaphorePingPong, TwoLines, processes, threads,
    },
    median, now, report, time, whatever,
};
use multiproc::{Barrier, Condition, Event, Lock, OnceValue, Process, RLock, RwLock, Semaphore};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::hint::black_box;

const ROUNDS: usize = 41;

/// Taken and given back, over the same of a `Lock`, without anybody else.
fn uncontended(name: &str, mut ours: impl FnMut()) {
    const COUNT: u32 = 200_000;
    let lock = Lock::new().unwrap();
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let floor = time(COUNT, || drop(black_box(&lock).lock().unwrap()));
        ratios.push(time(COUNT, &mut ours) / floor);
    }
    report(name, median(ratios), "<= 1.5");
}

fn all_uncontended() {
    let rlock = RLock::new().unwrap();
    let guards = (rlock.lock().unwrap(), rlock.lock().unwrap());
    assert_eq!(rlock.depth(), 2);
    drop(guards);
    uncontended("rlock_uncontended", || drop(black_box(&rlock).lock().unwrap()));
    assert!(!rlock.is_locked());

    let rw_lock = RwLock::new().unwrap();
    let guards = (rw_lock.read().unwrap(), rw_lock.read().unwrap());
    assert_eq!(rw_lock.readers(), 2);
    drop(guards);
    uncontended("rwlock_read", || drop(black_box(&rw_lock).read().unwrap()));
    assert_eq!(rw_lock.readers(), 0);

    let semaphore = Semaphore::new(2).unwrap();
    let permits = (semaphore.acquire().unwrap(), semaphore.acquire().unwrap());
    assert_eq!(semaphore.value(), 0);
    drop(permits);
    uncontended("semaphore_uncontended", || {
        let semaphore = black_box(&semaphore);
        semaphore.acquire_bare().unwrap();
        semaphore.release_bare().unwrap();
    });
    uncontended("semaphore_permit_uncontended", || drop(black_box(&semaphore).acquire().unwrap()));
    assert_eq!(semaphore.value(), 2);
    let price = |mut body: Box<dyn FnMut() + '_>| {
        let rounds = (0..ROUNDS).map(|_| time(100_000, &mut body) * 1e4);
        median(rounds.collect())
    };
    let lock = Lock::new().unwrap();
    println!("lock_ns {:.1}", price(Box::new(|| drop(black_box(&lock).lock().unwrap()))));
    println!("rlock_ns {:.1}", price(Box::new(|| drop(black_box(&rlock).lock().unwrap()))));
    println!("rwlock_read_ns {:.1}", price(Box::new(|| drop(black_box(&rw_lock).read().unwrap()))));
    println!(
        "rwlock_write_ns {:.1}",
        price(Box::new(|| drop(black_box(&rw_lock).write().unwrap())))
    );
    let condition = Condition::new().unwrap();
    let guard = condition.lock().unwrap();
    assert_eq!(condition.notify_all().unwrap(), 0);
    println!(
        "condition_notify_nobody_ns {:.1}",
        price(Box::new(|| assert_eq!(black_box(&condition).notify(1).unwrap(), 0)))
    );
    drop(guard);
    let once = OnceValue::new().unwrap();
    assert_eq!(*once.get_or_init(|| 42_u64).unwrap(), 42);
    println!(
        "once_get_ns {:.1}",
        price(Box::new(|| {
            black_box(black_box(&once).get().unwrap());
        }))
    );
}

fn event_is_set() {
    const COUNT: u32 = 1_000_000;
    let event = Event::new().unwrap();
    assert!(!event.is_set());
    event.set().unwrap();
    assert!(event.is_set());
    let round = |_| {
        time(COUNT, || {
            black_box(black_box(&event).is_set());
        })
    };
    let seconds = median((0..ROUNDS).map(round).collect());
    report("event_is_set_ns", seconds * 1e9 / f64::from(COUNT), "<= 1");
}

/// Ours over another game, both between two processes, in turns; and the other's nanoseconds.
fn two<O, F>(ours: impl Fn() -> O, floor: impl Fn() -> F, turns: u32, seats: Seats) -> (f64, f64)
where
    O: Game + Clone + Serialize + DeserializeOwned + 'static,
    F: Game + Clone + Serialize + DeserializeOwned + 'static,
{
    let (mut ratios, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        let floor = processes(&floor(), 2, turns, seats);
        ratios.push(processes(&ours(), 2, turns, seats) / floor);
        floors.push(floor);
    }
    (median(ratios), median(floors))
}

fn ping_pongs() {
    let (event, floor) = two(EventPingPong::new, FutexPingPong::new, 2_000, Seats::Anywhere);
    println!("futex_pingpong_ns {floor:.0}");
    println!("event_pingpong {event:.3}");
    let (event, floor) = two(EventPingPong::new, FutexPingPong::new, 2_000, Seats::Together);
    println!("futex_pingpong_one_core_ns {floor:.0}");
    println!("event_pingpong_one_core {event:.3}");
    let new = SemaphorePingPong::new;
    let (semaphore, _) = two(new, FutexPingPong::new, 2_000, Seats::Anywhere);
    report("semaphore_pingpong", semaphore, "<= 1.2");
    let (semaphore, _) = two(new, FutexPingPong::new, 2_000, Seats::Together);
    println!("semaphore_pingpong_one_core {semaphore:.3}");
}

fn barriers() {
    let new = || Barrier::new(2).unwrap();
    let (ours, floor) = two(new, TwoLines::new, 20_000, Seats::Apart);
    println!("two_lines_ns {floor:.0}");
    report("barrier_2_spinning", ours, "<= 3");
    let round = |_| {
        let std = threads(&std::sync::Barrier::new(8), 8, 500);
        processes(&Barrier::new(8).unwrap(), 8, 500, Seats::Anywhere) / std
    };
    report("barrier_8", median((0..15).map(round).collect()), "<= 1.0");
}

#[derive(Clone, Serialize, Deserialize)]
struct Recursive(RLock);

impl Mortal for Recursive {
    fn die(&self, doomed: &Doomed) -> ! {
        let _guards = (self.0.lock().unwrap(), self.0.lock().unwrap());
        doomed.stay()
    }

    fn outlive(&self) {
        whatever(self.0.lock()).clear_poison();
    }
}

/// A writer dies; readers wait.
#[derive(Clone, Serialize, Deserialize)]
struct Readers(RwLock);

impl Mortal for Readers {
    fn die(&self, doomed: &Doomed) -> ! {
        let _guard = self.0.write().unwrap();
        doomed.stay()
    }

    fn outlive(&self) {
        drop(whatever(self.0.read()));
    }
}

/// A reader dies; writers wait.
#[derive(Clone, Serialize, Deserialize)]
struct Writers(RwLock);

impl Mortal for Writers {
    fn die(&self, doomed: &Doomed) -> ! {
        let _guard = self.0.read().unwrap();
        doomed.stay()
    }

    fn outlive(&self) {
        drop(self.0.write().unwrap());
    }
}

/// One that was told dies before it can go on; the last sleeper has what it was told.
#[derive(Clone, Serialize, Deserialize)]
struct Told(Condition);

impl Mortal for Told {
    fn die(&self, doomed: &Doomed) -> ! {
        let mut guard = self.0.lock().unwrap();
        doomed.has_it();
        self.0.wait(&mut guard).unwrap();
        unreachable!("it was told, and the lock was not free before it was killed")
    }

    /// In front of all the others.
    fn is_ready(&self, sleepers: u32) -> bool {
        self.0.n_waiting() == sleepers as usize + 1
    }

    fn kill(&self, victim: &Process<()>, sleepers: u32) -> u64 {
        let _guard = self.0.lock().unwrap();
        assert_eq!(self.0.notify(sleepers as usize).unwrap(), sleepers as usize);
        let start = now();
        victim.kill().unwrap();
        start
    }

    fn outlive(&self) {
        let mut guard = self.0.lock().unwrap();
        self.0.wait(&mut guard).unwrap();
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Made(OnceValue<u64>);

impl Mortal for Made {
    fn die(&self, doomed: &Doomed) -> ! {
        self.0.get_or_init(|| doomed.stay()).unwrap();
        unreachable!("the maker was killed")
    }

    fn outlive(&self) {
        assert_eq!(*self.0.get_or_init(|| 42).unwrap(), 42);
    }
}

/// Permits of a dead holder.
#[derive(Clone, Serialize, Deserialize)]
struct Permits(Semaphore);

impl Mortal for Permits {
    fn die(&self, doomed: &Doomed) -> ! {
        let _permit = self.0.acquire().unwrap();
        doomed.stay()
    }

    fn outlive(&self) {
        drop(self.0.acquire().unwrap());
    }
}

/// A party dies while it waits: the barrier is broken for the others.
#[derive(Clone, Serialize, Deserialize)]
struct Parties(Barrier);

impl Mortal for Parties {
    fn die(&self, doomed: &Doomed) -> ! {
        doomed.has_it();
        self.0.wait().unwrap_err();
        unreachable!("one party was always missing")
    }

    /// The victim and the sleepers have arrived.
    fn is_ready(&self, sleepers: u32) -> bool {
        self.0.n_waiting() == sleepers + 1
    }

    fn outlive(&self) {
        self.0.wait().unwrap_err();
    }
}

fn worst<M: Mortal>(name: &str, new: impl Fn() -> M) {
    let rounds: Vec<_> = (0..50).map(|_| death(&new(), 4)).collect();
    println!("{}_median_ms {:.3}", name.trim_end_matches("_ms"), median(rounds.clone()));
    report(name, rounds.into_iter().fold(0.0, f64::max), "<= 5");
}

fn deaths() {
    worst("death_rlock_ms", || Recursive(RLock::new().unwrap()));
    worst("death_rwlock_read_ms", || Readers(RwLock::new().unwrap()));
    worst("death_rwlock_write_ms", || Writers(RwLock::new().unwrap()));
    worst("death_semaphore_ms", || Permits(Semaphore::new(1).unwrap()));
    worst("death_barrier_ms", || Parties(Barrier::new(6).unwrap()));
    worst("death_condition_ms", || Told(Condition::new().unwrap()));
    worst("death_once_ms", || Made(OnceValue::new().unwrap()));
}

fn main() {
    multiproc::init();
    all_uncontended();
    event_is_set();
    ping_pongs();
    barriers();
    deaths();
}

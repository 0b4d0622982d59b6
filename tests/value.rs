//! Values and arrays: VA02, VA04–VA06, VA08, VA10, VA13, VA16, times (LK05, LK16), and bits that are none of the type's.

mod support;

use multiproc::{
    Array, Atomic, AtomicArray, ErrorKind, LockError, Ordering, Segment, Value, spawn,
};
use std::time::Duration;
use support::{clean, shared_objects, unique, watchdog};

multiproc::test_support!();

#[test]
fn a_recursive_lock_is_an_error() {
    let value = Value::new(1_u8).unwrap();
    let held = value.lock().unwrap();
    assert_eq!(value.get().unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(value.try_lock().unwrap_err().kind(), ErrorKind::Deadlock);
    drop(held);
    assert_eq!(value.get().unwrap(), 1);
}

#[test]
fn times_are_kept() {
    let _watchdog = watchdog(30);
    let value = Value::new(1_u8).unwrap();
    let _held = value.lock().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(
                value.lock_timeout(Duration::ZERO).unwrap_err().kind(),
                ErrorKind::WouldBlock
            );
            let start = std::time::Instant::now();
            assert_eq!(
                value.lock_timeout(Duration::from_millis(60)).unwrap_err().kind(),
                ErrorKind::TimedOut
            );
            assert!(start.elapsed() >= Duration::from_millis(60));
        });
    });
}

#[test]
fn a_panic_poisons() {
    let value = Value::new(1_u8).unwrap();
    let other = value.clone();
    let panicked = std::thread::spawn(move || {
        let _held = other.lock().unwrap();
        panic!("inside");
    });
    assert!(panicked.join().is_err());
    assert!(matches!(value.lock(), Err(LockError::Poisoned(guard)) if *guard == 1));
    assert_eq!(value.set(2).unwrap_err().kind(), ErrorKind::Poisoned);
    value.overwrite(3).unwrap();
    assert_eq!(value.get().unwrap(), 3);
}

/// A `bool` in which another program wrote 7.
#[test]
fn invalid_bits_are_an_error() {
    let name = unique("bits");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let flag = Value::new_in(&segment, true).unwrap();
        assert!(flag.get().unwrap());
        let byte = multiproc_bytes(&name, 8);
        byte(7);
        let error = flag.get().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
        assert!(error.to_string().contains("[7]"), "{error}");
        flag.overwrite(false).unwrap();
        assert!(!flag.get().unwrap());
    });
}

/// A scribbler: finds the one `bool` of the segment's member by its descriptor's place, and writes a byte there.
fn multiproc_bytes(name: &str, offset: u64) -> impl Fn(u8) {
    use std::os::unix::fs::FileExt;
    let member = shared_objects(&format!("{name}.multiproc-")).pop().unwrap();
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(format!("/dev/shm/{member}"))
        .unwrap();
    // The header says where the first block is, which is the first object's: the eleventh word.
    let mut word = [0; 8];
    file.read_exact_at(&mut word, 112).unwrap();
    let first_block = u64::from_ne_bytes(word);
    assert!(first_block.is_multiple_of(4096) && first_block > 0);
    move |byte| file.write_all_at(&[byte], first_block + offset).unwrap()
}

#[test]
fn arrays_have_bounds_zeros_and_alignment() {
    for round in 0..3 {
        let array = Array::<u128>::zeroed(100).unwrap();
        let guard = array.read().unwrap();
        assert!(guard.iter().all(|element| *element == 0), "round {round}");
        assert!((guard.as_ptr() as usize).is_multiple_of(64));
        drop(guard);
        array.write().unwrap().fill(u128::MAX);
        assert_eq!(array.get(100).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(array.set(100, 1).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    let empty = Array::<u8>::zeroed(0).unwrap();
    assert!(empty.is_empty() && empty.read().unwrap().is_empty());
    assert_eq!(
        Array::<u64>::zeroed(usize::MAX).map(drop).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(Array::<u64>::zeroed(1 << 47).map(drop).unwrap_err().kind(), ErrorKind::NoSpace);
    assert_eq!(*Array::from_slice(&[1, 2, 3]).unwrap().read().unwrap(), [1, 2, 3]);
}

#[test]
fn borrows_are_many_or_one() {
    let _watchdog = watchdog(60);
    let array = Array::<u32>::zeroed(8).unwrap();
    let (one, two) = (array.read().unwrap(), array.read().unwrap());
    let told = array.try_write().map(drop).unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Deadlock);
    assert!(told.to_string().contains("has borrowed the array already"), "{told}");
    let reads = spawn(
        |array: Array<u32>| array.try_read().map(|guard| guard.len()).map_err(|error| error.kind()),
        (array.clone(),),
    );
    assert_eq!(reads.unwrap().join().unwrap(), Ok(8));
    let writes = spawn(
        |array: Array<u32>| {
            array.write_timeout(Duration::from_millis(10)).map(drop).map_err(|error| error.kind())
        },
        (array.clone(),),
    );
    assert_eq!(writes.unwrap().join().unwrap(), Err(ErrorKind::TimedOut));
    drop((one, two));
    let write = array.write().unwrap();
    assert_eq!(array.try_read().map(drop).unwrap_err().kind(), ErrorKind::Deadlock);
    drop(write);
    assert_eq!(array.try_read().unwrap().len(), 8);
}

/// Large arrays come and go with their shared memory; a million values do not make the session grow.
#[test]
fn memory_is_given_back() {
    let _watchdog = watchdog(120);
    let value = Value::new(0_u64).unwrap();
    let before = shared_objects("multiproc-").len();
    for round in 0..50 {
        let large = Array::<u64>::zeroed(1 << 20).unwrap();
        large.set(round, 1).unwrap();
    }
    for round in 0..100_000 {
        value.set(round).unwrap();
        drop(Value::new(round).unwrap());
    }
    // Another test of this executable may have one large array at the moment.
    assert!(shared_objects("multiproc-").len() <= before + 8);
}

/// VA13: atomics are seen and counted across processes.
#[test]
fn atomics_count_across_processes() {
    let _watchdog = watchdog(60);
    let (hits, least, flag) = (
        Atomic::new(0_u32).unwrap(),
        Atomic::new(f64::INFINITY).unwrap(),
        Atomic::new(false).unwrap(),
    );
    let children: Vec<_> = (1..=4_u32)
        .map(|id| {
            spawn(
                |hits: Atomic<u32>, least: Atomic<f64>, flag: Atomic<bool>, id: u32| {
                    for _ in 0..10_000 {
                        hits.fetch_add(id, Ordering::Relaxed);
                        least.fetch_min(f64::from(id), Ordering::Relaxed);
                    }
                    flag.fetch_or(id == 3, Ordering::Relaxed);
                },
                (hits.clone(), least.clone(), flag.clone(), id),
            )
            .unwrap()
        })
        .collect();
    for child in children {
        child.join().unwrap();
    }
    assert_eq!(hits.load(Ordering::Relaxed), 100_000);
    assert_eq!(least.load(Ordering::Relaxed), 1.0);
    assert!(flag.load(Ordering::Relaxed));
    assert_eq!(hits.compare_exchange(1, 2, Ordering::Relaxed, Ordering::Relaxed), Err(100_000));
    assert_eq!(hits.swap(7, Ordering::Relaxed), 100_000);
    assert_eq!(hits.fetch_xor(5, Ordering::Relaxed), 7);
    assert_eq!(hits.load(Ordering::Relaxed), 2);
}

const LOAD: Ordering = Ordering::Acquire;

/// What one of four does to numbers that all change at once; the answers are such that no order of the four changes them.
fn change_all(
    (down, least, greatest): (Atomic<u64>, Atomic<i64>, Atomic<i32>),
    (set, clear, toggled): (Atomic<u8>, Atomic<u16>, Atomic<u32>),
    (token, counted): (Atomic<usize>, Atomic<i16>),
    id: u32,
) -> usize {
    const ORDER: Ordering = Ordering::AcqRel;
    // Two bits that nobody else touches.
    let mine = 1_u32 << id | 1 << (id + 4);
    let mut taken = 0;
    for round in 0..1001 {
        down.fetch_sub(u64::from(id) + 1, ORDER);
        let depth = -1000 * i64::from(id) - round;
        least.fetch_min(depth, ORDER);
        assert!(least.load(LOAD) <= depth);
        greatest.fetch_max(1000 * id as i32 + round as i32, ORDER);
        assert!(greatest.load(LOAD) >= 1000 * id as i32 + round as i32);
        let before = set.fetch_or(mine as u8, ORDER) & mine as u8;
        assert_eq!(before, if round == 0 { 0 } else { mine as u8 });
        let before = clear.fetch_and(!(mine as u16), ORDER) & mine as u16;
        assert_eq!(before, if round == 0 { mine as u16 } else { 0 });
        let before = toggled.fetch_xor(mine, ORDER) & mine;
        assert_eq!(before, if round % 2 == 0 { 0 } else { mine });
        // What one puts there another takes, once.
        taken += token.swap(id as usize + 1, ORDER);
        let mut seen = counted.load(LOAD);
        while let Err(now) = counted.compare_exchange(seen, seen + 1, ORDER, LOAD) {
            assert_ne!(now, seen);
            seen = now;
        }
    }
    taken
}

/// VA13: every operation on integers, of all widths, is whole across processes.
#[test]
fn every_operation_on_integers_is_whole_across_processes() {
    let _watchdog = watchdog(60);
    let numbers = (
        Atomic::new(1_u64 << 40).unwrap(),
        Atomic::new(i64::MAX).unwrap(),
        Atomic::new(i32::MIN).unwrap(),
    );
    let bits = (
        Atomic::new(0_u8).unwrap(),
        Atomic::new(u16::MAX).unwrap(),
        Atomic::new(0xf000_0000_u32).unwrap(),
    );
    let exchanged = (Atomic::new(0_usize).unwrap(), Atomic::new(-5_i16).unwrap());
    let start = |id: u32| {
        spawn(change_all, (numbers.clone(), bits.clone(), exchanged.clone(), id)).unwrap()
    };
    let workers: Vec<_> = (0..4).map(start).collect();
    let taken: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(numbers.0.load(LOAD), (1 << 40) - 1001 * (1 + 2 + 3 + 4));
    assert_eq!(numbers.1.load(LOAD), -4000);
    assert_eq!(numbers.2.load(LOAD), 4000);
    assert_eq!(bits.0.load(LOAD), u8::MAX);
    assert_eq!(bits.1.load(LOAD), 0xff00);
    assert_eq!(bits.2.load(LOAD), 0xf000_00ff);
    assert_eq!(taken + exchanged.0.load(LOAD), 1001 * (1 + 2 + 3 + 4));
    assert_eq!(exchanged.1.load(LOAD), 4 * 1001 - 5);
}

#[test]
fn an_array_without_borrows_counts_across_processes() {
    let _watchdog = watchdog(60);
    let counts = AtomicArray::<u32>::zeroed(3).unwrap();
    let count = |counts: AtomicArray<u32>, index: usize| {
        for _ in 0..10_000 {
            counts[index].fetch_add(1, Ordering::Relaxed);
            counts[2].fetch_add(1, Ordering::Relaxed);
        }
    };
    let workers: Vec<_> = (0..2).map(|i| spawn(count, (counts.clone(), i)).unwrap()).collect();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert_eq!(counts.to_vec(), [10_000, 10_000, 20_000]);
    let floats = AtomicArray::from_slice(&[1.5_f64, 2.5]).unwrap();
    assert_eq!(floats[0].fetch_max(9.0, Ordering::SeqCst), 1.5);
    floats.copy_from(1, &[4.0]);
    let mut copy = [0.0; 2];
    floats.copy_to(0, &mut copy);
    assert_eq!((copy, format!("{floats:?}").as_str()), ([9.0, 4.0], "[9.0, 4.0]"));
    let flags = AtomicArray::<bool>::zeroed(1).unwrap();
    assert_eq!(
        flags[0].compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst),
        Ok(false)
    );
    assert!(flags[0].load(Ordering::SeqCst) && !flags.is_empty() && flags.len() == 1);
    assert!(flags.get(1).is_none() && flags.iter().all(|flag| flag.load(Ordering::Relaxed)));
    let huge = AtomicArray::<u64>::zeroed(usize::MAX / 4).unwrap_err();
    assert_eq!(huge.kind(), ErrorKind::InvalidInput);
}

#[test]
fn rows_are_rows() {
    let field = Array::from_slice(&[1, 2, 3, 4, 5, 6]).unwrap();
    let mut guard = field.write().unwrap();
    assert_eq!(guard.rows(4).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(guard.rows(0).unwrap_err().kind(), ErrorKind::InvalidInput);
    let mut rows = guard.rows_mut(2).unwrap();
    rows.row_mut(2)[0] = 50;
    rows[(0, 1)] = 20;
    for row in &mut rows {
        row[0] += 1;
    }
    assert_eq!((rows.len(), rows.columns(), rows.is_empty(), rows[(1, 1)]), (3, 2, false, 4));
    assert_eq!(format!("{rows:?}"), "[[2, 20], [4, 4], [51, 6]]");
    let rows = guard.rows(2).unwrap();
    assert_eq!(rows.into_iter().map(|row| row[0]).collect::<Vec<_>>(), [2, 4, 51]);
    assert!(std::panic::catch_unwind(|| rows[(0, 2)]).is_err());
}

//! Bytes as handles and other arguments: an error, or a handle of something that is there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use multiproc::{
    __private::{decode, encode},
    Array, ArrayPart, Atomic, AtomicArray, FileArray, Lock, Ordering, SharedMemory, Tally, Value,
};
use std::sync::OnceLock;

type All = (Value<u64>, Array<f64>, Atomic<u32>, AtomicArray<u16>, Lock, Tally);

/// Handles that are good, and their bytes.
fn good() -> &'static (All, Vec<u8>) {
    static GOOD: OnceLock<(All, Vec<u8>)> = OnceLock::new();
    GOOD.get_or_init(|| {
        let all: All = (
            Value::new(7).unwrap(),
            Array::zeroed(10).unwrap(),
            Atomic::new(7).unwrap(),
            AtomicArray::zeroed(10).unwrap(),
            Lock::new().unwrap(),
            Tally::new(2).unwrap(),
        );
        let bytes = encode(&all).unwrap();
        (all, bytes)
    })
}

fuzz_target!(|data: &[u8]| {
    let (_, bytes) = good();
    // As they are, and mixed with the bytes of good ones.
    let mut mixed = bytes.clone();
    for pair in data.chunks_exact(2) {
        let at = pair[0] as usize % mixed.len();
        mixed[at] ^= pair[1];
    }
    for bytes in [data, &mixed] {
        if let Ok((value, array, atomic, numbers, lock, tally)) = decode::<All>(bytes) {
            let _ =
                (value.try_lock().map(|guard| *guard), array.try_read().map(|guard| guard.len()));
            let _ =
                (atomic.load(Ordering::Relaxed), numbers.to_vec(), lock.is_locked(), tally.sum());
        }
        let _ = decode::<Value<u64>>(bytes).map(|value| value.is_poisoned());
        let _ =
            decode::<ArrayPart<f64>>(bytes).map(|mut part| part.write().map(|guard| guard.len()));
        let _ = decode::<FileArray<u8>>(bytes).map(|file| file.len());
        let _ = decode::<SharedMemory>(bytes).map(|memory| memory.len());
        let _ = decode::<Vec<(String, Option<Array<u8>>)>>(bytes);
    }
});

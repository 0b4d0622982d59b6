//! Bytes as the contents of a segment: pieces of a sound one are overwritten, and it is attached and used. Errors are right; a crash, a hang or a wild access is not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use multiproc::{Array, Atomic, Lock, Ordering, Segment, Tally, Value};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::PathBuf,
    sync::OnceLock,
};

/// A sound segment, and the bytes of its files: the root and its members.
struct Sound {
    root: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
}

fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let directory = std::env::temp_dir().join(format!("multiproc-fuzz-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let root = directory.join("sound");
        let segment = Segment::builder().participants(8).keep(true).create_file(&root).unwrap();
        segment.publish("value", &Value::new_in(&segment, 7_u64).unwrap()).unwrap();
        segment.publish("array", &Array::<f64>::zeroed_in(&segment, 100).unwrap()).unwrap();
        segment.publish("atomic", &Atomic::new_in(&segment, 7_u32).unwrap()).unwrap();
        segment.publish("tally", &Tally::new_in(&segment, 3).unwrap()).unwrap();
        let entries = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.map(|path| (path.clone(), fs::read(&path).unwrap())).collect();
        Sound { root, files }
    })
}

/// Puts pieces of the input over the copy of a file: (place, length, bytes).
fn overwrite(bytes: &mut [u8], data: &mut &[u8]) {
    for _ in 0..8 {
        let Some((head, rest)) = data.split_first_chunk::<5>() else { return };
        *data = rest;
        let at = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize % bytes.len();
        let len = (head[3] as usize % 24 + 1).min(data.len()).min(bytes.len() - at);
        bytes[at..at + len].copy_from_slice(&data[..len]);
        *data = &data[len..];
        if head[4] & 3 == 0 {
            return;
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let sound = sound();
    let mut data = data;
    let directory = sound.root.with_file_name("fuzzed");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).unwrap();
    for (path, bytes) in &sound.files {
        let mut bytes = bytes.clone();
        overwrite(&mut bytes, &mut data);
        let path = directory.join(path.file_name().unwrap());
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
        file.write_all_at(&bytes, 0).unwrap();
    }
    use_it(&directory.join("sound"));
});

fn use_it(path: &std::path::Path) {
    let Ok(segment) = Segment::attach_file(path) else { return };
    if let Ok(view) = Segment::attach_file_read_only(path) {
        let _ = (view.names(), view.processes());
        let _ = view.atomic::<u32>("atomic").map(|atomic| atomic.load(Ordering::Relaxed));
    }
    let _ = segment.processes();
    if let Ok(value) = segment.open::<Value<u64>>("value") {
        let _ = (value.try_lock().map(|guard| *guard), format!("{value:?}"));
    }
    if let Ok(array) = segment.open::<Array<f64>>("array") {
        let _ = array.try_read().map(|guard| guard.iter().sum::<f64>());
        let _ = array.try_write().map(|mut guard| guard.fill(1.0));
    }
    if let Ok(atomic) = segment.open::<Atomic<u32>>("atomic") {
        atomic.fetch_add(1, Ordering::Relaxed);
    }
    if let Ok(tally) = segment.open::<Tally>("tally") {
        let _ = (tally.cell(0).map(|mut cell| cell.add(1)), tally.sum());
    }
    let made: Vec<_> = (0..20).map_while(|number| Value::new_in(&segment, number).ok()).collect();
    let _ = Array::<u8>::zeroed_in(&segment, 2 << 20).map(|array| drop(array.try_write()));
    let _ = segment.publish("new", &made.first().cloned().unwrap_or(Value::new(0).unwrap()));
    let _ = segment.unpublish("value");
    let _ = Lock::new().map(|lock| lock.is_locked());
}

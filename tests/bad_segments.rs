//! Segments of others, segments that come and go, and file systems that are full: errors, and everything works on afterwards.

mod support;

use multiproc::{
    Array, Atomic, AtomicArray, ErrorKind, Lock, Ordering, ProcessError, Segment, SharedMemory,
    Tally, Value, spawn,
};
use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::PathBuf,
    process::Command,
};
use support::{clean, unique, watchdog};

multiproc::test_support!();

#[test]
fn a_segment_of_another_user_is_refused() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("skipped: only root can give a file away");
        return;
    }
    let name = unique("others");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let path = format!("/dev/shm/{name}");
        chown(&path, Some(65534), None).unwrap();
        let attach = |name: String| Segment::attach(&name).map(drop).unwrap_err();
        let error = spawn(attach, (name.clone(),)).unwrap().join().unwrap();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("belongs to user 65534"), "{error}");
        assert_eq!(SharedMemory::attach(&name).unwrap_err().kind(), ErrorKind::PermissionDenied);
        // Nobody sweeps it either.
        Segment::sweep_stale();
        assert!(fs::exists(&path).unwrap());
        drop(segment);
    });
}

/// Makes and removes a segment again and again, sometimes by dying.
fn come_and_go(name: String, stop: Atomic<bool>) {
    while !stop.load(Ordering::Relaxed) {
        match Segment::create(&name) {
            Ok(segment) => {
                let value = Value::new_in(&segment, 7_u64).unwrap();
                // The other maker's sweep may have been there: then there is no name to find it by.
                let _ = segment.publish("value", &value);
                // For a moment, in which others come.
                (0..200).for_each(|_| std::thread::yield_now());
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}"),
        }
    }
}

#[test]
fn attaching_meets_birth_and_sweep() {
    let _watchdog = watchdog(120);
    let name = unique("comes-and-goes");
    clean(&name, || {
        let stop = Atomic::new(false).unwrap();
        let seen = Atomic::new(0_u32).unwrap();
        let start = || spawn(come_and_go, (name.clone(), stop.clone())).unwrap();
        let mut makers: Vec<_> = (0..3).map(|_| start()).collect();
        let look = |name: String, stop: Atomic<bool>, seen: Atomic<u32>| {
            while !stop.load(Ordering::Relaxed) {
                let value = match Segment::attach(&name) {
                    Ok(segment) => segment.open::<Value<u64>>("value"),
                    Err(error) => Err(error),
                };
                match value.and_then(|value| value.get()) {
                    Ok(number) => {
                        assert_eq!(number, 7);
                        seen.fetch_add(1, Ordering::Relaxed);
                    }
                    // Not there, not yet or not any more.
                    Err(error) => assert!(
                        matches!(error.kind(), ErrorKind::NotFound | ErrorKind::StaleHandle),
                        "{error}"
                    ),
                }
                Segment::sweep_stale();
            }
        };
        let start_looker = |_| spawn(look, (name.clone(), stop.clone(), seen.clone())).unwrap();
        let lookers: Vec<_> = (0..2).map(start_looker).collect();
        // Makers die at any moment, and others come; until one was seen.
        for round in (0..).take_while(|&round| round < 60 || seen.load(Ordering::Relaxed) == 0) {
            let mut victim = makers.swap_remove(round % makers.len());
            assert!(victim.join_timeout(std::time::Duration::from_millis(10)).is_none());
            victim.kill().unwrap();
            let died = victim.join();
            assert!(matches!(died, Err(ProcessError::Signalled { signal: 9, .. })), "{died:?}");
            makers.push(start());
        }
        stop.store(true, Ordering::Relaxed);
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        lookers.into_iter().for_each(|looker| looker.join().unwrap());
        Segment::sweep_stale();
    });
}

/// A small file system, mounted for this test.
struct Small(PathBuf);

impl Small {
    fn new() -> Option<Self> {
        let path = std::env::temp_dir().join(unique("small"));
        fs::create_dir(&path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(&path);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        fs::remove_dir(&path).unwrap();
        eprintln!("skipped: nothing can be mounted here");
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a segment stays mapped until this process ends.
        assert!(Command::new("umount").arg("-l").arg(&self.0).status().unwrap().success());
        fs::remove_dir(&self.0).unwrap();
    }
}

#[test]
fn a_full_file_system_is_an_error_and_no_signal() {
    let _watchdog = watchdog(60);
    let Some(small) = Small::new() else { return };
    let segment = Segment::builder().participants(16).create_file(small.0.join("segment")).unwrap();
    let full = |error: multiproc::Error| {
        assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
        let text = error.to_string();
        assert!(text.contains("bytes") && text.contains("free"), "{text}");
    };
    full(Array::<u8>::zeroed_in(&segment, 4 << 20).unwrap_err());
    full(AtomicArray::<u64>::zeroed_in(&segment, 1 << 20).unwrap_err());
    full(Tally::new_in(&segment, 1 << 16).unwrap_err());
    // One small object after the other, until there is no room.
    let mut values = Vec::new();
    let error = loop {
        match Value::new_in(&segment, [7_u64; 32]) {
            Ok(value) => values.push(value),
            Err(error) => break error,
        }
    };
    full(error);
    assert!(values.len() > 1000, "{}", values.len());
    assert!(values.iter().all(|value| value.get().unwrap() == [7; 32]));
    // What is freed can be had again, and the rest is as it was.
    segment.publish("last", values.last().unwrap()).unwrap();
    values.truncate(10);
    let again: Vec<_> = (0..500).map(|_| Value::new_in(&segment, [8_u64; 32]).unwrap()).collect();
    assert!(again.iter().all(|value| value.get().unwrap() == [8; 32]));
    assert!(values.iter().all(|value| value.get().unwrap() == [7; 32]));
    let last = segment.open::<Value<[u64; 32]>>("last").unwrap();
    assert_eq!(last.get().unwrap(), [7; 32]);
    // A second segment does not fit, and leaves nothing.
    let other = small.0.join("other");
    full(Segment::builder().participants(16_384).create_file(&other).unwrap_err());
    assert!(!other.exists());
    drop(Lock::new().unwrap());
}

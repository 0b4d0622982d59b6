//! Segments by name, and everything that can be wrong with what stands under a name. SM01–SM04, SM07–SM09, SM13–SM16, SM25 in the form of segments.

mod support;

use multiproc::{Array, ErrorKind, Lock, Segment, Value, spawn};
use std::{
    fs::{self, OpenOptions, Permissions},
    os::unix::fs::{FileExt, PermissionsExt, symlink},
    path::PathBuf,
    time::Duration,
};
use support::{clean, unique, watchdog};

multiproc::test_support!();

fn path(name: &str) -> PathBuf {
    PathBuf::from("/dev/shm").join(name)
}

fn kind<T>(result: multiproc::Result<T>) -> ErrorKind {
    result.map(|_| ()).unwrap_err().kind()
}

#[test]
fn made_found_shared_and_gone() {
    let name = unique("basic");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        assert_eq!(segment.name(), name);
        assert_eq!(kind(Segment::create(&name)), ErrorKind::AlreadyExists);
        let residual = Value::new_in(&segment, 0.5_f64).unwrap();
        segment.publish("residual", &residual).unwrap();
        let field = Array::<u32>::zeroed_in(&segment, 10).unwrap();
        segment.publish("field", &field).unwrap();
        segment.publish("lock", &Lock::new_in(&segment).unwrap()).unwrap();
        let child = spawn(
            |name: String| {
                let segment = Segment::attach(&name).unwrap();
                assert!(!segment.open::<Lock>("lock").unwrap().is_locked());
                segment.open::<Array<u32>>("field").unwrap().set(9, 7).unwrap();
                segment.open::<Value<f64>>("residual").unwrap().update(|r| r / 2.0).unwrap()
            },
            (name.clone(),),
        );
        // An attacher's exit removes nothing (death row 20).
        assert_eq!(child.unwrap().join().unwrap(), 0.25);
        assert_eq!((residual.get().unwrap(), field.get(9).unwrap()), (0.25, 7));
        assert!(path(&name).exists());
    });
    assert_eq!(kind(Segment::attach(&name)), ErrorKind::NotFound);
}

#[test]
fn names_are_checked_and_typed() {
    let name = unique("names");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let value = Value::new_in(&segment, 1_u32).unwrap();
        segment.publish("n", &value).unwrap();
        assert_eq!(kind(segment.publish("n", &value)), ErrorKind::AlreadyExists);
        assert_eq!(kind(segment.publish("", &value)), ErrorKind::InvalidName);
        assert_eq!(kind(segment.publish(&"x".repeat(129), &value)), ErrorKind::InvalidName);
        assert_eq!(
            kind(segment.publish("m", &Value::new(1_u32).unwrap())),
            ErrorKind::InvalidInput
        );
        assert_eq!(kind(segment.open::<Value<u32>>("other")), ErrorKind::NotFound);
        let wrong = segment.open::<Value<f32>>("n").unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::WrongType);
        assert!(
            wrong.to_string().contains("Value<u32>") && wrong.to_string().contains("Value<f32>"),
            "{wrong}"
        );
        assert_eq!(kind(segment.open::<Array<u32>>("n")), ErrorKind::WrongType);
        // A published object lives without a handle.
        drop(value);
        assert_eq!(segment.open::<Value<u32>>("n").unwrap().get().unwrap(), 1);
        segment.unpublish("n").unwrap();
        assert_eq!(kind(segment.unpublish("n")), ErrorKind::NotFound);
        for count in 0..256 {
            segment
                .publish(&format!("v{count}"), &Value::new_in(&segment, count).unwrap())
                .unwrap();
        }
        assert_eq!(
            kind(segment.publish("more", &Value::new_in(&segment, 1).unwrap())),
            ErrorKind::TooMany
        );
    });
    for bad in ["", "/", "a/b", "a\0b", "..", &"x".repeat(201), "multiproc-x"] {
        assert_eq!(kind(Segment::create(bad)), ErrorKind::InvalidName, "{bad:?}");
        assert_eq!(kind(Segment::attach(bad)), ErrorKind::InvalidName, "{bad:?}");
    }
}

#[test]
fn what_is_no_segment_is_refused_before_it_is_mapped() {
    let name = unique("bad");
    clean(&name, || {
        let file = path(&name);
        for (bytes, what) in [
            (vec![], "empty"),
            (vec![0; 100], "short"),
            ((0..=255).cycle().take(300_000).collect(), "noise"),
        ] {
            fs::write(&file, bytes).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            assert_eq!(kind(Segment::attach(&name)), ErrorKind::InvalidSegment, "{what}");
            // It is somebody's, and in the way.
            assert_eq!(kind(Segment::create(&name)), ErrorKind::AlreadyExists, "{what}");
        }
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        assert_eq!(kind(Segment::attach(&name)), ErrorKind::PermissionDenied);
        fs::remove_file(&file).unwrap();
        symlink("/dev/null", &file).unwrap();
        assert_eq!(kind(Segment::attach(&name)), ErrorKind::PermissionDenied);
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(Segment::attach(&name).is_err());
        fs::remove_dir(&file).unwrap();
    });
}

#[test]
fn damaged_headers_are_refused() {
    let name = unique("damaged");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let file = OpenOptions::new().write(true).open(path(&name)).unwrap();
        // In a process that has not attached it: this one has.
        let attach =
            |name: String| Segment::attach(&name).map(|_| ()).map_err(|error| error.kind());
        let told = || spawn(attach, (name.clone(),)).unwrap().join().unwrap();
        assert_eq!(told(), Ok(()));
        let original = fs::read(path(&name)).unwrap();
        // The header's first 136 bytes, one after the other: an error or, where the byte does not matter, success; never a crash.
        for (at, wanted) in [
            (0, ErrorKind::InvalidSegment),
            (16, ErrorKind::Incompatible),
            (20, ErrorKind::Incompatible),
            (24, ErrorKind::Incompatible),
            (32, ErrorKind::InvalidSegment),
            (72, ErrorKind::Incompatible),
            (80, ErrorKind::InvalidSegment),
            (88, ErrorKind::InvalidSegment),
        ] {
            file.write_all_at(&[original[at] ^ 0x55], at as u64).unwrap();
            assert_eq!(told(), Err(wanted), "byte {at}");
            file.write_all_at(&original[at..=at], at as u64).unwrap();
        }
        file.set_len(original.len() as u64 / 2).unwrap();
        assert_eq!(told(), Err(ErrorKind::InvalidSegment));
        file.set_len(original.len() as u64).unwrap();
        drop(segment);
    });
}

#[test]
fn a_stale_segment_gives_way() {
    let name = unique("stale");
    clean(&name, || {
        let make = |name: String| -> () {
            let segment = Segment::create(&name).unwrap();
            let large = Array::<u8>::zeroed_in(&segment, 2 << 20).unwrap();
            segment.publish("large", &large).unwrap();
            std::process::abort()
        };
        assert!(spawn(make, (name.clone(),)).unwrap().join().is_err());
        assert!(path(&name).exists());
        drop(Segment::create(&name).unwrap());
        // And by a sweep.
        assert!(spawn(make, (name.clone(),)).unwrap().join().is_err());
        Segment::sweep_stale();
    });
}

#[test]
fn who_comes_early_waits_without_looking() {
    let name = unique("early");
    clean(&name, || {
        let early = Segment::attach_timeout(&name, Duration::from_millis(20));
        assert_eq!(kind(early), ErrorKind::TimedOut);
        let waiter = spawn(
            |name: String| {
                let segment = Segment::attach_timeout(&name, Duration::from_secs(60)).unwrap();
                segment.processes().len()
            },
            (name.clone(),),
        )
        .unwrap();
        let segment = Segment::open_or_create(&name).unwrap();
        assert_eq!(waiter.join().unwrap(), 2);
        drop(segment);
    });
}

#[test]
fn the_creators_name_is_removed_by_inode() {
    let name = unique("inode");
    clean(&name, || {
        let first = Segment::create(&name).unwrap();
        first.unlink().unwrap();
        // An unlinked segment works on, but does not grow.
        assert_eq!(kind(Value::new_in(&first, 1_u8)), ErrorKind::Unlinked);
        let second = Segment::create(&name).unwrap();
        drop(first);
        assert!(path(&name).exists(), "somebody else's segment of the same name");
        drop(second);
    });
    // Removed by hand, both have members of the same names.
    clean(&name, || {
        let large = |segment: &Segment| Array::<u8>::zeroed_in(segment, 2 << 20).unwrap();
        let first = Segment::create(&name).unwrap();
        let _firsts = large(&first);
        fs::remove_file(path(&name)).unwrap();
        let second = Segment::create(&name).unwrap();
        second.publish("large", &large(&second)).unwrap();
        drop(first);
        let child = spawn(
            |name: String| -> multiproc::Result<usize> {
                Ok(Segment::attach(&name)?.open::<Array<u8>>("large")?.len())
            },
            (name.clone(),),
        );
        let found: multiproc::Result<usize> = child.unwrap().join().unwrap();
        assert_eq!(found.unwrap(), 2 << 20);
        drop(second);
    });
}

#[test]
fn a_file_keeps_its_values() {
    let _watchdog = watchdog(60);
    let file = std::env::temp_dir().join(unique("file"));
    let make = |file: PathBuf| {
        let segment = Segment::builder().keep(true).participants(16).create_file(file).unwrap();
        let value = Value::new_in(&segment, 41_u64).unwrap();
        segment.publish("value", &value).unwrap();
    };
    spawn(make, (file.clone(),)).unwrap().join().unwrap();
    let segment = Segment::attach_file(&file).unwrap();
    assert_eq!(segment.open::<Value<u64>>("value").unwrap().update(|n| n + 1).unwrap(), 42);
    segment.unlink().unwrap();
    assert!(!file.exists());
    let left = fs::read_dir(std::env::temp_dir()).unwrap().filter_map(Result::ok);
    let prefix = file.file_name().unwrap().to_owned().into_string().unwrap();
    assert_eq!(
        left.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix)).count(),
        0
    );
}

#[test]
fn all_slots_taken_is_an_error() {
    let name = unique("slots");
    clean(&name, || {
        assert_eq!(kind(Segment::builder().participants(0).create(&name)), ErrorKind::InvalidInput);
        let segment = Segment::builder().participants(2).create(&name).unwrap();
        let lock = Lock::new_in(&segment).unwrap();
        let held = lock.lock().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(lock.try_lock().map(drop).unwrap_err().kind(), ErrorKind::WouldBlock);
                let third = std::thread::scope(|scope| {
                    scope.spawn(|| lock.try_lock().map(drop).unwrap_err().kind()).join().unwrap()
                });
                assert_eq!(third, ErrorKind::TooMany);
            });
        });
        drop(held);
    });
}

/// A kept segment in a file after the machine was started again: what is in it is there, the dead hold nothing, and it works on.
#[test]
fn a_kept_file_survives_a_restart_of_the_machine() {
    let _watchdog = watchdog(60);
    let path = std::env::temp_dir().join(unique("restart"));
    let maker = |path: PathBuf| -> () {
        let segment = Segment::builder().keep(true).create_file(path).unwrap();
        let value = Value::new_in(&segment, 41_u64).unwrap();
        let lost = Value::new_in(&segment, 7_u64).unwrap();
        segment.publish("value", &value).unwrap();
        segment.publish("held", &lost).unwrap();
        let _held = lost.lock().unwrap();
        std::process::abort()
    };
    assert!(spawn(maker, (path.clone(),)).unwrap().join().is_err());
    // The boot id lies behind magic, version, pointer size, layout, size and nonce.
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[7; 16], 56).unwrap();
    drop(file);
    // One dies while it makes the slots anew.
    #[cfg(debug_assertions)]
    {
        let dies = |path: PathBuf| {
            multiproc::__private::die_at("reset.slots", 1);
            Segment::attach_file(path).map(drop)
        };
        assert!(spawn(dies, (path.clone(),)).unwrap().join().is_err());
    }
    // Several come at once.
    let attach = |path: PathBuf| -> multiproc::Result<u64> {
        let segment = Segment::attach_file(path)?;
        segment.open::<Value<u64>>("value")?.update(|n| n + 1)
    };
    let both: Vec<_> = (0..4).map(|_| spawn(attach, (path.clone(),)).unwrap()).collect();
    both.into_iter().for_each(|process| assert!(process.join().unwrap().unwrap() > 41));
    let segment = Segment::attach_file(&path).unwrap();
    assert_eq!(segment.open::<Value<u64>>("value").unwrap().get().unwrap(), 45);
    let held = segment.open::<Value<u64>>("held").unwrap();
    assert!(matches!(held.lock(), Err(multiproc::LockError::OwnerDied(guard)) if *guard == 7));
    let fresh = Value::new_in(&segment, 1_u64).unwrap();
    segment.publish("fresh", &fresh).unwrap();
    segment.unlink().unwrap();
    assert!(!path.exists());
}

/// Somebody holds a value while the file says that the machine was started again: nobody else gets at it, and he goes on.
#[test]
fn a_segment_in_use_is_not_reset() {
    let _watchdog = watchdog(60);
    for keep in [true, false] {
        let path = std::env::temp_dir().join(unique("in-use"));
        let segment = Segment::builder().keep(keep).create_file(&path).unwrap();
        let value = Value::new_in(&segment, 41_u64).unwrap();
        segment.publish("value", &value).unwrap();
        let mut guard = value.lock().unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[7; 16], 56).unwrap();
        let attach = |path: PathBuf| Segment::attach_file(path).map(drop).unwrap_err();
        let error = spawn(attach, (path.clone(),)).unwrap().join().unwrap();
        assert_eq!(error.kind(), ErrorKind::Incompatible);
        let reason = if keep { "in use" } else { "make it again" };
        assert!(error.to_string().contains(reason), "{error}");
        *guard += 1;
        drop(guard);
        assert_eq!(value.get().unwrap(), 42);
        segment.unlink().unwrap();
    }
}

//! Bytes by name, as other programs have them: SM01–SM04, SM08–SM11, SM13–SM16, SM25, SM26.

mod support;

use multiproc::{Array, ErrorKind, SharedMemory, spawn};
use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    process::Command,
};
use support::{clean, shared_objects, unique, watchdog};

multiproc::test_support!();

fn kind<T>(result: multiproc::Result<T>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

fn bytes(memory: &SharedMemory, offset: usize, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    memory.read_at(offset, &mut bytes).unwrap();
    bytes
}

#[test]
fn made_found_shared_and_gone() {
    let name = unique("raw:memory");
    clean(&name, || {
        let memory = SharedMemory::create(&name, 1001).unwrap();
        assert_eq!((memory.name(), memory.len()), (name.as_str(), 1001));
        assert_eq!(bytes(&memory, 0, 1001), [0; 1001]);
        assert!(format!("{memory:?}").contains("1001"));
        assert_eq!(kind(SharedMemory::create(&name, 1)), ErrorKind::AlreadyExists);
        // A child, by name and by handle; it removes nothing.
        let child = |by_handle: SharedMemory, name: String| {
            let by_name = SharedMemory::attach(&format!("/{name}")).unwrap();
            by_handle.write_at(999, b"ab").unwrap();
            (by_name.len(), bytes(&by_name, 998, 3))
        };
        let seen = spawn(child, (memory.clone(), name.clone())).unwrap().join().unwrap();
        assert_eq!(seen, (1001, b"\0ab".to_vec()));
        assert_eq!(bytes(&memory, 1000, 1), b"b");
        for (offset, count) in [(1001, 1), (0, 1002), (usize::MAX, 2)] {
            assert_eq!(kind(memory.read_at(offset, &mut vec![0; count])), ErrorKind::InvalidInput);
            assert_eq!(kind(memory.write_at(offset, &vec![0; count])), ErrorKind::InvalidInput);
        }
        memory.unlink().unwrap();
        assert_eq!(kind(SharedMemory::attach(&name)), ErrorKind::NotFound);
        // Another one under the same name is not removed with the first.
        let second = SharedMemory::create(&name, 8).unwrap();
        let handle = second.clone();
        drop(memory);
        assert_eq!(SharedMemory::attach(&name).unwrap().len(), 8);
        drop(second);
        assert!(SharedMemory::attach(&name).is_ok(), "a handle is left");
        drop(handle);
    });
}

#[test]
fn what_is_wrong_is_told() {
    let name = unique("raw-wrong");
    let path = format!("/dev/shm/{name}");
    clean(&name, || {
        assert_eq!(kind(SharedMemory::create(&name, 0)), ErrorKind::InvalidInput);
        for wrong in ["", "a/b", "a\0b", &"x".repeat(201), "multiproc-0-x"] {
            assert_eq!(kind(SharedMemory::create(wrong, 1)), ErrorKind::InvalidName);
        }
        assert_eq!(kind(SharedMemory::create(&name, 1 << 60)), ErrorKind::NoSpace);
        assert!(shared_objects(&name).is_empty());
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(kind(SharedMemory::attach(&name)), ErrorKind::InvalidSegment);
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert_eq!(kind(SharedMemory::attach(&name)), ErrorKind::PermissionDenied);
        let link = format!("{path}-link");
        symlink(&path, &link).unwrap();
        assert_eq!(
            kind(SharedMemory::attach(&format!("{name}-link"))),
            ErrorKind::PermissionDenied
        );
        fs::remove_file(link).unwrap();
        fs::remove_file(&path).unwrap();
        // Shorter than it was: an error, and no signal.
        let memory = SharedMemory::create(&name, 3 << 12).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(10).unwrap();
        assert_eq!(kind(memory.read_at(2 << 12, &mut [0; 8])), ErrorKind::Truncated);
    });
}

#[test]
fn a_killed_creators_unnamed_memory_is_swept() {
    let _watchdog = watchdog(60);
    // It lives until the memory is attached here: any program's sweep may come at any time.
    let told = Array::<u8>::zeroed(100).unwrap();
    let make = |told: Array<u8>| -> () {
        let memory = SharedMemory::create_unnamed(100).unwrap();
        told.write().unwrap()[..memory.name().len()].copy_from_slice(memory.name().as_bytes());
        loop {
            std::thread::park();
        }
    };
    let creator = spawn(make, (told.clone(),)).unwrap();
    let name = loop {
        let bytes = told.read().unwrap().to_vec();
        if bytes[0] != 0 {
            break String::from_utf8(bytes).unwrap().trim_end_matches('\0').to_owned();
        }
        std::thread::yield_now();
    };
    assert!(name.contains("-raw-"), "{name}");
    // Somebody is attached: it stays.
    let attached = SharedMemory::attach(&name).unwrap();
    creator.kill().unwrap();
    assert!(creator.join().is_err());
    multiproc::Segment::sweep_stale();
    assert_eq!(SharedMemory::attach(&name).unwrap().len(), 100);
    drop(attached);
    // Another program's sweep may have its lock at just this moment.
    while SharedMemory::attach(&name).is_ok() {
        multiproc::Segment::sweep_stale();
    }
    assert_eq!(kind(SharedMemory::attach(&name)), ErrorKind::NotFound);
}

#[test]
fn a_mapping_of_the_crate_shared_memory_is_taken_over() {
    let name = unique("raw-shmem");
    clean(&name, || {
        let conf = shared_memory::ShmemConf::new().os_id(format!("/{name}")).size(100);
        let mut theirs = conf.create().unwrap();
        let memory = SharedMemory::from_shmem(&mut theirs).unwrap();
        memory.write_at(0, b"x").unwrap();
        // SAFETY: nobody writes meanwhile.
        assert_eq!(unsafe { theirs.as_ptr().read() }, b'x');
        assert!(memory.len() >= 100);
        drop(theirs);
        assert!(SharedMemory::attach(&name).is_ok(), "the name is ours now");
    });
}

#[test]
fn a_mapping_whose_name_means_another_memory_is_refused() {
    let name = unique("raw-other");
    clean(&name, || {
        let conf = shared_memory::ShmemConf::new().os_id(format!("/{name}")).size(4096);
        let mut theirs = conf.create().unwrap();
        fs::remove_file(format!("/dev/shm/{name}")).unwrap();
        assert_eq!(kind(SharedMemory::from_shmem(&mut theirs)), ErrorKind::NotFound);
        // As long, and longer.
        for len in [4096, 8192] {
            let other = SharedMemory::create(&name, len).unwrap();
            assert_eq!(kind(SharedMemory::from_shmem(&mut theirs)), ErrorKind::StaleHandle);
            assert!(theirs.is_owner(), "as it was before");
            assert!(SharedMemory::attach(&name).is_ok(), "an attempt removes nothing");
            drop(other);
        }
    });
}

/// Under a user's name there is nothing, or all of it.
#[cfg(debug_assertions)]
#[test]
fn a_creator_that_dies_at_any_step_leaves_no_half() {
    use std::os::unix::fs::MetadataExt;
    let _watchdog = watchdog(120);
    let name = unique("raw-death");
    // So that what the dead one leaves is found among the memory of others.
    let len = 300_001 + std::process::id() as usize % 100_000;
    let left = || {
        let is_its = |file: &String| {
            fs::metadata(format!("/dev/shm/{file}")).is_ok_and(|data| data.len() == len as u64)
        };
        shared_objects("").into_iter().filter(is_its).collect::<Vec<_>>()
    };
    for step in ["raw.created", "raw.locked", "raw.reserved", "raw.mapped", "raw.named"] {
        let make = |name: String, step: String, len: usize| {
            multiproc::__private::die_at(&step, 1);
            SharedMemory::create(&name, len).map(drop)
        };
        let died = spawn(make, (name.clone(), step.to_owned(), len)).unwrap().join();
        assert!(died.unwrap_err().to_string().contains("signal 9"), "{step}");
        if step == "raw.named" {
            assert_eq!(left(), std::slice::from_ref(&name));
            let data = fs::metadata(format!("/dev/shm/{name}")).unwrap();
            assert!(data.blocks() * 512 >= len as u64, "it is reserved");
            multiproc::Segment::sweep_stale();
            let whole = SharedMemory::attach(&name).unwrap();
            assert_eq!(bytes(&whole, 0, len), vec![0; len]);
            whole.unlink().unwrap();
        } else {
            assert_eq!(kind(SharedMemory::attach(&name)), ErrorKind::NotFound, "{step}");
            // Somebody else's sweep may have been there before.
            assert!(left().iter().all(|file| file.contains("-raw-")), "{step}: {:?}", left());
            // Another program's sweep may have its lock at just this moment.
            while !left().is_empty() {
                multiproc::Segment::sweep_stale();
            }
        }
        // The name can be had.
        drop(SharedMemory::create(&name, len).unwrap());
        assert_eq!(left(), Vec::<String>::new(), "{step}");
    }
}

/// A name is there only when its memory is whole, whoever looks and whenever.
#[test]
fn nobody_sees_a_memory_that_is_being_made() {
    let name = unique("raw-made");
    clean(&name, || {
        let look = |name: String| {
            let mut found = 0;
            while found < 200 {
                match SharedMemory::attach(&name) {
                    Ok(memory) => {
                        assert_eq!(memory.len(), 70_000);
                        found += 1;
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
                }
            }
        };
        let looker = spawn(look, (name.clone(),)).unwrap();
        while looker.is_alive() {
            drop(SharedMemory::create(&name, 70_000).unwrap());
        }
        looker.join().unwrap();
    });
}

/// Python attaches what is made here, and the other way round.
#[test]
fn python_sees_the_same_bytes() {
    let _watchdog = watchdog(60);
    let name = unique("raw-python");
    let python = |script: &str| Command::new("python3").args(["-c", script]).output();
    if !python("import multiprocessing.shared_memory").is_ok_and(|found| found.status.success()) {
        eprintln!("skipped: there is no python3 with shared memory");
        return;
    }
    clean(&name, || {
        let memory = SharedMemory::create(&name, 100).unwrap();
        memory.write_at(0, b"from Rust").unwrap();
        let script = format!(
            "from multiprocessing import shared_memory as s, resource_tracker as r\n\
             m = s.SharedMemory(name='{name}')\n\
             r.unregister(m._name, 'shared_memory')\n\
             assert bytes(m.buf[:9]) == b'from Rust' and m.size >= 100\n\
             m.buf[10:14] = b'back'\n\
             m.close()\n"
        );
        let ran = python(&script).unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(bytes(&memory, 10, 4), b"back");
    });
}

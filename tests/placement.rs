//! Where the memory of segments and large arrays comes from.

mod support;

use multiproc::{Array, ErrorKind, Placement, Segment, Value, spawn};
use std::{fs, path::PathBuf, process::Command};
use support::watchdog;

multiproc::test_support!();

fn fill(field: Array<u64>, part: usize, parts: usize) -> multiproc::Result<()> {
    let size = field.len() / parts;
    field.reserve(part * size..(part + 1) * size)?;
    field.write()?[part * size..(part + 1) * size].fill(part as u64 + 1);
    Ok(())
}

#[test]
fn each_placement_gives_zeros_and_keeps_what_is_written() {
    let _watchdog = watchdog(60);
    let placements = [
        Placement::Creator,
        Placement::FirstTouch,
        Placement::Interleaved,
        Placement::Bound(vec![0]),
    ];
    for placement in placements {
        for (huge_pages, prefault) in [(false, false), (true, false), (false, true), (true, true)] {
            let len = 3 << 18;
            let builder = Array::<u64>::builder(len).placement(placement.clone());
            let field = builder.huge_pages(huge_pages).prefault(prefault).build().unwrap();
            let workers: Vec<_> =
                (0..3).map(|part| spawn(fill, (field.clone(), part, 3)).unwrap()).collect();
            workers.into_iter().for_each(|worker| worker.join().unwrap().unwrap());
            field.prefault().unwrap();
            let read = field.read().unwrap();
            assert_eq!((read[0], read[len / 2], read[len - 1]), (1, 2, 3), "{placement:?}");
        }
    }
}

#[test]
fn a_node_that_is_not_there_is_an_error() {
    for nodes in [vec![], vec![1000]] {
        let error = Array::<u8>::builder(8).placement(Placement::Bound(nodes)).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("online"), "{error}");
    }
    let small = Array::<u8>::builder(8).build().unwrap();
    assert_eq!(small.reserve(3..9).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(small.read().unwrap()[..], [0; 8]);
}

/// A file system of a kind, mounted for this test.
struct Mount(PathBuf);

impl Mount {
    fn new(kind: &str, options: &str) -> Option<Self> {
        let path = std::env::temp_dir().join(format!("mp-test-{}-{kind}", std::process::id()));
        fs::create_dir(&path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", kind, "-o", options, "none"]).arg(&path);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        fs::remove_dir(&path).unwrap();
        eprintln!("skipped: a {kind} cannot be mounted here");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a segment stays mapped until this process ends.
        assert!(Command::new("umount").arg("-l").arg(&self.0).status().unwrap().success());
        fs::remove_dir(&self.0).unwrap();
    }
}

/// A segment in a file system that has too little is an error; one that fits works like any other, and grows.
#[test]
fn a_segment_has_huge_pages() {
    let _watchdog = watchdog(60);
    let Some(mount) = Mount::new("hugetlbfs", "pagesize=2M") else { return };
    let (pool, path) = ("/proc/sys/vm/nr_hugepages", mount.0.join("segment"));
    let before = fs::read_to_string(pool).unwrap();
    fs::write(pool, "0").unwrap();
    let error = Segment::builder().create_file(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    fs::write(pool, "8").unwrap();
    if fs::read_to_string(pool).unwrap().trim() == "8" {
        let segment = Segment::builder().create_file(&path).unwrap();
        let values: Vec<_> =
            (0..10_000).map(|number| Value::new_in(&segment, number).unwrap()).collect();
        let field = Array::<f64>::zeroed_in(&segment, 300_000).unwrap();
        field.write().unwrap().fill(0.5);
        segment.publish("field", &field).unwrap();
        let sum = |path: PathBuf| -> multiproc::Result<f64> {
            let field = Segment::attach_file(path)?.open::<Array<f64>>("field")?;
            let sum = field.read()?.iter().sum();
            Ok(sum)
        };
        assert_eq!(spawn(sum, (path,)).unwrap().join().unwrap().unwrap(), 150_000.0);
        assert_eq!(values[9_999].get().unwrap(), 9_999);
        let error = Array::<u8>::zeroed_in(&segment, 1 << 30).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    } else {
        eprintln!("skipped: the system has no huge pages to give");
    }
    fs::write(pool, before).unwrap();
}

/// What is not reserved is an error when it does not fit, and no signal.
#[test]
fn a_first_touch_beyond_the_room_is_an_error() {
    let _watchdog = watchdog(60);
    let Some(mount) = Mount::new("tmpfs", "size=4m") else { return };
    let segment = Segment::builder().create_file(mount.0.join("segment")).unwrap();
    let builder = Array::<u8>::builder(16 << 20).placement(Placement::FirstTouch);
    let field = builder.build_in(&segment).unwrap();
    field.reserve(0..1 << 20).unwrap();
    for error in [field.reserve(0..16 << 20).unwrap_err(), field.read().unwrap_err().into()] {
        assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    }
}

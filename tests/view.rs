//! A segment that is only looked at: it changes nothing and keeps nothing alive.

mod support;

use multiproc::{Atomic, ErrorKind, Ordering, Segment, Value, spawn};
use support::{clean, unique};

multiproc::test_support!();

/// What another process sees of the segment.
fn look(name: String) -> multiproc::Result<(Vec<String>, u64, bool)> {
    let view = Segment::attach_read_only(&name)?;
    let names = view.names().into_iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
    let steps = view.atomic::<u64>("steps")?;
    let first = steps.load(Ordering::Acquire)?;
    let wrong = view.atomic::<i64>("steps").unwrap_err().kind() == ErrorKind::WrongType
        && view.atomic::<u64>("value").unwrap_err().kind() == ErrorKind::WrongType
        && view.atomic::<u64>("nothing").unwrap_err().kind() == ErrorKind::NotFound;
    assert_eq!(view.name(), name);
    Ok((names, first, wrong))
}

#[test]
fn a_monitor_sees_names_and_numbers() {
    let name = unique("view");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let steps = Atomic::new_in(&segment, 7_u64).unwrap();
        segment.publish("steps", &steps).unwrap();
        segment.publish("value", &Value::new_in(&segment, 1_u64).unwrap()).unwrap();
        let seen = spawn(look, (name.clone(),)).unwrap().join().unwrap().unwrap();
        assert_eq!(seen.0, ["steps: Atomic<u64>", "value: Value<u64>"]);
        assert_eq!((seen.1, seen.2), (7, true));
        // The monitor was no process of the segment.
        assert_eq!(segment.processes(), [std::process::id()]);
    });
}

#[test]
fn what_was_freed_is_stale() {
    let name = unique("view-stale");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let steps = Atomic::new_in(&segment, 7_u64).unwrap();
        segment.publish("steps", &steps).unwrap();
        let view = Segment::attach_read_only(&name).unwrap();
        let seen = view.atomic::<u64>("steps").unwrap();
        drop(steps);
        assert_eq!(seen.load(Ordering::Relaxed).unwrap(), 7);
        segment.unpublish("steps").unwrap();
        assert_eq!(seen.load(Ordering::Relaxed).unwrap_err().kind(), ErrorKind::StaleHandle);
        let _again = Atomic::new_in(&segment, 8_u64).unwrap();
        assert_eq!(seen.load(Ordering::Relaxed).unwrap_err().kind(), ErrorKind::StaleHandle);
        assert!(view.names().is_empty());
    });
    let error = Segment::attach_read_only(&name).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

//! Bytes as names of segments, objects and shared memory: an error, or a name that is found again and gone afterwards.
#![no_main]

use libfuzzer_sys::fuzz_target;
use multiproc::{Segment, SharedMemory, Value};
use std::sync::OnceLock;

fn segment() -> &'static Segment {
    static SEGMENT: OnceLock<Segment> = OnceLock::new();
    SEGMENT.get_or_init(|| Segment::create(&format!("fuzz-{}", std::process::id())).unwrap())
}

fuzz_target!(|data: &[u8]| {
    let Ok(name) = std::str::from_utf8(data) else { return };
    let value = Value::new_in(segment(), 7_u8).unwrap();
    if segment().publish(name, &value).is_ok() {
        assert_eq!(segment().open::<Value<u8>>(name).unwrap().get().unwrap(), 7);
        assert!(segment().publish(name, &value).is_err());
        segment().unpublish(name).unwrap();
    }
    assert!(segment().open::<Value<u8>>(name).is_err());
    // Not over what others have there.
    if let Ok(memory) = SharedMemory::create(name, 10) {
        assert_eq!(SharedMemory::attach(name).unwrap().len(), 10);
        drop(memory);
    }
    let _ = Segment::attach(name).map(|segment| segment.name().len());
});

//! Handles whose bytes are forged, truncated or stale, arguments and results that do not encode or decode: errors, and nothing is lost.

mod support;

use multiproc::{
    Array, ArrayPart, Atomic, AtomicArray, ErrorKind, Lock, ProcessError, Segment, Tally, Value,
    spawn,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::marker::PhantomData;
use support::{clean, unique, watchdog};

multiproc::test_support!();

/// Goes as bytes, and arrives as whatever the bytes are taken for.
struct Forged<T>(Vec<u8>, PhantomData<fn() -> T>);

impl<T> Serialize for Forged<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use ser::SerializeTuple;
        // The bytes as they are, without a length.
        let mut bytes = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| bytes.serialize_element(byte))?;
        bytes.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Forged<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|_| Self(Vec::new(), PhantomData))
    }
}

/// What the worker says about the bytes as a handle of this type.
fn arrive<T: for<'de> Deserialize<'de> + 'static>(bytes: Vec<u8>) -> Result<(), String> {
    let process = spawn(|_: Forged<T>| (), (Forged::<T>(bytes, PhantomData),)).unwrap();
    match process.join() {
        Ok(()) => Ok(()),
        Err(ProcessError::Decode { message, .. }) => Err(message),
        Err(other) => panic!("{other}"),
    }
}

/// The bytes of a handle, caught on their way: the argument is sent twice, once as itself and once as bytes.
fn bytes_of<T: Serialize>(handle: &T) -> Vec<u8> {
    multiproc::__private::encode(handle).unwrap()
}

#[test]
fn forged_and_truncated_handles_are_errors() {
    let _watchdog = watchdog(120);
    let value = Value::new(7_u64).unwrap();
    let bytes = bytes_of(&value);
    assert_eq!(arrive::<Value<u64>>(bytes.clone()), Ok(()), "the bytes themselves are good");
    // Another type.
    for told in [
        arrive::<Value<i64>>(bytes.clone()),
        arrive::<Lock>(bytes.clone()),
        arrive::<Array<u64>>(bytes.clone()),
        arrive::<AtomicArray<u64>>(bytes.clone()),
        arrive::<Atomic<u64>>(bytes.clone()),
        arrive::<Tally>(bytes.clone()),
        arrive::<ArrayPart<u64>>([bytes.clone(), vec![0, 0]].concat()),
    ] {
        assert!(told.unwrap_err().contains("does not name an object"));
    }
    // Too short, at every length.
    for len in 0..bytes.len() {
        assert!(arrive::<Value<u64>>(bytes[..len].to_vec()).is_err(), "{len} bytes");
    }
    // Each byte changed, and nothing but noise.
    for at in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[at] ^= 0x55;
        assert!(arrive::<Value<u64>>(forged).is_err(), "byte {at}");
    }
    for seed in 0..20_u64 {
        let mut random = fastrand::Rng::with_seed(seed);
        let noise = (0..random.usize(..100)).map(|_| random.u8(..)).collect();
        assert!(arrive::<Array<f64>>(noise).is_err());
    }
    assert_eq!(value.get().unwrap(), 7);
}

#[test]
fn a_stale_handle_is_an_error() {
    let _watchdog = watchdog(60);
    let bytes = bytes_of(&Value::new(7_u64).unwrap());
    let told = arrive::<Value<u64>>(bytes.clone()).unwrap_err();
    assert!(told.contains("was freed"), "{told}");
    // The place is used again.
    let again = Value::new(8_u64).unwrap();
    assert!(arrive::<Value<u64>>(bytes).unwrap_err().contains("was freed"));
    assert_eq!(again.get().unwrap(), 8);
    // A segment that is gone, and one that came in its place.
    let name = unique("stale");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let bytes = bytes_of(&Value::new_in(&segment, 1_u8).unwrap());
        drop(segment);
        assert!(arrive::<Value<u8>>(bytes.clone()).unwrap_err().contains("no segment"));
        let _other = Segment::create(&name).unwrap();
        let told = arrive::<Value<u8>>(bytes).unwrap_err();
        assert!(told.contains("another segment"), "{told}");
    });
}

/// Refuses to be encoded, or to be decoded.
struct Refuses(bool);

impl Serialize for Refuses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 { Err(ser::Error::custom("not me")) } else { 7_u8.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Refuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer)?;
        Err(de::Error::custom("not here"))
    }
}

#[test]
fn what_does_not_travel_is_an_error_on_the_right_side() {
    let _watchdog = watchdog(60);
    let kept = Value::new(1_u32).unwrap();
    let error = spawn(|_: Value<u32>, _: Refuses| (), (kept.clone(), Refuses(true))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert!(error.to_string().contains("Refuses"), "{error}");
    match spawn(|_: Value<u32>, _: Refuses| (), (kept.clone(), Refuses(false))).unwrap().join() {
        Err(ProcessError::Decode { message, .. }) => {
            assert!(message.contains("could not be decoded"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    match spawn(|_: Value<u32>| Refuses(true), (kept.clone(),)).unwrap().join().map(drop) {
        Err(ProcessError::Encode { message, .. }) => {
            assert!(message.contains("Refuses"), "{message}")
        }
        other => panic!("{other:?}"),
    }
    let undecodable = |value: Value<u32>| (value, Refuses(false));
    match spawn(undecodable, (kept.clone(),)).unwrap().join().map(drop) {
        Err(ProcessError::Failed(error)) => assert_eq!(error.kind(), ErrorKind::Decode),
        other => panic!("{other:?}"),
    }
    assert_eq!(kept.get().unwrap(), 1);
}

/// A message that is dropped or cannot be decoded keeps nothing alive.
#[test]
fn what_was_sent_in_vain_is_freed() {
    let _watchdog = watchdog(60);
    let large = || Array::<u8>::zeroed(3 << 20).unwrap();
    let session = Segment::session().unwrap().name().to_owned();
    for _ in 0..3 {
        drop(spawn(|_: Array<u8>, _: Refuses| (), (large(), Refuses(false))).unwrap().join());
        drop(spawn(|_: Array<u8>, _: Refuses| (), (large(), Refuses(true))).map(drop));
        let made = || (Array::<u8>::zeroed(3 << 20).unwrap(), Refuses(false));
        drop(spawn(made, ()).unwrap().join().map(drop));
    }
    drop(Array::<u8>::zeroed(2 << 20).unwrap());
    let is_large = |name: &String| {
        std::fs::metadata(format!("/dev/shm/{name}")).is_ok_and(|data| data.len() >= 3 << 20)
    };
    assert_eq!(support::shared_objects(&session).iter().filter(|name| is_large(name)).count(), 0);
}

/// Nobody would keep it until the parent has it.
#[test]
fn a_result_has_no_handles_of_other_segments() {
    let _watchdog = watchdog(60);
    let name = unique("result");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let kept = Value::new_in(&segment, 7_u8).unwrap();
        // As an argument it is fine: the parent keeps it.
        let seen = spawn(|value: Value<u8>| value.get(), (kept.clone(),)).unwrap().join();
        assert_eq!(seen.unwrap().unwrap(), 7);
        match spawn(|value: Value<u8>| value, (kept,)).unwrap().join().map(drop) {
            Err(ProcessError::Encode { message, .. }) => {
                assert!(message.contains("publish"), "{message}");
            }
            other => panic!("{other:?}"),
        }
    });
}

//! How values travel between processes: postcard, whole values only, and the handles in them with their blocks.

use serde::{Serialize, de::DeserializeOwned};
use std::cell::Cell;

use super::transport;
use crate::{Error, ErrorKind, Result, segment::Block};

/// How much memory a thread keeps to encode into.
const MOST_REUSED: usize = 4 << 20;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An encoded value, and the blocks that must stay pinned until it is decoded.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    pub(crate) handles: Vec<Block>,
}

/// The bytes of `value`, and the blocks of the handles in it.
///
/// # Errors
///
/// [`ErrorKind::Encode`] if the value's own `Serialize` refuses.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Message> {
    let buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
    let (bytes, handles) = transport::sending(|| postcard::to_extend(value, buffer));
    let bytes = bytes.map_err(|source| {
        let message = format!(
            "a value of type {} could not be encoded: {source}",
            std::any::type_name::<T>()
        );
        Error::new(ErrorKind::Encode, message).with_source(source)
    })?;
    Ok(Message { bytes, handles })
}

/// Keeps a message's memory for the next one that this thread encodes, unless it is large.
pub(crate) fn reuse(mut bytes: Vec<u8>) {
    if bytes.capacity() <= MOST_REUSED {
        bytes.clear();
        // A thread that ends may have no room for it any more.
        let _ = BUFFER.try_with(|buffer| buffer.set(bytes));
    }
}

/// What became of a value that was to be encoded into a place.
#[derive(Debug)]
pub(crate) enum Encoded<'a> {
    /// It is there, and has no handles in it.
    Written(&'a [u8]),
    /// It has handles in it, or is larger than the place.
    Message(Message),
}

/// Encodes `value` into `place`, if it has room.
///
/// # Errors
///
/// As [`encode`].
#[inline]
pub(crate) fn encode_into<'a, T: Serialize + ?Sized>(
    value: &T,
    place: &'a mut [u8],
) -> Result<Encoded<'a>> {
    let (bytes, handles) = transport::sending(|| postcard::to_slice(value, place));
    match bytes {
        Ok(bytes) if handles.is_empty() => Ok(Encoded::Written(bytes)),
        _ => encode(value).map(Encoded::Message),
    }
}

/// The value that `bytes` hold, all of them.
///
/// # Errors
///
/// [`ErrorKind::Decode`] if they are not such a value, or if some are left over.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    transport::receiving(|| decode_bytes(bytes))
}

fn decode_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let name = std::any::type_name::<T>();
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(|source| {
        let message = format!("{} bytes could not be decoded as a {name}: {source}", bytes.len());
        Error::new(ErrorKind::Decode, message).with_source(source)
    })?;
    if rest.is_empty() {
        return Ok(value);
    }
    let message =
        format!("a {name} ends {} bytes before the end of its {} bytes", rest.len(), bytes.len());
    Err(Error::new(ErrorKind::Decode, message))
}

#[cfg(test)]
mod tests {
    use serde::Serializer;

    use super::*;

    struct Refuses;

    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }

    #[test]
    fn a_value_comes_back() {
        let value = (7_u32, "seven".to_owned(), vec![1.5_f64, -0.0]);
        let bytes = encode(&value).unwrap().bytes;
        assert_eq!(decode::<(u32, String, Vec<f64>)>(&bytes).unwrap(), value);
        assert_eq!(encode(&()).unwrap().bytes, []);
        decode::<()>(&[]).unwrap();
    }

    #[test]
    fn too_few_and_too_many_bytes_are_errors() {
        let mut bytes = encode(&(7_u32, "seven".to_owned())).unwrap().bytes;
        bytes.push(0);
        let error = decode::<(u32, String)>(&bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains("1 bytes before the end"), "{error}");
        let error = decode::<(u32, String)>(&bytes[..3]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
    }

    #[test]
    fn a_value_that_refuses_is_an_error_that_names_its_type() {
        let error = encode(&Refuses).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode);
        assert!(error.to_string().contains("Refuses"), "{error}");
    }
}

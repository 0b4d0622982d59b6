//! How values travel between processes: postcard, whole values only, and the handles in them with their blocks.

use postcard::ser_flavors::Flavor;
use serde::{Serialize, de::DeserializeOwned};
use std::cell::Cell;

use super::transport::{Mode, Transport};
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
    let sending = Transport::begin(Mode::Sending);
    let bytes = postcard::to_extend(value, buffer);
    let handles = sending.blocks();
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

/// A place that is written from its beginning.
///
/// Postcard has such a thing, but hands each of the few bytes of a number to the system's copy, which costs more than they do.
struct Written<'a> {
    place: &'a mut [u8],
    length: usize,
}

impl<'a> Flavor for Written<'a> {
    type Output = &'a [u8];

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        let end = self.length + bytes.len();
        let place = self.place.get_mut(self.length..end);
        let place = place.ok_or(postcard::Error::SerializeBufferFull)?;
        if bytes.len() <= 16 {
            place.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
        } else {
            place.copy_from_slice(bytes);
        }
        self.length = end;
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        *self.place.get_mut(self.length).ok_or(postcard::Error::SerializeBufferFull)? = byte;
        self.length += 1;
        Ok(())
    }

    #[inline]
    fn finalize(self) -> postcard::Result<&'a [u8]> {
        Ok(&self.place[..self.length])
    }
}

/// Encodes `value` into `place`: how many bytes. `None` if it has handles in it, is larger than the place, or refuses: then [`encode`] tells.
#[inline]
pub(crate) fn encode_short<T: Serialize + ?Sized>(value: &T, place: &mut [u8]) -> Option<usize> {
    let place = Written { place, length: 0 };
    let sending = Transport::begin(Mode::Sending);
    let length = postcard::serialize_with_flavor(value, place).ok().map(<[u8]>::len);
    if sending.has_left() { None } else { length }
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
    match encode_short(value, place) {
        Some(length) => Ok(Encoded::Written(&place[..length])),
        None => encode(value).map(Encoded::Message),
    }
}

/// The value that `bytes` hold, all of them.
///
/// # Errors
///
/// [`ErrorKind::Decode`] if they are not such a value, or if some are left over.
#[inline]
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let receiving = Transport::begin(Mode::Receiving);
    decode_bytes(bytes).map_err(|error| receiving.error_or(error))
}

/// Decodes values that are encoded each by itself.
///
/// # Errors
///
/// As [`decode`], for the first that cannot be decoded.
#[inline]
pub(crate) fn decode_all<'a, T, I>(all: I, onto: &mut Vec<T>) -> Result<()>
where
    T: DeserializeOwned,
    I: Iterator<Item = &'a [u8]>,
{
    let receiving = Transport::begin(Mode::Receiving);
    for bytes in all {
        match decode_bytes(bytes) {
            Ok(value) => onto.push(value),
            Err(error) => return Err(receiving.error_or(error)),
        }
    }
    Ok(())
}

/// As postcard's own, but what is decoded is moved once less.
#[inline]
fn decode_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut decoder = postcard::Deserializer::from_bytes(bytes);
    match T::deserialize(&mut decoder) {
        Ok(value) => match decoder.finalize() {
            Ok([]) => Ok(value),
            rest => {
                Err(too_many(std::any::type_name::<T>(), bytes.len(), rest.map_or(0, <[u8]>::len)))
            }
        },
        Err(source) => Err(not_such(std::any::type_name::<T>(), bytes.len(), source)),
    }
}

#[cold]
fn not_such(name: &str, length: usize, source: postcard::Error) -> Error {
    let message = format!("{length} bytes could not be decoded as a {name}: {source}");
    Error::new(ErrorKind::Decode, message).with_source(source)
}

#[cold]
fn too_many(name: &str, length: usize, rest: usize) -> Error {
    let message = format!("a {name} ends {rest} bytes before the end of its {length} bytes");
    Error::new(ErrorKind::Decode, message)
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

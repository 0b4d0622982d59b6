//! A row of encoded values, one behind the other, each behind its length: a byte, or, if that is [`LONG`], four more.

use crate::{os::step::step, shared::encode_short};
use serde::Serialize;

/// Says that the length follows in four bytes.
const LONG: u8 = u8::MAX;

/// Puts a value at the beginning of a place: how many bytes it takes. `None` if it is long, has handles in it, refuses to be encoded, or there is no room: then [`encode`](crate::shared::encode) tells.
#[inline]
pub(super) fn put_value<T: Serialize + ?Sized>(value: &T, place: &mut [u8]) -> Option<usize> {
    let (length, place) = place.split_first_mut()?;
    let room = place.len().min(usize::from(LONG) - 1);
    let bytes = encode_short(value, &mut place[..room])?;
    step!("row.half_written");
    *length = bytes as u8;
    Some(1 + bytes)
}

/// What stands before bytes of which the length has four bytes; `None` if these are too few.
pub(super) fn long(length: usize) -> Option<[u8; 5]> {
    let [a, b, c, d] = u32::try_from(length).ok()?.to_ne_bytes();
    Some([LONG, a, b, c, d])
}

/// Puts encoded bytes there; `None` if there is no room.
pub(super) fn put_bytes(bytes: &[u8], place: &mut [u8]) -> Option<usize> {
    let head = long(bytes.len())?;
    let place = place.get_mut(..head.len() + bytes.len())?;
    place[..head.len()].copy_from_slice(&head);
    place[head.len()..].copy_from_slice(bytes);
    Some(place.len())
}

/// What is left of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a>(pub(super) &'a [u8]);

impl<'a> Row<'a> {
    /// The bytes of the next value; `None` at the end, and where the bytes are no row.
    #[inline]
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.0.split_first()?;
        if length == LONG {
            return self.next_long();
        }
        let (value, rest) = rest.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(value)
    }

    /// All that are left.
    #[inline]
    pub(super) fn values(mut self) -> impl Iterator<Item = &'a [u8]> {
        std::iter::from_fn(move || self.next())
    }

    #[cold]
    fn next_long(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.get(1..)?.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
        self.0 = rest;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::encode;

    #[test]
    fn values_come_out_as_they_were_put() {
        let mut place = [0; 400];
        let mut filled = 0;
        for text in ["", "seven"] {
            filled += put_value(text, &mut place[filled..]).unwrap();
        }
        let long = "x".repeat(300);
        assert_eq!(put_value(&*long, &mut place[filled..]), None, "its length is more than a byte");
        let message = encode(&*long).unwrap();
        filled += put_bytes(&message.bytes, &mut place[filled..]).unwrap();
        assert!(put_bytes(&message.bytes, &mut place[filled..]).is_none(), "there is no room");
        let lengths = Row(&place[..filled]).values().map(<[u8]>::len);
        assert_eq!(lengths.collect::<Vec<_>>(), [1, 6, 302]);
    }

    #[test]
    fn what_is_no_row_has_an_end() {
        for bytes in [&[][..], &[3, 1, 2], &[LONG], &[LONG, 9, 0, 0, 0, 1]] {
            assert!(Row(bytes).next().is_none());
        }
    }
}

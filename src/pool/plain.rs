//! Numbers, which lie in a job's memory as they are: nothing is encoded.
//!
//! Which types are numbers is asked where the type is known only to the compiler, so it answers while it compiles.

use bytemuck::{bytes_of, pod_read_unaligned};
use std::any::{Any, TypeId};

macro_rules! numbers {
    ($($number:ty)*) => {
        /// How many bytes a value has, if the type is a number, nothing, or a tuple of one number.
        #[inline]
        pub(super) fn size<T: 'static>() -> Option<usize> {
            let id = TypeId::of::<T>();
            if id == TypeId::of::<()>() {
                return Some(0);
            }
            $(
                if id == TypeId::of::<$number>() || id == TypeId::of::<($number,)>() {
                    return Some(size_of::<$number>());
                }
            )*
            None
        }

        /// Shows the bytes of a number.
        #[inline(always)]
        pub(super) fn with_bytes<T: 'static, R>(value: &T, then: impl FnOnce(&[u8]) -> R) -> R {
            let value: &dyn Any = value;
            $(
                if let Some(number) = value.downcast_ref::<$number>() {
                    return then(bytes_of(number));
                }
                if let Some((number,)) = value.downcast_ref::<($number,)>() {
                    return then(bytes_of(number));
                }
            )*
            then(&[])
        }

        /// The number that has these bytes, as many as its [`size`].
        #[inline(always)]
        pub(super) fn of_bytes<T: 'static>(bytes: &[u8]) -> Option<T> {
            let mut found: Option<T> = None;
            let place: &mut dyn Any = &mut found;
            if let Some(place) = place.downcast_mut::<Option<()>>() {
                *place = Some(());
            }
            $(
                if let Some(place) = place.downcast_mut::<Option<$number>>() {
                    *place = Some(pod_read_unaligned(bytes));
                } else if let Some(place) = place.downcast_mut::<Option<($number,)>>() {
                    *place = Some((pod_read_unaligned(bytes),));
                }
            )*
            found
        }
    };
}

numbers! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 }

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back<T: 'static>(value: &T) -> Option<T> {
        size::<T>()?;
        with_bytes(value, |bytes| {
            assert_eq!(Some(bytes.len()), size::<T>());
            of_bytes(bytes)
        })
    }

    #[test]
    fn numbers_come_back_and_others_are_told() {
        assert_eq!(there_and_back(&7_u8), Some(7));
        assert_eq!(there_and_back(&(-7_i128,)), Some((-7,)));
        assert_eq!(there_and_back(&1.5_f64), Some(1.5));
        assert_eq!(there_and_back(&()), Some(()));
        assert_eq!(there_and_back(&"text"), None);
        assert_eq!(there_and_back(&(1_u8, 2_u8)), None);
    }
}

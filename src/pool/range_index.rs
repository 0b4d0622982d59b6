//! The numbers of which ranges a pool goes through.

use serde::{Serialize, de::DeserializeOwned};
use std::ops::Range;

mod sealed {
    pub trait Sealed {}
}

/// An integer type of up to 64 bits: of what [`Pool::par_for`](crate::Pool::par_for) and [`Pool::reduce`](crate::Pool::reduce) go through a range of. It cannot be implemented by hand.
pub trait RangeIndex: sealed::Sealed + Copy + Serialize + DeserializeOwned + 'static {
    /// How many numbers the range has.
    #[doc(hidden)]
    fn count(range: &Range<Self>) -> u64;

    /// The number so many after this one, inside a range.
    #[doc(hidden)]
    fn after(self, steps: u64) -> Self;
}

macro_rules! integers {
    ($($integer:ty)*) => {
        $(
            impl sealed::Sealed for $integer {}

            impl RangeIndex for $integer {
                fn count(range: &Range<Self>) -> u64 {
                    // The difference of two numbers of 64 bits fits into 64 bits without a sign.
                    if range.is_empty() { 0 } else { (range.end as i128 - range.start as i128) as u64 }
                }

                #[inline(always)]
                fn after(self, steps: u64) -> Self {
                    self.wrapping_add(steps as Self)
                }
            }
        )*
    };
}

integers! { u8 u16 u32 u64 usize i8 i16 i32 i64 isize }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::reversed_empty_ranges, reason = "that is what is tried")]
    fn ranges_are_counted_and_gone_through() {
        assert_eq!(RangeIndex::count(&(5..5_u8)), 0);
        assert_eq!(RangeIndex::count(&(5..3_i32)), 0);
        assert_eq!(RangeIndex::count(&(-128..127_i8)), 255);
        assert_eq!(RangeIndex::count(&(i64::MIN..i64::MAX)), u64::MAX);
        assert_eq!(RangeIndex::count(&(0..u64::MAX)), u64::MAX);
        assert_eq!((-128_i8).after(254), 126);
        assert_eq!(i64::MIN.after(u64::MAX - 1), i64::MAX - 1);
        assert_eq!(7_usize.after(3), 10);
    }
}

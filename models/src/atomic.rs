//! The library's facade for atomics, on `loom`.
//!
//! `loom` treats sequentially consistent accesses as acquire and release only. What the standard promises beyond, and the library uses, is that of two threads that each write one word and then
//! read the other's, one sees the other: so a fence follows each sequentially consistent write. A write that is not, before such a read, promises nothing, here as there.

pub use loom::sync::atomic::{Ordering, fence};

macro_rules! atomics {
    ($($name:ident $value:ident;)*) => {$(
        #[derive(Debug)]
        pub struct $name(loom::sync::atomic::$name);

        impl $name {
            pub fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            pub fn load(&self, order: Ordering) -> $value {
                self.0.load(order)
            }

            pub fn store(&self, value: $value, order: Ordering) {
                strict(order, || self.0.store(value, order));
            }

            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                strict(order, || self.0.swap(value, order))
            }

            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                strict(order, || self.0.fetch_add(value, order))
            }

            pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                strict(order, || self.0.fetch_sub(value, order))
            }

            pub fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                strict(order, || self.0.fetch_max(value, order))
            }

            pub fn fetch_min(&self, value: $value, order: Ordering) -> $value {
                strict(order, || self.0.fetch_min(value, order))
            }

            pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                strict(order, || self.0.fetch_or(value, order))
            }

            pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                strict(order, || self.0.fetch_and(value, order))
            }

            pub fn compare_exchange(&self, current: $value, new: $value, success: Ordering, failure: Ordering) -> Result<$value, $value> {
                strict(success, || self.0.compare_exchange(current, new, success, failure))
            }

            pub fn compare_exchange_weak(&self, current: $value, new: $value, success: Ordering, failure: Ordering) -> Result<$value, $value> {
                // Without spurious failures: they are loops of the same steps.
                self.compare_exchange(current, new, success, failure)
            }
        }
    )*};
}

atomics! {
    AtomicU32 u32;
    AtomicU64 u64;
}

fn strict<T>(order: Ordering, access: impl FnOnce() -> T) -> T {
    if order != Ordering::SeqCst {
        return access();
    }
    let result = access();
    fence(Ordering::SeqCst);
    result
}

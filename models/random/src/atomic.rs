//! The library's facade for atomics: the standard library's, each access a moment at which others may go on.

use crate::world::{moment, say};
pub use std::sync::atomic::{Ordering, fence};

macro_rules! atomics {
    ($($name:ident $value:ident;)*) => {$(
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct $name(std::sync::atomic::$name);

        impl $name {
            pub const fn new(value: $value) -> Self {
                Self(std::sync::atomic::$name::new(value))
            }

            /// As the kernel reads it, and who looks on: no moment for others.
            pub fn peek(&self) -> $value {
                self.0.load(Ordering::SeqCst)
            }

            fn access<T: std::fmt::Debug>(&self, what: &str, access: impl FnOnce(&std::sync::atomic::$name) -> T) -> T {
                moment();
                let before = self.peek();
                let answer = access(&self.0);
                say(self, || {
                    let after = self.peek();
                    if before == after { format!("{what} {before:x}") } else { format!("{what} {before:x} -> {after:x}") }
                });
                answer
            }

            pub fn load(&self, order: Ordering) -> $value {
                self.access("load", |word| word.load(order))
            }

            pub fn store(&self, value: $value, order: Ordering) {
                self.access("store", |word| word.store(value, order));
            }

            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.access("swap", |word| word.swap(value, order))
            }

            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.access("add", |word| word.fetch_add(value, order))
            }

            pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                self.access("sub", |word| word.fetch_sub(value, order))
            }

            pub fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                self.access("max", |word| word.fetch_max(value, order))
            }

            pub fn fetch_min(&self, value: $value, order: Ordering) -> $value {
                self.access("min", |word| word.fetch_min(value, order))
            }

            pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.access("or", |word| word.fetch_or(value, order))
            }

            pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.access("and", |word| word.fetch_and(value, order))
            }

            pub fn compare_exchange(&self, current: $value, new: $value, success: Ordering, failure: Ordering) -> Result<$value, $value> {
                self.access("exchange", |word| word.compare_exchange(current, new, success, failure))
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

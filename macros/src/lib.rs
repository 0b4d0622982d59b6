//! The derive macro of [`multiproc`](https://docs.rs/multiproc): not to be used alone.

mod shared;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Lets a struct be shared between processes: its plain fields under a lock, its `AtomicCell`s by reference. See `multiproc::Shared`, the type.
///
/// The struct has `#[repr(C)]`, named fields, and no generic parameters.
#[proc_macro_derive(Shared)]
pub fn derive_shared(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    shared::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

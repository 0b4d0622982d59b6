//! The derive macros of `multiproc`.

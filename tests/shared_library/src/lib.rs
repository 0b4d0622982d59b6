//! A shared library with its own copy of multiproc, and a function that it would have another process call.

use multiproc::{ErrorKind, spawn};

fn in_the_library(n: u32) -> u32 {
    n + 1
}

/// 0 if the function is refused as one of a shared library, with an error that says so; 1 if it is not refused, 2 if for another reason.
#[unsafe(no_mangle)]
pub extern "C" fn start_a_function_of_the_library() -> i32 {
    multiproc::init();
    match spawn(in_the_library, (1,)) {
        Ok(_) => 1,
        Err(error) => {
            let text = error.to_string();
            eprintln!("{text}");
            let told =
                text.contains("in_the_library") && text.contains("not into a shared library");
            if error.kind() == ErrorKind::InvalidFunction && told { 0 } else { 2 }
        }
    }
}

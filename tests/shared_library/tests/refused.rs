//! A function that is compiled into a shared library cannot be called in another process: an error that says so.

use std::{env, ffi::CString, mem, os::unix::ffi::OsStrExt, ptr};

#[test]
fn a_function_in_a_shared_library_is_refused() {
    // Where cargo puts what a test needs: beside the test.
    let here = env::current_exe().unwrap();
    let library = here.with_file_name("libshared_library.so");
    let path = CString::new(library.as_os_str().as_bytes()).unwrap();
    // SAFETY: the library is ours; its constructors are those of the Rust runtime.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!handle.is_null(), "cannot load {}", library.display());
    // SAFETY: the handle was just opened.
    let symbol = unsafe { libc::dlsym(handle, c"start_a_function_of_the_library".as_ptr()) };
    assert_ne!(symbol, ptr::null_mut());
    // SAFETY: the library defines the function with this type.
    let start = unsafe { mem::transmute::<*mut libc::c_void, extern "C" fn() -> i32>(symbol) };
    assert_eq!(start(), 0);
}

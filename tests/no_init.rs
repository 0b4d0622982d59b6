//! A program that forgot `init()` gets one clear error and starts nothing. PR32. (Without the test harness: it has a `main` of its own.)

use multiproc::{ErrorKind, spawn};

fn main() {
    // What stands before `init` runs in workers too: not what follows.
    if std::env::var_os("MULTIPROC_WORKER").is_some() {
        multiproc::init();
        unreachable!("a worker never comes here");
    }
    let error = spawn(|| (), ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotInitialised);
    assert!(error.to_string().contains("multiproc::init()"), "{error}");
    assert!(multiproc::active_children().is_empty());
    multiproc::init();
    assert_eq!(spawn(|| 7, ()).unwrap().join().unwrap(), 7);
}

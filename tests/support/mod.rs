//! What every test across processes needs: a watchdog, and the assertion that nothing is left behind.
#![allow(dead_code, reason = "each test executable uses some of it")]

use std::{
    fs,
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

/// Kills the whole test executable, naming the test, unless it is dropped in time.
#[must_use]
pub(crate) struct Watchdog {
    done: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// A test that hangs fails by name.
pub(crate) fn watchdog(seconds: u64) -> Watchdog {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let done = Arc::new((Mutex::new(false), Condvar::new()));
    let watch = {
        let done = Arc::clone(&done);
        move || {
            let (flag, bell) = &*done;
            let (flag, _) = bell
                .wait_timeout_while(flag.lock().unwrap(), Duration::from_secs(seconds), |done| {
                    !*done
                })
                .unwrap();
            if !*flag {
                eprintln!("{name} still ran after {seconds} seconds: it hangs");
                std::process::abort();
            }
        }
    };
    Watchdog { done, thread: Some(thread::spawn(watch)) }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *self.done.0.lock().unwrap() = true;
        self.done.1.notify_all();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// The names in `/dev/shm` that begin so.
pub(crate) fn shared_objects(prefix: &str) -> Vec<String> {
    fs::read_dir("/dev/shm")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(prefix))
        .collect()
}

/// A segment name of this test, and nobody else's.
pub(crate) fn unique(what: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    #[allow(clippy::disallowed_types, reason = "a test's own counter, in no segment")]
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("mp-test-{}-{what}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Runs the body under a watchdog, and asserts that no object whose name begins with `prefix` is left.
pub(crate) fn clean(prefix: &str, body: impl FnOnce()) {
    let watchdog = watchdog(60);
    body();
    drop(watchdog);
    assert_eq!(shared_objects(prefix), Vec::<String>::new());
}

/// Sweeps until the session has no object that only large arrays and messages have, but for what is kept for the next message: that is given back. More than once, as another process may be sweeping the same corpse; if one is lost, the watchdog ends this.
pub(crate) fn wait_until_nothing_large_is_left() {
    let session = format!("-{}-", std::process::id());
    let is_large = |name: &String| {
        let data = fs::metadata(format!("/dev/shm/{name}"));
        name.contains(&session) && data.is_ok_and(|data| data.len() >= 2 << 20)
    };
    loop {
        drop(multiproc::Array::<u8>::zeroed(2 << 20).unwrap());
        multiproc::__private::give_back_kept().unwrap();
        if !shared_objects("multiproc-").iter().any(is_large) {
            return;
        }
    }
}

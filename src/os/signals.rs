//! Signals: sending one to oneself, ignoring one, and their names.
//!
//! `signal(7)`, `kill(2)`, `prctl(2)` (`PR_SET_PDEATHSIG`).
#![allow(unsafe_code)]

use std::{borrow::Cow, process};

pub(crate) use libc::{SIGABRT, SIGBUS, SIGCONT, SIGKILL, SIGSEGV, SIGSTOP, SIGTERM};

/// Ends this process here and now, as the kill of another would: nothing is dropped, flushed or told.
pub(crate) fn kill_self() -> ! {
    // SAFETY: getpid and kill take integers and touch no memory.
    unsafe { libc::kill(process::id() as libc::pid_t, SIGKILL) };
    // The signal is delivered before kill returns, unless this is the init process of a pid namespace, which may
    // ignore it.
    process::abort()
}

/// From now on this process, if it is stopped, goes on when its parent dies, and can find out about that. It is also sent when only the thread ends that started it; to a process that is not stopped it does nothing.
pub(crate) fn go_on_when_the_parent_dies() {
    // SAFETY: numbers only. It fails for numbers of no signal only.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, SIGCONT) };
}

/// Lets a write to a closed pipe be an error rather than the end, as Rust's runtime does before `main`.
pub(crate) fn ignore_sigpipe() {
    // SAFETY: SIG_IGN is no handler, so that no code can run at the wrong moment. It cannot fail for SIGPIPE.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// The name of a signal, for messages: `SIGKILL`.
pub(crate) fn signal_name(signal: i32) -> Cow<'static, str> {
    let name = match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGSTKFLT => "SIGSTKFLT",
        libc::SIGCHLD => "SIGCHLD",
        libc::SIGCONT => "SIGCONT",
        libc::SIGSTOP => "SIGSTOP",
        libc::SIGTSTP => "SIGTSTP",
        libc::SIGTTIN => "SIGTTIN",
        libc::SIGTTOU => "SIGTTOU",
        libc::SIGURG => "SIGURG",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGVTALRM => "SIGVTALRM",
        libc::SIGPROF => "SIGPROF",
        libc::SIGWINCH => "SIGWINCH",
        libc::SIGIO => "SIGIO",
        libc::SIGPWR => "SIGPWR",
        libc::SIGSYS => "SIGSYS",
        realtime if (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&realtime) => {
            return format!("SIGRTMIN+{}", realtime - libc::SIGRTMIN()).into();
        }
        other => return format!("signal {other}").into(),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        io::{Write, pipe},
        os::unix::process::ExitStatusExt,
        process::Command,
    };

    use super::*;
    use crate::os::rerun::in_child;

    #[test]
    fn signals_have_names() {
        assert_eq!(signal_name(9), "SIGKILL");
        assert_eq!(signal_name(libc::SIGSEGV), "SIGSEGV");
        assert_eq!(signal_name(libc::SIGRTMIN() + 3), "SIGRTMIN+3");
        assert_eq!(signal_name(0), "signal 0");
        assert_eq!(signal_name(-1), "signal -1");
    }

    #[test]
    fn who_kills_itself_died_of_sigkill() {
        const TEST: &str = "os::signals::tests::who_kills_itself_died_of_sigkill";
        if env::var_os("MULTIPROC_TEST_SUICIDE").is_some() {
            kill_self();
        }
        let mut child = Command::new(env::current_exe().unwrap());
        let child = child.args(["--exact", TEST]).env("MULTIPROC_TEST_SUICIDE", "1");
        assert_eq!(child.output().unwrap().status.signal(), Some(SIGKILL));
    }

    #[test]
    fn a_closed_pipe_is_an_error_where_the_signal_is_ignored() {
        in_child(
            "os::signals::tests::a_closed_pipe_is_an_error_where_the_signal_is_ignored",
            &[],
            || {
                // SAFETY: the default action is no handler.
                unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
                ignore_sigpipe();
                let (reader, mut writer) = pipe().unwrap();
                drop(reader);
                assert!(writer.write_all(b"x").is_err());
            },
        );
    }
}

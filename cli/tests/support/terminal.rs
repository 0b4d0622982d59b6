//! A terminal that only the test sees.

use pty_process::{
    Size,
    blocking::{Command, Pty, open},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::File,
    io::{Read, Write},
    num::NonZero,
    os::{fd::AsFd, unix::process::ExitStatusExt},
    process::Child,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

fn size(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// A terminal, and the command in it.
pub(crate) struct Terminal {
    child: Child,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    pty: Pty,
}

impl Terminal {
    const SIZE: (u16, u16) = (40, 160);

    pub(crate) fn start(arguments: &[&str]) -> Self {
        let (rows, cols) = Self::SIZE;
        let (pty, inner) = open().unwrap();
        pty.resize(Size::new(rows, cols)).unwrap();
        let command = Command::new(assert_cmd::cargo::cargo_bin("multiproc")).args(arguments);
        let child = command.spawn(inner).unwrap();
        let mut reader = File::from(pty.as_fd().try_clone_to_owned().unwrap());
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // At the end of the command, an error.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(size(rows), size(cols), 0);
        Self { child, output, screen, pty }
    }

    /// Changes its size.
    pub(crate) fn resize(&mut self, rows: u16, cols: u16) {
        self.pty.resize(Size::new(rows, cols)).unwrap();
        self.screen.screen_mut().set_size(size(rows), size(cols));
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Until the screen is as wanted; nothing new for so long is a hang.
    pub(crate) fn wait_for(&mut self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        loop {
            let text = self.text();
            if is_there(&text) {
                return text;
            }
            match self.output.recv_timeout(Duration::from_secs(60)) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(why) => panic!("{what} is not to be seen ({why}):\n{text}"),
            }
        }
    }

    pub(crate) fn press(&mut self, keys: &[u8]) {
        self.pty.write_all(keys).unwrap();
    }

    /// Waits for its end; what is on the screen then.
    pub(crate) fn end(mut self) -> String {
        assert!(self.child.wait().unwrap().success());
        self.rest()
    }

    /// Asks it to end by SIGTERM, by which it ends; what is on the screen then.
    pub(crate) fn terminate(mut self) -> String {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
        self.rest()
    }

    fn rest(mut self) -> String {
        // Nobody has the inner side by now: the reader comes to its end.
        for bytes in self.output {
            self.screen.process(&bytes);
        }
        assert!(!self.screen.screen().alternate_screen(), "the terminal is as it was");
        self.screen.screen().contents()
    }
}

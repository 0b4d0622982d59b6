//! A terminal that only the test sees.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::{
    io::{Read, Write},
    num::NonZero,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

fn size(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// A terminal, and the command in it.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    input: Box<dyn Write + Send>,
    screen: vt100::Parser,
    master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    const SIZE: PtySize = PtySize { rows: 40, cols: 160, pixel_width: 0, pixel_height: 0 };

    pub(crate) fn start(arguments: &[&str]) -> Self {
        let pair = native_pty_system().openpty(Self::SIZE).unwrap();
        let mut command = CommandBuilder::new(assert_cmd::cargo::cargo_bin("multiproc"));
        command.args(arguments);
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
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
        let input = pair.master.take_writer().unwrap();
        let screen = vt100::Parser::new(size(Self::SIZE.rows), size(Self::SIZE.cols), 0);
        Self { child, output, input, screen, master: pair.master }
    }

    /// Changes its size.
    pub(crate) fn resize(&mut self, rows: u16, cols: u16) {
        self.master.resize(PtySize { rows, cols, ..Self::SIZE }).unwrap();
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
        self.input.write_all(keys).unwrap();
        self.input.flush().unwrap();
    }

    /// Waits for its end; what is on the screen then.
    pub(crate) fn end(mut self) -> String {
        assert!(self.child.wait().unwrap().success());
        // The slave side is closed by now: the reader comes to its end.
        drop((self.input, self.master));
        for bytes in self.output {
            self.screen.process(&bytes);
        }
        assert!(!self.screen.screen().alternate_screen(), "the terminal is as it was");
        self.screen.screen().contents()
    }
}

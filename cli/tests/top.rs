//! The live view, in a terminal that only the test sees.

mod support;

use multiproc::{InPlace, Lock, Queue, Segment};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::{
    io::{Read, Write},
    num::NonZero,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};
use support::{Deadlocked, clean, holder_of, unique};

multiproc::test_support!();

fn size(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// A terminal, and the command in it.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    input: Box<dyn Write + Send>,
    screen: vt100::Parser,
    master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    const SIZE: PtySize = PtySize { rows: 40, cols: 160, pixel_width: 0, pixel_height: 0 };

    fn start(arguments: &[&str]) -> Self {
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

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Until the screen is as wanted; nothing new for so long is a hang.
    fn wait_for(&mut self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
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

    fn press(&mut self, keys: &[u8]) {
        self.input.write_all(keys).unwrap();
        self.input.flush().unwrap();
    }

    /// Waits for its end; what is on the screen then.
    fn end(mut self) -> String {
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

#[test]
fn the_screen_shows_locks_queues_and_deadlocks_and_is_given_back() {
    let name = unique("top");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let lock = Lock::new_in(&segment).unwrap();
        segment.publish("results", &lock).unwrap();
        let queue = Queue::<u64, InPlace>::in_place_in(&segment, 8).unwrap();
        segment.publish("samples", &queue).unwrap();
        let holder = holder_of(&lock, &segment);

        let mut terminal = Terminal::start(&["top", "--interval", "50"]);
        let held = format!("process {}", holder.pid());
        terminal.wait_for("the holder of a lock", |text| {
            text.contains(&name) && text.contains("results") && text.contains(&held)
        });
        (0..7).for_each(|item| queue.send(item).unwrap());
        terminal.wait_for("the depth of the queue", |text| {
            text.lines().any(|line| {
                line.contains("samples") && line.split_whitespace().rev().take(2).eq(["8", "7"])
            })
        });
        holder.kill().unwrap();
        let _ = holder.join();
        // Its place among the threads may be another's by now.
        terminal.wait_for("the death of the holder", |text| {
            text.contains(", dead") || text.contains("a thread that ended")
        });
        drop(lock.lock());
        terminal.wait_for("the lock being free", |text| !text.contains("results"));
        let deadlocked = Deadlocked::new(&segment);
        terminal
            .wait_for("the deadlock", |text| text.contains("DEADLOCK") && text.contains("left"));
        drop(deadlocked);
        terminal.wait_for("the end of the deadlock", |text| !text.contains("DEADLOCK"));
        terminal.press(b" ");
        terminal.wait_for("the pause", |text| text.contains("paused"));
        terminal.press(b"q");
        assert!(!terminal.end().contains(&name));
    });
}

#[test]
fn control_c_ends_it_and_small_terminals_are_survived() {
    let _alive = support::watchdog();
    let mut terminal = Terminal::start(&["top", "--interval", "50"]);
    terminal.wait_for("a title", |text| text.contains("multiproc top"));
    for (rows, cols) in [(1, 1), (2, 10), (5, 30), (40, 160)] {
        terminal.master.resize(PtySize { rows, cols, ..Terminal::SIZE }).unwrap();
        terminal.screen.screen_mut().set_size(size(rows), size(cols));
        if cols >= 30 {
            terminal.wait_for("a title again", |text| text.contains("multiproc top"));
        }
    }
    terminal.press(&[3]);
    terminal.end();
}

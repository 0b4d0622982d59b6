//! The live view, in a terminal that only the test sees.

mod support;

use support::{Deadlocked, clean, holder_of, is_told_of, published, terminal::Terminal, unique};

multiproc::test_support!();

#[test]
fn the_screen_shows_locks_queues_and_deadlocks_and_is_given_back() {
    let name = unique("top");
    clean(&name, || {
        let (segment, lock, queue) = published(&name);
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
        let text = terminal.wait_for("the deadlock", |text| {
            text.contains("DEADLOCK") && text.contains("left")
                || text.contains("do not say whether they sleep")
        });
        let is_told = deadlocked.pids().into_iter().all(is_told_of);
        assert!(text.contains("DEADLOCK") || !is_told, "{text}");
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
        terminal.resize(rows, cols);
        if cols >= 30 {
            terminal.wait_for("a title again", |text| text.contains("multiproc top"));
        }
    }
    terminal.press(&[3]);
    terminal.end();
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let _alive = support::watchdog();
    let mut terminal = Terminal::start(&["top"]);
    terminal.wait_for("a title", |text| text.contains("multiproc top"));
    let text = terminal.terminate();
    assert!(!text.contains("multiproc top"), "{text}");
}

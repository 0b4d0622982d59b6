//! The commands that print and end.

mod support;

use multiproc::{Segment, Value, spawn};
use predicates::prelude::*;
use serde_json::Value as Json;
use std::{fs, path::Path};
use support::{Deadlocked, clean, holder_of, is_told_of, multiproc, published, unique};

multiproc::test_support!();

fn json(output: &[u8]) -> Json {
    serde_json::from_slice(output).unwrap()
}

#[test]
fn wrong_usage_is_exit_code_2() {
    multiproc().assert().code(2);
    multiproc().arg("nonsense").assert().code(2);
    multiproc().args(["gc", "--nonsense"]).assert().code(2);
    multiproc().args(["top", "--interval", "1"]).assert().code(2);
    multiproc().arg("--help").assert().success().stdout(predicate::str::contains("Exit codes"));
    // It needs a terminal.
    multiproc().arg("top").assert().code(2).stderr(predicate::str::contains("terminal"));
}

#[test]
fn who_hears_nothing_gets_the_exit_code_all_the_same() {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("multiproc"));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = command.args(["inspect", &unique("nowhere")]).stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn ls_lists_what_is_in_use() {
    let name = unique("ls");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let _value = Value::new_in(&segment, 1).unwrap();
        let me = std::process::id();
        let output = multiproc().arg("ls").assert().success().get_output().stdout.clone();
        let text = String::from_utf8(output).unwrap();
        let line = text.lines().find(|line| line.starts_with(&name)).unwrap();
        for word in ["segment", "in use", &me.to_string()] {
            assert!(line.contains(word), "{line}");
        }
        let output = multiproc().args(["ls", "--json"]).output().unwrap();
        let document = json(&output.stdout);
        let segments = document["segments"].as_array().unwrap();
        let found = segments.iter().find(|found| found["name"] == *name).unwrap();
        assert_eq!((&found["state"], &found["kind"]), (&"in-use".into(), &"segment".into()));
        assert_eq!(found["processes"], serde_json::json!([me]));
        assert_eq!(found["parts"], 1);
    });
}

#[test]
fn inspect_shows_owners_and_depths() {
    let name = unique("inspect");
    clean(&name, || {
        let (segment, lock, queue) = published(&name);
        (0..3).for_each(|item| queue.send(item).unwrap());
        let holder = holder_of(&lock, &segment);
        multiproc().args(["inspect", &name]).assert().success().stdout(
            predicate::str::contains(format!("of process {}", holder.pid()))
                .and(predicate::str::contains("3 of 8 items"))
                .and(predicate::str::contains("Queue<u64, InPlace>")),
        );
        let output = multiproc().args(["inspect", "--json", &name]).output().unwrap();
        let report = json(&output.stdout);
        let objects = report["objects"].as_array().unwrap();
        let lock = objects.iter().find(|object| object["names"][0] == "results").unwrap();
        let owner = report["threads"]
            .as_array()
            .unwrap()
            .iter()
            .find(|thread| thread["id"] == lock["owner"]);
        assert_eq!((&lock["kind"], &owner.unwrap()["pid"]), (&"lock".into(), &holder.pid().into()));
        holder.kill().unwrap();
        let _ = holder.join();
    });
}

#[test]
fn inspect_finds_a_deadlock() {
    let name = unique("deadlock");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let deadlocked = Deadlocked::new(&segment);
        let pids = deadlocked.pids();
        // Until both sleep.
        let output = loop {
            let output = multiproc().args(["inspect", &name]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            if output.status.code() == Some(1) {
                break text;
            }
            assert!(output.status.success() && !text.contains("DEADLOCK"), "{text}");
            if let Some((_, unknown)) = text.split_once("The system does not say whether") {
                let pid = pids.iter().find(|pid| unknown.contains(&pid.to_string())).unwrap();
                assert!(!is_told_of(*pid), "{text}");
                eprintln!("skipped: the system does not say whether process {pid} sleeps");
                return;
            }
        };
        let (_, cycle) = output.split_once("DEADLOCK").unwrap();
        for word in ["\"left\"", "\"right\""] {
            assert!(cycle.contains(word), "{output}");
        }
        for pid in pids {
            assert!(cycle.contains(&format!("process {pid}")), "{output}");
        }
    });
}

#[test]
fn what_cannot_be_looked_into_is_exit_code_2() {
    let name = unique("damaged");
    clean(&name, || {
        let inspect = |name: &str| multiproc().args(["inspect", name]).assert().code(2).stdout("");
        inspect(&name).stderr(predicate::str::contains(&name));
        let path = Path::new("/dev/shm").join(&name);
        for damage in [&b""[..], b"multiproc shared", &[7; 5000]] {
            fs::write(&path, damage).unwrap();
            inspect(&name);
            inspect(path.to_str().unwrap());
        }
        fs::remove_file(&path).unwrap();
        let segment = Segment::create(&name).unwrap();
        let whole = fs::read(&path).unwrap();
        let cut = std::env::temp_dir().join(unique("cut"));
        fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
        inspect(cut.to_str().unwrap());
        fs::remove_file(cut).unwrap();
        drop(segment);
    });
}

fn leave_a_segment(name: String) {
    let segment = Segment::create(&name).unwrap();
    let _value = Value::new_in(&segment, 1_u32).unwrap();
    std::process::abort();
}

#[test]
fn gc_removes_what_a_dead_program_has_left() {
    let name = unique("gc");
    clean(&name, || {
        let path = Path::new("/dev/shm").join(&name);
        // Another program may sweep it before: then once more.
        loop {
            assert!(spawn(leave_a_segment, (name.clone(),)).unwrap().join().is_err());
            let dry = multiproc().args(["gc", "--dry-run"]).output().unwrap();
            let text = String::from_utf8(dry.stdout).unwrap();
            let is_there = path.exists();
            let gc = multiproc().args(["gc", "--json"]).output().unwrap();
            assert!(gc.status.success() && !path.exists());
            let removed = &json(&gc.stdout)["removed"];
            if is_there && removed.as_array().unwrap().iter().any(|gone| *gone == *name) {
                assert_eq!(dry.status.code(), Some(1));
                assert!(text.contains(&format!("would remove {name}\n")), "{text}");
                break;
            }
        }
        let dry = multiproc().args(["gc", "--dry-run", "--json"]).output().unwrap();
        let document = json(&dry.stdout);
        assert!(document["dry_run"].as_bool().unwrap());
        assert!(!document["removed"].as_array().unwrap().iter().any(|gone| *gone == *name));
    });
}

#[test]
fn gc_leaves_what_is_in_use_and_what_is_to_stay() {
    let (used, kept) = (unique("used"), unique("kept"));
    clean(&unique("used"), || {
        let _segment = Segment::create(&used).unwrap();
        drop(Segment::builder().keep(true).create(&kept).unwrap());
        let dry = multiproc().args(["gc", "--dry-run"]).output().unwrap();
        let text = String::from_utf8(dry.stdout).unwrap();
        assert!(!text.contains(&used) && !text.contains(&kept), "{text}");
        multiproc().arg("gc").assert().success();
        let there = |name: &String| Path::new("/dev/shm").join(name).exists();
        assert!(there(&used) && there(&kept));
        multiproc().arg("ls").assert().success().stdout(predicate::str::contains("kept"));
        Segment::attach(&kept).unwrap().unlink().unwrap();
    });
    assert!(!Path::new("/dev/shm").join(kept).exists());
}

#[test]
fn doctor_tells_what_it_found() {
    let output = multiproc().args(["doctor", "--json"]).output().unwrap();
    let document = json(&output.stdout);
    let checks = document["checks"].as_array().unwrap();
    let is_bad = |check: &Json| check["level"] == "warning" || check["level"] == "problem";
    assert_eq!(output.status.code(), Some(i32::from(checks.iter().any(is_bad))));
    for name in ["shared memory", "open files", "futex_waitv", "segments"] {
        let check = checks.iter().find(|check| check["name"] == name).unwrap();
        assert!(!is_bad(check) || check["advice"].is_string(), "{check}");
    }
    multiproc().arg("doctor").assert().stdout(predicate::str::contains("futex_waitv"));
}

#[test]
fn man_pages_and_completions_are_written() {
    let directory = std::env::temp_dir().join(unique("man"));
    let to = directory.to_str().unwrap().to_owned();
    multiproc().args(["man", &to]).assert().code(2).stderr(predicate::str::contains(&to));
    fs::create_dir(&directory).unwrap();
    multiproc().args(["man", &to]).assert().success();
    let page = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert!(page("multiproc.1").contains("Exit codes"));
    assert!(page("multiproc-gc.1").contains("dry\\-run"));
    fs::remove_dir_all(&directory).unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = multiproc().args(["completions", shell]).assert().success();
        script.stdout(predicate::str::contains("doctor").and(predicate::str::contains("dry-run")));
    }
}

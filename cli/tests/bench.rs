//! The harness, for some moments: that it measures all there is, not how fast.

mod support;

use predicates::prelude::*;
use serde_json::Value as Json;
use std::fs;
use support::{multiproc, terminal::Terminal, unique, watchdog};

/// Where there is one processor, the command must say that this is too few.
fn skips() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let is_one = allowed.trim().parse::<u32>().is_ok();
    if is_one {
        let told = multiproc().args(["bench", "--quick"]).assert().code(2);
        told.stderr(predicate::str::contains("one processor"));
        eprintln!("skipped: there is one processor");
    }
    is_one
}

#[test]
fn every_way_is_shown_and_a_report_is_written() {
    let _alive = watchdog();
    if skips() {
        return;
    }
    let directory = std::env::temp_dir().join(unique("bench"));
    let to = directory.to_str().unwrap();
    let terminal = Terminal::start(&["bench", "--quick", "--only", "/64/", "--report", to]);
    let text = terminal.end();
    let rows = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    for name in ["ring", "queue ", "queue_encoded", "pipe", "crossbeam"] {
        assert_eq!(rows(name), 3, "spin, adaptive and block of {name}: {text}");
    }
    for name in ["unix_socket", "os_pipe"] {
        assert_eq!(rows(name), 2, "spin and block of {name}: {text}");
    }
    assert_eq!((rows("floor"), rows("futex")), (1, 1), "{text}");
    let file = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert!(file("report.html").contains("<svg"));
    assert_eq!(file("latency.csv").lines().count(), 1 + 21);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn json_has_the_machine_and_the_rows() {
    let _alive = watchdog();
    if skips() {
        return;
    }
    let arguments = ["bench", "--quick", "--only", "ring/1048576/spin", "--json"];
    let output = multiproc().args(arguments).assert().success().get_output().stdout.clone();
    let document: Json = serde_json::from_slice(&output).unwrap();
    assert!(document["machine"]["cpus"].as_str().unwrap().contains(" and "));
    let rows = document["rows"].as_array().unwrap();
    let names: Vec<_> =
        rows.iter().map(|row| (&row["transport"], &row["is_touched"], &row["wait"])).collect();
    let [ring, spin] = ["ring", "spin"].map(Json::from);
    assert_eq!(names[2..], [(&ring, &true.into(), &spin), (&ring, &false.into(), &spin)]);
    for row in rows {
        let number = |name: &str| row[name].as_f64().unwrap();
        assert!(number("p50") > 0.0 && number("p50") <= number("max"), "{row}");
        assert!(number("x_floor") > 0.0 && number("count") >= 3.0, "{row}");
    }
}

#[test]
fn what_cannot_be_measured_is_exit_code_2() {
    let nonsense: [&[_]; 5] = [
        &["--only", "nonsense"],
        &["--cpus", "1"],
        &["--cpus", "0,4294967295"],
        &["--rounds", "0"],
        &["--millis", "60000"],
    ];
    for arguments in nonsense {
        let told = multiproc().args(["bench", "--quick"]).args(arguments).assert().code(2);
        told.stdout("");
    }
}

//! Where and when it was measured: without it the numbers say little.

use super::topology::Pair;
use serde::{Serialize, Serializer};
use std::{env, fs, process::Command};

pub(crate) struct Machine(Vec<(&'static str, String)>);

impl Machine {
    pub(crate) fn look(pair: &Pair) -> Self {
        let line = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        let unknown = || "unknown".to_owned();
        let governor =
            format!("/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor", pair.cpus[0]);
        let clock = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        Self(vec![
            ("date", date().unwrap_or_else(unknown)),
            ("command", env::args().collect::<Vec<_>>().join(" ")),
            ("processor", processor().unwrap_or_else(unknown)),
            ("cpus", pair.describe()),
            ("virtualised", virtualised().unwrap_or_else(unknown)),
            ("governor", line(&governor).unwrap_or_else(unknown)),
            ("kernel", line("/proc/sys/kernel/osrelease").unwrap_or_else(unknown)),
            ("clock", line(clock).unwrap_or_else(unknown)),
            ("load_average", line("/proc/loadavg").unwrap_or_else(unknown)),
        ])
    }

    pub(crate) fn facts(&self) -> &[(&'static str, String)] {
        &self.0
    }
}

/// An object with a field for each fact.
impl Serialize for Machine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn date() -> Option<String> {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d %H:%M:%S UTC"]).output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = info.lines().find(|line| line.starts_with("model name"))?;
    Some(model.split_once(':')?.1.trim().to_owned())
}

/// What the processor says of it; elsewhere than on x86 it does not say.
fn virtualised() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let flags = info.lines().find(|line| line.starts_with("flags"))?;
    let is_guest = flags.split_whitespace().any(|flag| flag == "hypervisor");
    Some(if is_guest { "yes" } else { "no" }.to_owned())
}

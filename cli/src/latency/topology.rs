//! The two processors, and what they share: it decides what a cache line takes from one to the other.

use std::fs;

pub(crate) struct Pair {
    pub(crate) cpus: [usize; 2],
    facts: Vec<String>,
}

impl Pair {
    pub(crate) fn of(cpus: [usize; 2]) -> Self {
        Self { cpus, facts: facts(cpus) }
    }

    /// The first allowed processor, and the one that is nearest to it without being the same core: rows that spin would take each other's time there.
    pub(crate) fn choose() -> Option<Self> {
        let allowed = allowed();
        let (first, others) = allowed.split_first()?;
        let nearest = others.iter().min_by_key(|&&other| {
            let pair = [*first, other];
            (same_core(pair) == Some(true), same_package(pair) != Some(true))
        })?;
        Some(Self::of([*first, *nearest]))
    }

    pub(crate) fn describe(&self) -> String {
        let [one, other] = self.cpus;
        format!("{one} and {other}: {}", self.facts.join(", "))
    }
}

fn facts(cpus: [usize; 2]) -> Vec<String> {
    let say = |fact: Option<bool>, yes: &str, no: &str, unknown: &str| {
        match fact {
            Some(true) => yes,
            Some(false) => no,
            None => unknown,
        }
        .to_owned()
    };
    vec![
        say(same_package(cpus), "one package", "two packages", "packages unknown"),
        say(same_core(cpus), "one core (SMT siblings)", "two cores", "cores unknown"),
        caches(cpus),
        say(same_node(cpus), "one NUMA node", "two NUMA nodes", "NUMA nodes unknown"),
    ]
}

fn read(cpu: usize, file: &str) -> Option<String> {
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/{file}");
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn same(cpus: [usize; 2], file: &str) -> Option<bool> {
    let [one, other] = cpus.map(|cpu| read(cpu, file));
    Some(one? == other?)
}

fn same_package(cpus: [usize; 2]) -> Option<bool> {
    same(cpus, "topology/physical_package_id")
}

fn same_core(cpus: [usize; 2]) -> Option<bool> {
    let siblings = read(cpus[0], "topology/thread_siblings_list")?;
    Some(list(&siblings).contains(&cpus[1]))
}

fn same_node(cpus: [usize; 2]) -> Option<bool> {
    let node = |cpu| {
        let directory = fs::read_dir(format!("/sys/devices/system/cpu/cpu{cpu}")).ok()?;
        let names = directory.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.into_iter().find(|name| {
            name.strip_prefix("node").is_some_and(|number| number.parse::<u32>().is_ok())
        })
    };
    let [one, other] = cpus.map(node);
    Some(one? == other?)
}

/// The caches that both have, such as `shared L2 (1024K) and L3 (32768K)`.
fn caches(cpus: [usize; 2]) -> String {
    let (mut shared, mut seen) = (Vec::new(), false);
    for index in 0.. {
        let file = |name: &str| read(cpus[0], &format!("cache/index{index}/{name}"));
        let Some(level) = file("level") else { break };
        let (Some(kind), Some(cpus_of_it)) = (file("type"), file("shared_cpu_list")) else { break };
        seen = true;
        if kind != "Instruction" && list(&cpus_of_it).contains(&cpus[1]) {
            shared.push(format!("L{level} ({})", file("size").unwrap_or_default()));
        }
    }
    match (seen, shared.is_empty()) {
        (false, _) => "caches unknown".to_owned(),
        (true, true) => "no shared cache".to_owned(),
        (true, false) => format!("shared {}", shared.join(" and ")),
    }
}

/// The processors that this process may use.
fn allowed() -> Vec<usize> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list(allowed.unwrap_or("0").trim())
}

/// The kernel's lists of numbers: `0-3,8`.
fn list(text: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    };
    text.split(',').filter_map(range).flatten().collect()
}

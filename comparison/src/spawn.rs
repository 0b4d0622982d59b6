//! From nothing to a worker that has ended.

use crate::{
    case::Case, child, contender::Contender, options::Options, part::Part, python::Python,
    unit::Unit,
};
use anyhow::ensure;
use std::{thread, time::Instant};

pub fn cases(options: &Options) -> anyhow::Result<Vec<Case>> {
    let count = if options.quick { 2 } else { 10 };
    let mut contenders = vec![
        contender("multiproc::spawn", count, || Ok(multiproc::spawn(|| (), ())?.join()?)),
        contender("procspawn::spawn", count, || Ok(procspawn::spawn((), |()| ()).join()?)),
        contender("Command of this executable", count, || {
            let status = child::command(child::NOTHING)?.status()?;
            ensure!(status.success(), "{status}");
            Ok(())
        }),
        contender("std::thread (a thread)", count * 20, || {
            thread::spawn(|| ()).join().expect("it does nothing");
            Ok(())
        }),
    ];
    if let Some(python) = Python::start() {
        contenders.push(Contender {
            name: "Python Process, fork",
            round: python.round("start_fork", &[count]),
        });
        contenders.push(Contender {
            name: "Python Process, spawn",
            round: python.round("start_spawn", &[1]),
        });
    }
    Ok(vec![Case {
        part: Part::Spawn,
        name: "an empty function".to_owned(),
        at: None,
        unit: Unit::Nanoseconds,
        contenders,
    }])
}

fn contender(
    name: &'static str,
    count: usize,
    mut body: impl FnMut() -> anyhow::Result<()> + 'static,
) -> Contender {
    let round = move || {
        let start = Instant::now();
        for _ in 0..count {
            body()?;
        }
        Ok(start.elapsed().as_nanos() as f64 / count as f64)
    };
    Contender { name, round: Box::new(round) }
}

//! Python's own ways, by a script that plays a turn for each line of its input.

mod script;

use super::{
    list::List,
    work::{Kind, Work},
};
use script::Script;

/// The name in the script, and what the reports call it.
const WAYS: [(&str, &str, bool); 3] = [
    ("pipe", "Python pipe", false),
    ("queue", "Python queue", true),
    ("simple_queue", "Python simple queue", true),
];

/// Adds what Python has.
pub fn python(list: &mut List) {
    let work = list.work;
    for (way, name, many) in WAYS {
        if work.pairs() > 1 && !many {
            list.leave_out(name, "it is for two");
            continue;
        }
        let name = match work.kind {
            Kind::Echo => format!("{name}, asleep"),
            Kind::Messages { .. } | Kind::Bytes => name.to_owned(),
        };
        let mut started = None;
        list.push(name, move || {
            if started.is_none() {
                started = Some(Script::start(&arguments(way, &work))?);
            }
            let script = started.as_mut().expect("it has just been started");
            let answer = script.turn(work.length)?;
            Ok(if work.kind == Kind::Bytes { answer * work.bytes as f64 } else { answer })
        });
    }
}

fn arguments(way: &str, work: &Work) -> Vec<String> {
    let [one, other] = work.cpus;
    let kind = if work.kind == Kind::Echo { "echo" } else { "stream" };
    let numbers = [work.bytes, work.pairs(), one, other].map(|number| number.to_string());
    [way, kind].map(str::to_owned).into_iter().chain(numbers).collect()
}

use crate::lines::lines_of;
use anyhow::{Context, bail};
use std::{
    cell::RefCell,
    io::Write,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    rc::Rc,
    sync::mpsc::Receiver,
    time::Duration,
};

const SERVER: &str = include_str!("../python/server.py");
/// A round takes some tens of milliseconds; who needs so long does not answer any more.
const LIMIT: Duration = Duration::from_secs(30);

/// A Python that does work on request, for all contenders of a part. Its workers are in its process group, and end with it.
#[derive(Clone)]
pub struct Python(Rc<RefCell<Server>>);

impl Python {
    /// Nothing, and a word on it, if there is no Python that can do it.
    pub fn start() -> Option<Self> {
        match Server::start() {
            Ok(server) => Some(Self(Rc::new(RefCell::new(server)))),
            Err(error) => {
                crate::left_out::tell(format!("Python's contenders: {error:#}"));
                None
            }
        }
    }

    /// A round of that work, so much of it.
    pub fn round(
        &self,
        work: &'static str,
        numbers: &[usize],
    ) -> Box<dyn FnMut() -> anyhow::Result<f64>> {
        let (python, numbers) = (self.clone(), numbers.to_vec());
        Box::new(move || python.0.borrow_mut().ask(work, &numbers))
    }
}

/// And not too old.
pub fn is_there() -> anyhow::Result<()> {
    let version = Command::new("python3")
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 8))"])
        .status()
        .context("no python3")?;
    if !version.success() {
        bail!("python3 is older than 3.8");
    }
    Ok(())
}

struct Server {
    child: Child,
    lines: Receiver<String>,
}

impl Server {
    fn start() -> anyhow::Result<Self> {
        is_there()?;
        let mut child = Command::new("python3")
            .args(["-c", SERVER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let lines = lines_of(&mut child)?;
        Ok(Self { child, lines })
    }

    fn ask(&mut self, work: &str, numbers: &[usize]) -> anyhow::Result<f64> {
        let input = self.child.stdin.as_mut().context("the input is piped")?;
        let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        writeln!(input, "{work} {}", numbers.join(" "))?;
        let answer = self.lines.recv_timeout(LIMIT).context("Python does not answer")?;
        Ok(answer.parse()?)
    }
}

impl Drop for Server {
    /// It is not asked to end: that could hang. Nothing of it is outside of memory.
    fn drop(&mut self) {
        crate::peer::kill_group(self.child.id());
        let _ = self.child.wait();
    }
}

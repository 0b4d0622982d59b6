/// One way to do the work of a case.
pub struct Contender {
    /// What the reports call it, such as `multiproc queue` or `Unix socket`.
    pub name: &'static str,
    /// One round: some tens of milliseconds of the work, and what came out, in the unit of the case.
    ///
    /// What it needs (a peer, a channel) is made before the first round and kept for all of them, except where the making is what is measured; it goes with the closure.
    pub round: Box<dyn FnMut() -> anyhow::Result<f64>>,
}

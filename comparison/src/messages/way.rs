use super::shape::Shape;

/// From where messages are sent to where they are received. It is made once, and everybody who takes part has a copy.
pub trait Way: Clone + Send + Sized + 'static {
    type Outlet: Outlet;
    type Inlet: Inlet;

    /// Whether many can send and many receive, each message one of them.
    const MANY: bool = false;

    fn new(shape: Shape) -> anyhow::Result<Self>;

    /// For who sends. Where the two ends have to meet, they do so here: both ends are opened at the same time.
    fn outlet(&self) -> anyhow::Result<Self::Outlet>;

    /// For who receives.
    fn inlet(&self) -> anyhow::Result<Self::Inlet>;
}

pub trait Outlet {
    /// Sends a message all of whose words are that one.
    fn send(&mut self, word: u64) -> anyhow::Result<()>;
}

pub trait Inlet {
    /// Receives a message, reads all of it, and says its word.
    fn receive(&mut self) -> anyhow::Result<u64>;
}

//! Which ways messages go through a connection, as types.

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Duplex {}
    impl Sealed for super::Incoming {}
    impl Sealed for super::Outgoing {}
}

/// Which ways messages go through a [`Connection`](crate::Connection): [`Duplex`], [`Incoming`] or [`Outgoing`].
pub trait Direction: sealed::Sealed + 'static {
    /// Whether messages come.
    #[doc(hidden)]
    const RECEIVES: bool;
    /// Whether messages go.
    #[doc(hidden)]
    const SENDS: bool;
}

/// Messages come, at least.
pub trait CanRecv: Direction {}

/// Messages go, at least.
pub trait CanSend: Direction {}

/// Messages go and come.
#[derive(Debug)]
pub enum Duplex {}

/// Messages come: the reader of a [one-way pipe](crate::Pipe::one_way).
#[derive(Debug)]
pub enum Incoming {}

/// Messages go: the writer of a [one-way pipe](crate::Pipe::one_way).
#[derive(Debug)]
pub enum Outgoing {}

impl Direction for Duplex {
    const RECEIVES: bool = true;
    const SENDS: bool = true;
}

impl Direction for Incoming {
    const RECEIVES: bool = true;
    const SENDS: bool = false;
}

impl Direction for Outgoing {
    const RECEIVES: bool = false;
    const SENDS: bool = true;
}

impl CanRecv for Duplex {}
impl CanRecv for Incoming {}
impl CanSend for Duplex {}
impl CanSend for Outgoing {}

//! `Connection`: one end of a pipe.

use super::{
    CanRecv, CanSend, Direction, Duplex, RecvIntoError,
    connection_user::ConnectionUser,
    messages::{self, MessageReceiver, MessageSender},
    transfer,
};
use crate::{Error, ErrorKind, Result, os::clock::Deadline, shared::transport};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use std::{fmt, marker::PhantomData, time::Duration};

/// One end of a [`Pipe`](crate::Pipe), which sends, receives, or does both: its [`Direction`].
///
/// Messages arrive whole and in the order in which they were sent. Each form waits as long as it takes, not at all (`try_`), or for a time (`_timeout`, by the monotonic clock, of the whole call). There is room for so many messages on their way; whoever sends
/// one more waits until the other end receives.
///
/// A message is a value, of any type that can be serialised, or bytes. A value is received by [`recv`](Self::recv) and bytes by [`recv_bytes`](Self::recv_bytes) or [`recv_into`](Self::recv_into). The other form is told so, by
/// [`ErrorKind::WrongType`], and the message is still the next one. Of which type a value is, both ends have to know: nothing but what decoding finds tells one from another.
///
/// # Who has it
///
/// An end is for one process at a time, whose threads may share it. It travels, as argument or result of [`spawn`](crate::spawn), through queues and through connections; and goes from the sender when it is dropped there, which passing it by value does. Two processes that use
/// the same end at once are told by [`ErrorKind::InUse`].
///
/// # The end
///
/// When an end is dropped everywhere, by [`close`](Self::close) say, **or its process dies**, the other end receives what was sent, and then [`ErrorKind::Disconnected`]; who sleeps is woken. So is who sends to an end that was dropped. That it died, a sender
/// finds when somebody has noticed it, who waits for that process say, and at the latest when there is no room any more. A message whose sender died while it sent was sent completely, or was not.
///
/// ```
/// use multiproc::{Event, Pipe};
/// # fn main() -> multiproc::Result<()> {
/// let (ours, theirs) = Pipe::new()?;
/// ours.send(&(7_u32, "seven"))?;
/// ours.send_bytes(&[1, 2, 3])?;
/// ours.send(&Event::new()?)?;
/// assert_eq!(theirs.recv::<(u32, String)>()?, (7, "seven".to_owned()));
/// let mut numbers = [0_u8; 4];
/// assert_eq!(theirs.recv_into(&mut numbers)?, 3);
/// assert!(!theirs.recv::<Event>()?.is_set());
/// ours.close();
/// assert_eq!(theirs.recv::<u32>().unwrap_err().kind(), multiproc::ErrorKind::Disconnected);
/// # Ok(())
/// # }
/// ```
#[must_use = "the other end is told when this one is dropped"]
pub struct Connection<D: Direction = Duplex> {
    /// Goes first: it looks at the token of an end.
    user: ConnectionUser,
    /// There if messages come.
    incoming: Option<MessageReceiver>,
    /// There if messages go.
    outgoing: Option<MessageSender>,
    _direction: PhantomData<fn() -> D>,
}

impl<D: Direction> Connection<D> {
    /// An error if they are not those of this direction.
    pub(super) fn of_ends(
        incoming: Option<MessageReceiver>,
        outgoing: Option<MessageSender>,
    ) -> Result<Self> {
        let found = (incoming.is_some(), outgoing.is_some());
        let token = match (&incoming, &outgoing) {
            (Some(incoming), _) => Some(incoming.side().parts().0.clone()),
            (None, Some(outgoing)) => Some(outgoing.side().parts().0.clone()),
            (None, None) => None,
        };
        let Some(token) = token.filter(|_| found == (D::RECEIVES, D::SENDS)) else {
            return Err(Error::new(
                ErrorKind::WrongType,
                "the handle is of an end of a pipe with another direction",
            ));
        };
        let user = ConnectionUser::open(token)?;
        Ok(Self { user, incoming, outgoing, _direction: PhantomData })
    }

    /// This process is done with it: see [The end](Self#the-end). The same as to drop it.
    pub fn close(self) {}
}

impl<D: CanSend> Connection<D> {
    /// Sends a value; waits until there is room.
    ///
    /// # Errors
    ///
    /// The connection goes on after all but the first. [`ErrorKind::Disconnected`] when the other end is gone; that its process died, is found when somebody has noticed it, or there is no room. [`ErrorKind::InUse`] if another process uses this end.
    /// [`ErrorKind::Encode`] if the value's own `Serialize` refuses; [`ErrorKind::InvalidInput`] if it is larger than a message can be, 1 GiB, or has handles of another segment in it; [`ErrorKind::NoSpace`] if there is no room in shared memory for a
    /// large one. When this thread cannot take part in the segment: [`ErrorKind::TooMany`], [`ErrorKind::PermissionDenied`] (attached for reading only), [`ErrorKind::Forked`].
    pub fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<()> {
        self.send_by(value, Deadline::NEVER)
    }

    /// As [`send`](Self::send), if there is room at once.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`ErrorKind::WouldBlock`].
    pub fn try_send<T: Serialize + ?Sized>(&self, value: &T) -> Result<()> {
        self.send_by(value, Deadline::NOW)
    }

    /// As [`send`](Self::send), waiting for this time at the most. Zero means try; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`ErrorKind::TimedOut`].
    pub fn send_timeout<T: Serialize + ?Sized>(&self, value: &T, timeout: Duration) -> Result<()> {
        self.send_by(value, Deadline::after(timeout))
    }

    fn send_by<T: Serialize + ?Sized>(&self, value: &T, deadline: Deadline) -> Result<()> {
        let outgoing = self.outgoing()?;
        outgoing
            .receivers()
            .and_then(|peers| messages::send(outgoing.memory(), value, &peers, deadline))
            .map_err(not_sent)
    }

    /// Sends bytes, which may be none; waits until there is room.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but for what values alone have.
    ///
    /// ```
    /// # fn main() -> multiproc::Result<()> {
    /// let (reader, writer) = multiproc::Pipe::one_way()?;
    /// // A part of something typed, into a part of something typed.
    /// let (sent, mut received) = ([0.5_f64, 1.5, 2.5], [0.0_f64; 5]);
    /// writer.send_bytes(bytemuck::cast_slice(&sent[1..]))?;
    /// let bytes = reader.recv_into(bytemuck::cast_slice_mut(&mut received[3..]))?;
    /// assert_eq!((bytes, received), (16, [0.0, 0.0, 0.0, 1.5, 2.5]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_bytes(&self, bytes: &[u8]) -> Result<()> {
        self.send_bytes_by(bytes, Deadline::NEVER)
    }

    /// As [`send_bytes`](Self::send_bytes), if there is room at once.
    ///
    /// # Errors
    ///
    /// As [`send_bytes`](Self::send_bytes), and [`ErrorKind::WouldBlock`].
    pub fn try_send_bytes(&self, bytes: &[u8]) -> Result<()> {
        self.send_bytes_by(bytes, Deadline::NOW)
    }

    /// As [`send_bytes`](Self::send_bytes), waiting for this time at the most. Zero means try; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// As [`send_bytes`](Self::send_bytes), and [`ErrorKind::TimedOut`].
    pub fn send_bytes_timeout(&self, bytes: &[u8], timeout: Duration) -> Result<()> {
        self.send_bytes_by(bytes, Deadline::after(timeout))
    }

    fn send_bytes_by(&self, bytes: &[u8], deadline: Deadline) -> Result<()> {
        let outgoing = self.outgoing()?;
        outgoing
            .receivers()
            .and_then(|peers| messages::send_bytes(outgoing.memory(), bytes, &peers, deadline))
            .map_err(not_sent)
    }

    /// For this process.
    fn outgoing(&self) -> Result<&MessageSender> {
        self.user.enter()?;
        Ok(self.outgoing.as_ref().expect("an end that can send has a sender"))
    }
}

impl<D: CanRecv> Connection<D> {
    /// The next message, which is a value; waits until there is one.
    ///
    /// # Errors
    ///
    /// The connection goes on after all but the first. [`ErrorKind::Disconnected`] when the other end is gone and all messages are received. [`ErrorKind::InUse`] if another process uses this end. [`ErrorKind::WrongType`] if the message is
    /// bytes: it is still there. [`ErrorKind::Decode`], [`ErrorKind::StaleHandle`] and the like if it is not a `T`, or an object in it is gone: so is the message. When this thread cannot take part in the segment,
    /// as [`send`](Self::send).
    pub fn recv<T: DeserializeOwned>(&self) -> Result<T> {
        self.recv_by(Deadline::NEVER)
    }

    /// As [`recv`](Self::recv), if there is one at once.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`ErrorKind::WouldBlock`].
    pub fn try_recv<T: DeserializeOwned>(&self) -> Result<T> {
        self.recv_by(Deadline::NOW)
    }

    /// As [`recv`](Self::recv), waiting for this time at the most. Zero means try; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`ErrorKind::TimedOut`].
    pub fn recv_timeout<T: DeserializeOwned>(&self, timeout: Duration) -> Result<T> {
        self.recv_by(Deadline::after(timeout))
    }

    fn recv_by<T: DeserializeOwned>(&self, deadline: Deadline) -> Result<T> {
        let incoming = self.incoming()?;
        messages::recv(incoming.memory(), &incoming.side().others(), deadline).map_err(not_received)
    }

    /// The next message, which is bytes; waits until there is one.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), but for what values alone have: [`ErrorKind::WrongType`] if the message is a value.
    pub fn recv_bytes(&self) -> Result<Vec<u8>> {
        self.recv_bytes_by(Deadline::NEVER)
    }

    /// As [`recv_bytes`](Self::recv_bytes), if there is one at once.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes`](Self::recv_bytes), and [`ErrorKind::WouldBlock`].
    pub fn try_recv_bytes(&self) -> Result<Vec<u8>> {
        self.recv_bytes_by(Deadline::NOW)
    }

    /// As [`recv_bytes`](Self::recv_bytes), waiting for this time at the most. Zero means try; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes`](Self::recv_bytes), and [`ErrorKind::TimedOut`].
    pub fn recv_bytes_timeout(&self, timeout: Duration) -> Result<Vec<u8>> {
        self.recv_bytes_by(Deadline::after(timeout))
    }

    fn recv_bytes_by(&self, deadline: Deadline) -> Result<Vec<u8>> {
        self.take_bytes(deadline, <[u8]>::to_vec)
    }

    /// The next message, which is bytes, into a buffer; how many they are. Waits until there is one. The rest of the buffer stays as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if the buffer is too small, which stays as it is then: the error holds the message. Else as [`recv_bytes`](Self::recv_bytes).
    #[doc(alias = "recv_bytes_into")]
    pub fn recv_into(&self, buffer: &mut [u8]) -> Result<usize, RecvIntoError> {
        self.recv_into_by(buffer, Deadline::NEVER)
    }

    /// As [`recv_into`](Self::recv_into), if there is one at once.
    ///
    /// # Errors
    ///
    /// As [`recv_into`](Self::recv_into), and [`ErrorKind::WouldBlock`].
    pub fn try_recv_into(&self, buffer: &mut [u8]) -> Result<usize, RecvIntoError> {
        self.recv_into_by(buffer, Deadline::NOW)
    }

    /// As [`recv_into`](Self::recv_into), waiting for this time at the most. Zero means try; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// As [`recv_into`](Self::recv_into), and [`ErrorKind::TimedOut`].
    pub fn recv_into_timeout(
        &self,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, RecvIntoError> {
        self.recv_into_by(buffer, Deadline::after(timeout))
    }

    fn recv_into_by(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize, RecvIntoError> {
        let room = buffer.len();
        let taken = self.take_bytes(deadline, |bytes| match buffer.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Ok(bytes.len())
            }
            None => Err(bytes.to_vec()),
        })?;
        taken.map_err(|message| RecvIntoError::too_small(message, room))
    }

    fn take_bytes<R>(&self, deadline: Deadline, take: impl FnMut(&[u8]) -> R) -> Result<R> {
        let incoming = self.incoming()?;
        messages::recv_bytes(incoming.memory(), &incoming.side().others(), deadline, take)
            .map_err(not_received)
    }

    /// Whether there is something to receive, a message or the end, now or within this time: then the next receiving form does not wait, unless another thread was faster. Zero means now; a time too long for the clock means for ever.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InUse`] if another process uses this end. When this thread cannot take part in the segment, as [`send`](Self::send).
    ///
    /// ```
    /// use std::time::Duration;
    /// # fn main() -> multiproc::Result<()> {
    /// let (reader, writer) = multiproc::Pipe::one_way()?;
    /// assert!(!reader.poll(Duration::from_millis(1))?);
    /// writer.send(&1_u32)?;
    /// assert!(reader.poll(Duration::MAX)? && reader.recv::<u32>()? == 1);
    /// drop(writer);
    /// assert!(reader.poll(Duration::ZERO)? && reader.recv::<u32>().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll(&self, timeout: Duration) -> Result<bool> {
        let incoming = self.incoming()?;
        transfer::poll(incoming.memory(), &incoming.side().others(), Deadline::after(timeout))
    }

    /// For this process.
    pub(super) fn incoming(&self) -> Result<&MessageReceiver> {
        self.user.enter()?;
        Ok(self.incoming.as_ref().expect("an end that can receive has a receiver"))
    }
}

#[cold]
fn not_sent(error: Error) -> Error {
    said(error, "the other end of the pipe is closed", "the pipe has no room")
}

#[cold]
fn not_received(error: Error) -> Error {
    said(
        error,
        "the other end of the pipe is closed, and all messages are received",
        "the pipe has no message",
    )
}

/// What the queue beneath says, in words of pipes.
fn said(error: Error, end: &'static str, wait: &'static str) -> Error {
    match error.kind() {
        ErrorKind::Closed => Error::new(ErrorKind::Disconnected, end),
        ErrorKind::WouldBlock => Error::new(ErrorKind::WouldBlock, wait),
        ErrorKind::TimedOut => {
            Error::new(ErrorKind::TimedOut, format!("{wait}, and the time is up"))
        }
        _ => error,
    }
}

impl<D: Direction> fmt::Debug for Connection<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut form = f.debug_struct("Connection");
        if let Some(incoming) = &self.incoming {
            form.field("incoming", &incoming.len());
        }
        if let Some(outgoing) = &self.outgoing {
            form.field("outgoing", &outgoing.len());
        }
        form.finish_non_exhaustive()
    }
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn). From now on another process may use it.
impl<D: Direction> Serialize for Connection<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sent = (&self.incoming, &self.outgoing).serialize(serializer)?;
        self.user.leave();
        Ok(sent)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error, and one of another direction.
impl<'de, D: Direction> Deserialize<'de> for Connection<D> {
    fn deserialize<De: Deserializer<'de>>(deserializer: De) -> Result<Self, De::Error> {
        transport::receive_other(deserializer, |(incoming, outgoing)| {
            Self::of_ends(incoming, outgoing)
        })
    }
}

//! Bytes of a connection: messages in, each of a bounded size and whole, and messages out.
use std::{io, time::Duration};

use bytes::{Buf, BytesMut};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::mpsc,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{failure::Failure, message};

/// Bytes of a message before anybody is known.
pub(super) const EARLY_MAX: usize = 10_000;
/// Bytes of any other.
const MESSAGE_MAX: usize = 1 << 20;
/// Messages that wait for those before them.
const WAITING: usize = 4;
/// Bytes that are gathered before they go out.
const GATHERED: usize = 32 << 10;

/// A message, or why there is none.
pub(super) type Message = Result<PgWireFrontendMessage, Failure>;

/// What comes in.
pub(super) struct Incoming {
    half: OwnedReadHalf,
    bytes: BytesMut,
}

impl Incoming {
    pub(super) fn new(half: OwnedReadHalf) -> Incoming {
        Incoming { half, bytes: BytesMut::new() }
    }

    /// So many bytes, or `None` at the end of the connection.
    pub(super) async fn exactly(&mut self, count: usize) -> Option<BytesMut> {
        while self.bytes.len() < count {
            if self.half.read_buf(&mut self.bytes).await.ok()? == 0 {
                return None;
            }
        }
        Some(self.bytes.split_to(count))
    }

    /// A message with its head, or `None` at the end of the connection.
    pub(super) async fn message(&mut self, most: usize) -> Option<Message> {
        let mut head = self.exactly(5).await?;
        let (letter, length) = (head.get_u8(), head.get_u32());
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(4..=most).contains(&length) {
            let says = format!("a message of {length} bytes came; it may have 4 to {most}");
            return Some(Err(Failure::fatal("08P01", says)));
        }
        let body = self.exactly(length - 4).await?;
        let unreadable = || Failure::fatal("08P01", "a message came that cannot be read");
        Some(message::read(letter, &body).ok_or_else(unreadable))
    }

    /// Hands on messages until there are no more; then what runs for them is `gone`.
    pub(super) async fn hand_on(mut self, to: mpsc::Sender<Message>, gone: CancellationToken) {
        let _gone = gone.drop_guard();
        while let Some(message) = self.message(MESSAGE_MAX).await {
            let is_last = message.is_err();
            if to.send(message).await.is_err() || is_last {
                return;
            }
        }
    }
}

/// Room for messages between [`Incoming::hand_on`] and whoever heeds them.
pub(super) fn room() -> (mpsc::Sender<Message>, mpsc::Receiver<Message>) {
    mpsc::channel(WAITING)
}

/// What goes out.
pub(super) struct Outgoing {
    half: OwnedWriteHalf,
    bytes: BytesMut,
    stall: Duration,
}

impl Outgoing {
    /// A reader that takes nothing for `stall` is dropped.
    pub(super) fn new(half: OwnedWriteHalf, stall: Duration) -> Outgoing {
        Outgoing { half, bytes: BytesMut::new(), stall }
    }

    /// Writes a message when enough has gathered.
    pub(super) async fn feed(&mut self, message: PgWireBackendMessage) -> io::Result<()> {
        message.encode(&mut self.bytes).map_err(io::Error::other)?;
        if self.bytes.len() >= GATHERED { self.flush().await } else { Ok(()) }
    }

    /// Writes everything.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while !self.bytes.is_empty() {
            let written = timeout(self.stall, self.half.write(&self.bytes)).await??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.bytes.advance(written);
        }
        Ok(())
    }

    /// Writes one byte at once.
    pub(super) async fn byte(&mut self, byte: u8) -> io::Result<()> {
        self.bytes.extend_from_slice(&[byte]);
        self.flush().await
    }

    /// Writes everything and says that there is no more.
    pub(super) async fn end(mut self) {
        let _ = self.flush().await;
        let _ = timeout(self.stall, self.half.shutdown()).await;
    }
}

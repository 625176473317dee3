//! A connection's bytes, each wait bounded.
//!
//! hyper's own header timeout does not tell a client that is silent between two requests from one
//! that drips headers, and waits for a new connection's first byte for ever. Here each has a bound.
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use crate::{
    progress::{Doing, Progress},
    settings::Settings,
};

/// Bytes thrown away at most while lingering.
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(crate) struct TimedStream {
    stream: TcpStream,
    progress: Arc<Progress>,
    settings: Arc<Settings>,
    /// What the read side waits for, when it waits.
    waiting: Waiting,
    read_deadline: Option<Pin<Box<Sleep>>>,
    write_deadline: Option<Pin<Box<Sleep>>>,
    linger: Option<Linger>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// For nothing: a request is in flight.
    No,
    /// For the first byte of the next request, after so many requests.
    ForRequest { after: u64 },
    /// For the rest of that request's headers.
    ForHeaders { after: u64 },
}

/// What a read brought.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Came {
    Bytes,
    Nothing,
}

struct Linger {
    deadline: Pin<Box<Sleep>>,
    left: usize,
}

impl TimedStream {
    pub(crate) fn new(stream: TcpStream, progress: Arc<Progress>, settings: Arc<Settings>) -> Self {
        TimedStream {
            stream,
            progress,
            settings,
            waiting: Waiting::No,
            read_deadline: None,
            write_deadline: None,
            linger: None,
        }
    }

    /// Chooses what the read side waits for, and sets the clock anew when that has changed.
    fn rearm(&mut self, came: Came) {
        let waiting = match self.progress.doing() {
            Doing::Busy => Waiting::No,
            Doing::Waiting { after } if self.waiting == (Waiting::ForHeaders { after }) => {
                self.waiting
            }
            // Pings keep an HTTP/2 connection talking; only a request counts.
            Doing::Waiting { after } if came == Came::Bytes && !self.progress.is_http2() => {
                Waiting::ForHeaders { after }
            }
            Doing::Waiting { after } => Waiting::ForRequest { after },
        };
        if waiting == self.waiting {
            return;
        }
        self.waiting = waiting;
        self.read_deadline = match waiting {
            Waiting::No => None,
            Waiting::ForRequest { after: 0 } => Some(after(self.settings.first_byte)),
            Waiting::ForRequest { .. } => Some(after(self.settings.keep_alive)),
            Waiting::ForHeaders { .. } => Some(after(self.settings.headers)),
        };
    }

    /// Holds back a pending write no longer than `write_stall`.
    fn bound_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.write_deadline = None;
            return outcome;
        }
        let stall = self.settings.write_stall;
        let deadline = self.write_deadline.get_or_insert_with(|| after(stall));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(timed_out("the client reads nothing of its answer")))
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        if outcome.is_ready() && buf.filled().len() == before {
            return outcome; // the end of the stream, or a failure
        }
        self.rearm(if outcome.is_ready() { Came::Bytes } else { Came::Nothing });
        let Some(deadline) = &mut self.read_deadline else { return outcome };
        // Also when bytes came: a drip must not outlast the deadline.
        if deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(timed_out("no complete request came in time")));
        }
        outcome
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bound_write(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.bound_write(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Ends the answer. When the client is still sending a body that nobody wants, reads on for a
    /// moment: closing at once would reset the connection, and the client might lose the answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.progress.body_is_unread() {
                return Poll::Ready(Ok(()));
            }
        }
        let patience = this.settings.linger;
        let linger = this
            .linger
            .get_or_insert_with(|| Linger { deadline: after(patience), left: LINGER_BYTES_MAX });
        let mut waste = [0; 8 * 1024];
        loop {
            if linger.left == 0 || linger.deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut waste = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut waste)) {
                Ok(()) if !waste.filled().is_empty() => {
                    linger.left = linger.left.saturating_sub(waste.filled().len());
                }
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

fn after(time: Duration) -> Pin<Box<Sleep>> {
    Box::pin(sleep(time))
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

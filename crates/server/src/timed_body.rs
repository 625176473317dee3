//! A request's body, the wait for each piece and for the whole bounded.
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{progress::Progress, settings::Settings};

/// Which bound on a body was reached. Found among the sources of the error that a reader gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyTimeout {
    /// Nothing came for too long.
    #[error("the body stopped arriving")]
    Idle,
    /// It came, too slowly.
    #[error("the body took too long in all")]
    Total,
}

pub(crate) struct TimedBody {
    body: Incoming,
    progress: Arc<Progress>,
    settings: Arc<Settings>,
    ends_by: Instant,
    deadline: Option<Deadline>,
}

struct Deadline {
    sleep: Pin<Box<Sleep>>,
    means: BodyTimeout,
}

impl TimedBody {
    pub(crate) fn new(body: Incoming, progress: Arc<Progress>, settings: Arc<Settings>) -> Self {
        if !body.is_end_stream() {
            progress.note_body_unread();
        }
        let ends_by = Instant::now() + settings.body_total;
        TimedBody { body, progress, settings, ends_by, deadline: None }
    }

    fn deadline(&self) -> Deadline {
        let idle_by = Instant::now() + self.settings.body_idle;
        let (at, means) = if idle_by < self.ends_by {
            (idle_by, BodyTimeout::Idle)
        } else {
            (self.ends_by, BodyTimeout::Total)
        };
        Deadline { sleep: Box::pin(sleep_until(at)), means }
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(outcome) = Pin::new(&mut this.body).poll_frame(cx) {
            this.deadline = None;
            if outcome.is_none() || this.body.is_end_stream() {
                this.progress.note_body_read();
            } else if Instant::now() >= this.ends_by {
                return Poll::Ready(Some(Err(BodyTimeout::Total.into())));
            }
            return Poll::Ready(outcome.map(|frame| frame.map_err(Into::into)));
        }
        if this.deadline.is_none() {
            this.deadline = Some(this.deadline());
        }
        let Some(deadline) = &mut this.deadline else { return Poll::Pending };
        ready!(deadline.sleep.as_mut().poll(cx));
        Poll::Ready(Some(Err(deadline.means.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

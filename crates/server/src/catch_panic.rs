//! A panic in a handler ends its request with a 500, and nothing else.
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use axum::response::{IntoResponse, Response};

use crate::problem::{Code, Problem};

pub(crate) async fn answer_panics(answer: impl Future<Output = Response>) -> Response {
    let mut answer = pin!(answer);
    // Sound to look at again: the future is never polled after it panicked.
    let caught = std::future::poll_fn(|cx| {
        match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    });
    caught.await.unwrap_or_else(|_| {
        // The panic hook has written the place and the message.
        tracing::error!("a handler panicked");
        Problem::from(Code::Internal).into_response()
    })
}

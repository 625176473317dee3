//! One log line a request, and the request's id.
//!
//! The line names the matched route, never the raw path: a path can hold a key or a person's
//! number. No header, no query and no body is logged.
use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    body::HttpBody,
    extract::{MatchedPath, Request},
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, header::X_CONTENT_TYPE_OPTIONS};
use tokio::time::Instant;

use crate::problem::Code;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is learnt on the way of a request and stands in its log line; an extension of it.
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<OnceLock<u32>>);

impl Notes {
    /// Notes the number of the key that was admitted.
    pub fn key(&self, number: u32) {
        let _ = self.0.set(number);
    }
}

/// The request's id, the sender's or ours; an extension of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub HeaderValue);

pub(crate) async fn log(
    mut request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let began = Instant::now();
    let id = RequestId(sent_id(request.headers()).unwrap_or_else(new_id));
    let notes = Notes::default();
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(notes.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();

    let mut response = answer(request).await;

    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.0.clone());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    tracing::info!(
        target: "sessionary::request",
        method = %method,
        route = route.as_ref().map_or("none", MatchedPath::as_str),
        status = response.status().as_u16(),
        problem = response.extensions().get::<Code>().map(|code| code.word()),
        ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        bytes = response.body().size_hint().exact(),
        key = notes.0.get().copied(),
        id = id.0.to_str().unwrap_or_default(),
    );
    response
}

/// The sender's id, when it is short and plain.
fn sent_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let sent = headers.get(REQUEST_ID)?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    let good = (1..=128).contains(&sent.len()) && sent.as_bytes().iter().all(plain);
    good.then(|| sent.clone())
}

/// Unique in this process by the counter, between processes by the random start.
fn new_id() -> HeaderValue {
    static START: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let start = START.get_or_init(|| RandomState::new().hash_one(0));
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    HeaderValue::try_from(format!("{start:016x}{count:08x}")).expect("hexadecimal digits")
}

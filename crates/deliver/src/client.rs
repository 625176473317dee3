//! HTTP as every kind speaks it: one request, one answer, within bounds.
use std::{error::Error, io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use jiff::fmt::rfc2822::DateTimeParser;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use rustls_platform_verifier::Verifier;
use sessionary_core::time::UnixMillis;

use crate::{
    guard::{Connector, NoConnection, PATIENCE},
    outcome::{AFTER_MAX, Failure, Outcome},
};

/// How long a connection is kept for the next parcel.
const IDLE: Duration = Duration::from_secs(30);
/// Connections that are kept for one receiver.
const IDLE_MAX: usize = 16;
/// Bytes of an answer that are read where it does not matter much.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The one client of a process; clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    inner: legacy::Client<HttpsConnector<Connector>, Full<Bytes>>,
    patience: Duration,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// As much as was asked for, or came.
    pub(crate) body: Bytes,
    /// Whether that is all of it.
    pub(crate) whole: bool,
}

impl Client {
    /// Trusts the system's authorities and these.
    pub(crate) fn new(connector: Connector, authorities: Vec<CertificateDer<'static>>) -> Client {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(authorities))
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        Client { inner, patience: PATIENCE }
    }

    pub(crate) fn with_patience(&self, patience: Duration) -> Client {
        Client { inner: self.inner.clone(), patience }
    }

    /// One exchange; of the answer's body at most so many bytes are read.
    pub(crate) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
    ) -> Result<Answer, Failure> {
        let until = tokio::time::Instant::now() + self.patience;
        let answered = tokio::time::timeout_at(until, self.begin(request)).await;
        let late = |_| Failure::late(self.patience);
        let (head, mut body) = answered.map_err(late)??.into_parts();
        let mut read = BytesMut::new();
        // What was answered counts, even if the rest of it never comes.
        let reading = async {
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else { return false };
                let Ok(data) = frame.into_data() else { continue };
                let room = bytes_max.saturating_sub(read.len());
                read.extend_from_slice(data.get(..room).unwrap_or(&data));
                if data.len() > room {
                    return false;
                }
            }
            true
        };
        let whole = tokio::time::timeout_at(until, reading).await.unwrap_or(false);
        let (status, headers) = (head.status, head.headers);
        Ok(Answer { status, headers, body: read.freeze(), whole })
    }

    /// Until the head of the answer is there.
    pub(crate) async fn begin(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        let agent = HeaderValue::from_static(concat!("Sessionary/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().entry(header::USER_AGENT).or_insert(agent);
        self.inner.request(request).await.map_err(|error| failure(&error))
    }
}

/// Without a single certificate of the system, nothing is trusted and every handshake fails.
fn tls(authorities: Vec<CertificateDer<'static>>) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring has the ciphers of both versions");
    match Verifier::new_with_extra_roots(authorities, provider) {
        Ok(verifier) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth(),
        Err(_) => builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
    }
}

/// Why there is no answer, by the causes from the outermost in.
pub(crate) fn failure(error: &(dyn Error + 'static)) -> Failure {
    let mut next = Some(error);
    let mut innermost = error;
    while let Some(cause) = next {
        innermost = cause;
        if let Some(known) = known(cause) {
            return known;
        }
        // An io::Error hides the error that it is made of.
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    Failure::new("reset", format!("no answer: {innermost}"))
}

pub(crate) fn known(cause: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.clone());
    }
    if let Some(error) = cause.downcast_ref::<NoConnection>() {
        return Some(error.failure());
    }
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        return Some(Failure::new("tls", format!("TLS: {error}")));
    }
    let parse = cause.downcast_ref::<hyper::Error>().filter(|error| error.is_parse());
    parse.map(|error| Failure::new("bad_answer", format!("no HTTP: {error}")))
}

impl Answer {
    /// What an answer that is no success means for the parcel.
    pub(crate) fn outcome(&self, now: UnixMillis) -> Outcome {
        let why = Failure::of_status(self.status, &self.body);
        match self.status {
            StatusCode::GONE => Outcome::Gone { why },
            _ => Outcome::Retry { why, after: retry_after(&self.headers, now) },
        }
    }
}

/// How long to wait, in seconds or until a date.
fn retry_after(headers: &HeaderMap, now: UnixMillis) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let until = DateTimeParser::new().parse_timestamp(text).ok()?;
        let millis = until.as_millisecond().saturating_sub(now.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    };
    Some(wait.min(AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_says_when_to_come_back_in_seconds_or_by_date() {
        let after = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(text));
            // 2026-01-05T10:00:00Z
            retry_after(&headers, UnixMillis(1_767_607_200_000)).map(|wait| wait.as_secs())
        };
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Mon, 05 Jan 2026 10:02:00 GMT"), Some(120));
        assert_eq!(after("Mon, 05 Jan 2026 09:02:00 GMT"), Some(0));
        assert_eq!(after("9999999"), Some(86_400));
        assert_eq!(after("soon"), None);
        assert_eq!(after("-5"), None);
    }
}

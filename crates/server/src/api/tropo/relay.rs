//! The application behind us: a body goes to it as it came, its answer comes back as it is.
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::crypto::ring;
use serde::de::IgnoredAny;
use tokio::sync::Semaphore;
use url::Url;

use crate::settings::TropoSettings;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Posts on their way at one time, of all sessions together.
const AT_ONCE: usize = 256;

/// The way to the application.
pub(super) struct Relay {
    /// Its URL.
    pub(super) url: Url,
    /// How long an answer to the platform may take.
    timeout: Duration,
    /// How long a document of a text session may take.
    pub(super) document_timeout: Duration,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    seats: Semaphore,
}

/// What the application answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// As it labelled it.
    pub(super) media: Option<HeaderValue>,
    /// To the byte.
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAnswer {
    /// No connection, or one that broke.
    #[error("the application cannot be reached: {0}")]
    Unreachable(String),
    /// Too slow.
    #[error("the application took longer than {} ms", .0.as_millis())]
    Timeout(Duration),
    /// Something that no platform could use.
    #[error("the application's answer cannot be used: {0}")]
    BadAnswer(String),
}

impl NoAnswer {
    /// The stable word with which the session is flagged.
    pub(super) fn code(&self) -> &'static str {
        match self {
            NoAnswer::Unreachable(_) => "relay_unreachable",
            NoAnswer::Timeout(_) => "relay_timeout",
            NoAnswer::BadAnswer(_) => "relay_bad_answer",
        }
    }
}

/// Whether an application may answer with nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// It may: nothing more is to be done.
    Allowed,
    /// It is no answer.
    Refused,
}

impl Relay {
    /// The way to the application that is configured.
    pub(super) fn new(settings: &TropoSettings) -> Option<Relay> {
        let url = settings.relay_url.clone()?;
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(ring::default_provider())
            .inspect_err(|error| tracing::error!(%error, "nothing can be passed on"))
            .ok()?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Some(Relay {
            url,
            timeout: settings.relay_timeout,
            document_timeout: settings.document_timeout,
            client,
            seats: Semaphore::new(AT_ONCE),
        })
    }

    /// Passes a post of the platform on.
    pub(super) async fn pass_on(
        &self,
        url: Url,
        media: Option<&HeaderValue>,
        body: Bytes,
        empty: Empty,
    ) -> Result<Answer, NoAnswer> {
        let answer = self.within(self.timeout, url, media, body).await?;
        if empty == Empty::Allowed && answer.body.trim_ascii().is_empty() {
            return Ok(answer);
        }
        match serde_json::from_slice::<IgnoredAny>(&answer.body) {
            Ok(_) => Ok(answer),
            Err(error) => Err(NoAnswer::BadAnswer(format!("it is no JSON: {error}"))),
        }
    }

    /// Posts, and reads the answer whatever it is, in so much time.
    pub(super) async fn within(
        &self,
        time: Duration,
        url: Url,
        media: Option<&HeaderValue>,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let exchange = self.exchange(url, media, body);
        tokio::time::timeout(time, exchange).await.unwrap_or(Err(NoAnswer::Timeout(time)))
    }

    async fn exchange(
        &self,
        url: Url,
        media: Option<&HeaderValue>,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let _seat = self.seats.acquire().await;
        let json = HeaderValue::from_static("application/json");
        let media = media.cloned().unwrap_or(json);
        let uri: Uri = url.as_str().parse().map_err(|error| unreachable(&error))?;
        let request = Request::post(uri).header(CONTENT_TYPE, media).body(Full::new(body));
        let request = request.map_err(|error| unreachable(&error))?;
        let response = self.client.request(request).await.map_err(|error| unreachable(&error))?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(NoAnswer::BadAnswer(format!("its status is {status}")));
        }
        let (head, body) = response.into_parts();
        let body =
            Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
                match error.downcast_ref::<LengthLimitError>() {
                    Some(_) => NoAnswer::BadAnswer(format!("over {ANSWER_BYTES_MAX} bytes")),
                    None => unreachable(&*error),
                }
            })?;
        let media = head.headers.get(CONTENT_TYPE).cloned();
        Ok(Answer { media, body: body.to_bytes() })
    }
}

/// By the innermost cause, which names no URL.
fn unreachable(error: &(dyn std::error::Error + 'static)) -> NoAnswer {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    NoAnswer::Unreachable(cause.to_string())
}

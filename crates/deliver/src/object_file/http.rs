//! The guarded client as the stores' own.
use std::{cell::Cell, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
        HttpResponseBody, HttpService,
    },
};

use crate::{client::Client, client::failure, outcome::Failure};

type Answered = Response<Incoming>;

tokio::task_local! {
    /// The status of the last answer in this attempt; errors of stores do not give it away.
    static LAST: Cell<Option<u16>>;
}

/// Runs an attempt that can be asked for [`last_status`].
pub(super) async fn remembering<T>(attempt: impl Future<Output = T>) -> T {
    LAST.scope(Cell::new(None), attempt).await
}

/// Of the last answer in this attempt.
pub(super) fn last_status() -> Option<u16> {
    LAST.try_with(Cell::get).ok().flatten()
}

/// Hands every request of a store to the guarded client.
#[derive(Clone, Debug)]
pub(crate) struct Guarded {
    client: Client,
    /// For how long an answer may not begin.
    patience: Option<Duration>,
}

impl Guarded {
    pub(super) fn new(client: &Client) -> Guarded {
        Guarded { client: client.clone(), patience: None }
    }

    /// A client of a store that asks again by itself, when an answer does not begin for so long.
    pub(crate) fn with_patience(client: &Client, patience: Duration) -> Guarded {
        Guarded { client: client.clone(), patience: Some(patience) }
    }

    async fn begin(&self, request: http::Request<Full<Bytes>>) -> Result<Answered, HttpError> {
        let begun = self.client.begin(request);
        let Some(patience) = self.patience else { return begun.await.map_err(http_error) };
        let late = |_| HttpError::new(HttpErrorKind::Timeout, Failure::late(patience));
        tokio::time::timeout(patience, begun).await.map_err(late)?.map_err(http_error)
    }
}

impl HttpConnector for Guarded {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Guarded {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let request = http::Request::from_parts(head, Full::new(body));
        let (head, body) = self.begin(request).await?.into_parts();
        let _ = LAST.try_with(|last| last.set(Some(head.status.as_u16())));
        let body = body.map_err(|error| http_error(failure(&error)));
        Ok(Response::from_parts(head, HttpResponseBody::new(body)))
    }
}

fn http_error(failure: Failure) -> HttpError {
    HttpError::new(HttpErrorKind::Connect, failure)
}

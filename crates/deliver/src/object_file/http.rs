//! The guarded client as the stores' own.
use std::cell::Cell;

use async_trait::async_trait;
use http::Response;
use http_body_util::{BodyExt, Full};
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
        HttpResponseBody, HttpService,
    },
};

use crate::{client::Client, client::failure, outcome::Failure};

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
pub(super) struct Guarded {
    client: Client,
}

impl Guarded {
    pub(super) fn new(client: &Client) -> Guarded {
        Guarded { client: client.clone() }
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
        let (head, body) = self.client.begin(request).await.map_err(http_error)?.into_parts();
        let _ = LAST.try_with(|last| last.set(Some(head.status.as_u16())));
        let body = body.map_err(|error| http_error(failure(&error)));
        Ok(Response::from_parts(head, HttpResponseBody::new(body)))
    }
}

fn http_error(failure: Failure) -> HttpError {
    HttpError::new(HttpErrorKind::Connect, failure)
}

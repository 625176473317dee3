//! The guard as hyper's connector: the one way by which HTTP leaves.
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::{Destination, Gate, NoConnection, Refused, Scheme};

/// Connects to where the guard allows.
#[derive(Clone)]
pub(crate) struct Connector {
    gate: Arc<Gate>,
}

impl Connector {
    pub(super) fn new(gate: Arc<Gate>) -> Connector {
        Connector { gate }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = NoConnection;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let gate = Arc::clone(&self.gate);
        Box::pin(async move {
            let to = destination(&uri).map_err(Refused)?;
            Ok(TokioIo::new(gate.connect(&to).await?))
        })
    }
}

fn destination(uri: &Uri) -> Result<Destination, String> {
    let (scheme, default_port) = match uri.scheme_str() {
        Some("https") => (Scheme::Https, 443),
        _ => (Scheme::Http, 80),
    };
    let host = uri.host().ok_or("the URL names no host")?;
    Destination::new(scheme, host, uri.port_u16().unwrap_or(default_port))
}

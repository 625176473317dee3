//! An application as a business would run it behind Tropo, and what it was sent.
use std::sync::{Arc, Mutex};

use axum::{Router, extract::State, response::IntoResponse};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde_json::Value;

/// What it was sent: path and query, headers, body.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) raw: Bytes,
    pub(crate) body: Value,
}

/// What it answers with.
#[derive(Clone, Debug)]
pub(crate) struct Says {
    pub(crate) status: u16,
    pub(crate) media: &'static str,
    pub(crate) body: String,
}

impl Says {
    pub(crate) fn json(body: impl Into<String>) -> Says {
        Says { status: 200, media: "application/json", body: body.into() }
    }
}

type Script =
    Arc<dyn Fn(&Sent) -> std::pin::Pin<Box<dyn Future<Output = Says> + Send>> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) url: String,
    sent: Arc<Mutex<Vec<Sent>>>,
    script: Script,
}

impl Application {
    /// Listens on a port of its own.
    pub(crate) async fn start<F>(script: impl Fn(&Sent) -> F + Send + Sync + 'static) -> Application
    where
        F: Future<Output = Says> + Send + 'static,
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ivr/start", listener.local_addr().unwrap());
        let script: Script = Arc::new(move |sent| Box::pin(script(sent)));
        let application = Application { url, sent: Arc::default(), script };
        let router = Router::new().fallback(answer).with_state(application.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        application
    }

    /// One that gives the same answer to everything.
    pub(crate) async fn that_says(says: Says) -> Application {
        Application::start(move |_| std::future::ready(says.clone())).await
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn uris(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.uri).collect()
    }
}

async fn answer(
    State(application): State<Application>,
    uri: Uri,
    headers: HeaderMap,
    raw: Bytes,
) -> impl IntoResponse {
    let body = serde_json::from_slice(&raw).unwrap_or_default();
    let sent = Sent { uri: uri.to_string(), headers, raw, body };
    application.sent.lock().unwrap().push(sent.clone());
    let Says { status, media, body } = (application.script)(&sent).await;
    let status = StatusCode::from_u16(status).unwrap();
    let mut headers = HeaderMap::new();
    if !media.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    }
    if status.is_redirection() {
        headers.insert(header::LOCATION, HeaderValue::from_static("/elsewhere"));
    }
    (status, headers, body)
}

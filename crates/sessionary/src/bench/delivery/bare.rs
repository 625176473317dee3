//! The floor: the HTTP client that delivery uses, posting bodies that are there already and noting
//! nothing.
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use sessionary_engine::clock::monotonic;

/// As long as what delivery sends in this place.
const ID: &str = "prc_000000000000000000000000000000000000000000000000000000000000000000";
const SIGNATURE: &str = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A client, and what it posts.
#[derive(Clone)]
pub(super) struct Bare {
    client: legacy::Client<HttpConnector, Full<Bytes>>,
    url: Arc<str>,
    bodies: Arc<[Bytes]>,
}

impl Bare {
    pub(super) fn new(address: &str, bodies: Vec<String>) -> anyhow::Result<Bare> {
        ensure!(!bodies.is_empty(), "the receiver has kept no bodies");
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(16)
            .build(connector);
        let url = format!("http://{address}/parcels").into();
        let bodies = bodies.into_iter().map(Bytes::from).collect();
        Ok(Bare { client, url, bodies })
    }

    /// Posts for so long, so many at a time; gives how many were taken, and the seconds.
    pub(super) fn post(&self, at_a_time: usize, last: Duration) -> anyhow::Result<(u64, f64)> {
        // As many threads as a server has.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("the bare client cannot be started")?;
        let (count, began) = (Arc::new(AtomicU64::new(0)), monotonic());
        runtime.block_on(async {
            let tasks = (0..at_a_time).map(|_| {
                let (bare, count) = (self.clone(), Arc::clone(&count));
                tokio::spawn(async move {
                    while began.elapsed() < last {
                        bare.one(count.fetch_add(1, Ordering::Relaxed)).await?;
                    }
                    anyhow::Ok(())
                })
            });
            for task in tasks.collect::<Vec<_>>() {
                task.await.context("a task of the bare client failed")??;
            }
            anyhow::Ok(())
        })?;
        Ok((count.load(Ordering::Relaxed), began.elapsed().as_secs_f64()))
    }

    async fn one(&self, number: u64) -> anyhow::Result<()> {
        let place = usize::try_from(number)? % self.bodies.len();
        let body = self.bodies.get(place).cloned().unwrap_or_default();
        let request = Request::post(&*self.url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", ID)
            .header("webhook-timestamp", "1767607200")
            .header("webhook-signature", SIGNATURE)
            .header("sessionary-hops", "1")
            .body(Full::new(body))?;
        let answer = self.client.request(request).await.context("the receiver gives no answer")?;
        ensure!(answer.status().is_success(), "the receiver answered {}", answer.status());
        answer.into_body().collect().await.context("the receiver's answer breaks off")?;
        Ok(())
    }
}

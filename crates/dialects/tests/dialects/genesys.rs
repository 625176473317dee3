//! Genesys Cloud Journey: events and sessions as the vendor's SDKs send them, and as they read them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by failing")]
mod events;
mod imports;
mod properties;
mod sessions;

use expect_test::expect_file;
use serde_json::Value as Json;
use sessionary_core::{signal::Signal, time::UnixMillis};
use sessionary_dialects::{
    Context, Limits,
    genesys::{EventContext, Refusal, decode_app, decode_web},
};

use crate::folded::{self, Folded};

/// 2026-01-05T10:00:00Z.
const NOW: UnixMillis = UnixMillis(1_767_607_200_000);

const KEY: Context<'_> = Context {
    source: "",
    country: Some("US"),
    currency: None,
    zone: None,
    limits: Limits { items: 500, item: 1 << 20, depth: 64, members: 512, text: 65_536 },
};

const DEPLOYMENT: EventContext<'_> = EventContext { key: KEY, deployment: 2, received_at: NOW };

fn fold(signals: impl IntoIterator<Item = Signal>) -> Folded {
    folded::fold(signals, NOW)
}

fn web(body: &str) -> Result<Signal, Refusal> {
    decode_web(body.as_bytes(), &DEPLOYMENT)
}

fn app(body: &str) -> Result<Signal, Refusal> {
    decode_app(body.as_bytes(), &DEPLOYMENT)
}

/// Compares with a payload in `data/golden/genesys`.
fn golden(name: &str, value: &Json) {
    let file = format!("../../../../data/golden/genesys/{name}");
    expect_file![file].assert_eq(&format!("{value:#}\n"));
}

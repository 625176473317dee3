//! An engine over a directory of its own, and signals in a word.
use std::path::Path;

use sessionary_core::{
    channel::Channel,
    id::SessionId,
    identity::Identity,
    lane::HashSecret,
    rules::Rules,
    session::Session,
    signal::{Signal, TenantId},
    time::{Instant, Millis, UnixMillis, parse_instant},
};
use sessionary_engine::{Engine, Receipt, ShardConfig, Submission};
use sessionary_store::{Options, Store};

pub(crate) const TENANT: TenantId = TenantId(1);

pub(crate) fn config() -> ShardConfig {
    ShardConfig {
        rules: Rules::default(),
        hot_bytes: 64 << 20,
        checkpoint_bytes: 64 << 20,
        checkpoint_signals: 200_000,
        checkpoint_lanes: 40_000,
        rewrite_after_ms: Millis::from_hours(12).0,
        rewrite_beyond_bytes: 256 << 20,
        lake: true,
    }
}

pub(crate) fn start(dir: &Path, config: ShardConfig) -> Engine {
    let options =
        Options { cache_bytes: 16 << 20, max_journaling_bytes: 64 << 20, min_free_bytes: Some(0) };
    let store = Store::open(dir, &options).unwrap();
    Engine::start(store, HashSecret([9; 32]), config).unwrap()
}

pub(crate) fn signal(key: &str, kind: &str, at: &str) -> Signal {
    Signal {
        key: key.into(),
        kind: kind.into(),
        occurred_at: Some(Instant::at(parse_instant(at).unwrap().at)),
        sent_at: None,
        sequence: 0,
        channel: Some(Channel::Web),
        session_type: None,
        source: "".into(),
        session: None,
        identities: vec![Identity::new("cookie", "c1")],
        claim: None,
        fields: sessionary_core::sorted_map::SortedMap::new(),
        attributes: sessionary_core::sorted_map::SortedMap::new(),
        warnings: Vec::new(),
    }
}

pub(crate) fn submit(engine: &Engine, signals: Vec<Signal>) -> Receipt {
    let submission =
        Submission { tenant: TENANT, signals, received_at: None, quarantine: Vec::new() };
    engine.submit_blocking(submission).unwrap()
}

pub(crate) fn session(engine: &Engine, id: SessionId) -> Session {
    engine.reader_blocking().unwrap().session(TENANT, id).unwrap().unwrap()
}

/// Waits until a session has a status; fails after ten seconds.
pub(crate) fn wait_for(engine: &Engine, id: SessionId, status: &str) -> Session {
    for _ in 0..500 {
        let session = session(engine, id);
        if session.envelope.status.word() == status {
            return session;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("session {id} never became {status}: {:?}", session(engine, id).envelope);
}

/// Rules whose times are short enough for a test to wait.
pub(crate) fn quick() -> ShardConfig {
    let mut config = config();
    config.rules.boundary.web_gap_ms = Millis(100);
    config.rules.lifecycle.settle_ms = Millis(100);
    config
}

pub(crate) fn minute(minute: i64) -> String {
    let start = UnixMillis(1_767_607_200_000);
    start.plus(Millis::from_mins(minute)).to_string()
}

//! Hops: how often something that we told has come back to us.
//!
//! A webhook carries a count; whoever acts on it and reports back passes the count on, and we tell
//! one more the next time. What comes back too often goes round in a circle.
use sessionary_core::{content::Content, id::SessionId, signal::Signal, value::RawJson};

/// So many hops are a loop.
pub const HOPS_MAX: u32 = 5;

/// The header that carries the count.
pub const HEADER: &str = "sessionary-hops";

/// The attribute under which a signal keeps it.
const ATTRIBUTE: &str = "sessionary_hops";

/// Notes on a signal how often it has come round.
pub fn note(signal: &mut Signal, hops: u32) {
    if hops > 0 {
        let hops = RawJson::of(&serde_json::Value::from(hops));
        signal.attributes.insert(ATTRIBUTE.into(), hops);
    }
}

/// Whether a signal that has come round so often, and names a session of ours, is part of a loop.
pub fn is_loop(signal: &Signal, hops: u32) -> bool {
    let names_ours = || signal.session.as_deref().and_then(SessionId::parse).is_some();
    hops >= HOPS_MAX && names_ours()
}

/// How often what a session holds has come round.
pub(crate) fn of(content: &Content) -> u32 {
    let kept = content.attributes.get(ATTRIBUTE).and_then(|kept| kept.text().parse().ok());
    kept.unwrap_or(0)
}

//! What the targets share: the settings of a key, and what must hold of whatever a decoder makes.
use sessionary_core::signal::{Arrival, Signal, TenantId};
use sessionary_core::time::UnixMillis;
use sessionary_dialects::{Context, Limits};

/// The settings of a key that has them all, and small limits, so that they are met.
pub const CONTEXT: Context<'static> = Context {
    source: "shop",
    country: Some("US"),
    currency: Some("EUR"),
    zone: Some("Europe/Berlin"),
    limits: LIMITS,
};

/// Limits that short bodies go over.
pub const LIMITS: Limits = Limits { items: 20, item: 8_192, depth: 12, members: 64, text: 1_024 };

/// A signal has a key of 1 to 255 characters and a type, and reads back from the journal's form as
/// it was.
///
/// # Panics
/// When it does not.
pub fn holds(signal: Signal) {
    let length = signal.key.chars().count();
    assert!((1..=255).contains(&length), "a key of {length} characters");
    assert!(!signal.kind.is_empty(), "no type");
    let arrival = Arrival {
        tenant: TenantId(1),
        received_at: UnixMillis(1_700_000_000_000),
        batch: 0,
        signal: Box::new(signal),
    };
    let read = Signal::from_bytes(&Signal::to_bytes(&arrival)).expect("it was just written");
    assert_eq!(read, arrival);
}

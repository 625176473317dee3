//! The live stream: what happens to sessions, told to whoever listens, after it is durable.
use std::sync::Arc;

use serde_json::{Value, json};
use sessionary_core::{rules::Rules, session::Session, signal::TenantId, time::UnixMillis};
use sessionary_dialects::format;
use tokio::sync::broadcast;

/// Events that a slow listener may lag behind before it misses some.
const BACKLOG: usize = 1_024;

/// One event.
#[derive(Clone, Debug)]
pub struct LiveEvent {
    /// Whose.
    pub tenant: TenantId,
    /// Its name, such as `session_opened`.
    pub name: &'static str,
    /// The session's record as it stands.
    pub data: Arc<Value>,
}

impl LiveEvent {
    /// A session was opened.
    pub const SESSION_OPENED: &'static str = "session_opened";
    /// A session changed.
    pub const SESSION_CHANGED: &'static str = "session_changed";
    /// A session was declared ended.
    pub const SESSION_ENDED: &'static str = "session_ended";
    /// A revision of a session was cut.
    pub const SESSION_FINAL: &'static str = "session_final";
    /// A session became a redirect.
    pub const SESSION_MERGED: &'static str = "session_merged";

    pub(crate) fn of_session(
        name: &'static str,
        session: &Session,
        rules: &Rules,
        now: UnixMillis,
    ) -> LiveEvent {
        let data = json!({ "event": name, "session": format::record(session, rules, now) });
        LiveEvent { tenant: session.envelope.tenant, name, data: Arc::new(data) }
    }
}

/// The sending end. During a replay nobody listens.
#[derive(Clone, Debug)]
pub struct Live(broadcast::Sender<LiveEvent>);

impl Default for Live {
    fn default() -> Live {
        Live(broadcast::channel(BACKLOG).0)
    }
}

impl Live {
    /// A new listener, from now on.
    pub fn listen(&self) -> broadcast::Receiver<LiveEvent> {
        self.0.subscribe()
    }

    pub(crate) fn has_listeners(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Tells an event to whoever listens now; never waits.
    pub fn send(&self, event: LiveEvent) {
        // Nobody listening is not an error.
        let _ = self.0.send(event);
    }
}

//! A sample: a session that never was, to try a destination with.
use sessionary_core::{
    channel::Channel,
    content::{Content, SplitCause},
    destination::Destination,
    dictionary::field,
    disposition::{Author, ClaimPolicy, code},
    id::SessionId,
    identity::Identity,
    lane::{LaneKey, LaneKind},
    rules::Rules,
    session::{EndRule, Envelope, Session, Status},
    signal::{ClaimBody, Fields, Signal, TenantId, kind},
    stamp::{Marks, Stamped},
    time::{Instant, Millis, UnixMillis},
    value,
};
use sessionary_deliver::{Outcome, Outgoing, SettingsError};

use super::{PumpSettings, Rendered, rendering::render};
use crate::{Engine, EngineError, keys::random_32};

/// What came of a test.
#[derive(Debug)]
pub enum Tested {
    /// It was tried.
    Tried(Outcome),
    /// It could not be: the destination's settings do not hold on this server.
    Settings(SettingsError),
}

/// Sends a sample to a destination: the call of nobody, with the event `destination.test`.
///
/// # Errors
/// The engine cannot be asked.
pub async fn test(
    engine: &Engine,
    settings: &PumpSettings,
    tenant: TenantId,
    destination: &Destination,
) -> Result<Tested, EngineError> {
    let target = match settings.target(tenant, destination) {
        Ok(target) => target,
        Err(error) => return Ok(Tested::Settings(error)),
    };
    let (reader, now) = (engine.tables().await?, engine.now());
    let session = sample(tenant, now, reader.rules());
    let id = session.envelope.id.to_string();
    let Ok(rendered) = render(&reader, destination, session) else {
        let message = format!("there is no format {:?}", destination.format);
        let pointer = "/format".to_owned();
        return Ok(Tested::Settings(SettingsError { pointer, message }));
    };
    let Rendered { body, record, revision, .. } = rendered;
    let outgoing = Outgoing {
        id: &format!("prc_test_{}", id.replace('-', "")),
        event: "destination.test",
        tenant: tenant.0,
        session_id: &id,
        revision,
        attempt: 1,
        hops: 1,
        at: now,
        now,
        body: &body,
        record: &record,
        format: &destination.format,
        previous: None,
        superseded: false,
    };
    Ok(Tested::Tried(target.send(&outgoing).await))
}

/// A call of two minutes that somebody answered, served and final.
fn sample(tenant: TenantId, now: UnixMillis, rules: &Rules) -> Session {
    let started = now.minus(Millis::from_mins(20));
    let ended = started.plus(Millis::from_mins(2));
    let first = signal("sample-1", kind::SESSION_STARTED, started);
    let last = Signal {
        claim: Some(ClaimBody {
            code: code::CUSTOMER_SERVICE,
            author: Author::Business,
            policy: ClaimPolicy::Last,
        }),
        ..signal("sample-2", kind::DISPOSITION_POSTED, ended)
    };
    let mut content = Content::begin(&stamped(1, first, started), SplitCause::First, rules);
    content.add(&stamped(2, last, ended), rules);
    let hash: [u8; 32] = random_32();
    let hash = *hash.first_chunk().expect("16 bytes are fewer than 32");
    let envelope = Envelope {
        id: SessionId::mint(started, 0, hash),
        tenant,
        lane: LaneKey(hash),
        lane_kind: LaneKind::Sender,
        source: "sample".into(),
        external_id: Some("sample".into()),
        status: Status::Final,
        revision: 1,
        version: 4,
        opened_at: started,
        last_received_at: ended,
        closed_at: Some(ended),
        end_rule: Some(EndRule::Disposition),
        final_at: Some(now),
        revised_at: Some(now),
        changed_at: None,
        merged_into: None,
        merged_ids: Vec::new(),
        short_id: None,
        alias: 0,
        due: None,
        event_due: None,
        told: None,
    };
    Session { envelope, content, members: Vec::new() }
}

fn signal(key: &str, kind: &str, at: UnixMillis) -> Signal {
    let mut fields = Fields::new();
    fields.insert(field::LINE_NUMBER, value::Value::Text("+15555550199".into()));
    Signal {
        key: key.into(),
        kind: kind.into(),
        occurred_at: Some(Instant::at(at)),
        sent_at: None,
        sequence: 0,
        channel: Some(Channel::Voice),
        session_type: None,
        source: "sample".into(),
        session: Some("sample".into()),
        identities: vec![
            Identity::new("phone", "+15555550100"),
            Identity::new("email", "sample@example.com"),
        ],
        claim: None,
        fields,
        attributes: sessionary_core::signal::Attributes::new(),
        warnings: Vec::new(),
    }
}

fn stamped(position: u64, signal: Signal, at: UnixMillis) -> Stamped {
    let marks = Marks::default();
    Stamped { position, at, received_at: at, marks, key_hash: position, signal: Box::new(signal) }
}

//! `/v1/sessions`: beginning one, listing, and reading one in any format.
use axum::{extract::State, response::IntoResponse};
use http::{
    HeaderMap, HeaderValue, StatusCode, Uri,
    header::{ETAG, IF_NONE_MATCH},
};
use serde_json::{Value, json, value::RawValue};
use sessionary_core::{
    id::SessionId,
    outcome, record,
    session::{Session, Status},
    signal::{Signal, kind},
};
use sessionary_dialects::{Format, View, canonical, identities::spellings};
use sessionary_engine::{Reader, SessionFilter, SessionView, keys::Scope};

use super::{
    App,
    answers::{Answered, Listing, created, integer, json as answer, ok, text},
    paging::{Query, Segment},
    signals::{context, in_session},
    single,
};
use crate::{
    auth::Caller,
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Method, Parameter, Route, Routes, Takes},
};

const LIST: Route = Route {
    path: "/v1/sessions",
    tag: "read",
    summary: "Sessions, latest first",
    access: Access::Key(Scope::SessionsRead),
    query: &[
        text("customer_id", "Any identity with this value, or TYPE:VALUE"),
        text("external_id", "The sender's own name for the session"),
        text("status", "open, settling, final or amended"),
        text("from", "Started at or after"),
        text("to", "Started before"),
        integer("limit", "Entities of a page, 1 to 1000; 100 if not said"),
        text("cursor", "`next_cursor` of the page before; empty: the beginning"),
    ],
    answers: &[answer(200, "A page", "SessionPage")],
    problems: &[Code::InvalidParameter, Code::StoreUnavailable],
    ..Route::PLAIN
};

const FORMAT: Parameter =
    text("format", "canonical (if not said), handshake, genesys, ccai, tropo or segment");

const GET: Route = Route {
    path: "/v1/sessions/{id}",
    tag: "read",
    summary: "One session; a redirect answers with its survivor",
    detail: "The entity tag is `\"revision.version\"`. With `revision` the record that was cut then, \
             byte for byte.",
    access: Access::Key(Scope::SessionsRead),
    query: &[FORMAT, integer("revision", "The record as it was cut at this revision")],
    answers: &[
        answer(200, "The session", "Session"),
        crate::routes::Answer { status: 304, summary: "Unchanged", media: "", schema: "" },
    ],
    problems: &[Code::NotFound, Code::InvalidParameter, Code::NotAcceptable],
    ..Route::PLAIN
};

const SIGNALS: Route = Route {
    path: "/v1/sessions/{id}/signals",
    tag: "read",
    summary: "The signals of a session in event order",
    access: Access::Key(Scope::SessionsRead),
    answers: &[answer(200, "The signals", "SignalPage")],
    problems: &[Code::NotFound],
    ..Route::PLAIN
};

const CLAIMS: Route = Route {
    path: "/v1/sessions/{id}/claims",
    tag: "read",
    summary: "The ledger: who claimed which outcome, and which claim holds",
    access: Access::Key(Scope::SessionsRead),
    answers: &[answer(200, "The ledger", "Claims")],
    problems: &[Code::NotFound],
    ..Route::PLAIN
};

const BEGIN: Route = Route {
    method: Method::Post,
    path: "/v1/sessions",
    tag: "write",
    summary: "Begin a session, and learn what is known of the person",
    detail: "The body is a signal; without a `type` it is `session_started`. The answer has the \
             session, its short id and, for a key that may read, its record and the outcomes of \
             the person's earlier sessions.",
    access: Access::Key(Scope::SignalsWrite),
    takes: Some(Takes { size: BodySize::Single, media: &["application/json"], schema: "Signal" }),
    answers: &[answer(201, "The session", "Begun")],
    problems: &[Code::Unprocessable, Code::SignalConflict, Code::DiskFull, Code::StoreUnavailable],
    ..Route::PLAIN
};

/// Earlier sessions that a beginning session is told of.
const EARLIER: usize = 10;

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes.at(&LIST, list).at(&GET, get).at(&SIGNALS, signals).at(&CLAIMS, claims).at(&BEGIN, begin)
}

async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Answered {
    let query = Query::of(&uri);
    let limit = query.limit()?;
    let cursor = query.parsed("cursor", SessionId::parse, "the `next_cursor` of a page")?;
    let filter = SessionFilter {
        external_id: query.text("external_id").map(str::to_owned),
        status: query.parsed("status", Status::from_word, "open, settling, final or amended")?,
        from: query.instant("from")?,
        to: query.instant("to")?,
        ..SessionFilter::default()
    };
    let filters = by_customer(filter, query.text("customer_id"), caller.key.country.as_deref());
    let reader = app.engine.reader().await?;
    let tenant = caller.tenant();
    let listed = tokio::task::spawn_blocking(move || {
        let mut listing = Listing { entities: Vec::new(), next_cursor: None };
        for filter in filters {
            let page = reader.sessions(tenant, &filter, limit, cursor)?;
            listing.entities = page.entities.iter().map(|found| reader.record(found)).collect();
            listing.next_cursor = page.next_cursor;
            if !listing.entities.is_empty() {
                break;
            }
        }
        Ok::<Listing<Value>, sessionary_engine::EngineError>(listing)
    });
    let listing = listed.await.map_err(|_| Problem::from(Code::Internal))??;
    Ok(ok(&listing))
}

/// The filters to try, one after the other: `customer_id` may be a value or TYPE:VALUE, and spelt
/// otherwise than it is kept.
fn by_customer(
    filter: SessionFilter,
    asked: Option<&str>,
    country: Option<&str>,
) -> Vec<SessionFilter> {
    let Some(asked) = asked else { return vec![filter] };
    let typed = asked.split_once(':').map(|(kind, value)| (Some(kind), value));
    let mut filters = Vec::new();
    for (kind, value) in [Some((None, asked)), typed].into_iter().flatten() {
        filters.extend(spellings(value, country).into_iter().map(|value| SessionFilter {
            identity: Some(value),
            identity_type: kind.map(str::to_owned),
            ..filter.clone()
        }));
    }
    filters
}

/// The session of a path, redirects followed.
pub(super) async fn find(
    app: &App,
    caller: &Caller,
    id: &str,
) -> Result<(Reader, Session), Problem> {
    let id = SessionId::parse(id).ok_or_else(no_such_session)?;
    let reader = app.engine.reader().await?;
    let session = reader.session(caller.tenant(), id)?.ok_or_else(no_such_session)?;
    Ok((reader, session))
}

fn no_such_session() -> Problem {
    Code::NotFound.because("no session of this tenant has this id")
}

async fn get(
    State(app): State<App>,
    caller: Caller,
    Segment(id): Segment<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answered {
    let query = Query::of(&uri);
    let word = query.text("format").unwrap_or("canonical");
    let format = Format::from_word(word).ok_or_else(|| {
        let word: String = word.chars().take(32).collect();
        let detail = format!("there is no format {word:?}; send one of: {}", formats());
        Code::NotAcceptable.because(detail)
    })?;
    let revision = query.parsed("revision", |text| text.parse().ok(), "a number from 1")?;
    if let Some(revision) = revision {
        let (reader, session) = find(&app, &caller, &id).await?;
        return cut_record(&reader, &caller, &session, &id, revision);
    }
    let view = match SessionId::parse(&id) {
        Some(id) => app.engine.session(caller.tenant(), id).await?,
        None => None,
    };
    let view = view.ok_or_else(no_such_session)?;
    let envelope = &view.session.envelope;
    let tag = format!("\"{}.{}\"", envelope.revision, envelope.version);
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let mut response = match format {
        Format::Canonical => ok(&with_deliveries(&app, &view).await?),
        other => ok(&told(&app, &caller, other, &view).await?),
    };
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// The record with where it was delivered, where that is anywhere. The cut record has no such member:
/// a delivery is no revision.
async fn with_deliveries(app: &App, view: &SessionView) -> Result<Value, Problem> {
    let mut record = view.record();
    let envelope = &view.session.envelope;
    let tables = app.engine.tables().await?;
    let parcels = tables.parcels_of(envelope.tenant, envelope.id)?;
    if let (Some(record), false) = (record.as_object_mut(), parcels.is_empty()) {
        let deliveries = parcels.iter().map(super::parcels::delivery).collect();
        record.insert("deliveries".to_owned(), Value::Array(deliveries));
    }
    Ok(record)
}

/// The record of a revision; of a redirect its own, not its survivor's.
fn cut_record(
    reader: &Reader,
    caller: &Caller,
    session: &Session,
    asked: &str,
    revision: u32,
) -> Answered {
    let own = SessionId::parse(asked).unwrap_or(session.envelope.id);
    let record = reader.cut_record(caller.tenant(), own, revision)?;
    let Some(record) = record else {
        let latest = session.envelope.revision;
        let detail = format!("there is no revision {revision}; the latest is {latest}");
        return Err(Code::NotFound.because(detail));
    };
    Ok(super::answers::with_status(StatusCode::OK, record))
}

/// The formats, for the sentence that refuses another.
fn formats() -> String {
    Format::ALL.iter().map(|format| format.word()).collect::<Vec<_>>().join(", ")
}

/// The session in a format, with its signals where the format tells them.
async fn told(
    app: &App,
    caller: &Caller,
    format: Format,
    view: &SessionView,
) -> Result<Box<RawValue>, Problem> {
    let signals = if format.needs_signals() {
        let (reader, id) = (app.engine.reader().await?, view.session.envelope.id);
        let session = reader.session(caller.tenant(), id)?.ok_or_else(no_such_session)?;
        reader.signals_of(&session)?
    } else {
        Vec::new()
    };
    let SessionView { session, rules, now } = view;
    Ok(format.text(&View { session, rules, now: *now, signals: &signals }))
}

async fn signals(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    let (reader, session) = find(&app, &caller, &id).await?;
    let signals = reader.signals_of(&session)?;
    let id = session.envelope.id;
    let entities =
        signals.iter().map(|(member, arrival)| in_session(id, member, arrival)).collect();
    Ok(ok(&Listing { entities, next_cursor: None }))
}

async fn claims(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    let (reader, session) = find(&app, &caller, &id).await?;
    let winner = outcome::winner(&session.content);
    let entities: Vec<Value> = session
        .content
        .claims
        .iter()
        .map(|claim| {
            let mut line = record::claim(claim);
            if let Some(line) = line.as_object_mut() {
                line.insert("wins".to_owned(), json!(winner == Some(claim)));
            }
            line
        })
        .collect();
    let disposition = outcome::of(&session.content, reader.rules());
    Ok(ok(&json!({
        "session_id": session.envelope.id.to_string(),
        "disposition": disposition,
        "entities": entities,
        "next_cursor": null,
    })))
}

async fn begin(State(app): State<App>, caller: Caller, payload: Payload) -> Answered {
    caller.charge(1)?;
    let signal = first_signal(&app, &caller, &payload.bytes)?;
    if signal.claim.is_some() {
        caller.demand(Scope::DispositionsWrite)?;
    }
    let tenant = caller.tenant();
    let identities = signal.identities.clone();
    let session = single::take_in(&app, &caller, signal).await?;
    let reader = app.engine.reader().await?;
    let session = reader.session(tenant, session)?.ok_or(Code::Internal)?;
    let mut begun = json!({
        "session_id": session.envelope.id.to_string(),
        "short_id": session.envelope.short_id,
    });
    // What is known of somebody is for keys that may read; a page's key may not.
    if caller.may(Scope::SessionsRead)
        && let Some(begun) = begun.as_object_mut()
    {
        begun.insert("session".to_owned(), reader.record(&session));
        let earlier = earlier(&reader, &session, &identities)?;
        begun.insert("earlier".to_owned(), Value::Array(earlier));
    }
    Ok(created(&begun))
}

fn first_signal(app: &App, caller: &Caller, body: &[u8]) -> Result<Signal, Problem> {
    let unreadable = |detail: String| Code::UnreadableBody.because(detail);
    let mut members: serde_json::Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| unreadable(format!("the body is no JSON object: {error}")))?;
    members.entry("type").or_insert_with(|| json!(kind::SESSION_STARTED));
    let body = Value::Object(members).to_string();
    let items = canonical::decode(body.as_bytes(), &context(app, caller))
        .map_err(|error| unreadable(error.to_string()))?;
    match items.into_iter().next() {
        Some(Ok(signal)) => Ok(signal),
        Some(Err(error)) => {
            let pointer = format!("/{}", error.field.unwrap_or_default().replace('.', "/"));
            Err(Problem::from(Code::Unprocessable).at(pointer, error.detail))
        }
        None => Err(Code::UnreadableBody.into()),
    }
}

/// The outcomes of the person's earlier sessions, latest first.
fn earlier(
    reader: &Reader,
    session: &Session,
    identities: &[sessionary_core::identity::Identity],
) -> Result<Vec<Value>, Problem> {
    let mut found: Vec<Session> = Vec::new();
    for identity in identities {
        let filter = SessionFilter {
            identity: Some(identity.value.to_string()),
            identity_type: Some(identity.kind.to_string()),
            ..SessionFilter::default()
        };
        found.extend(reader.sessions(session.envelope.tenant, &filter, EARLIER, None)?.entities);
    }
    found.retain(|known| known.envelope.id != session.envelope.id);
    found.sort_by_key(|known| std::cmp::Reverse(known.envelope.id));
    found.dedup_by_key(|known| known.envelope.id);
    found.truncate(EARLIER);
    let line = |known: &Session| {
        json!({
            "session_id": known.envelope.id.to_string(),
            "started_at": known.content.started_at(reader.rules()).to_string(),
            "status": known.envelope.status.word(),
            "disposition": outcome::of(&known.content, reader.rules()),
        })
    };
    Ok(found.iter().map(line).collect())
}

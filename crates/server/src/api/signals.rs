//! `/v1/signals`: taking signals in, and reading them back.
use axum::extract::State;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json, value::RawValue};
use sessionary_core::{
    id::SessionId,
    session::Member,
    signal::{Arrival, Signal},
    stamp::Marks,
};
use sessionary_dialects::{
    Context,
    canonical::{self, ItemError},
};
use sessionary_engine::{
    SignalCursor, Submission, VerdictStatus, hops, keys::Scope, quarantine::Quarantined,
};

use reply::Shape;

use super::{
    App,
    answers::{Answered, Listing, integer, json as answer, ok, text, with_status},
    idempotency::{self, Asked},
    paging::{Query, Segment},
};
use crate::{
    auth::Caller,
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Method, Route, Routes, Takes},
};

pub(super) mod reply;

const POST: Route = Route {
    method: Method::Post,
    path: "/v1/signals",
    tag: "write",
    summary: "Take signals in: one object, a list, or one object a line",
    detail: "A 200 means that every accepted signal is on disk. One result an item; an item that \
             cannot be understood goes to quarantine and never fails the others.",
    access: Access::Key(Scope::SignalsWrite),
    takes: Some(Takes {
        size: BodySize::Batch,
        media: &["application/json", "application/x-ndjson"],
        schema: "SignalBatch",
    }),
    answers: &[answer(200, "One result an item", "SignalResults")],
    problems: &[
        Code::Unprocessable,
        Code::SignalConflict,
        Code::TooManySignals,
        Code::IdempotencyConflict,
        Code::InvalidParameter,
        Code::DiskFull,
        Code::StoreUnavailable,
    ],
    ..Route::PLAIN
};

const LIST: Route = Route {
    path: "/v1/signals",
    tag: "read",
    summary: "All signals of the tenant, each exactly once",
    access: Access::Key(Scope::SessionsRead),
    query: &[
        integer("limit", "Entities of a page, 1 to 1000; 100 if not said"),
        text("cursor", "`next_cursor` of the page before; empty: the beginning"),
    ],
    answers: &[answer(200, "A page", "SignalPage")],
    problems: &[Code::InvalidParameter, Code::StoreUnavailable],
    ..Route::PLAIN
};

const GET: Route = Route {
    path: "/v1/signals/{id}",
    tag: "read",
    summary: "The signal with this id",
    access: Access::Key(Scope::SessionsRead),
    answers: &[answer(200, "The signal", "StoredSignal")],
    problems: &[Code::NotFound, Code::StoreUnavailable],
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes.at(&POST, post).at(&LIST, list).at(&GET, get)
}

/// What the key's settings mean to a decoder.
pub(super) fn context<'a>(app: &App, caller: &'a Caller) -> Context<'a> {
    Context {
        source: caller.key.source.as_deref().unwrap_or(""),
        country: caller.key.country.as_deref(),
        currency: caller.key.currency.as_deref(),
        zone: caller.key.timezone.as_deref(),
        limits: app.limits,
    }
}

/// An item that goes to quarantine.
pub(super) fn put_aside(
    app: &App,
    caller: &Caller,
    dialect: &str,
    (reason, detail): (&str, String),
    raw: Vec<u8>,
) -> Quarantined {
    let item = Quarantined {
        tenant: caller.tenant(),
        received_at: app.engine.now(),
        key_number: caller.key.number,
        dialect: dialect.into(),
        reason: reason.into(),
        detail: detail.into(),
        field: None,
        raw,
        truncated: false,
        session: None,
        replayed_at: None,
    };
    item.bounded()
}

async fn post(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    payload: Payload,
) -> Answered {
    let once = match idempotency::look_up(&app, caller.tenant(), &headers, &payload.bytes)? {
        Asked::Again(response) => return Ok(response),
        Asked::First(once) => Some(once),
        Asked::Plainly => None,
    };
    let answer = take_in(&app, &caller, &payload.bytes).await?;
    if let Some(once) = once {
        once.keep(&app, StatusCode::OK.as_u16(), &answer)?;
    }
    Ok(with_status(StatusCode::OK, answer.into_bytes()))
}

/// Decodes a body, submits what was understood and puts aside what was not; the text of the reply.
async fn take_in(app: &App, caller: &Caller, body: &Bytes) -> Result<String, Problem> {
    let items = match canonical::decode(body, &context(app, caller)) {
        Ok(items) => items,
        Err(error) => {
            let code = match error {
                canonical::BodyError::TooManyItems { .. } => Code::TooManySignals,
                _ => Code::UnreadableBody,
            };
            let problem = code.because(error.to_string());
            if body.is_empty() {
                return Err(problem);
            }
            caller.charge(1)?;
            let reason = (error.code(), error.to_string());
            let item = put_aside(app, caller, "signals", reason, body.to_vec());
            return Err(refuse(app, caller, vec![item], problem).await);
        }
    };
    caller.charge(items.len().max(1))?;
    let items = items.into_iter().map(|item| without_authority(caller, item));
    let items: Vec<_> = items.map(|item| counting_hops(caller, item)).collect();
    let single = items.len() == 1 && body.trim_ascii_start().first() == Some(&b'{');
    let good = items.iter().filter(|item| item.is_ok()).count();
    if good == 0 {
        return Err(refuse_items(app, caller, items).await);
    }
    let (mut ids, mut shapes) = (String::new(), Vec::with_capacity(items.len()));
    let (mut signals, mut aside) = (Vec::with_capacity(good), Vec::new());
    for item in items {
        match item {
            Ok(signal) => {
                ids.push_str(&signal.key);
                shapes.push(Shape::Signal { id_ends_at: ids.len() });
                signals.push(signal);
            }
            Err(error) => {
                aside.push(of_item(app, caller, &error));
                shapes.push(Shape::Aside(error));
            }
        }
    }
    let tenant = caller.tenant();
    let submission = Submission { tenant, signals, received_at: None, quarantine: aside };
    let receipt = app.engine.submit(submission).await?;
    if let (true, Some(verdict)) = (single, receipt.verdicts.first())
        && verdict.status == VerdictStatus::Conflict
    {
        let detail = format!("the session {} has another signal with this id", verdict.session);
        return Err(Code::SignalConflict.because(detail));
    }
    let quarantine = receipt.quarantine.iter().map(|id| id.text()).collect::<Vec<_>>();
    Ok(reply::text(&ids, &shapes, &receipt.verdicts, &quarantine))
}

/// A signal that states an outcome takes a key that may: a key that stands in a page may not say
/// what came of anybody's session.
fn without_authority(
    caller: &Caller,
    item: Result<Signal, ItemError>,
) -> Result<Signal, ItemError> {
    let signal = item?;
    if signal.claim.is_none() || caller.may(Scope::DispositionsWrite) {
        return Ok(signal);
    }
    Err(ItemError {
        code: "scope_missing",
        detail: "an outcome takes a key with the scope `dispositions:write`".to_owned(),
        field: Some("disposition".to_owned()),
        raw: canonical::encode_raw(&signal).get().as_bytes().to_vec(),
        id: Some(signal.key.to_string()),
    })
}

/// A signal with the count of its hops; one that goes round in a circle is none.
fn counting_hops(caller: &Caller, item: Result<Signal, ItemError>) -> Result<Signal, ItemError> {
    let mut signal = item?;
    if !hops::is_loop(&signal, caller.hops) {
        hops::note(&mut signal, caller.hops);
        return Ok(signal);
    }
    Err(ItemError {
        code: Code::LoopDetected.word(),
        detail: format!("it came round {} times; two systems answer each other", caller.hops),
        field: Some("session_id".to_owned()),
        raw: canonical::encode_raw(&signal).get().as_bytes().to_vec(),
        id: Some(signal.key.to_string()),
    })
}

fn of_item(app: &App, caller: &Caller, error: &ItemError) -> Quarantined {
    let reason = (error.code, error.detail.clone());
    let item = put_aside(app, caller, "signals", reason, error.raw.clone());
    Quarantined { field: error.field.as_deref().map(Into::into), ..item }
}

async fn refuse_items(
    app: &App,
    caller: &Caller,
    items: Vec<Result<Signal, ItemError>>,
) -> Problem {
    let errors: Vec<ItemError> = items.into_iter().filter_map(Result::err).collect();
    let Some(first) = errors.first() else {
        return Code::UnreadableBody.because("the body holds no signal; send at least one object");
    };
    let mut problem = Code::Unprocessable.because(first.detail.clone());
    for (at, error) in errors.iter().enumerate() {
        let field = error.field.as_deref().map(|field| field.replace('.', "/"));
        let pointer = match (errors.len(), field) {
            (1, field) => format!("/{}", field.unwrap_or_default()),
            (_, Some(field)) => format!("/{at}/{field}"),
            (_, None) => format!("/{at}"),
        };
        problem = problem.at(pointer, error.detail.clone());
    }
    let items = errors.iter().map(|error| of_item(app, caller, error)).collect();
    refuse(app, caller, items, problem).await
}

/// Puts items aside, durably, and names the first in the problem.
pub(super) async fn refuse(
    app: &App,
    caller: &Caller,
    quarantine: Vec<Quarantined>,
    problem: Problem,
) -> Problem {
    let (tenant, signals) = (caller.tenant(), Vec::new());
    let submission = Submission { tenant, signals, received_at: None, quarantine };
    match app.engine.submit(submission).await {
        Ok(receipt) => match receipt.quarantine.first() {
            Some(id) => problem.quarantined(id.text()),
            None => problem,
        },
        Err(error) => error.into(),
    }
}

async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Answered {
    let query = Query::of(&uri);
    let limit = query.limit()?;
    let cursor = query.parsed("cursor", SignalCursor::parse, "the `next_cursor` of a page")?;
    let reader = app.engine.reader().await?;
    let tenant = caller.tenant();
    let page = tokio::task::spawn_blocking(move || reader.signals(tenant, limit, cursor));
    let page = page.await.map_err(|_| Problem::from(Code::Internal))??;
    let entities = page.entities.iter().map(|(_, arrival)| stored(arrival)).collect();
    Ok(ok(&Listing { entities, next_cursor: page.next_cursor }))
}

async fn get(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    let reader = app.engine.reader().await?;
    let Some((session, member, arrival)) = reader.signal(caller.tenant(), &id)? else {
        return Err(Code::NotFound.because("no signal of this tenant has this id"));
    };
    Ok(ok(&in_session(session, &member, &arrival)))
}

fn stored(arrival: &Arrival) -> Box<RawValue> {
    with_members(arrival, &json!({ "received_at": arrival.received_at.to_string() }))
}

/// A signal to the letter, with members of ours behind its own.
fn with_members(arrival: &Arrival, members: &Value) -> Box<RawValue> {
    let signal = canonical::encode_raw(&arrival.signal);
    let own = signal.get().strip_suffix('}').unwrap_or("{");
    let ours = members.to_string();
    let text = format!("{own},{}", ours.strip_prefix('{').unwrap_or("}"));
    RawValue::from_string(text).unwrap_or(signal)
}

/// A signal as a member of its session.
pub(super) fn in_session(session: SessionId, member: &Member, arrival: &Arrival) -> Box<RawValue> {
    let members = json!({
        "received_at": arrival.received_at.to_string(),
        "in_session": session.to_string(),
        "at": member.at.to_string(),
        "marks": marks(member.marks),
    });
    with_members(arrival, &members)
}

fn marks(marks: Marks) -> Value {
    [
        (Marks::NOTE, "note"),
        (Marks::PLACED, "placed"),
        (Marks::ORPHAN, "orphan"),
        (Marks::AMENDMENT, "amendment"),
        (Marks::ORDER_SEEN, "order_seen"),
        (Marks::CLOCK_FUTURE, "clock_future"),
        (Marks::SKEW_CORRECTED, "clock_skew_corrected"),
    ]
    .into_iter()
    .filter(|(mark, _)| marks.has(*mark))
    .map(|(_, word)| word)
    .collect()
}

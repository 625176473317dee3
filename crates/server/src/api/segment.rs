//! Segment's calls: what the libraries of Segment and `RudderStack` send.
//!
//! The write key stands in the header or in the body. A call of a batch that cannot be understood
//! goes to quarantine and is answered as the others are: to these libraries a 4xx means that the
//! whole batch is worthless. One that came alone is refused, and in quarantine all the same.
use axum::{
    extract::{FromRequest, Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};
use sessionary_core::signal::Signal;
use sessionary_dialects::{
    Context,
    canonical::ItemError,
    segment::{self, BodyError, Call, Posting},
};
use sessionary_engine::{Submission, keys::Scope, quarantine::Quarantined};

use super::{
    App,
    answers::{json as answer, with_status},
    signals::{context, put_aside, refuse},
};
use crate::{
    auth::{Caller, Gate, Place, Presented, presented},
    body::{BodySize, Payload},
    drain::drain,
    problem::{Code, Problem},
    routes::{Access, Method, Route, Routes, Takes},
};

mod pages;

const SCOPE: Scope = Scope::SignalsWrite;

const BATCH: Route = Route {
    method: Method::Post,
    path: "/v1/batch",
    tag: "write",
    summary: "Take a batch of Segment's calls in",
    detail: "As the libraries of Segment and RudderStack send it. The write key stands in the \
             Authorization header (Basic, without a password) or in the body as `writeKey`. A 200 \
             means that every call that was understood is on disk; any other is in quarantine.",
    access: Access::InHandler(SCOPE),
    takes: Some(Takes {
        size: BodySize::Batch,
        media: &["application/json", "text/plain"],
        schema: "SegmentBatch",
    }),
    answers: &[answer(200, "Taken in", "SegmentReply")],
    problems: &[Code::TooManySignals, Code::DiskFull, Code::StoreUnavailable],
    refuses_as: Some(in_their_words),
    ..Route::PLAIN
};

const fn single(path: &'static str) -> Route {
    Route {
        path,
        summary: "Take one of Segment's calls in",
        takes: Some(Takes {
            size: BodySize::Batch,
            media: &["application/json", "text/plain"],
            schema: "SegmentCall",
        }),
        ..BATCH
    }
}

/// The batch routes: of libraries, of imports, of Segment's library for browsers, and of
/// `RudderStack`'s where a page is being left.
static BATCHES: [Route; 4] = [
    BATCH,
    Route { path: "/v1/import", ..BATCH },
    Route { path: "/v1/b", ..BATCH },
    Route { path: "/beacon/v1/batch", ..BATCH },
];

/// The routes of one call each: of libraries, and of the library for browsers.
static CALLS: [(Route, Call); 12] = [
    (single("/v1/track"), Call::Track),
    (single("/v1/identify"), Call::Identify),
    (single("/v1/page"), Call::Page),
    (single("/v1/screen"), Call::Screen),
    (single("/v1/group"), Call::Group),
    (single("/v1/alias"), Call::Alias),
    (single("/v1/t"), Call::Track),
    (single("/v1/i"), Call::Identify),
    (single("/v1/p"), Call::Page),
    (single("/v1/s"), Call::Screen),
    (single("/v1/g"), Call::Group),
    (single("/v1/a"), Call::Alias),
];

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    let gate = routes.gate();
    let mut routes = pages::add(schemas(routes));
    let batches = BATCHES.iter().map(|route| (route, None));
    for (route, call) in batches.chain(CALLS.iter().map(|(route, call)| (route, Some(*call)))) {
        let gate = gate.clone();
        routes = routes.at(route, move |State(app): State<App>, request: Request| {
            take(app, gate.clone(), call, request)
        });
    }
    routes
}

fn schemas(routes: Routes<App>) -> Routes<App> {
    let call = json!({
        "type": "object",
        "properties": {
            "type": { "enum": Call::ALL.map(Call::word) },
            "messageId": { "type": "string" },
            "anonymousId": { "type": ["string", "null"] },
            "userId": { "type": ["string", "null"] },
            "timestamp": { "type": "string", "format": "date-time" },
            "event": { "type": "string" },
            "context": { "type": "object" },
            "properties": { "type": "object" },
            "traits": { "type": "object" },
            "writeKey": { "type": "string" },
        },
    });
    let batch = json!({
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": { "type": "array", "items": { "$ref": "#/components/schemas/SegmentCall" } },
            "sentAt": { "type": "string", "format": "date-time" },
            "context": { "type": "object" },
            "writeKey": { "type": "string" },
        },
    });
    let reply = json!({
        "type": "object",
        "required": ["success"],
        "properties": { "success": { "const": true } },
    });
    routes.schema("SegmentCall", call).schema("SegmentBatch", batch).schema("SegmentReply", reply)
}

/// A refusal as these libraries read and show it.
fn in_their_words(problem: &Problem) -> Value {
    let row = problem.code.row();
    json!({ "code": row.word, "message": problem.detail.as_deref().unwrap_or(row.title) })
}

async fn take(app: App, gate: Gate, call: Option<Call>, request: Request) -> Response {
    match taken(&app, &gate, call, request).await {
        Ok(()) => with_status(StatusCode::OK, br#"{"success":true}"#.to_vec()),
        Err(refusal) => refusal,
    }
}

async fn taken(
    app: &App,
    gate: &Gate,
    call: Option<Call>,
    request: Request,
) -> Result<(), Response> {
    let (parts, body) = request.into_parts();
    let in_head = presented(&parts.headers, &parts.uri)
        .and_then(|key| key.map(|key| gate.admit(&parts, &key, SCOPE)).transpose());
    let in_head = match in_head {
        Ok(caller) => caller,
        Err(problem) => {
            drain(body);
            return Err(problem.into_response());
        }
    };
    let payload = Payload::from_request(Request::from_parts(parts.clone(), body), &()).await?;
    let posting = segment::read(&payload.bytes, &app.limits);
    let in_body = || match posting.as_ref().ok().and_then(Posting::write_key) {
        Some(text) => {
            gate.admit(&parts, &Presented { text: text.to_owned(), place: Place::Body }, SCOPE)
        }
        None => gate.caller(&parts, SCOPE),
    };
    let caller = in_head.map_or_else(in_body, Ok);
    let result = match (posting, caller) {
        (Ok(posting), Ok(caller)) => submit(app, &caller, call, &posting).await,
        (Ok(_), Err(problem)) => Err(problem),
        (Err(error), Ok(caller)) => {
            Err(unreadable(app, &caller, call, &error, &payload.bytes).await)
        }
        // Nobody's: there is no quarantine to put it into.
        (Err(error), Err(_)) => Err(problem_of(&error)),
    };
    result.map_err(IntoResponse::into_response)
}

async fn unreadable(
    app: &App,
    caller: &Caller,
    call: Option<Call>,
    error: &BodyError,
    body: &[u8],
) -> Problem {
    let problem = problem_of(error);
    if body.is_empty() {
        return problem;
    }
    if let Err(too_much) = caller.charge(1) {
        return too_much;
    }
    let reason = (error.code(), error.to_string());
    let item = put_aside(app, caller, &dialect(call), reason, body.to_vec());
    refuse(app, caller, vec![item], problem).await
}

fn problem_of(error: &BodyError) -> Problem {
    let code = match error {
        BodyError::TooManyCalls { .. } => Code::TooManySignals,
        _ => Code::UnreadableBody,
    };
    code.because(error.to_string())
}

async fn submit(
    app: &App,
    caller: &Caller,
    call: Option<Call>,
    posting: &Posting<'_>,
) -> Result<(), Problem> {
    caller.charge(posting.texts().len().max(1))?;
    let mut signals = Vec::with_capacity(posting.texts().len());
    let mut quarantine = Vec::new();
    let context = context(app, caller);
    for (item, text) in posting.decode(call, &context).into_iter().zip(posting.texts()) {
        match item.and_then(|signal| with_authority(caller, signal, text)) {
            Ok(signal) => signals.push(signal),
            Err(error) if posting.is_batch() => {
                quarantine.push(of_call(app, caller, call, error));
            }
            Err(error) => {
                let code =
                    if error.code == NO_SCOPE { Code::ScopeMissing } else { Code::UnreadableBody };
                let problem = code.because(error.detail.clone());
                let item = of_call(app, caller, call, error);
                return Err(refuse(app, caller, vec![item], problem).await);
            }
        }
    }
    let tenant = caller.tenant();
    app.engine.submit(Submission { tenant, signals, received_at: None, quarantine }).await?;
    Ok(())
}

const NO_SCOPE: &str = "scope_missing";

/// A call that states an outcome takes a key that may: a key that stands in a page may not say what
/// came of anybody's session.
fn with_authority(caller: &Caller, signal: Signal, text: &str) -> Result<Signal, ItemError> {
    if signal.claim.is_none() || caller.may(Scope::DispositionsWrite) {
        return Ok(signal);
    }
    Err(ItemError {
        code: NO_SCOPE,
        detail: "an outcome takes a key with the scope `dispositions:write`".to_owned(),
        field: Some("properties.code".to_owned()),
        raw: text.as_bytes().to_vec(),
        id: Some(signal.key.to_string()),
    })
}

fn of_call(app: &App, caller: &Caller, call: Option<Call>, error: ItemError) -> Quarantined {
    let ItemError { code, detail, field, raw, .. } = error;
    let item = put_aside(app, caller, &dialect(call), (code, detail), raw);
    Quarantined { field: field.map(Into::into), ..item }
}

/// What quarantine calls an item: the route says what a call is that does not say itself.
fn dialect(call: Option<Call>) -> String {
    call.map_or_else(|| "segment".to_owned(), |call| format!("segment:{}", call.word()))
}

/// What a stored item was, for a replay from quarantine; `None`: it is another dialect's.
pub(super) fn read_again(
    app: &App,
    caller: &Caller,
    dialect: &str,
    raw: &[u8],
) -> Option<Result<Vec<Signal>, Problem>> {
    let call = match dialect.strip_prefix("segment")? {
        "" => None,
        word => Some(Call::from_word(word.strip_prefix(':')?)?),
    };
    Some(signals_of(&context(app, caller), call, raw))
}

fn signals_of(
    context: &Context<'_>,
    call: Option<Call>,
    raw: &[u8],
) -> Result<Vec<Signal>, Problem> {
    let posting = segment::read(raw, &context.limits)
        .map_err(|error| Code::Unprocessable.because(error.to_string()))?;
    let signals: Result<Vec<Signal>, ItemError> =
        posting.decode(call, context).into_iter().collect();
    signals.map_err(|error| {
        let pointer = format!("/{}", error.field.unwrap_or_default().replace('.', "/"));
        Problem::from(Code::Unprocessable).at(pointer, error.detail)
    })
}

//! Outcomes: `POST /v1/dispositions`, the Handshake's Action endpoint, and the pixel.
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{
    HeaderValue, StatusCode, Uri,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use sessionary_core::signal::Signal;
use sessionary_dialects::{
    Context,
    handshake::{self, Decoded, Form, Posting, PostingContext, Refusal, Reply},
};
use sessionary_engine::{
    Submission,
    action_keys::{ActionKeyRecord, Found},
    hops,
    keys::Scope,
};
use std::sync::Arc;

use super::{
    App,
    answers::{Answered, json as answer, ok},
    signals::{context, put_aside, refuse},
    single::take_in_and_see,
};
use crate::{
    auth::Caller,
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Answer, Method, Route, Routes, Takes},
};

const TAKES: Takes = Takes {
    size: BodySize::Single,
    media: &["application/json", "application/x-www-form-urlencoded"],
    schema: "Disposition",
};
const PROBLEMS: &[Code] = &[
    Code::MissingDisposition,
    Code::Unprocessable,
    Code::ActionKeyForeign,
    Code::SignalConflict,
    Code::DiskFull,
    Code::StoreUnavailable,
];
const ANSWERS: &[Answer] = &[answer(200, "Accepted, or accepted before", "DispositionReply")];

const POST: Route = Route {
    method: Method::Post,
    path: "/v1/dispositions",
    tag: "write",
    summary: "State the outcome of a session",
    detail: "Flat names in JSON or a form, or a numbered Action body. The session is found by its \
             id, or by who it was; an outcome that finds none has a session of its own.",
    access: Access::Key(Scope::DispositionsWrite),
    takes: Some(TAKES),
    answers: ANSWERS,
    problems: PROBLEMS,
    ..Route::PLAIN
};

const ACTION: Route = Route {
    method: Method::Post,
    path: "/v1/Person/Action.json/{api_key}",
    tag: "write",
    summary: "The same, with the key in the path, as existing integrations send it",
    access: Access::KeyInPath("api_key", Scope::DispositionsWrite),
    takes: Some(TAKES),
    answers: ANSWERS,
    problems: PROBLEMS,
    ..Route::PLAIN
};

const ACTION_REST: Route =
    Route { path: "/v1/Person/Action.json/{api_key}/{*parameters}", ..ACTION };
const ACTION_SLASH: Route = Route { path: "/v1/Person/Action.json/{api_key}/", ..ACTION };

const PIXEL: Route = Route {
    path: "/v1/pixel.gif",
    tag: "write",
    summary: "A page view by short parameters, answered with a picture of one pixel",
    detail: "`?write_key=…&URL=[base64]&FRR=…&UA=…&TSC=…`; a value in square brackets is base64. \
             With a disposition code it states an outcome, which takes a key that may.",
    access: Access::Key(Scope::SignalsWrite),
    answers: &[Answer { status: 200, summary: "One pixel", media: "image/gif", schema: "" }],
    problems: PROBLEMS,
    ..Route::PLAIN
};

/// A transparent picture of one pixel.
const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\
\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes
        .at(&POST, post)
        .at(&ACTION, post)
        .at(&ACTION_SLASH, post)
        .at(&ACTION_REST, post)
        .at(&PIXEL, pixel)
}

async fn post(State(app): State<App>, caller: Caller, uri: Uri, payload: Payload) -> Answered {
    caller.charge(1)?;
    let (query, body) = (uri.query().unwrap_or(""), &payload.bytes);
    match understand(&app, &caller, query, body) {
        Ok(decoded) if hops::is_loop(&decoded.signal, caller.hops) => {
            let detail = format!("it came round {} times", caller.hops);
            let reason = (Code::LoopDetected.word(), detail.clone());
            let item = put_aside(&app, &caller, "handshake", reason, raw_of(query, body));
            let problem = Code::LoopDetected.because(detail);
            Err(refuse(&app, &caller, vec![item], problem).await)
        }
        Ok(mut decoded) => {
            hops::note(&mut decoded.signal, caller.hops);
            state(&app, &caller, decoded).await
        }
        Err(Understood::Problem(problem)) => Err(problem),
        Err(Understood::Refused(refusal)) => {
            let reason = (refusal.code(), refusal.to_string());
            let item = put_aside(&app, &caller, "handshake", reason, raw_of(query, body));
            Err(refuse(&app, &caller, vec![item], problem_of(&refusal)).await)
        }
    }
}

/// What came, wherever it stood.
fn raw_of(query: &str, body: &Bytes) -> Vec<u8> {
    if body.is_empty() { query.as_bytes().to_vec() } else { body.to_vec() }
}

/// Why a posting made no signal.
enum Understood {
    Problem(Problem),
    Refused(Refusal),
}

impl From<Refusal> for Understood {
    fn from(refusal: Refusal) -> Understood {
        Understood::Refused(refusal)
    }
}

fn understand(
    app: &App,
    caller: &Caller,
    query: &str,
    body: &Bytes,
) -> Result<Decoded, Understood> {
    let posting = handshake::read(query, body, &app.limits)?;
    let action = action_key(app, caller, &posting).map_err(Understood::Problem)?;
    let mut decoded = match &action {
        Action::Mine(record) => posting.decode(&of_action_key(app, caller, record))?,
        Action::None | Action::Unknown => posting.decode(&of_key(app, caller))?,
    };
    if matches!(action, Action::Unknown) {
        decoded.signal.warnings.push("unknown_action_key".into());
    }
    Ok(decoded)
}

/// What the action key of a posting is.
enum Action {
    None,
    Unknown,
    Mine(Arc<ActionKeyRecord>),
}

fn action_key(app: &App, caller: &Caller, posting: &Posting<'_>) -> Result<Action, Problem> {
    let Some(token) = posting.action_key.as_deref() else { return Ok(Action::None) };
    match app.registry.action_keys().look_up(caller.tenant(), token) {
        Found::Mine(record) => Ok(Action::Mine(record)),
        Found::Unknown => Ok(Action::Unknown),
        Found::OtherTenant => Err(Code::ActionKeyForeign.into()),
    }
}

fn of_key<'a>(app: &App, caller: &'a Caller) -> PostingContext<'a> {
    PostingContext {
        key: context(app, caller),
        strict: caller.key.strict,
        ..PostingContext::default()
    }
}

fn of_action_key<'a>(
    app: &App,
    caller: &'a Caller,
    record: &'a ActionKeyRecord,
) -> PostingContext<'a> {
    let key = context(app, caller);
    PostingContext {
        key: Context {
            currency: record.currency.as_deref().or(key.currency),
            country: record.country.as_deref().or(key.country),
            ..key
        },
        strict: caller.key.strict,
        channel: record.channel(),
        session_type: Some(record.action_type),
        policy: record.policy,
        program: record.program.as_ref().map(|p| (u64::from(p.signal_type), &*p.value)),
    }
}

async fn state(app: &App, caller: &Caller, decoded: Decoded) -> Answered {
    let Decoded { signal, form } = decoded;
    let view = take_in_and_see(app, caller, signal.clone()).await?;
    let id = view.session.envelope.id.to_string();
    let reply = Reply::to(&signal, &id, view.session.envelope.status.word());
    Ok(match form {
        Form::Flat => ok(&handshake::flat_reply(&reply)),
        Form::Numbered => ok(&handshake::action_result(&reply, app.engine.now())),
    })
}

fn problem_of(refusal: &Refusal) -> Problem {
    let code = match refusal {
        Refusal::NoCode | Refusal::NothingToFindBy => Code::MissingDisposition,
        Refusal::WrongValue { .. } | Refusal::Unreadable { .. } | Refusal::Xml => {
            Code::UnreadableBody
        }
        Refusal::OverLimit(_) => Code::UnreadableBody,
        Refusal::Missing { .. } => Code::Unprocessable,
    };
    let problem = code.because(refusal.to_string());
    match refusal {
        Refusal::Missing { missing } => missing.iter().fold(problem, |problem, field| {
            problem.at(format!("/{field}"), "required, because this key is strict")
        }),
        Refusal::WrongValue { field, send, .. } => {
            problem.at(format!("/{field}"), format!("send {send}"))
        }
        _ => problem,
    }
}

async fn pixel(State(app): State<App>, caller: Caller, uri: Uri) -> Answered {
    caller.charge(1)?;
    let query = uri.query().unwrap_or("");
    let posting = handshake::read(query, b"", &app.limits);
    let signal = posting.and_then(|posting| posting.decode_visit(&of_key(&app, &caller)));
    let mut signal = match signal {
        Ok(signal) => signal,
        Err(refusal) => {
            let reason = (refusal.code(), refusal.to_string());
            let item = put_aside(&app, &caller, "pixel", reason, query.as_bytes().to_vec());
            return Err(refuse(&app, &caller, vec![item], problem_of(&refusal)).await);
        }
    };
    if signal.claim.is_some() {
        caller.demand(Scope::DispositionsWrite)?;
    } else if signal.occurred_at.is_none() {
        // Two views of one page say the same words: only that they came twice tells them apart.
        signal.key = format!("{}@{:x}", signal.key, app.engine.number()).into();
    }
    let tenant = caller.tenant();
    let submission =
        Submission { tenant, signals: vec![signal], received_at: None, quarantine: Vec::new() };
    app.engine.submit(submission).await?;
    Ok(picture())
}

fn picture() -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/gif")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::OK, headers, GIF).into_response()
}

/// What a stored posting was, for a replay from quarantine.
pub(super) fn read_again(
    app: &App,
    caller: &Caller,
    raw: &[u8],
) -> Result<Signal, Result<Problem, Refusal>> {
    match understand(app, caller, "", &Bytes::copy_from_slice(raw)) {
        Ok(decoded) => Ok(decoded.signal),
        Err(Understood::Problem(problem)) => Err(Ok(problem)),
        Err(Understood::Refused(refusal)) => Err(Err(refusal)),
    }
}

/// What a stored pixel was.
pub(super) fn read_visit(
    app: &App,
    caller: &Caller,
    raw: &[u8],
) -> Result<Signal, Result<Problem, Refusal>> {
    let query = String::from_utf8_lossy(raw);
    let posting = handshake::read(&query, b"", &app.limits);
    posting.and_then(|posting| posting.decode_visit(&of_key(app, caller))).map_err(Err)
}

//! CCAI Platform: its status events and its session metadata files.
use axum::extract::State;
use bytes::Bytes;
use http::StatusCode;
use sessionary_core::signal::Signal;
use sessionary_dialects::{
    canonical::{BodyError, ItemError},
    ccai::{decode_events, decode_metadata},
};
use sessionary_engine::{Receipt, Submission, VerdictStatus, keys::Scope, quarantine::Quarantined};

use super::{
    App,
    answers::{Answered, json as answer, with_status},
    signals::{
        context, put_aside, refuse,
        reply::{self, Shape},
    },
};
use crate::{
    auth::Caller,
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Method, Route, Routes, Takes},
};

const PROBLEMS: &[Code] = &[
    Code::Unprocessable,
    Code::SignalConflict,
    Code::TooManySignals,
    Code::DiskFull,
    Code::StoreUnavailable,
];

const EVENTS: Route = Route {
    method: Method::Post,
    path: "/ccai/events",
    tag: "write",
    summary: "Status events of CCAI Platform: one, a list, or the platform's own envelope",
    detail: "`{\"id\":12345,\"session_type\":\"Voice Inbound\",\"status\":\"queued\",\"occurred_at\":\"…\"}`, \
             with any member of a metadata file. The status is a name or a number. One result an \
             event; one that cannot be understood goes to quarantine and never fails the others.",
    access: Access::Key(Scope::DispositionsWrite),
    takes: Some(Takes {
        size: BodySize::Batch,
        media: &["application/json", "application/x-ndjson"],
        schema: "CcaiEvents",
    }),
    answers: &[answer(200, "One result an event", "SignalResults")],
    problems: PROBLEMS,
    ..Route::PLAIN
};

const METADATA: Route = Route {
    path: "/ccai/metadata",
    summary: "A session metadata file of CCAI Platform, as it is",
    detail: "It may be posted again whenever it changes: of several versions the one with the \
             latest `updated_at` holds, and nothing is counted twice. One result for each signal \
             that the file implies.",
    takes: Some(Takes {
        size: BodySize::Batch,
        media: &["application/json"],
        schema: "CcaiMetadata",
    }),
    answers: &[answer(200, "One result a signal of the file", "SignalResults")],
    ..EVENTS
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes.at(&EVENTS, events).at(&METADATA, metadata)
}

/// The names of the two under which bodies lie in quarantine.
const EVENTS_DIALECT: &str = "ccai-events";
const METADATA_DIALECT: &str = "ccai-metadata";

type Items = Vec<Result<Vec<Signal>, ItemError>>;

async fn events(State(app): State<App>, caller: Caller, payload: Payload) -> Answered {
    let items = read_events(&app, &caller, &payload.bytes);
    take_in(&app, &caller, EVENTS_DIALECT, &payload.bytes, items).await
}

async fn metadata(State(app): State<App>, caller: Caller, payload: Payload) -> Answered {
    let items = decode_metadata(&payload.bytes, &context(&app, &caller));
    take_in(&app, &caller, METADATA_DIALECT, &payload.bytes, items).await
}

fn read_events(app: &App, caller: &Caller, body: &[u8]) -> Result<Items, BodyError> {
    let events = decode_events(body, &context(app, caller))?;
    Ok(events.into_iter().map(|event| event.map(|signal| vec![signal])).collect())
}

/// Submits what was understood and puts aside what was not; the reply has a result for each.
async fn take_in(
    app: &App,
    caller: &Caller,
    dialect: &str,
    body: &Bytes,
    items: Result<Items, BodyError>,
) -> Answered {
    let items = match items {
        Ok(items) => items,
        Err(error) => return Err(unreadable(app, caller, dialect, body, &error).await),
    };
    caller.charge(items.len().max(1))?;
    if items.iter().all(Result::is_err) {
        return Err(refuse_items(app, caller, dialect, items).await);
    }
    let is_single = items.len() == 1;
    let (mut ids, mut shapes) = (String::new(), Vec::with_capacity(items.len()));
    let (mut signals, mut quarantine) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        match item {
            Ok(implied) => {
                for signal in implied {
                    ids.push_str(&signal.key);
                    shapes.push(Shape::Signal { id_ends_at: ids.len() });
                    signals.push(signal);
                }
            }
            Err(error) => {
                quarantine.push(of_item(app, caller, dialect, &error));
                shapes.push(Shape::Aside(error));
            }
        }
    }
    let tenant = caller.tenant();
    let submission = Submission { tenant, signals, received_at: None, quarantine };
    let receipt = app.engine.submit(submission).await?;
    if is_single {
        no_conflict(&receipt)?;
    }
    let quarantine = receipt.quarantine.iter().map(|id| id.text()).collect::<Vec<_>>();
    let answer = reply::text(&ids, &shapes, &receipt.verdicts, &quarantine);
    Ok(with_status(StatusCode::OK, answer.into_bytes()))
}

/// The only item of a request is refused as a whole; in a batch its result says so.
fn no_conflict(receipt: &Receipt) -> Result<(), Problem> {
    let mut verdicts = receipt.verdicts.iter();
    match verdicts.find(|verdict| verdict.status == VerdictStatus::Conflict) {
        Some(verdict) => {
            let session = verdict.session;
            let detail = format!("the session {session} has another event under this id");
            Err(Code::SignalConflict.because(detail))
        }
        None => Ok(()),
    }
}

async fn unreadable(
    app: &App,
    caller: &Caller,
    dialect: &str,
    body: &Bytes,
    error: &BodyError,
) -> Problem {
    let code = match error {
        BodyError::TooManyItems { .. } => Code::TooManySignals,
        _ => Code::UnreadableBody,
    };
    let problem = code.because(error.to_string());
    if body.is_empty() {
        return problem;
    }
    if let Err(too_much) = caller.charge(1) {
        return too_much;
    }
    let reason = (error.code(), error.to_string());
    let item = put_aside(app, caller, dialect, reason, body.to_vec());
    refuse(app, caller, vec![item], problem).await
}

async fn refuse_items(app: &App, caller: &Caller, dialect: &str, items: Items) -> Problem {
    let errors: Vec<ItemError> = items.into_iter().filter_map(Result::err).collect();
    let Some(first) = errors.first() else {
        return Code::UnreadableBody.because("the body holds nothing; send at least one object");
    };
    let mut problem = Code::Unprocessable.because(first.detail.clone());
    for (at, error) in errors.iter().enumerate() {
        let field = error.field.as_deref().unwrap_or_default();
        let pointer =
            if errors.len() == 1 { format!("/{field}") } else { format!("/{at}/{field}") };
        problem = problem.at(pointer, error.detail.clone());
    }
    let items = errors.iter().map(|error| of_item(app, caller, dialect, error)).collect();
    refuse(app, caller, items, problem).await
}

fn of_item(app: &App, caller: &Caller, dialect: &str, error: &ItemError) -> Quarantined {
    let reason = (error.code, error.detail.clone());
    let item = put_aside(app, caller, dialect, reason, error.raw.clone());
    Quarantined { field: error.field.as_deref().map(Into::into), ..item }
}

/// What a stored body was, for a replay from quarantine; `None`: it is none of these.
pub(super) fn read_again(
    app: &App,
    caller: &Caller,
    dialect: &str,
    raw: &[u8],
) -> Option<Result<Vec<Signal>, Problem>> {
    let items = match dialect {
        EVENTS_DIALECT => read_events(app, caller, raw),
        METADATA_DIALECT => decode_metadata(raw, &context(app, caller)),
        _ => return None,
    };
    let signals = items.map_err(|error| Code::Unprocessable.because(error.to_string()));
    Some(signals.and_then(|items| {
        let signals: Result<Vec<Vec<Signal>>, ItemError> = items.into_iter().collect();
        let signals = signals.map_err(|error| {
            let pointer = format!("/{}", error.field.unwrap_or_default());
            Problem::from(Code::Unprocessable).at(pointer, error.detail)
        })?;
        Ok(signals.concat())
    }))
}

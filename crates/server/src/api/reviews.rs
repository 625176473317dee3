//! `/v1/reviews`: doubtful placements, for a person to decide.
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use sessionary_core::id::SessionId;
use sessionary_engine::{
    ReviewRow,
    entry::{Entry, ReviewEntry},
    keys::Scope,
};

use super::{
    App,
    answers::{Answered, Listing, json as answer, ok},
    paging::Segment,
};
use crate::{
    auth::Caller,
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Method, Route, Routes, Takes},
};

const LIST: Route = Route {
    path: "/v1/reviews",
    tag: "read",
    summary: "Outcomes whose session is in doubt, with candidates",
    access: Access::Key(Scope::SessionsRead),
    answers: &[answer(200, "The list", "ReviewList")],
    ..Route::PLAIN
};

const DECIDE: Route = Route {
    method: Method::Post,
    path: "/v1/reviews/{session_id}",
    tag: "write",
    summary: "Decide: place the session into another, or let it stand on its own",
    access: Access::Key(Scope::DispositionsWrite),
    takes: Some(Takes { size: BodySize::Single, media: &["application/json"], schema: "Decision" }),
    answers: &[answer(200, "Decided", "Decision")],
    problems: &[Code::NotFound, Code::Unprocessable],
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes.at(&LIST, list).at(&DECIDE, decide)
}

async fn list(State(app): State<App>, caller: Caller) -> Answered {
    let reader = app.engine.reader().await?;
    let shown = |row: ReviewRow| {
        let candidates: Vec<Value> = row
            .candidates
            .iter()
            .map(|(id, score)| json!({ "session_id": id.to_string(), "score": score }))
            .collect();
        json!({
            "session_id": row.session.to_string(),
            "since": row.since.to_string(),
            "candidates": candidates,
        })
    };
    let entities: Vec<Value> = reader.reviews(caller.tenant())?.into_iter().map(shown).collect();
    Ok(ok(&Listing { entities, next_cursor: None }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    /// The session that it belongs to; null: it stands on its own.
    into: Option<String>,
}

async fn decide(
    State(app): State<App>,
    caller: Caller,
    Segment(session): Segment<String>,
    payload: Payload,
) -> Answered {
    let decision: Decision = serde_json::from_slice(&payload.bytes)
        .map_err(|error| Code::UnreadableBody.because(error.to_string()))?;
    let tenant = caller.tenant();
    let session = SessionId::parse(&session).ok_or(Code::NotFound)?;
    let reader = app.engine.reader().await?;
    if !reader.reviews(tenant)?.iter().any(|row| row.session == session) {
        return Err(Code::NotFound.because("this session is not on the review list"));
    }
    let no_such = || Problem::from(Code::Unprocessable).at("/into", "send the id of a session");
    let into = match decision.into.as_deref() {
        None => None,
        Some(text) => {
            let id = SessionId::parse(text).ok_or_else(no_such)?;
            let survivor = reader.session(tenant, id)?.ok_or_else(no_such)?.envelope.id;
            if survivor == session {
                let detail = "that is the session itself, or leads to it; send another";
                return Err(Problem::from(Code::Unprocessable).at("/into", detail));
            }
            Some(survivor)
        }
    };
    app.engine.decide(Entry::Review(ReviewEntry { tenant, session, into })).await?;
    Ok(ok(&json!({
        "session_id": session.to_string(),
        "into": into.map(|into| into.to_string()),
    })))
}

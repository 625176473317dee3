//! `GET /v1/sessions/{id}/explain`: why a session is as it is.
use axum::{extract::State, response::IntoResponse};
use http::{Uri, header::CONTENT_TYPE};
use sessionary_core::explain::explain;
use sessionary_engine::keys::Scope;

use super::{
    App,
    answers::{Answered, json as answer, ok, text},
    paging::{Query, Segment},
    sessions::find,
};
use crate::{
    auth::Caller,
    problem::Code,
    routes::{Access, Route, Routes},
};

const EXPLAIN: Route = Route {
    path: "/v1/sessions/{id}/explain",
    tag: "read",
    summary: "Why a session begins and ends here, why this source, why this disposition",
    detail: "Every answer names its rule, the setting behind it and the signals it rests on.",
    access: Access::Key(Scope::SessionsRead),
    query: &[text("format", "json (if not said) or text")],
    answers: &[answer(200, "The explanation", "Explanation")],
    problems: &[Code::NotFound],
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes.at(&EXPLAIN, get)
}

async fn get(
    State(app): State<App>,
    caller: Caller,
    Segment(id): Segment<String>,
    uri: Uri,
) -> Answered {
    let (reader, session) = find(&app, &caller, &id).await?;
    let before = reader.before(&session)?;
    let explanation = explain(&session, before.as_ref(), reader.rules(), reader.now());
    if Query::of(&uri).text("format") == Some("text") {
        let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
        return Ok((headers, explanation.to_string()).into_response());
    }
    Ok(ok(&explanation))
}

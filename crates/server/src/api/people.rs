//! `/v1/people`: the person with an identity, computed from the edges.
use axum::extract::State;
use http::Uri;
use serde_json::{Value, json};
use sessionary_dialects::identities::spellings;
use sessionary_engine::keys::Scope;

use super::{
    App,
    answers::{Answered, json as answer, ok, text},
    paging::{Query, wrong},
};
use crate::{
    auth::Caller,
    problem::Code,
    routes::{Access, Route, Routes},
};

const GET: Route = Route {
    path: "/v1/people",
    tag: "read",
    summary: "The person with an identity: what else they are known by, and their sessions",
    detail: "Computed from identities that were seen together. Two users of the sender never join \
             through a device, an e-mail or a number.",
    access: Access::Key(Scope::SessionsRead),
    query: &[text("identity", "TYPE:VALUE, such as email:penny@example.com")],
    answers: &[answer(200, "The person", "Person")],
    problems: &[Code::NotFound, Code::InvalidParameter],
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes.at(&GET, get)
}

async fn get(State(app): State<App>, caller: Caller, uri: Uri) -> Answered {
    let query = Query::of(&uri);
    let asked = query.text("identity").and_then(|asked| asked.split_once(':'));
    let Some((kind, value)) = asked else {
        return Err(wrong("identity", "send TYPE:VALUE, such as email:penny@example.com"));
    };
    let reader = app.engine.reader().await?;
    let mut person = None;
    for spelling in spellings(value, caller.key.country.as_deref()) {
        person = reader.person(caller.tenant(), kind, &spelling)?;
        if person.is_some() {
            break;
        }
    }
    let Some(person) = person else {
        return Err(Code::NotFound.because("no session shows this identity"));
    };
    let edges: Vec<Value> = person
        .edges
        .iter()
        .map(|edge| {
            json!({
                "from": edge.from,
                "to": edge.to,
                "source": edge.source,
                "session_id": edge.session.to_string(),
                "valid_from": edge.valid_from.to_string(),
            })
        })
        .collect();
    let sessions: Vec<String> = person.sessions.iter().map(ToString::to_string).collect();
    Ok(ok(&json!({
        "identities": person.identities,
        "edges": edges,
        "sessions": sessions,
        "too_wide": person.too_wide,
    })))
}

//! `/api/v2/journey/outcomes` and `/api/v2/journey/segments`: what sessions are looked through for.
use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, Uri};
use sessionary_core::goal::{DEFINITIONS_MAX, Definition, GoalKind, WrongDefinition};
use sessionary_dialects::genesys::definitions::{Selection, Wish, page, tell};
use sessionary_engine::{
    EngineError,
    catalogue::new_goal_id,
    entry::{Entry, GoalEntry},
};

use crate::{
    api::{
        App,
        answers::{Answered, created, ok},
        paging::{Segment, wrong},
    },
    auth::Caller,
    body::Payload,
    problem::{Code, Problem},
    routes::Routes,
};

mod rows;

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    use GoalKind::{Outcome, Segment as Group};
    rows::schemas(routes)
        .at(&rows::MAKE_OUTCOME, |app, caller, body| make(Outcome, app, caller, body))
        .at(&rows::MAKE_SEGMENT, |app, caller, body| make(Group, app, caller, body))
        .at(&rows::LIST_OUTCOMES, |app, caller, uri| list(Outcome, app, caller, uri))
        .at(&rows::LIST_SEGMENTS, |app, caller, uri| list(Group, app, caller, uri))
        .at(&rows::READ_OUTCOME, |app, caller, id| read(Outcome, app, caller, id))
        .at(&rows::READ_SEGMENT, |app, caller, id| read(Group, app, caller, id))
        .at(&rows::CHANGE_OUTCOME, |app, caller, id, body| change(Outcome, app, caller, id, body))
        .at(&rows::CHANGE_SEGMENT, |app, caller, id, body| change(Group, app, caller, id, body))
        .at(&rows::REMOVE_OUTCOME, |app, caller, id| remove(Outcome, app, caller, id))
        .at(&rows::REMOVE_SEGMENT, |app, caller, id| remove(Group, app, caller, id))
}

/// A change that names no version is made for the one that is there; so often it is tried.
const TRIES: usize = 4;

async fn make(kind: GoalKind, app: State<App>, caller: Caller, body: Payload) -> Answered {
    let wish = Wish::read(&body.bytes).map_err(refusal)?;
    let tenant = caller.tenant();
    if app.engine.goals(tenant).await?.is_full() {
        let detail =
            format!("there are {DEFINITIONS_MAX} outcomes and segments; remove some first");
        return Err(Code::Unprocessable.because(detail));
    }
    let made = wish.create(kind, new_goal_id(), app.engine.now()).map_err(refusal)?;
    let entry = GoalEntry { tenant, id: made.id.clone(), was: 0, definition: Some(made.clone()) };
    app.engine.decide(Entry::Goal(Box::new(entry))).await?;
    Ok(created(&tell(&made)))
}

async fn list(kind: GoalKind, app: State<App>, caller: Caller, uri: Uri) -> Answered {
    let query = url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
    let selection = Selection::read(kind, query.into_owned())
        .map_err(|(parameter, send)| wrong(parameter, send))?;
    let catalogue = app.engine.goals(caller.tenant()).await?;
    Ok(ok(&page(catalogue.iter().map(|known| &**known), &selection)))
}

async fn read(
    kind: GoalKind,
    app: State<App>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Answered {
    Ok(ok(&tell(&*known(&app, &caller, kind, &id).await?)))
}

async fn change(
    kind: GoalKind,
    app: State<App>,
    caller: Caller,
    Segment(id): Segment<String>,
    body: Payload,
) -> Answered {
    let mut tries = 0;
    loop {
        let wish = Wish::read(&body.bytes).map_err(refusal)?;
        let before = known(&app, &caller, kind, &id).await?;
        let named = wish.version;
        if named.is_some_and(|version| version != before.version) {
            return Err(EngineError::Outdated.into());
        }
        let after = wish.change(&before, app.engine.now()).map_err(refusal)?;
        tries += 1;
        match replace(&app, &caller, &before, Some(after.clone())).await {
            Err(EngineError::Outdated) if named.is_none() && tries < TRIES => {}
            Err(error) => return Err(error.into()),
            Ok(()) => return Ok(ok(&tell(&after))),
        }
    }
}

async fn remove(
    kind: GoalKind,
    app: State<App>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Response, Problem> {
    let mut tries = 0;
    loop {
        let before = known(&app, &caller, kind, &id).await?;
        tries += 1;
        match replace(&app, &caller, &before, None).await {
            Err(EngineError::Outdated) if tries < TRIES => {}
            Err(error) => return Err(error.into()),
            Ok(()) => return Ok(StatusCode::NO_CONTENT.into_response()),
        }
    }
}

async fn known(
    app: &App,
    caller: &Caller,
    kind: GoalKind,
    id: &str,
) -> Result<Arc<Definition>, Problem> {
    let catalogue = app.engine.goals(caller.tenant()).await?;
    let known = catalogue.get(id).filter(|known| known.kind == kind).cloned();
    let word = if kind == GoalKind::Outcome { "outcome" } else { "segment" };
    known.ok_or_else(|| Code::NotFound.because(format!("no {word} has this id")))
}

async fn replace(
    app: &App,
    caller: &Caller,
    before: &Definition,
    definition: Option<Definition>,
) -> Result<(), EngineError> {
    let (tenant, id, was) = (caller.tenant(), before.id.clone(), before.version);
    app.engine.decide(Entry::Goal(Box::new(GoalEntry { tenant, id, was, definition }))).await
}

fn refusal(wrong: WrongDefinition) -> Problem {
    let WrongDefinition { pointer, detail } = wrong;
    if pointer.is_empty() {
        return Code::UnreadableBody.because(detail);
    }
    Code::UnreadableBody.because(format!("{pointer}: {detail}")).at(pointer, detail)
}

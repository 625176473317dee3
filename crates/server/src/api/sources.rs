//! `/v1/sources`: how the time of a source passes, and its completeness marks.
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use sessionary_core::{
    rules::SourceClock,
    time::{Millis, parse_instant},
};
use sessionary_engine::{
    entry::{ClockEntry, Entry, MarkEntry},
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

const PUT: Route = Route {
    method: Method::Put,
    path: "/v1/sources/{source}",
    tag: "write",
    summary: "Set the clock of a source: wall, watermark or mark",
    access: Access::Key(Scope::SignalsWrite),
    takes: Some(Takes { size: BodySize::Single, media: &["application/json"], schema: "Clock" }),
    answers: &[answer(200, "The source", "Source")],
    problems: &[Code::Unprocessable, Code::DiskFull, Code::StoreUnavailable],
    ..Route::PLAIN
};

const COMPLETE: Route = Route {
    method: Method::Post,
    path: "/v1/sources/{source}/complete",
    tag: "write",
    summary: "Say that a source is complete: its sessions end, settle and become final",
    detail: "With `through` only those whose end lies so far back; without, all.",
    access: Access::Key(Scope::SignalsWrite),
    takes: Some(Takes { size: BodySize::Single, media: &["application/json"], schema: "Mark" }),
    answers: &[answer(200, "Done", "Source")],
    problems: &[Code::Unprocessable, Code::DiskFull, Code::StoreUnavailable],
    ..Route::PLAIN
};

const LIST: Route = Route {
    path: "/v1/sources",
    tag: "read",
    summary: "Sources whose clock is not the wall's",
    access: Access::Key(Scope::SessionsRead),
    answers: &[answer(200, "The sources", "SourceList")],
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes.at(&PUT, put).at(&COMPLETE, complete).at(&LIST, list)
}

/// The longest name of a source.
const NAME_MAX: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    clock: String,
    #[serde(default)]
    lateness_ms: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    #[serde(default)]
    through: Option<String>,
}

fn name(source: &str) -> Result<Box<str>, Problem> {
    let good = !source.is_empty() && source.len() <= NAME_MAX && !source.contains(char::is_control);
    let problem = || {
        let detail = format!("send 1 to {NAME_MAX} characters without control characters");
        Problem::from(Code::Unprocessable).at("source", detail)
    };
    if good { Ok(source.into()) } else { Err(problem()) }
}

fn body<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Code::UnreadableBody.because(error.to_string()))
}

/// Publishable keys are in every page: they may not decide when a source is complete.
fn demand_secret(caller: &Caller) -> Result<(), Problem> {
    if caller.key.kind == sessionary_engine::keys::KeyKind::Secret {
        return Ok(());
    }
    Err(Code::ScopeMissing.because("clocks and marks take a secret key"))
}

async fn put(
    State(app): State<App>,
    caller: Caller,
    Segment(source): Segment<String>,
    payload: Payload,
) -> Answered {
    demand_secret(&caller)?;
    let source = name(&source)?;
    let Clock { clock, lateness_ms } = body(&payload.bytes)?;
    let lateness = lateness_ms.map_or(SourceClock::DEFAULT_LATENESS, |ms| Millis(ms.into()));
    let clock = match &*clock {
        "wall" => SourceClock::Wall,
        "mark" => SourceClock::Mark,
        "watermark" => SourceClock::Watermark { lateness_ms: lateness },
        _ => {
            let problem = Problem::from(Code::Unprocessable);
            return Err(problem.at("/clock", "send wall, watermark or mark"));
        }
    };
    let entry = ClockEntry { tenant: caller.tenant(), source: source.clone(), clock };
    app.engine.decide(Entry::Clock(entry)).await?;
    Ok(ok(&shown(&source, clock)))
}

async fn complete(
    State(app): State<App>,
    caller: Caller,
    Segment(source): Segment<String>,
    payload: Payload,
) -> Answered {
    demand_secret(&caller)?;
    let source = name(&source)?;
    let Mark { through } =
        if payload.bytes.is_empty() { Mark::default() } else { body(&payload.bytes)? };
    let through = through
        .map(|text| parse_instant(&text))
        .transpose()
        .map_err(|error| Problem::from(Code::Unprocessable).at("/through", error.to_string()))?
        .map(|instant| instant.at);
    let entry = MarkEntry { tenant: caller.tenant(), source: source.clone(), through };
    app.engine.decide(Entry::Mark(entry)).await?;
    Ok(ok(&json!({
        "source": source,
        "through": through.map(|at| at.to_string()),
    })))
}

async fn list(State(app): State<App>, caller: Caller) -> Answered {
    let reader = app.engine.reader().await?;
    let entities: Vec<Value> = reader
        .sources(caller.tenant())?
        .into_iter()
        .map(|(source, clock)| shown(&source, clock))
        .collect();
    Ok(ok(&Listing { entities, next_cursor: None }))
}

fn shown(source: &str, clock: SourceClock) -> Value {
    let mut shown = json!(clock);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("source".to_owned(), json!(source));
    }
    shown
}

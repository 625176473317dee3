//! `/v1/reports`: the named reports, as JSON or CSV.
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, Uri,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
};
use serde_json::{Value, json};
use sessionary_engine::{EngineError, keys::Scope, reports as engine_reports};
use sessionary_lake::{
    LakeError,
    reports::{Asked, Kind, Report},
};

use super::{
    App,
    answers::{Answered, json as answer, ok, text},
    paging::{Query, Segment, wrong},
};
use crate::{
    auth::Caller,
    problem::{Code, Problem},
    routes::{Access, Answer, Parameter, Route, Routes},
};

const LIST: Route = Route {
    path: "/v1/reports",
    tag: "read",
    summary: "The reports there are, with their parameters",
    access: Access::Key(Scope::SessionsRead),
    answers: &[answer(200, "The reports", "ReportList")],
    ..Route::PLAIN
};

const GET: Route = Route {
    path: "/v1/reports/{name}",
    tag: "read",
    summary: "A report over the sessions that are final",
    detail: "Each report takes some of these parameters, as `GET /v1/reports` lists them; another is \
             refused by name. `frame` says what was looked at, what was left out, and why an answer \
             is empty. Amounts of two currencies are never added. The words are explained in \
             docs/reports.md.",
    access: Access::Key(Scope::SessionsRead),
    query: &PARAMETERS,
    answers: &[
        answer(200, "The report", "Report"),
        Answer { status: 200, summary: "Its rows", media: "text/csv", schema: "" },
    ],
    problems: &[
        Code::NotFound,
        Code::InvalidParameter,
        Code::NotAcceptable,
        Code::StoreUnavailable,
    ],
    ..Route::PLAIN
};

/// Every parameter of any report, in the order of the documentation.
const PARAMETERS: [Parameter; 32] = [
    text("from", "Sessions that began at or after: a day such as 2026-01-05, or a time"),
    text("to", "Sessions that began before"),
    text("zone", "IANA name of the time zone of days and hours; UTC if not said"),
    text("bots", "`leave_out` (if not said) or `include`"),
    text("by", "What rows are told apart by"),
    text("format", "json (if not said) or csv; goes before the Accept header"),
    text("threshold", "performance: wait within which an answer meets the service level; 20s"),
    text("model", "attribution: models, with commas between, or all; last_non_direct"),
    text("lookback", "attribution: how long before a conversion an arrival counts; 30d"),
    text("half_life", "attribution: of the model time_decay; 7d"),
    text("steps", "funnel: steps, with commas between"),
    text("window", "funnel: from the first step to the last at most; 7d"),
    text("order", "funnel: gaps or adjacent"),
    text("per", "funnel: person or session"),
    text("length", "paths: arrivals of a path, 1 to 8; 3"),
    text("most", "paths: paths of each kind, 1 to 1000; 20"),
    text("node", "paths: what people come to this one from, and go on to"),
    text("campaign", "Only sessions of this campaign"),
    text("source", "Only sessions of this source"),
    text("medium", "Only sessions of this medium"),
    text("channel", "Only sessions of this channel"),
    text("type", "Only sessions of this type"),
    text("queue", "Only sessions of this queue"),
    text("agent", "Only sessions of this agent"),
    text("variant", "Only sessions of this variant"),
    text("country", "Only sessions of this country"),
    text("device", "Only sessions of this kind of device"),
    text("integration", "Only sessions that came by this integration"),
    text("derived", "Only sessions whose outcome was `derived`, or `posted`"),
    text("author", "Only sessions whose outcome this author says"),
    text("class", "Only sessions of this class of outcome"),
    text("limit", "Rows at most, 1 to 1000000; totals are of all"),
];

/// Rows of an answer that a client can ask for.
const LIMIT_MAX: usize = 1_000_000;

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes.at(&LIST, list).at(&GET, get)
}

async fn list(_caller: Caller) -> Answered {
    let words = |kind: Kind| -> Vec<&str> {
        kind.breakdowns().into_iter().map(sessionary_lake::reports::Breakdown::word).collect()
    };
    let parameters = |kind: Kind| -> Value {
        let all = kind.parameters().into_iter();
        all.map(|one| json!({ "name": one.name, "about": one.about })).collect()
    };
    let entities = Kind::all().map(|kind| {
        json!({
            "name": kind.word(),
            "about": kind.about(),
            "by": words(kind),
            "parameters": parameters(kind),
        })
    });
    Ok(ok(&json!({ "entities": entities.collect::<Value>(), "next_cursor": null })))
}

async fn get(
    State(app): State<App>,
    caller: Caller,
    Segment(name): Segment<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answered {
    let kind = Kind::from_word(&name).ok_or_else(|| no_such_report(&name))?;
    let mut given = Query::of(&uri).into_pairs();
    let form = Form::of(given.remove("format").as_deref(), &headers)?;
    let limit = limit(given.remove("limit").as_deref())?;
    let asked = read(kind, &given)?;
    let mut report = answered(&app, &caller, asked).await?;
    let rows = report.rows.len();
    if rows > limit {
        report.rows.truncate(limit);
        report.frame.notes.push(format!("The first {limit} of {rows} rows are here."));
    }
    match form {
        Form::Json => Ok(ok(&report.to_json())),
        Form::Csv => csv(&report),
    }
}

fn no_such_report(name: &str) -> Problem {
    let name: String = name.chars().take(64).collect();
    let all: Vec<&str> = Kind::all().map(Kind::word).collect();
    Code::NotFound.because(format!("there is no report {name:?}; there are: {}", all.join(", ")))
}

fn limit(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(LIMIT_MAX) };
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| wrong("limit", format!("send a number from 1 to {LIMIT_MAX}")))
}

fn read(kind: Kind, given: &BTreeMap<String, String>) -> Result<Asked, Problem> {
    Asked::parse(kind, given).map_err(|refusal| wrong(&refusal.parameter, refusal.detail))
}

/// Ends the work when nobody waits for it: the handler is dropped when its client goes.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Works on a thread of its own, a few at a time.
async fn answered(app: &App, caller: &Caller, asked: Asked) -> Result<Report, Problem> {
    let seat = app.reports.clone().acquire_owned().await;
    let seat = seat.map_err(|_| Problem::from(Code::NotReady))?;
    let stop = Stop(Arc::new(AtomicBool::new(false)));
    let tenants = app.registry.tenants();
    let tenant = tenants.into_iter().find(|tenant| tenant.number == caller.tenant());
    let tenant = tenant.ok_or(Code::NotFound)?;
    let lake = app.queries.as_ref().map(|queries| Arc::clone(&queries.lake));
    let (engine, flag) = (app.engine.clone(), stop.0.clone());
    let work = tokio::task::spawn_blocking(move || {
        let report = engine_reports::report(&engine, lake.as_deref(), &tenant, &asked, &flag);
        drop(seat);
        report
    });
    let report = work.await.map_err(|_| Problem::from(Code::Internal))?;
    report.map_err(refused)
}

fn refused(error: LakeError) -> Problem {
    match error {
        LakeError::Source(source) => match source.downcast::<EngineError>() {
            Ok(error) => Problem::from(*error),
            Err(error) => {
                tracing::error!(%error, "a report met damage");
                Code::Internal.into()
            }
        },
        error => {
            tracing::error!(%error, "a report failed");
            Code::Internal.into()
        }
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

impl Form {
    fn of(asked: Option<&str>, headers: &HeaderMap) -> Result<Form, Problem> {
        match asked.filter(|word| !word.is_empty()) {
            Some("json") => return Ok(Form::Json),
            Some("csv") => return Ok(Form::Csv),
            Some(_) => {
                return Err(Code::NotAcceptable.because("reports are written as json or csv"));
            }
            None => {}
        }
        let accepted = headers.get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
        // The first that we can write; a browser or a client that takes anything gets JSON.
        let kinds = accepted.unwrap_or_default().split(',');
        let kinds = kinds.filter_map(|kind| match kind.split(';').next().map(str::trim) {
            Some("text/csv") => Some(Form::Csv),
            Some("application/json" | "*/*" | "application/*") => Some(Form::Json),
            _ => None,
        });
        Ok(kinds.into_iter().next().unwrap_or(Form::Json))
    }
}

fn csv(report: &Report) -> Answered {
    let text = report.to_csv().map_err(refused)?;
    let headers = [(CONTENT_TYPE, "text/csv; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    let response: Response = (headers, text).into_response();
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_knows_every_parameter() {
        let documented: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
        let all = Kind::all().flat_map(Kind::parameters).map(|parameter| parameter.name);
        let mut all: Vec<&str> = all.chain(["format", "limit"]).collect();
        all.sort_unstable();
        all.dedup();
        for name in &all {
            assert!(documented.contains(name), "{name} is not documented");
        }
        assert_eq!(documented.len(), all.len(), "{documented:?} against {all:?}");
    }

    #[test]
    fn the_first_form_that_can_be_written_is_written() {
        let form = |asked, accepted: &'static str| {
            let headers = [(ACCEPT, http::HeaderValue::from_static(accepted))];
            Form::of(asked, &headers.into_iter().collect()).ok()
        };
        assert_eq!(form(None, "text/html, text/csv;q=0.9"), Some(Form::Csv));
        assert_eq!(form(None, "*/*"), Some(Form::Json));
        assert_eq!(form(Some("csv"), "application/json"), Some(Form::Csv));
        assert_eq!(form(Some("xml"), "*/*"), None);
    }
}

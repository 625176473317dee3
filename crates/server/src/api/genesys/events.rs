//! What pages and apps send: events, steps of actions, pings. The deployment id, a publishable key,
//! is the credential; a token that a client sends along is not looked at.
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use sessionary_core::signal::Signal;
use sessionary_dialects::{
    View,
    genesys::{
        EventContext, Ping, Refusal, app_reply, decode_action, decode_app, decode_web, ping,
        web_reply,
    },
};
use sessionary_engine::{SessionView, keys::Scope};

use super::{App, dialect, errors::error_body, event_context, problem_of, refused};
use crate::{
    api::{
        answers::{Answered, integer, json as answer, ok, text},
        paging::{Query, Segment},
        single::{self, take_in_and_see},
    },
    auth::Caller,
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Answer, Method, Route, Routes, Takes},
};

const ACCESS: Access = Access::KeyInPathAlone("deploymentId", Scope::SignalsWrite);
const TAKES: Takes =
    Takes { size: BodySize::Single, media: &["application/json"], schema: "GenesysEvent" };
const PROBLEMS: &[Code] = &[Code::SignalConflict, Code::DiskFull, Code::StoreUnavailable];

const WEB: Route = Route {
    method: Method::Post,
    path: "/api/v2/journey/deployments/{deploymentId}/webevents",
    tag: "genesys",
    summary: "Take in a web event of Genesys Cloud Journey",
    detail: "The answer names the session that the event fell into. A 200 means that it is on disk.",
    access: ACCESS,
    takes: Some(TAKES),
    answers: &[answer(200, "The event and its session", "GenesysEvent")],
    problems: PROBLEMS,
    refuses_as: Some(error_body),
    ..Route::PLAIN
};
const APP: Route = Route {
    path: "/api/v2/journey/deployments/{deploymentId}/appevents",
    summary: "Take in an app event of Genesys Cloud Journey",
    ..WEB
};
const ACTION: Route = Route {
    path: "/api/v2/journey/deployments/{deploymentId}/actionevent",
    summary: "Take in a step of a web action of Genesys Cloud Journey",
    detail: "",
    answers: &[Answer { status: 202, summary: "Taken in", media: "", schema: "" }],
    ..WEB
};
const PING: Route = Route {
    path: "/api/v2/journey/deployments/{deploymentId}/customers/{customerCookieId}/ping",
    tag: "genesys",
    summary: "A page or app of Genesys Cloud Journey is still open",
    access: ACCESS,
    query: &[
        text("dl", "Address of the page"),
        text("dt", "Title of the page"),
        text("appNamespace", "Name space of an app"),
        text("sessionId", "The session that the client believes it is in"),
        integer("sinceLastBeaconMilliseconds", "Time since the ping before"),
    ],
    answers: &[answer(200, "Actions to offer: none; and when to ping again", "GenesysPing")],
    problems: PROBLEMS,
    refuses_as: Some(error_body),
    ..Route::PLAIN
};

/// How long a client waits between pings, ms.
const POLL_INTERVAL_MS: u32 = 60_000;

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes
        .schema(
            "GenesysEvent",
            json!({
                "type": "object",
                "required": ["eventName", "customerCookieId"],
                "properties": {
                    "eventName": {"type": "string"},
                    "customerCookieId": {"type": "string"},
                    "createdDate": {"type": "string", "format": "date-time"},
                },
            }),
        )
        .schema(
            "GenesysPing",
            json!({
                "type": "object",
                "properties": {
                    "actions": {"type": "array", "items": {"type": "object"}},
                    "pollIntervalMilliseconds": {"type": "integer"},
                },
            }),
        )
        .at(&WEB, web)
        .at(&APP, app_event)
        .at(&ACTION, action)
        .at(&PING, pinged)
}

/// What makes a signal of a body.
type Decode = fn(&[u8], &EventContext<'_>) -> Result<Signal, Refusal>;

async fn web(State(app): State<App>, caller: Caller, payload: Payload) -> Answered {
    let (signal, view) = take_in(&app, &caller, dialect::WEB, decode_web, &payload).await?;
    Ok(ok(&told(&signal, &view, web_reply)))
}

async fn app_event(State(app): State<App>, caller: Caller, payload: Payload) -> Answered {
    let (signal, view) = take_in(&app, &caller, dialect::APP, decode_app, &payload).await?;
    Ok(ok(&told(&signal, &view, app_reply)))
}

async fn action(State(app): State<App>, caller: Caller, payload: Payload) -> Answered {
    take_in(&app, &caller, dialect::ACTION, decode_action, &payload).await?;
    Ok(accepted())
}

fn accepted() -> Response {
    StatusCode::ACCEPTED.into_response()
}

fn told(signal: &Signal, view: &SessionView, reply: fn(&Signal, &View<'_>) -> Value) -> Value {
    let SessionView { session, rules, now } = view;
    // The counts that the session carries will do; its signals are not read for an answer.
    reply(signal, &View { session, rules, now: *now, signals: &[] })
}

/// Decodes a body and takes it in; one that cannot be understood is put aside.
async fn take_in(
    app: &App,
    caller: &Caller,
    dialect: &str,
    decode: Decode,
    payload: &Payload,
) -> Result<(Signal, SessionView), Problem> {
    caller.charge(1)?;
    match decode(&payload.bytes, &event_context(app, caller)) {
        Ok(signal) => {
            let view = take_in_and_see(app, caller, signal.clone()).await?;
            Ok((signal, view))
        }
        Err(refusal) => Err(refused(app, caller, dialect, &payload.bytes, &refusal).await),
    }
}

async fn pinged(
    State(app): State<App>,
    caller: Caller,
    Segment((_deployment, cookie)): Segment<(String, String)>,
    uri: Uri,
) -> Answered {
    caller.charge(1)?;
    let query = Query::of(&uri);
    let since = query.parsed(
        "sinceLastBeaconMilliseconds",
        |text| text.parse().ok(),
        "a number of milliseconds",
    )?;
    let said = Ping {
        cookie: &cookie,
        url: query.text("dl"),
        title: query.text("dt"),
        session: query.text("sessionId"),
        since_last_ms: since,
        app: query.text("appNamespace"),
    };
    let signal = ping(&said, &event_context(&app, &caller), app.engine.number());
    let signal = signal.map_err(|refusal| problem_of(&refusal))?;
    single::take_in(&app, &caller, signal).await?;
    Ok(ok(&json!({"actions": [], "pollIntervalMilliseconds": POLL_INTERVAL_MS})))
}

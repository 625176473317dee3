//! `POST /genesys/sessions`: whole sessions of the vendor's, taken into the system of record. The
//! vendor has no such route.
use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use sessionary_core::signal::Signal;
use sessionary_dialects::genesys::{Refusal, decode_sessions, session_uri};
use sessionary_engine::{Receipt, Submission, VerdictStatus, keys::Scope};

use super::{App, aside, dialect, errors::error_body, problem_of, refused};
use crate::{
    api::{
        answers::{Answered, json as answer, with_status},
        signals::{context, refuse},
    },
    auth::Caller,
    body::{BodySize, Payload},
    problem::Code,
    routes::{Access, Method, Route, Routes, Takes},
};

const POST: Route = Route {
    method: Method::Post,
    path: "/genesys/sessions",
    tag: "genesys",
    summary: "Take in sessions as Genesys Cloud Journey tells them: one, a list, or one a line",
    detail: "One result a session, in their order. A session that comes again as it was has no \
             effect; a later state of it adds to the earlier. One that cannot be understood goes to \
             quarantine and never fails the others.",
    access: Access::Key(Scope::DispositionsWrite),
    takes: Some(Takes {
        size: BodySize::Batch,
        media: &["application/json", "application/x-ndjson"],
        schema: "GenesysSession",
    }),
    answers: &[answer(200, "One result a session", "GenesysImported")],
    problems: &[Code::TooManySignals, Code::DiskFull, Code::StoreUnavailable],
    refuses_as: Some(error_body),
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes
        .schema(
            "GenesysImported",
            json!({"type": "object", "required": ["entities"], "properties": {
                "entities": {"type": "array", "items": {
                    "type": "object",
                    "required": ["status"],
                    "properties": {
                        "status": {"enum": ["accepted", "duplicate", "quarantined"]},
                        "externalId": {"type": "string"},
                        "id": {"type": "string"},
                        "selfUri": {"type": "string"},
                        "message": {"type": "string"},
                        "quarantineId": {"type": "string"},
                    },
                }},
            }}),
        )
        .at(&POST, post)
}

async fn post(State(app): State<App>, caller: Caller, payload: Payload) -> Answered {
    let context = context(&app, &caller);
    let sessions = match decode_sessions(&payload.bytes, &context) {
        Ok(sessions) => sessions,
        Err(why) => {
            caller.charge(1)?;
            return Err(refused(&app, &caller, dialect::SESSION, &payload.bytes, &why).await);
        }
    };
    if sessions.is_empty() {
        let detail = "the body holds no session; send at least one object";
        return Err(Code::UnreadableBody.because(detail));
    }
    caller.charge(sessions.len())?;
    let bad = || sessions.iter().filter_map(|(raw, session)| Some((*raw, session.as_ref().err()?)));
    let quarantine: Vec<_> = bad()
        .map(|(raw, why)| aside(&app, &caller, dialect::SESSION, raw.as_bytes(), why))
        .collect();
    if let Some((_, why)) = bad().next().filter(|_| quarantine.len() == sessions.len()) {
        return Err(refuse(&app, &caller, quarantine, problem_of(why)).await);
    }
    let good = sessions.iter().filter_map(|(_, session)| session.as_ref().ok());
    let signals: Vec<Signal> = good.flatten().cloned().collect();
    let submission = Submission { tenant: caller.tenant(), signals, received_at: None, quarantine };
    let receipt = app.engine.submit(submission).await?;
    let results = results(sessions.iter().map(|(_, session)| session.as_ref()), &receipt);
    Ok(with_status(StatusCode::OK, json!({ "entities": results }).to_string().into_bytes()))
}

/// One result a session: the verdicts are in pairs, in the order of the good ones.
fn results<'a>(
    sessions: impl Iterator<Item = Result<&'a [Signal; 2], &'a Refusal>>,
    receipt: &Receipt,
) -> Vec<Value> {
    let (mut verdicts, mut aside) = (receipt.verdicts.chunks(2), receipt.quarantine.iter());
    let result = |session: Result<&[Signal; 2], &Refusal>| match session {
        Ok([start, _]) => {
            let pair = verdicts.next().unwrap_or_default();
            let known = |status| pair.iter().all(|verdict| verdict.status == status);
            let id = pair.last().map(|verdict| verdict.session.to_string()).unwrap_or_default();
            json!({
                "status": if known(VerdictStatus::Duplicate) { "duplicate" } else { "accepted" },
                "externalId": start.session,
                "selfUri": session_uri(&id),
                "id": id,
            })
        }
        Err(refusal) => json!({
            "status": "quarantined",
            "message": refusal.to_string(),
            "quarantineId": aside.next().map(|id| id.text()),
        }),
    };
    sessions.map(result).collect()
}

//! Genesys Cloud Journey: the routes that its SDKs call, under the paths that they know.
use sessionary_core::signal::Signal;
use sessionary_dialects::genesys::{
    EventContext, Refusal, decode_action, decode_app, decode_sessions, decode_web,
};
use sessionary_engine::quarantine::Quarantined;

use super::{
    App,
    signals::{context, put_aside, refuse},
};
use crate::{
    auth::Caller,
    problem::{Code, Problem},
    routes::Routes,
};

mod definitions;
mod errors;
mod events;
mod import;
mod oauth;
mod sessions;

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    let routes = oauth::add(routes);
    let routes = events::add(routes);
    let routes = sessions::add(routes);
    let routes = import::add(routes);
    definitions::add(routes)
}

/// The words under which refused bodies of each route are put aside.
mod dialect {
    pub(super) const WEB: &str = "genesys.web";
    pub(super) const APP: &str = "genesys.app";
    pub(super) const ACTION: &str = "genesys.action";
    pub(super) const SESSION: &str = "genesys.session";
}

/// What the settings of a deployment's key mean to the decoder.
fn event_context<'a>(app: &App, caller: &'a Caller) -> EventContext<'a> {
    EventContext {
        key: context(app, caller),
        deployment: caller.key.number,
        received_at: app.engine.now(),
    }
}

/// Puts a body aside and gives the refusal; a body of nothing is not kept.
async fn refused(
    app: &App,
    caller: &Caller,
    dialect: &str,
    raw: &[u8],
    refusal: &Refusal,
) -> Problem {
    let problem = problem_of(refusal);
    if raw.is_empty() {
        return problem;
    }
    refuse(app, caller, vec![aside(app, caller, dialect, raw, refusal)], problem).await
}

fn aside(app: &App, caller: &Caller, dialect: &str, raw: &[u8], refusal: &Refusal) -> Quarantined {
    let reason = (refusal.code(), refusal.to_string());
    let item = put_aside(app, caller, dialect, reason, raw.to_vec());
    Quarantined { field: refusal.field().map(Into::into), ..item }
}

fn problem_of(refusal: &Refusal) -> Problem {
    let code = match refusal {
        Refusal::TooMany { .. } => Code::TooManySignals,
        _ => Code::UnreadableBody,
    };
    let problem = code.because(refusal.to_string());
    match refusal.field() {
        Some(field) => problem.at(format!("/{field}"), refusal.to_string()),
        None => problem,
    }
}

/// The signals of a body that was put aside, for a replay; `None`: another dialect's.
pub(super) fn read_again(
    app: &App,
    caller: &Caller,
    item: &Quarantined,
    raw: &[u8],
) -> Option<Result<Vec<Signal>, Problem>> {
    // It came by the deployment of its own key, at its own time.
    let context = EventContext {
        deployment: item.key_number,
        received_at: item.received_at,
        ..event_context(app, caller)
    };
    let one = |signal: Result<Signal, Refusal>| signal.map(|signal| vec![signal]);
    let signals = match &*item.dialect {
        dialect::WEB => one(decode_web(raw, &context)),
        dialect::APP => one(decode_app(raw, &context)),
        dialect::ACTION => one(decode_action(raw, &context)),
        dialect::SESSION => decode_sessions(raw, &context.key).and_then(|sessions| {
            let all: Result<Vec<[Signal; 2]>, Refusal> =
                sessions.into_iter().map(|(_, session)| session).collect();
            all.map(|all| all.into_iter().flatten().collect())
        }),
        _ => return None,
    };
    Some(signals.map_err(|refusal| Code::Unprocessable.because(refusal.to_string())))
}

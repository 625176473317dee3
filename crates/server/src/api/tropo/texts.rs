//! `POST /v1/tropo/texts`: text sessions played here, for applications that have outlived their
//! platform.
//!
//! A text goes to the application that `tropo.relay_url` names as the platform would have posted it;
//! its documents are run up to the next question, and the next text answers that. Everything is
//! stored as signals of one session, and so is the state of the dialogue, as a note, so that it goes
//! on after a restart.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sessionary_core::{id::SessionId, signal::TenantId, time::UnixMillis};
use sessionary_dialects::{
    identities::is_id,
    tropo::{Beginning, Dialogue},
};
use sessionary_engine::{SessionFilter, keys::Scope};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use super::Tropo;
use crate::{
    api::{
        App,
        answers::{Answered, json as answer},
    },
    auth::Caller,
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Method, Route, Routes, Takes},
};

mod playing;
use playing::Playing;

const POST: Route = Route {
    method: Method::Post,
    path: "/v1/tropo/texts",
    tag: "write",
    summary: "A text to the application behind `tropo.relay_url`, played as a Tropo session",
    detail: "Without `session_id` a session begins, and its text answers the application's first \
             question. With it, the text answers the question that is open; no text is silence. The \
             answer has what was said since, and what is asked now.",
    access: Access::Key(Scope::SessionsRead),
    takes: Some(Takes {
        size: BodySize::Single,
        media: &["application/json"],
        schema: "TropoText",
    }),
    answers: &[answer(200, "What was said, and what is asked", "TropoTalk")],
    problems: &[Code::Unprocessable, Code::DiskFull, Code::StoreUnavailable],
    ..Route::PLAIN
};

/// Sessions that are in memory; any other is read from its last note.
const TALKS_MAX: usize = 4_096;
/// The attribute that holds the state of a dialogue.
const STATE: &str = "tropo.dialogue";

pub(super) fn add(routes: Routes<App>, tropo: &Arc<Tropo>) -> Routes<App> {
    let tropo = Arc::clone(tropo);
    let handler = move |State(app): State<App>, caller: Caller, payload: Payload| {
        let tropo = Arc::clone(&tropo);
        async move { post(tropo, app, caller, payload).await }
    };
    let text = || json!({ "type": ["string", "null"] });
    routes
        .schema(
            "TropoText",
            json!({ "type": "object", "properties": {
                "from": text(), "to": text(), "text": text(), "network": text(), "session_id": text(),
            }}),
        )
        .schema(
            "TropoTalk",
            json!({ "type": "object",
                "required": ["session_id", "session", "transcript", "asks", "goes_on", "over"],
                "properties": {
                    "session_id": { "type": "string" },
                    "session": { "type": "string" },
                    "transcript": { "type": "array", "items": { "type": "object" } },
                    "asks": { "type": ["object", "null"] },
                    "goes_on": { "type": "boolean" },
                    "over": text(),
                },
            }),
        )
        .at(&POST, handler)
}

/// The sessions that are in memory.
#[derive(Default)]
pub(super) struct Texts(Mutex<HashMap<(TenantId, Box<str>), InTurn>>);

/// A session that one request at a time has.
type InTurn = Arc<Turn<Option<Talk>>>;

/// A session on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Talk {
    dialogue: Dialogue,
    /// The URL of the application's last document.
    there: String,
    /// The moment of the last signal; each has one of its own, so that their order is plain.
    last: UnixMillis,
    /// Signals so far.
    count: u64,
    /// Why it is over.
    over: Option<String>,
}

impl Texts {
    async fn turn(&self, tenant: TenantId, session: &str) -> OwnedMutexGuard<Option<Talk>> {
        let talk = {
            let mut talks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if talks.len() >= TALKS_MAX {
                talks.retain(|_, talk| Arc::strong_count(talk) > 1);
            }
            Arc::clone(talks.entry((tenant, session.into())).or_default())
        };
        talk.lock_owned().await
    }
}

/// What a request says.
#[derive(Debug, Deserialize)]
struct Wish {
    from: Option<String>,
    to: Option<String>,
    text: Option<String>,
    network: Option<String>,
    session_id: Option<String>,
}

async fn post(tropo: Arc<Tropo>, app: App, caller: Caller, payload: Payload) -> Answered {
    caller.demand(Scope::SignalsWrite)?;
    caller.charge(1)?;
    let unreadable = |error| Code::UnreadableBody.because(format!("the body is no text: {error}"));
    let wish: Wish = serde_json::from_slice(&payload.bytes).map_err(unreadable)?;
    if tropo.relay.is_none() {
        let detail = "there is no application; the operator names one in `tropo.relay_url`";
        return Err(Code::Unprocessable.because(detail));
    }
    let longest = app.limits.text;
    if wish.text.as_ref().is_some_and(|text| text.len() > longest) {
        let detail = format!("has more than {longest} bytes; shorten it");
        return Err(Problem::from(Code::Unprocessable).at("/text", detail));
    }
    // It goes on to its end, even if the caller hangs up.
    let played = tokio::spawn(play(tropo, app, caller, wish)).await;
    played.unwrap_or_else(|_| Err(Code::Internal.into()))
}

async fn play(tropo: Arc<Tropo>, app: App, caller: Caller, wish: Wish) -> Answered {
    let Some(relay) = &tropo.relay else { return Err(Code::Internal.into()) };
    let named = wish.session_id.as_deref().filter(|id| !id.is_empty());
    if named.is_some_and(|id| !is_id(id) || id.len() > 128) {
        let detail = "send 1 to 128 visible characters, or none to begin a session";
        return Err(Problem::from(Code::Unprocessable).at("/session_id", detail));
    }
    let id = named.map_or_else(|| new_id(&app, &caller), str::to_owned);
    let mut talk = tropo.texts.turn(caller.tenant(), &id).await;
    if talk.is_none() && named.is_some() {
        *talk = read_back(&app, &caller, &id).await?;
    }
    let played = match talk.take() {
        Some(Talk { over: Some(over), .. }) => {
            let detail = format!("the session is over ({over}); begin another");
            return Err(Problem::from(Code::Unprocessable).at("/session_id", detail));
        }
        Some(known) => {
            let text = wish.text.filter(|text| !text.is_empty());
            Playing::go_on(&app, &caller, relay, known, text.as_deref())
        }
        None => {
            Playing::begin(&app, &caller, relay, beginning(wish, id, app.engine.now())?).await?
        }
    };
    let (response, after) = played.through().await?;
    *talk = Some(after);
    Ok(response)
}

/// 32 hexadecimal digits, as the platform's ids; nobody can guess them.
fn new_id(app: &App, caller: &Caller) -> String {
    let number = app.engine.number().to_be_bytes();
    SessionId(app.engine.secret().hash(caller.tenant(), "tropo text", &[&number])).to_hex()
}

/// A dialogue as its last note has it.
async fn read_back(app: &App, caller: &Caller, id: &str) -> Result<Option<Talk>, Problem> {
    let filter = SessionFilter { external_id: Some(id.to_owned()), ..SessionFilter::default() };
    let reader = app.engine.reader().await?;
    let found = reader.sessions(caller.tenant(), &filter, 1, None)?.entities;
    let Some(session) = found.first() else { return Ok(None) };
    let signals = reader.signals_of(session)?;
    let states = signals.iter().filter_map(|(member, arrival)| {
        Some((member.position, arrival.signal.attributes.get(STATE)?))
    });
    let last = states.max_by_key(|(position, _)| *position);
    let talk = last.and_then(|(_, state)| serde_json::from_str::<Talk>(state.text()).ok());
    let over = session.content.end_mark.is_some().then(|| "ended".to_owned());
    let Some(talk) = talk else {
        let detail = "this session was not begun here, or cannot go on; begin another";
        return Err(Problem::from(Code::Unprocessable).at("/session_id", detail));
    };
    Ok(Some(Talk { over, ..talk }))
}

fn beginning(wish: Wish, session: String, at: UnixMillis) -> Result<Beginning, Problem> {
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let required = |name: &str, text: Option<String>| {
        let detail = "required to begin a session; send a number or an address";
        let problem = || Problem::from(Code::Unprocessable).at(format!("/{name}"), detail);
        given(text).ok_or_else(problem)
    };
    Ok(Beginning {
        session,
        from: required("from", wish.from)?,
        to: required("to", wish.to)?,
        network: given(wish.network).unwrap_or_else(|| "SMS".to_owned()),
        text: wish.text.unwrap_or_default(),
        at,
    })
}

//! `/v1/parcels`: what is due, was sent or was given up, and delivering it again.
use axum::{extract::State, response::IntoResponse};
use http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sessionary_core::{
    id::SessionId,
    parcel::{DestinationId, Parcel, ParcelName, ParcelStatus, Trigger},
    time::{UnixMillis, parse_instant},
};
use sessionary_engine::{Named, ParcelFilter, Redelivery, keys::Scope};

use super::{
    App,
    answers::{Answered, Listing, integer, json as answer, ok, text, with_status},
    destinations,
    paging::{Query, Segment},
};
use crate::{
    auth::Caller,
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Method, Route, Routes, Takes},
};

const LIST: Route = Route {
    path: "/v1/parcels",
    tag: "run",
    summary: "Parcels, due ones in the order in which they are due and the others latest first",
    access: Access::Key(Scope::SessionsRead),
    query: &[
        text("status", "due, sent or parked"),
        text("destination", "Those for this destination, by id or name"),
        text("session_id", "Those of this session"),
        integer("limit", "Entities of a page, 1 to 1000; 100 if not said"),
        text("cursor", "`next_cursor` of the page before; empty: the beginning"),
    ],
    answers: &[answer(200, "A page", "ParcelPage")],
    problems: &[Code::InvalidParameter],
    ..Route::PLAIN
};
const GET: Route = Route {
    path: "/v1/parcels/{id}",
    tag: "run",
    summary: "One parcel",
    access: Access::Key(Scope::SessionsRead),
    answers: &[answer(200, "The parcel", "Parcel")],
    problems: &[Code::NotFound],
    ..Route::PLAIN
};
const BODY: Route = Route {
    path: "/v1/parcels/{id}/body",
    tag: "run",
    summary: "The record as it was sent, in the format and with what was withheld then",
    access: Access::Key(Scope::SessionsRead),
    answers: &[answer(200, "The record", "Session")],
    problems: &[Code::NotFound],
    ..Route::PLAIN
};
const OF_SESSION: Route = Route {
    path: "/v1/sessions/{id}/parcels",
    tag: "read",
    summary: "Where a session was delivered, and what came of it",
    access: Access::Key(Scope::SessionsRead),
    answers: &[answer(200, "The parcels", "ParcelPage")],
    problems: &[Code::NotFound],
    ..Route::PLAIN
};
const REDELIVER: Route = Route {
    method: Method::Post,
    path: "/v1/parcels/redeliver",
    tag: "run",
    summary: "Deliver again: singly, by filter, or what was cut in a time; also to a new destination",
    detail: "Each session that fits is sent in its latest revision, under a new parcel id. \
             `to_destination` gets what `destination` had; without `destination`, whatever fits, so \
             that the history goes to a new destination. The parcels are on disk when the answer \
             comes.",
    access: Access::Key(Scope::DeliveriesReplay),
    takes: Some(Takes {
        size: BodySize::Single,
        media: &["application/json"],
        schema: "Redelivery",
    }),
    answers: &[answer(202, "How many", "Redelivered")],
    problems: &[Code::Unprocessable, Code::StoreUnavailable, Code::DiskFull],
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes
        .at(&LIST, list)
        .at(&GET, get)
        .at(&BODY, body)
        .at(&OF_SESSION, of_session)
        .at(&REDELIVER, redeliver)
}

/// A parcel as it is shown.
pub(super) fn shown((name, parcel): &Named) -> Value {
    let Parcel { status, at, created_at, became, attempts, attempted_at, .. } = parcel;
    let mut shown = Map::new();
    let mut member = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    member("id", json!(name.to_string()));
    member("session_id", json!(name.session.to_string()));
    member("destination", json!(name.destination.to_string()));
    member("trigger", json!(name.trigger.word()));
    member("revision", json!((name.trigger == Trigger::Final).then_some(name.n)));
    member("became", json!(became));
    member("send", json!(name.send));
    member("status", json!(status.word()));
    for (of, member_name) in [
        (ParcelStatus::Due, "due_at"),
        (ParcelStatus::Sent, "sent_at"),
        (ParcelStatus::Parked, "parked_at"),
    ] {
        member(member_name, json!((of == *status).then(|| at.to_string())));
    }
    member("created_at", json!(created_at.to_string()));
    member("attempts", json!(attempts));
    member("attempted_at", json!(attempted_at.map(|at| at.to_string())));
    member("answer", json!(parcel.answer));
    let failed = parcel.failed.as_ref();
    member("reason", json!(failed.map(|failed| &failed.reason)));
    member("detail", json!(failed.map(|failed| &failed.detail)));
    let hex = |digest: [u8; 16]| digest.map(|byte| format!("{byte:02x}")).concat();
    member("digest", json!(parcel.digest.map(hex)));
    member("note", json!(parcel.note));
    Value::Object(shown)
}

/// A parcel as a line of its session.
pub(super) fn delivery((name, parcel): &Named) -> Value {
    json!({
        "parcel": name.to_string(),
        "destination": name.destination.to_string(),
        "trigger": name.trigger.word(),
        "revision": (name.trigger == Trigger::Final).then_some(name.n),
        "status": parcel.status.word(),
        "at": parcel.at.to_string(),
        "attempts": parcel.attempts,
        "reason": parcel.failed.as_ref().map(|failed| &failed.reason),
    })
}

/// The destination that a person names by id or name.
async fn named(app: &App, caller: &Caller, text: &str) -> Result<Option<DestinationId>, Problem> {
    let known = app.engine.destinations(caller.tenant()).await?;
    let by_name = known.iter().find(|one| *one.name == *text).map(|one| one.id);
    Ok(DestinationId::parse(text).or(by_name))
}

async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Answered {
    let query = Query::of(&uri);
    let limit = query.limit()?;
    let cursor = query.parsed("cursor", ParcelName::parse, "the `next_cursor` of a page")?;
    let destinations = if let Some(text) = query.text("destination") {
        let Some(id) = named(&app, &caller, text).await? else {
            return Ok(ok(&Listing::<Value> { entities: Vec::new(), next_cursor: None }));
        };
        vec![id]
    } else {
        let known = app.engine.destinations(caller.tenant()).await?;
        known.iter().map(|one| one.id).collect()
    };
    let session = query.parsed("session_id", SessionId::parse, "the id of a session")?;
    // Those of a session are told also of destinations that are gone.
    let of_any = session.is_some() && query.text("destination").is_none();
    let filter = ParcelFilter {
        session,
        destinations: if of_any { Vec::new() } else { destinations },
        status: query.parsed("status", ParcelStatus::from_word, "due, sent or parked")?,
    };
    let reader = app.engine.tables().await?;
    let tenant = caller.tenant();
    let listed =
        tokio::task::spawn_blocking(move || reader.parcels(tenant, &filter, limit, cursor));
    let page = listed.await.map_err(|_| Problem::from(Code::Internal))??;
    let entities: Vec<Value> = page.entities.iter().map(shown).collect();
    Ok(ok(&Listing { entities, next_cursor: page.next_cursor }))
}

fn no_such_parcel() -> Problem {
    Code::NotFound.because("no parcel of this tenant has this id")
}

/// The parcel of a path.
async fn find(app: &App, caller: &Caller, id: &str) -> Result<Named, Problem> {
    let name = ParcelName::parse(id).ok_or_else(no_such_parcel)?;
    let parcel = app.engine.tables().await?.parcel(caller.tenant(), name)?;
    Ok((name, parcel.ok_or_else(no_such_parcel)?))
}

async fn get(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    Ok(ok(&shown(&find(&app, &caller, &id).await?)))
}

async fn body(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    let (name, parcel) = find(&app, &caller, &id).await?;
    let digest = parcel.digest.ok_or_else(|| {
        Code::NotFound.because("nothing of this parcel was sent yet, or it was given up")
    })?;
    let reader = app.engine.tables().await?;
    let sent = reader.sent_body(caller.tenant(), name.session, digest)?;
    let sent = sent.ok_or_else(|| Code::NotFound.because("the body is not kept any more"))?;
    Ok(with_status(StatusCode::OK, sent))
}

async fn of_session(
    State(app): State<App>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Answered {
    let (reader, session) = super::sessions::find(&app, &caller, &id).await?;
    let own = SessionId::parse(&id).unwrap_or(session.envelope.id);
    let parcels = reader.parcels_of(caller.tenant(), own)?;
    let entities: Vec<Value> = parcels.iter().map(shown).collect();
    Ok(ok(&Listing { entities, next_cursor: None }))
}

/// What is to be delivered again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    destination: Option<String>,
    to_destination: Option<String>,
    filter: Option<Map<String, Value>>,
    from: Option<String>,
    to: Option<String>,
    session_id: Option<Ids>,
    parcel_id: Option<Ids>,
    status: Option<String>,
}

/// One or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Ids {
    One(String),
    Many(Vec<String>),
}

impl Ids {
    fn list(self) -> Vec<String> {
        match self {
            Ids::One(id) => vec![id],
            Ids::Many(ids) => ids,
        }
    }
}

fn wrong(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::from(Code::Unprocessable).at(pointer, detail)
}

fn instant(pointer: &str, text: Option<&str>) -> Result<Option<UnixMillis>, Problem> {
    let read = |text| parse_instant(text).map_err(|error| wrong(pointer, error.to_string()));
    Ok(text.map(read).transpose()?.map(|instant| instant.at))
}

impl Wish {
    /// Moves what concerns single things from the filter to its own member, so that either place
    /// will do.
    fn flatten(&mut self) -> Result<(), Problem> {
        let Some(filter) = &mut self.filter else { return Ok(()) };
        let unfit = |pointer: &str| wrong(pointer, "send text, or a list of texts");
        for (name, place) in
            [("session_id", &mut self.session_id), ("parcel_id", &mut self.parcel_id)]
        {
            if let Some(value) = filter.remove(name) {
                let ids = serde_json::from_value(value);
                *place = Some(ids.map_err(|_| unfit(&format!("/filter/{name}")))?);
            }
        }
        if let Some(value) = filter.remove("status") {
            let status = value.as_str().ok_or_else(|| unfit("/filter/status"))?;
            self.status = Some(status.to_owned());
        }
        Ok(())
    }

    /// The sessions that are named, and the destination that follows from a parcel.
    fn sessions(&mut self) -> Result<(Vec<SessionId>, Option<DestinationId>), Problem> {
        let mut sessions = Vec::new();
        for id in self.session_id.take().map(Ids::list).unwrap_or_default() {
            let id = SessionId::parse(&id);
            sessions.push(id.ok_or_else(|| wrong("/session_id", "send ids of sessions"))?);
        }
        let mut of = None;
        for id in self.parcel_id.take().map(Ids::list).unwrap_or_default() {
            let name = ParcelName::parse(&id);
            let name = name.ok_or_else(|| wrong("/parcel_id", "send ids of parcels"))?;
            sessions.push(name.session);
            of.get_or_insert(name.destination);
        }
        Ok((sessions, of))
    }

    fn says_which(&self) -> bool {
        self.filter.is_some()
            || self.from.is_some()
            || self.to.is_some()
            || self.session_id.is_some()
            || self.parcel_id.is_some()
            || self.status.is_some()
    }
}

async fn redeliver(State(app): State<App>, caller: Caller, payload: Payload) -> Answered {
    let value: Value = serde_json::from_slice(&payload.bytes)
        .map_err(|error| Code::UnreadableBody.because(error.to_string()))?;
    let mut wish: Wish = serde_json::from_value(value)
        .map_err(|error| Code::Unprocessable.because(error.to_string()))?;
    if !wish.says_which() {
        let detail = "say which: `from` and `to`, `session_id`, `parcel_id`, `status` or a \
                      `filter`; an empty filter means everything";
        return Err(Code::Unprocessable.because(detail));
    }
    wish.flatten()?;
    let (sessions, of_parcel) = wish.sessions()?;
    let destination = match &wish.destination {
        Some(text) => {
            let none = || wrong("/destination", "there is no such destination");
            Some(named(&app, &caller, text).await?.ok_or_else(none)?)
        }
        None => of_parcel,
    };
    let to = match (&wish.to_destination, destination) {
        (Some(text), _) => {
            let none = || wrong("/to_destination", "there is no such destination");
            named(&app, &caller, text).await?.ok_or_else(none)?
        }
        (None, Some(destination)) => destination,
        (None, None) => return Err(wrong("/destination", "send the id of a destination")),
    };
    let to = destinations::find(&app, caller.tenant(), &to.to_string())
        .await
        .map_err(|_| wrong("/destination", "there is no such destination"))?;
    let status = match &wish.status {
        Some(word) => Some(
            ParcelStatus::from_word(word)
                .ok_or_else(|| wrong("/status", "send due, sent or parked"))?,
        ),
        None => None,
    };
    let (from, until) =
        (instant("/from", wish.from.as_deref())?, instant("/to", wish.to.as_deref())?);
    let filter = Value::Object(wish.filter.unwrap_or_default());
    let redelivery = Redelivery {
        tenant: caller.tenant(),
        // Whoever names only one destination means what fits, had it been there or not.
        of: destination.filter(|of| *of != to.id || status.is_some()),
        to,
        status,
        sessions,
        filter: destinations::read_filter("/filter", filter)?,
        from,
        until,
    };
    let engine = app.engine.clone();
    let ordered = tokio::task::spawn_blocking(move || engine.redeliver_blocking(&redelivery));
    let ordered = ordered.await.map_err(|_| Problem::from(Code::Internal))??;
    let mut response = ok(&json!({ "ordered": ordered }));
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response.into_response())
}

//! Reading: sessions, their events and scores, and the sessions of a contact.
use axum::extract::State;
use http::Uri;
use serde_json::{Map, Value, json};
use sessionary_core::{
    id::SessionId,
    session::{Member, Session},
    signal::Arrival,
};
use sessionary_dialects::{
    View,
    genesys::{events, of_session, outcome_scores, session_uri},
    identities::spellings,
};
use sessionary_engine::{EngineError, Page, Reader, SessionFilter, keys::Scope};
use url::form_urlencoded::Serializer;

use super::{App, errors::error_body};
use crate::{
    api::{
        answers::{Answered, json as answer, ok, text},
        paging::{Query, Segment, wrong},
    },
    auth::Caller,
    problem::{Code, Problem},
    routes::{Access, Parameter, Route, Routes},
};

const GET: Route = Route {
    path: "/api/v2/journey/sessions/{sessionId}",
    tag: "genesys",
    summary: "A session as Genesys Cloud Journey tells it",
    detail: "Found by our id, or by the id that an imported session had. Every session can be told, \
             whatever dialect it came by.",
    access: Access::Key(Scope::SessionsRead),
    answers: &[answer(200, "The session", "GenesysSession")],
    problems: &[Code::NotFound, Code::StoreUnavailable],
    refuses_as: Some(error_body),
    ..Route::PLAIN
};

const PAGE_SIZE: Parameter = text("pageSize", "Entities of a page, 1 to 200; 25 if not said");
const AFTER: Parameter = text("after", "Where the page begins, as `nextUri` has it");

const EVENTS: Route = Route {
    path: "/api/v2/journey/sessions/{sessionId}/events",
    summary: "The events of a session, a page at a time",
    detail: "",
    query: &[PAGE_SIZE, AFTER, text("eventType", "Types to list, divided by commas")],
    answers: &[answer(200, "A page", "GenesysListing")],
    problems: &[Code::NotFound, Code::InvalidParameter, Code::StoreUnavailable],
    ..GET
};
const SCORES: Route = Route {
    path: "/api/v2/journey/sessions/{sessionId}/outcomescores",
    summary: "How likely the session was to reach each outcome, as models noted it",
    detail: "",
    answers: &[answer(200, "The scores", "GenesysSession")],
    ..GET
};
const OF_CONTACT: Route = Route {
    path: "/api/v2/externalcontacts/contacts/{contactId}/journey/sessions",
    summary: "The sessions of a contact, latest first",
    detail: "A contact is found by any identity with this value.",
    query: &[PAGE_SIZE, AFTER, text("includeMerged", "true or false; redirects are never listed")],
    answers: &[answer(200, "A page", "GenesysListing")],
    problems: &[Code::InvalidParameter, Code::StoreUnavailable],
    ..GET
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes
        .schema(
            "GenesysSession",
            json!({"type": "object", "properties": {
                "id": {"type": "string"},
                "selfUri": {"type": "string"},
            }}),
        )
        .schema(
            "GenesysListing",
            json!({"type": "object", "properties": {
                "entities": {"type": "array", "items": {"type": "object"}},
                "nextUri": {"type": "string"},
                "previousUri": {"type": "string"},
                "selfUri": {"type": "string"},
            }}),
        )
        .at(&GET, get)
        .at(&EVENTS, list_events)
        .at(&SCORES, scores)
        .at(&OF_CONTACT, of_contact)
}

const PAGE_DEFAULT: usize = 25;
const PAGE_MAX: usize = 200;

/// A session and its signals in event order.
struct Found {
    reader: Reader,
    session: Session,
    signals: Vec<(Member, Arrival)>,
}

impl Found {
    fn view(&self) -> View<'_> {
        let Found { reader, session, signals } = self;
        View { session, rules: reader.rules(), now: reader.now(), signals }
    }
}

async fn find(app: &App, caller: &Caller, id: &str) -> Result<Found, Problem> {
    let reader = app.engine.reader().await?;
    let tenant = caller.tenant();
    let own = SessionId::parse(id).map(|id| reader.session(tenant, id)).transpose()?.flatten();
    let external_id = Some(id.to_owned());
    let filter = SessionFilter { external_id, ..SessionFilter::default() };
    let session = match own {
        Some(_) => own,
        None => reader.sessions(tenant, &filter, 1, None)?.entities.pop(),
    };
    let none = || Code::NotFound.because("no session of this tenant has this id");
    let session = session.ok_or_else(none)?;
    let signals = reader.signals_of(&session)?;
    Ok(Found { reader, session, signals })
}

async fn get(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    Ok(ok(&of_session(&find(&app, &caller, &id).await?.view())))
}

async fn scores(State(app): State<App>, caller: Caller, Segment(id): Segment<String>) -> Answered {
    Ok(ok(&outcome_scores(&find(&app, &caller, &id).await?.signals)))
}

async fn list_events(
    State(app): State<App>,
    caller: Caller,
    Segment(id): Segment<String>,
    uri: Uri,
) -> Answered {
    let query = Query::of(&uri);
    let (size, after) = (page_size(&query)?, query.text("after"));
    let found = find(&app, &caller, &id).await?;
    let view = found.view();
    let mut listed = events(&view);
    if let Some(types) = query.text("eventType") {
        listed.retain(|event| types.split(',').any(|known| known.trim() == event.kind()));
    }
    let begin = match after {
        None => 0,
        Some(after) => {
            let no_cursor = || wrong("after", "send the `after` of a `nextUri`");
            let behind = |event: &sessionary_dialects::genesys::Event<'_>| event.is_behind(after);
            let firsts: Option<Vec<bool>> = listed.iter().map(behind).collect();
            let firsts = firsts.ok_or_else(no_cursor)?;
            firsts.iter().take_while(|is_behind| !**is_behind).count()
        }
    };
    let page: Vec<Value> =
        listed.iter().skip(begin).take(size).map(|event| event.encode(&view)).collect();
    let end = begin + page.len();
    let cursor = |at: usize| Some(listed.get(at.checked_sub(1)?)?.cursor());
    let path = format!("{}/events", session_uri(&found.session.envelope.id.to_string()));
    let address = Address { path: &path, query: &query, size };
    let next = (end < listed.len()).then(|| cursor(end)).flatten();
    let previous = (begin > 0).then(|| cursor(begin.saturating_sub(size)));
    Ok(ok(&address.listing(page, after, next, previous)))
}

fn page_size(query: &Query) -> Result<usize, Problem> {
    let read = |text: &str| text.parse().ok().filter(|size| (1..=PAGE_MAX).contains(size));
    Ok(query.parsed("pageSize", read, "a number from 1 to 200")?.unwrap_or(PAGE_DEFAULT))
}

async fn of_contact(
    State(app): State<App>,
    caller: Caller,
    Segment(contact): Segment<String>,
    uri: Uri,
) -> Answered {
    let query = Query::of(&uri);
    let size = page_size(&query)?;
    let after = query.parsed("after", SessionId::parse, "the `after` of a `nextUri`")?;
    let spelt = spellings(&contact, caller.key.country.as_deref());
    let reader = app.engine.reader().await?;
    let tenant = caller.tenant();
    let read = tokio::task::spawn_blocking(move || {
        let mut page = Page { entities: Vec::new(), next_cursor: None };
        for value in spelt {
            let filter = SessionFilter { identity: Some(value), ..SessionFilter::default() };
            page = reader.sessions(tenant, &filter, size, after)?;
            if !page.entities.is_empty() {
                break;
            }
        }
        let told: Result<Vec<Value>, EngineError> =
            page.entities.iter().map(|session| told(&reader, session)).collect();
        Ok::<_, EngineError>((told?, page.next_cursor))
    });
    let (entities, next) = read.await.map_err(|_| Problem::from(Code::Internal))??;
    let segment: String = url::form_urlencoded::byte_serialize(contact.as_bytes()).collect();
    let path = format!("/api/v2/externalcontacts/contacts/{segment}/journey/sessions");
    let address = Address { path: &path, query: &query, size };
    Ok(ok(&address.listing(entities, query.text("after"), next, None)))
}

fn told(reader: &Reader, session: &Session) -> Result<Value, EngineError> {
    let signals = reader.signals_of(session)?;
    Ok(of_session(&View { session, rules: reader.rules(), now: reader.now(), signals: &signals }))
}

/// Where pages of a listing are.
struct Address<'a> {
    path: &'a str,
    query: &'a Query,
    size: usize,
}

impl Address<'_> {
    /// A page; `previous` is none on the first, and within it none where that is the first.
    #[expect(clippy::option_option, reason = "no page before, or the page from the beginning")]
    fn listing(
        &self,
        entities: Vec<Value>,
        here: Option<&str>,
        next: Option<String>,
        previous: Option<Option<String>>,
    ) -> Value {
        let mut page = Map::new();
        page.insert("entities".to_owned(), entities.into());
        page.insert("selfUri".to_owned(), self.uri(here).into());
        if let Some(next) = next {
            page.insert("nextUri".to_owned(), self.uri(Some(&next)).into());
        }
        if let Some(previous) = previous {
            page.insert("previousUri".to_owned(), self.uri(previous.as_deref()).into());
        }
        Value::Object(page)
    }

    fn uri(&self, after: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("pageSize", &self.size.to_string());
        for name in ["eventType", "includeMerged"] {
            if let Some(text) = self.query.text(name) {
                query.append_pair(name, text);
            }
        }
        if let Some(after) = after {
            query.append_pair("after", after);
        }
        format!("{}?{}", self.path, query.finish())
    }
}

//! The route table: what the router serves and what the documents say are read from the same rows.
//!
//! To add a route, write its [`Route`] as a constant beside its handler and pass both to
//! [`Routes::at`]. The row decides who is admitted, how large a body may be and which refusals are
//! documented, so none of these can be forgotten in the handler.
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts, RawPathParams, Request, State},
    handler::Handler,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};
use http::request::Parts;
use serde_json::Value;
use sessionary_engine::keys::{KeyKind, Scope};
use tokio::sync::Semaphore;

use crate::{
    auth::{Gate, Place, Presented, presented},
    body::{BodyBytes, BodySize, BodySizes},
    drain::drain,
    health::Readiness,
    problem::{Code, InOtherWords, Problem, reworded},
    request_log::RequestId,
};

/// A method of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Read.
    Get,
    /// Make or do.
    Post,
    /// Replace.
    Put,
    /// Change.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
            Method::Patch => MethodFilter::PATCH,
            Method::Delete => MethodFilter::DELETE,
        }
    }
}

/// Who is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody; not counted against the requests in flight, so that it is answered under load.
    Open,
    /// A key with this scope, in the header, or a publishable one in the query.
    Key(Scope),
    /// A key with this scope, in the header or as the path segment of this name.
    KeyInPath(&'static str, Scope),
    /// A publishable key with this scope, as the path segment of this name. What the header has is
    /// another system's, and is not looked at.
    KeyInPathAlone(&'static str, Scope),
    /// The handler finds the key itself, as in a body, and asks [`Gate`] for this scope.
    InHandler(Scope),
}

impl Access {
    /// The scope that is asked for.
    pub fn scope(self) -> Option<Scope> {
        match self {
            Access::Open => None,
            Access::Key(scope)
            | Access::KeyInPath(_, scope)
            | Access::KeyInPathAlone(_, scope)
            | Access::InHandler(scope) => Some(scope),
        }
    }
}

/// A query parameter.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it does, with its default.
    pub summary: &'static str,
    /// Its JSON type: `string`, `integer` or `boolean`.
    pub kind: &'static str,
}

/// What a successful answer looks like.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// In a few words.
    pub summary: &'static str,
    /// The media type; empty when there is no body.
    pub media: &'static str,
    /// The schema's name ([`Routes::schema`]); empty when it is not JSON.
    pub schema: &'static str,
}

/// The body that a route reads.
#[derive(Clone, Copy, Debug)]
pub struct Takes {
    /// Its bounds.
    pub size: BodySize,
    /// The media types that the documentation names. None is demanded.
    pub media: &'static [&'static str],
    /// The schema's name; empty when it is not JSON.
    pub schema: &'static str,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, parameters as `{name}` and `{*rest}`.
    pub path: &'static str,
    /// The area that it is listed under.
    pub tag: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// More about it, in Markdown; may be empty.
    pub detail: &'static str,
    /// Who is admitted.
    pub access: Access,
    /// What can stand in the query.
    pub query: &'static [Parameter],
    /// The body it reads, if it reads one.
    pub takes: Option<Takes>,
    /// What it answers when all is well.
    pub answers: &'static [Answer],
    /// Its own refusals; those of keys, bodies and load follow from the rest of the row.
    pub problems: &'static [Code],
    /// The shape of refusals that the clients of a dialect read; a problem document where none is
    /// said.
    pub refuses_as: Option<InOtherWords>,
}

impl Route {
    /// Fields that most rows leave as they are, for `..Route::PLAIN`.
    pub const PLAIN: Route = Route {
        method: Method::Get,
        path: "/",
        tag: "run",
        summary: "",
        detail: "",
        access: Access::Open,
        query: &[],
        takes: None,
        answers: &[],
        problems: &[],
        refuses_as: None,
    };

    /// Every refusal that this route can give.
    pub fn all_problems(&self) -> Vec<Code> {
        let mut codes = self.problems.to_vec();
        if self.access != Access::Open {
            codes.extend([
                Code::KeyMissing,
                Code::KeyMalformed,
                Code::KeyUnknown,
                Code::KeyExpired,
                Code::KeyRevoked,
                Code::ScopeMissing,
                Code::OriginNotAllowed,
                Code::SecretInUrl,
                Code::Overloaded,
                Code::NotReady,
            ]);
        }
        if self.takes.is_some() {
            codes.extend([
                Code::RateLimited,
                Code::CorruptEncoding,
                Code::BrokenBody,
                Code::UnreadableBody,
                Code::BodyTimeout,
                Code::BodyTooLarge,
                Code::EncodingNotSupported,
            ]);
        }
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Whether pages on other origins may call it: whatever a publishable key opens.
    pub fn is_for_pages(&self) -> bool {
        self.access.scope() == Some(Scope::SignalsWrite)
    }
}

/// What every admitted request passes.
#[derive(Clone)]
pub struct Entry {
    /// Who may come in.
    pub gate: Gate,
    /// Whether requests are taken at all.
    pub readiness: Readiness,
    /// Requests in flight.
    pub seats: Arc<Semaphore>,
    /// Bytes of bodies in memory.
    pub body_bytes: BodyBytes,
    /// Bytes of one body.
    pub body_sizes: BodySizes,
}

/// The table while it is being filled. `S` is the handlers' state.
pub struct Routes<S> {
    entry: Entry,
    rows: Vec<&'static Route>,
    schemas: BTreeMap<&'static str, Value>,
    router: Router<S>,
    has_fallback: bool,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// An empty table, whose routes will be entered through `entry`.
    pub fn new(entry: Entry) -> Routes<S> {
        let (rows, schemas, router) = (Vec::new(), BTreeMap::new(), Router::new());
        Routes { entry, rows, schemas, router, has_fallback: false }
    }

    /// Adds a route: one row, one handler.
    ///
    /// # Panics
    /// When the table has a row of this method and path.
    #[must_use]
    pub fn at<T: 'static>(mut self, row: &'static Route, handler: impl Handler<T, S>) -> Routes<S> {
        let twice =
            self.rows.iter().any(|known| (known.method, known.path) == (row.method, row.path));
        assert!(!twice, "{} {} is in the table already", row.method.word(), row.path);
        self.rows.push(row);
        let admission = Arc::new(Admission { entry: self.entry.clone(), row });
        let handler =
            on(row.method.filter(), handler).route_layer(from_fn_with_state(admission, admit));
        self.router = self.router.route(row.path, handler);
        self
    }

    /// Hands requests of the row's method whose path no row has to a handler, through the row's
    /// admission; its path is not looked at. The handler refuses what is not for it as
    /// [`no_such_path`] does.
    #[must_use]
    pub(crate) fn elsewhere<T: 'static>(
        mut self,
        row: &'static Route,
        handler: impl Handler<T, S>,
    ) -> Routes<S> {
        let admission = Arc::new(Admission { entry: self.entry.clone(), row });
        let handler =
            on(row.method.filter(), handler).route_layer(from_fn_with_state(admission, admit));
        self.router = self.router.fallback(handler.fallback(no_such_path));
        self.has_fallback = true;
        self
    }

    /// Names a JSON schema that rows refer to.
    ///
    /// # Panics
    /// When the name is taken.
    #[must_use]
    pub fn schema(mut self, name: &'static str, schema: Value) -> Routes<S> {
        let before = self.schemas.insert(name, schema);
        assert!(before.is_none(), "the schema {name} is named already");
        self
    }

    pub(crate) fn readiness(&self) -> Readiness {
        self.entry.readiness.clone()
    }

    /// Who may come in, for handlers that find the key themselves.
    pub(crate) fn gate(&self) -> Gate {
        self.entry.gate.clone()
    }

    /// How large bodies may be.
    pub(crate) fn body_sizes(&self) -> BodySizes {
        self.entry.body_sizes
    }

    /// The rows, in the order they were added.
    pub fn rows(&self) -> &[&'static Route] {
        &self.rows
    }

    /// The named schemas.
    pub fn schemas(&self) -> &BTreeMap<&'static str, Value> {
        &self.schemas
    }

    /// Every schema that a row names and nobody has described.
    pub fn missing_schemas(&self) -> Vec<&'static str> {
        let answered = |row: &&'static Route| row.answers.iter().map(|answer| answer.schema);
        let taken = |row: &&'static Route| row.takes.map(|takes| takes.schema);
        let rows = self.rows.iter();
        let named = rows.clone().flat_map(answered).chain(rows.filter_map(taken));
        named.filter(|name| !name.is_empty() && !self.schemas.contains_key(name)).collect()
    }

    /// The paths that pages on other origins may call.
    pub fn paths_for_pages(&self) -> HashSet<&'static str> {
        self.rows.iter().filter(|row| row.is_for_pages()).map(|row| row.path).collect()
    }

    pub(crate) fn into_router(self) -> Router<S> {
        if self.has_fallback { self.router } else { self.router.fallback(no_such_path) }
    }
}

struct Admission {
    entry: Entry,
    row: &'static Route,
}

async fn admit(State(admission): State<Arc<Admission>>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let response = admitted(&admission, request, next).await;
    match admission.row.refuses_as {
        Some(words) => reworded(response, words, id.as_ref()),
        None => response,
    }
}

async fn admitted(admission: &Admission, request: Request, next: Next) -> Response {
    let Admission { entry, row } = admission;
    if row.access == Access::Open {
        return next.run(with_bounds(request, row, entry)).await;
    }
    if let Some(problem) = entry.readiness.refusal_of(request.method()) {
        return refused(problem, request.into_body());
    }
    let Ok(_seat) = entry.seats.try_acquire() else {
        let problem = Code::Overloaded.because("too many requests are in flight");
        return refused(problem.retry_after(1), request.into_body());
    };
    let (mut parts, body) = request.into_parts();
    let caller = match row.access {
        Access::Open | Access::InHandler(_) => None,
        Access::Key(scope) => Some(entry.gate.caller(&parts, scope)),
        Access::KeyInPath(segment, scope) => {
            Some(caller_by_path(&entry.gate, &mut parts, segment, scope).await)
        }
        Access::KeyInPathAlone(segment, scope) => {
            Some(caller_by_path_alone(&entry.gate, &mut parts, segment, scope).await)
        }
    };
    match caller.transpose() {
        Err(problem) => return refused(problem, body),
        Ok(Some(caller)) => drop(parts.extensions.insert(caller)),
        Ok(None) => {}
    }
    next.run(with_bounds(Request::from_parts(parts, body), row, entry)).await
}

/// Refuses a request before its body was read.
fn refused(problem: Problem, body: Body) -> Response {
    drain(body);
    problem.into_response()
}

fn with_bounds(mut request: Request, row: &Route, entry: &Entry) -> Request {
    if let Some(takes) = row.takes {
        request.extensions_mut().insert(entry.body_sizes.of(takes.size));
        request.extensions_mut().insert(entry.body_bytes.clone());
    }
    request
}

async fn caller_by_path(
    gate: &Gate,
    parts: &mut Parts,
    segment: &str,
    scope: Scope,
) -> Result<crate::auth::Caller, Problem> {
    if let Some(in_header) = presented(&parts.headers, &http::Uri::default())? {
        return gate.admit(parts, &in_header, scope);
    }
    let presented = in_path(parts, segment).await?;
    gate.admit(parts, &presented, scope)
}

async fn caller_by_path_alone(
    gate: &Gate,
    parts: &mut Parts,
    segment: &str,
    scope: Scope,
) -> Result<crate::auth::Caller, Problem> {
    let presented = in_path(parts, segment).await?;
    if presented.text.starts_with(KeyKind::Secret.prefix()) {
        return Err(Code::SecretInUrl.into());
    }
    gate.admit(parts, &presented, scope)
}

async fn in_path(parts: &mut Parts, segment: &str) -> Result<Presented, Problem> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params = params.map_err(|_| Code::KeyMissing)?;
    let text = params.iter().find(|(name, _)| *name == segment).map(|(_, text)| text.to_owned());
    Ok(Presented { text: text.ok_or(Code::KeyMissing)?, place: Place::Path })
}

/// The answer to a path that no row has.
pub(crate) async fn no_such_path() -> Problem {
    Code::NotFound.because("no route has this path; /docs lists them")
}

/// The answer to a method that no row of the path has. The router adds `Allow`.
pub(crate) async fn no_such_method(parts: Parts) -> Response {
    let problem = Code::MethodNotAllowed.because(format!("{} is not for this path", parts.method));
    problem.into_response()
}

//! The whole HTTP face: the table's routes inside the layers that every request passes.
//!
//! Outermost first: log line and request id, panics, shape of the request, cross-origin rules; then
//! the row's own admission: a seat among those in flight, the key, the body. The first four are one
//! layer of the router: each layer copies all that lies inside it for each request.
use std::{collections::HashSet, sync::Arc};

use axum::{
    Json, Router,
    extract::{MatchedPath, Request, State as Given},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::{
    auth::Gate,
    body::BodyBytes,
    catch_panic, cors, docs,
    health::{Readiness, State},
    host::{self, Shape},
    openapi,
    problem::Code,
    request_log,
    routes::{Answer, Entry, Route, Routes, no_such_method},
    settings::Settings,
};

const LIVEZ: Route = Route {
    path: "/livez",
    summary: "Whether the process answers",
    answers: &[Answer { status: 200, summary: "It does", media: "text/plain", schema: "" }],
    ..Route::PLAIN
};
const READYZ: Route = Route {
    path: "/readyz",
    summary: "Whether requests are taken",
    answers: &[Answer {
        status: 200,
        summary: "They are",
        media: "application/json",
        schema: "Ready",
    }],
    problems: &[Code::NotReady],
    ..Route::PLAIN
};
const OPENAPI: Route = Route {
    path: "/openapi.json",
    summary: "This interface as an OpenAPI document",
    answers: &[Answer {
        status: 200,
        summary: "The document",
        media: "application/json",
        schema: "",
    }],
    ..Route::PLAIN
};
const DOCS: Route =
    Route { path: "/docs", summary: "The routes, for a reader", answers: PAGE, ..Route::PLAIN };
const PROBLEMS: Route = Route {
    path: "/docs/problems",
    summary: "Every kind of problem",
    answers: PAGE,
    ..Route::PLAIN
};
const PROBLEM: Route = Route {
    path: "/docs/problems/{code}",
    summary: "What one kind of problem means and what to do",
    answers: PAGE,
    problems: &[Code::NotFound],
    ..Route::PLAIN
};
const PAGE: &[Answer] =
    &[Answer { status: 200, summary: "A page", media: "text/html", schema: "" }];

/// A table whose keyed routes are entered through `gate` while `readiness` says so, with the routes
/// that need no engine. The document at `/openapi.json` and the page at `/docs` are written by
/// [`router`], when the table is full.
pub fn table<S>(gate: Gate, readiness: Readiness, settings: &Settings) -> Routes<S>
where
    S: Clone + Send + Sync + 'static,
{
    let seats = Arc::new(Semaphore::new(settings.requests_max));
    let body_bytes = BodyBytes::new(settings.body_bytes_max);
    own_routes(Routes::new(Entry {
        gate,
        readiness,
        seats,
        body_bytes,
        body_sizes: settings.body_sizes,
    }))
}

fn own_routes<S>(routes: Routes<S>) -> Routes<S>
where
    S: Clone + Send + Sync + 'static,
{
    let readiness = routes.readiness();
    routes
        .schema(
            "Ready",
            serde_json::json!({
                "type": "object",
                "required": ["status"],
                "properties": {
                    "status": {"const": "ready"},
                    "built_without": {
                        "type": "array",
                        "items": {"enum": ["browsers_and_devices", "crawlers"]},
                        "description": "What this program cannot tell, because its build went \
                                        without rules; absent if it lacks nothing",
                    },
                },
            }),
        )
        .at(&LIVEZ, async || "ok\n")
        .at(&READYZ, move || async move { readiness.answer() })
        .at(&OPENAPI, async |axum::Extension(documents): axum::Extension<Documents>| {
            Json((*documents.openapi).clone())
        })
        .at(&DOCS, async |axum::Extension(documents): axum::Extension<Documents>| {
            docs::html((*documents.page).to_owned())
        })
        .at(&PROBLEMS, docs::problems_page)
        .at(&PROBLEM, docs::problem_page)
}

/// The text of the file `openapi.json`: the document of every route there is.
pub fn openapi_text() -> String {
    let readiness = Readiness::new(State::Stopping);
    openapi::text(&crate::api::table(Gate::closed(), readiness, &Settings::default()))
}

/// What is written of the full table.
#[derive(Clone)]
struct Documents {
    openapi: Arc<Value>,
    page: Arc<str>,
}

/// The router of a full table.
///
/// # Panics
/// When a row names a schema that the table lacks.
pub fn router<S>(routes: Routes<S>, state: S, settings: &Settings) -> Router
where
    S: Clone + Send + Sync + 'static,
{
    let missing = routes.missing_schemas();
    assert!(missing.is_empty(), "rows name schemas that nobody has described: {missing:?}");
    let documents = Documents {
        openapi: Arc::new(openapi::document(&routes)),
        page: docs::routes_page(routes.rows()).into(),
    };
    let door = Door {
        pages: routes.paths_for_pages(),
        shape: Shape {
            url_bytes_max: settings.url_bytes_max,
            header_bytes_max: settings.header_bytes_max,
        },
        documents,
    };
    routes
        .into_router()
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(Arc::new(door), pass))
        .with_state(state)
}

/// What every request passes before its route.
struct Door {
    /// The paths that pages on other origins may call.
    pages: HashSet<&'static str>,
    shape: Shape,
    documents: Documents,
}

async fn pass(Given(door): Given<Arc<Door>>, request: Request, next: Next) -> Response {
    request_log::log(request, async |request| {
        catch_panic::answer_panics(door.answer(request, next)).await
    })
    .await
}

impl Door {
    async fn answer(&self, mut request: Request, next: Next) -> Response {
        if let Some(problem) = host::refusal(self.shape, &request) {
            return problem.into_response();
        }
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        if path.is_some_and(|path| [OPENAPI.path, DOCS.path].contains(&path)) {
            request.extensions_mut().insert(self.documents.clone());
        }
        cors::cross_origin(&self.pages, request, next).await
    }
}

//! `GET /v1/health`: where the server stands, for operators.
use axum::extract::State;
use serde_json::json;
use sessionary_engine::keys::Scope;

use super::{
    App,
    answers::{Answered, json as answer, ok},
};
use crate::{
    auth::Caller,
    routes::{Access, Route, Routes},
};

const HEALTH: Route = Route {
    path: "/v1/health",
    tag: "run",
    summary: "Clock, disk, memory of the fold",
    access: Access::Key(Scope::ConfigWrite),
    answers: &[answer(200, "How it is", "Health")],
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes.at(&HEALTH, health)
}

async fn health(State(app): State<App>, _caller: Caller) -> Answered {
    let folded = app.engine.folded().await?;
    let store = app.engine.store();
    Ok(ok(&json!({
        "now": app.engine.now().to_string(),
        "clock_alarm_ms": app.engine.clock().alarm().map(|ahead| ahead.0),
        "journal_next": folded.next,
        "trouble": app.engine.trouble(),
        "lanes_in_memory": folded.lanes,
        "lane_bytes": folded.lane_bytes,
        "timers": folded.timers,
        "free_bytes": store.free_bytes().ok(),
        "min_free_bytes": store.min_free_bytes(),
        "disk_bytes": store.disk_bytes(),
        "private_destinations": app.delivery.guard.allows_private(),
    })))
}

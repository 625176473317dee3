//! What the libraries for browsers ask before they send.
//!
//! Both wait for the answer, and send nothing without one of the right shape.
use http::{HeaderMap, Uri, header::HOST};
use serde_json::json;
use sessionary_engine::keys::KeyKind;

use super::{SCOPE, in_their_words};
use crate::{
    api::{
        App,
        answers::{Answered, json as answer, ok},
        paging::Segment,
    },
    auth::Caller,
    problem::Code,
    routes::{Access, Route, Routes},
};

const SETTINGS: Route = Route {
    path: "/v1/projects/{write_key}/settings",
    tag: "write",
    summary: "What Segment's library for browsers asks before it sends",
    detail: "Tells it to send to this server, with the key that it asked with, and nothing to anybody else.",
    access: Access::KeyInPath("write_key", SCOPE),
    answers: &[answer(200, "The settings", "SegmentSettings")],
    refuses_as: Some(in_their_words),
    ..Route::PLAIN
};

const SOURCE_CONFIG: Route = Route {
    path: "/sourceConfig/",
    tag: "write",
    summary: "What RudderStack's library for browsers asks before it sends",
    detail: "Tells it to start, to load nothing of anybody else, and to report nothing about itself. \
             The key stands in the Authorization header, or in the query as `writeKey`.",
    access: Access::Key(SCOPE),
    answers: &[answer(200, "The configuration", "RudderStackSource")],
    refuses_as: Some(in_their_words),
    ..Route::PLAIN
};
const SOURCE_CONFIG_BARE: Route = Route { path: "/sourceConfig", ..SOURCE_CONFIG };

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    let settings_shape = json!({
        "type": "object",
        "required": ["integrations"],
        "properties": { "integrations": { "type": "object" } },
    });
    let source_shape = json!({
        "type": "object",
        "required": ["source"],
        "properties": { "source": {
            "type": "object",
            "required": ["id", "config", "destinations"],
            "properties": {
                "id": { "type": "string" },
                "config": { "type": "object" },
                "destinations": { "type": "array", "items": { "type": "object" } },
            },
        }},
    });
    routes
        .schema("SegmentSettings", settings_shape)
        .schema("RudderStackSource", source_shape)
        .at(&SETTINGS, settings)
        .at(&SOURCE_CONFIG, source_config)
        .at(&SOURCE_CONFIG_BARE, source_config)
}

async fn settings(
    caller: Caller,
    Segment(key): Segment<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answered {
    if caller.key.kind == KeyKind::Secret {
        return Err(Code::SecretInUrl.into());
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or(uri.authority().map(http::uri::Authority::as_str)).unwrap_or("localhost");
    Ok(ok(&json!({
        "integrations": { "Segment.io": {
            "apiKey": key,
            "apiHost": format!("{host}/v1"),
            "protocol": protocol(&headers),
            "unbundledIntegrations": [],
            "addBundledMetadata": false,
        }},
        "plan": { "track": { "__default": { "enabled": true, "integrations": {} } } },
        "edgeFunction": {},
        "analyticsNextEnabled": true,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": { "sampleRate": 0 },
        "legacyVideoPluginsEnabled": false,
        "remotePlugins": [],
    })))
}

/// The protocol by which a page reaches this server: as the proxy says that speaks for it, else that
/// of the page itself, which a browser would let call no less.
fn protocol(headers: &HeaderMap) -> &'static str {
    let first = |name: &str| {
        let text = headers.get(name)?.to_str().ok()?;
        Some(text.split([',', ':']).next().unwrap_or_default().trim())
    };
    match first("x-forwarded-proto").or_else(|| first("origin")).or_else(|| first("referer")) {
        Some(said) if said.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    }
}

/// The library takes a disabled source, or one without these members, for a reason not to start.
/// What it finds out about itself would go to its maker, so it is told not to. A page may be read by
/// anybody: nothing of the key is told but when it was made.
async fn source_config(caller: Caller) -> Answered {
    let off = || json!({ "enabled": false });
    let updated = caller.key.created_at.to_string();
    let source = json!({
        "id": "sessionary",
        "name": "Sessionary",
        "workspaceId": "sessionary",
        "enabled": true,
        "config": { "statsCollection": { "errors": off(), "metrics": off() } },
        "destinations": [],
        "updatedAt": updated,
    });
    Ok(ok(&json!({ "source": source, "updatedAt": updated })))
}

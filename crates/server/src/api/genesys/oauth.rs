//! `POST /oauth/token`: an access token for a client that knows a secret key.
//!
//! The client's id is a publishable key, its secret a secret key of the same tenant. The token
//! stands for the secret key: same tenant, same scopes, and dead when the key is.
use axum::extract::State;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use serde::Deserialize;
use serde_json::{Value, json};
use sessionary_core::time::Millis;
use sessionary_engine::keys::{KeyKind, KeyRecord, KeyText, Standing};
use std::sync::Arc;

use super::App;
use crate::{
    api::answers::{Answered, ok},
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Answer, Method, Route, Routes, Takes},
};

const TOKEN: Route = Route {
    method: Method::Post,
    path: "/oauth/token",
    tag: "genesys",
    summary: "An access token for client credentials, good for 24 hours",
    detail: "`grant_type=client_credentials` as a form or JSON. The client's id is a publishable key \
             and its secret a secret key of the same tenant, by Basic or as `client_id` and \
             `client_secret` in the body. Errors have the shape of OAuth.",
    access: Access::Open,
    takes: Some(Takes {
        size: BodySize::Single,
        media: &["application/x-www-form-urlencoded", "application/json"],
        schema: "",
    }),
    answers: &[Answer {
        status: 200,
        summary: "The token",
        media: "application/json",
        schema: "AccessToken",
    }],
    problems: &[Code::KeyMissing, Code::KeyUnknown, Code::InvalidParameter],
    refuses_as: Some(oauth_error),
    ..Route::PLAIN
};

const LIFE: Millis = Millis::from_hours(24);

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes
        .schema(
            "AccessToken",
            json!({
                "type": "object",
                "required": ["access_token", "token_type", "expires_in"],
                "properties": {
                    "access_token": {"type": "string"},
                    "token_type": {"const": "bearer"},
                    "expires_in": {"type": "integer", "description": "Seconds."},
                },
            }),
        )
        .at(&TOKEN, token)
}

/// What a client asks for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

async fn token(State(app): State<App>, headers: HeaderMap, payload: Payload) -> Answered {
    let asked = read(&payload.bytes)?;
    let (id, secret) = match headers.get(AUTHORIZATION) {
        Some(header) => basic(header.to_str().unwrap_or_default()).ok_or(Code::KeyMalformed)?,
        None => asked.client_id.zip(asked.client_secret).ok_or(Code::KeyMissing)?,
    };
    match asked.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Err(Problem::from(Code::InvalidParameter).at("grant_type", GRANT)),
        None => return Err(Code::UnreadableBody.because(GRANT)),
    }
    let key = client(&app, &id, &secret).ok_or_else(|| {
        Code::KeyUnknown.because("no publishable key and secret key of one tenant are these two")
    })?;
    let ends_at = app.engine.now().plus(LIFE);
    let expires_in = LIFE.0 / 1_000 - 1;
    Ok(ok(&json!({
        "access_token": app.registry.keys().issue_token(key.number, ends_at),
        "token_type": "bearer",
        "expires_in": expires_in,
    })))
}

const GRANT: &str = "send grant_type=client_credentials";

/// A form or JSON, whatever its label.
fn read(body: &[u8]) -> Result<Asked, Problem> {
    if body.trim_ascii_start().starts_with(b"{") {
        return serde_json::from_slice(body)
            .map_err(|error| Code::UnreadableBody.because(error.to_string()));
    }
    let mut asked = Asked::default();
    for (name, value) in url::form_urlencoded::parse(body) {
        let slot = match &*name {
            "grant_type" => &mut asked.grant_type,
            "client_id" => &mut asked.client_id,
            "client_secret" => &mut asked.client_secret,
            _ => continue,
        };
        *slot = Some(value.into_owned());
    }
    Ok(asked)
}

/// The id and the secret of `Basic base64(id:secret)`.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, rest) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The secret key, if both are good and one tenant's.
fn client(app: &App, id: &str, secret: &str) -> Option<Arc<KeyRecord>> {
    let keys = app.registry.keys();
    let now = app.engine.now();
    let find = |text: &str, kind| {
        let text = KeyText::parse(text).ok().filter(|text| text.kind() == kind)?;
        keys.find(&text).filter(|key| key.standing(now) == Standing::Live)
    };
    let (id, secret) = (find(id, KeyKind::Publishable)?, find(secret, KeyKind::Secret)?);
    (id.tenant == secret.tenant).then_some(secret)
}

/// A refusal in the shape of OAuth, with the member that the vendor's SDKs show.
fn oauth_error(problem: &Problem) -> Value {
    let row = problem.code.row();
    let error = match (problem.code, row.status) {
        (_, 401) => "invalid_client",
        (Code::InvalidParameter, _) => "unsupported_grant_type",
        (_, 400..500) => "invalid_request",
        _ => "server_error",
    };
    let fault = problem.errors.first().map(|fault| fault.detail.as_str());
    let said = problem.detail.as_deref().or(fault).unwrap_or(row.title);
    json!({"error": error, "error_description": said, "description": said})
}

//! Answers: JSON with the headers that every answer of ours has.
use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde_json::Value;

use crate::{
    problem::Problem,
    routes::{Answer, Parameter},
};

/// What a handler gives.
pub(super) type Answered = Result<Response, Problem>;

/// 200 with a JSON body.
pub(super) fn ok(body: &Value) -> Response {
    with_status(StatusCode::OK, body.to_string().into_bytes())
}

/// 201 with a JSON body.
pub(super) fn created(body: &Value) -> Response {
    with_status(StatusCode::CREATED, body.to_string().into_bytes())
}

/// JSON text under a status.
pub(super) fn with_status(status: StatusCode, json: Vec<u8>) -> Response {
    let mut response = (status, json).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A row's answer that is JSON of a named schema.
pub(super) const fn json(status: u16, summary: &'static str, schema: &'static str) -> Answer {
    Answer { status, summary, media: "application/json", schema }
}

/// A row's query parameter that is text.
pub(super) const fn text(name: &'static str, summary: &'static str) -> Parameter {
    Parameter { name, summary, kind: "string" }
}

/// A row's query parameter that is a number.
pub(super) const fn integer(name: &'static str, summary: &'static str) -> Parameter {
    Parameter { name, summary, kind: "integer" }
}

//! Answers: JSON with the headers that every answer of ours has.
use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde::Serialize;

use crate::{
    problem::{Code, Problem},
    routes::{Answer, Parameter},
};

/// What a handler gives.
pub(super) type Answered = Result<Response, Problem>;

/// One page of a list, as every list of ours is answered.
#[derive(Serialize)]
pub(super) struct Listing<T> {
    /// The entities.
    pub(super) entities: Vec<T>,
    /// Where the next page begins; null at the end.
    pub(super) next_cursor: Option<String>,
}

/// 200 with a JSON body.
pub(super) fn ok(body: &impl Serialize) -> Response {
    json_response(StatusCode::OK, body)
}

/// 201 with a JSON body.
pub(super) fn created(body: &impl Serialize) -> Response {
    json_response(StatusCode::CREATED, body)
}

fn json_response(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(json) => with_status(status, json),
        Err(_) => Problem::from(Code::Internal).into_response(),
    }
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

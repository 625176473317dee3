//! `POST /v1/query`: SQL over the sessions of the key's tenant.
use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures::stream::unfold;
use http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
};
use serde::Deserialize;
use sessionary_engine::{keys::Scope, lake::Lake};
use sessionary_lake::sql::{Answer, Desk, QueryError, Question, Shape};

use super::{
    App,
    answers::{Answered, json as answer},
};
use crate::{
    auth::Caller,
    body::{BodySize, Payload},
    problem::{Code, Problem},
    routes::{Access, Answer as Told, Method, Route, Routes, Takes},
};

/// Bytes of an answer in JSON, which is whole before it goes out.
const JSON_MAX: usize = 64 << 20;
/// Bytes of any other that are waited for, so that what goes wrong at once is a problem document.
const HELD: usize = 256 << 10;

const fn rows(shape: Shape, summary: &'static str) -> Told {
    Told { status: 200, summary, media: shape.media(), schema: "" }
}

const QUERY: Route = Route {
    method: Method::Post,
    path: "/v1/query",
    tag: "read",
    summary: "SQL over the sessions, final and open",
    detail: "One query over the tables of the key's tenant: `sessions`, `sessions_all`, `touches`, \
             `legs`, `orders`, `identities`, `signals`, `claims`, `parcels`, `people`; \
             `information_schema.columns` lists their columns. `Accept` chooses the shape. In JSON a \
             decimal and a number beyond 2^53 are texts with all their digits, and an instant is \
             RFC 3339 with milliseconds. An answer in another shape that ends early ends the \
             connection.",
    access: Access::Key(Scope::Export),
    takes: Some(Takes { size: BodySize::Single, media: &["application/json"], schema: "Query" }),
    answers: &[
        answer(200, "The rows", "QueryAnswer"),
        rows(Shape::Ndjson, "The rows"),
        rows(Shape::Csv, "The rows"),
        rows(Shape::Arrow, "The rows"),
        rows(Shape::Parquet, "The rows"),
    ],
    problems: &[
        Code::NotAcceptable,
        Code::QueryInvalid,
        Code::QueryRefused,
        Code::QueryTooLarge,
        Code::Unprocessable,
    ],
    ..Route::PLAIN
};

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    routes.at(&QUERY, query)
}

/// Where queries are answered, and where the lake is.
#[derive(Clone, Debug)]
pub struct Queries {
    /// The desk.
    pub desk: Arc<Desk>,
    /// The lake.
    pub lake: Arc<Lake>,
}

#[derive(Deserialize)]
struct Asked {
    sql: String,
    #[serde(default)]
    limit: Option<usize>,
}

async fn query(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    payload: Payload,
) -> Answered {
    let shape = shape(&headers)?;
    let Asked { sql, limit } = serde_json::from_slice(&payload.bytes).map_err(|error| {
        let form = "send {\"sql\": \"SELECT …\"}, with a \"limit\" where fewer rows are wanted";
        Code::Unprocessable.because(format!("{error}; {form}"))
    })?;
    drop(payload);
    let Some(queries) = &app.queries else {
        return Err(Code::NotReady.because("queries are not answered here"));
    };
    let tenants = app.registry.tenants();
    let tenant = tenants.into_iter().find(|tenant| tenant.number == caller.tenant());
    let tenant = tenant.ok_or(Code::NotFound)?;
    let source = app.engine.source(&queries.lake, tenant.number, &tenant.name);
    let answer = queries.desk.ask(source, Question { sql, limit, shape })?;
    if shape == Shape::Json { whole(answer).await } else { streamed(answer, shape).await }
}

/// The first shape of the `Accept` header that there is.
fn shape(headers: &HeaderMap) -> Result<Shape, Problem> {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let media = accept.flat_map(|value| value.split(','));
    let mut media = media.map(|one| one.split(';').next().unwrap_or_default().trim()).peekable();
    if media.peek().is_none() {
        return Ok(Shape::Json);
    }
    let known = |media: &str| match media {
        "*/*" | "application/*" => Some(Shape::Json),
        "text/*" => Some(Shape::Csv),
        media => Shape::ALL.into_iter().find(|shape| shape.media().eq_ignore_ascii_case(media)),
    };
    media.find_map(known).ok_or_else(|| {
        let all: Vec<&str> = Shape::ALL.into_iter().map(Shape::media).collect();
        Code::NotAcceptable.because(format!("an answer can be {}", all.join(", ")))
    })
}

async fn whole(mut answer: Answer) -> Answered {
    let mut body = Vec::new();
    while let Some(piece) = answer.next().await {
        body.append(&mut piece?);
        if body.len() > JSON_MAX {
            return Err(Code::QueryTooLarge.because(format!(
                "the answer has more than {JSON_MAX} bytes of JSON; select fewer columns, add LIMIT, \
                 or take it as {}",
                Shape::Ndjson.media()
            )));
        }
    }
    Ok(with_headers(Body::from(body), Shape::Json))
}

async fn streamed(mut answer: Answer, shape: Shape) -> Answered {
    let mut held = Vec::new();
    while held.len() < HELD {
        match answer.next().await {
            Some(piece) => held.append(&mut piece?),
            None => return Ok(with_headers(Body::from(held), shape)),
        }
    }
    let pieces = unfold((Some(held), answer), |(held, mut answer)| async move {
        let piece = match held {
            Some(held) => Ok(held),
            None => answer.next().await?,
        };
        if let Err(error) = &piece {
            tracing::warn!(%error, "an answer ended early");
        }
        Some((piece, (None, answer)))
    });
    Ok(with_headers(Body::from_stream(pieces), shape))
}

fn with_headers(body: Body, shape: Shape) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(shape.media()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Problem {
        let code = match &error {
            QueryError::NoSql(_)
            | QueryError::NoTable(_)
            | QueryError::NoColumn(_)
            | QueryError::NoFunction(_)
            | QueryError::BadValue(_)
            | QueryError::NoNumber(_)
            | QueryError::Wrong(_) => Code::QueryInvalid,
            QueryError::Refused(_) | QueryError::Changes(_) => Code::QueryRefused,
            QueryError::TooMuch(_) | QueryError::TooLarge(_) | QueryError::TooLate(_) => {
                Code::QueryTooLarge
            }
            QueryError::Busy { .. } | QueryError::Moved => {
                return Code::Overloaded.because(error.to_string()).retry_after(1);
            }
            // Where the files lie is no business of whoever asks.
            QueryError::Away(_) => {
                tracing::error!(%error, "a query cannot read the lake");
                let why = "the files of the lake cannot be read now; the server's log says why";
                return Code::Overloaded.because(why).retry_after(10);
            }
            QueryError::Damaged(_) => {
                tracing::error!(%error, "a query met a damaged file of the lake");
                let why = "a file of the lake is damaged; the server's log names it";
                return Code::Internal.because(why);
            }
            QueryError::Defect(_) | QueryError::Lake(_) => {
                tracing::error!(%error, "a query met a defect");
                return Code::Internal.into();
            }
        };
        let detail = error.to_string();
        code.because(detail.clone()).at("/sql", detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_shape_that_there_is_is_taken() {
        let taken = |accept: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
            }
            shape(&headers).map_err(|problem| problem.code)
        };
        assert_eq!(taken(&[]), Ok(Shape::Json));
        assert_eq!(taken(&["*/*"]), Ok(Shape::Json));
        assert_eq!(taken(&["text/html, text/csv;q=0.5"]), Ok(Shape::Csv));
        assert_eq!(taken(&["image/png", "Application/X-NDJSON"]), Ok(Shape::Ndjson));
        assert_eq!(taken(&["application/vnd.apache.parquet"]), Ok(Shape::Parquet));
        assert_eq!(taken(&["application/vnd.apache.arrow.stream"]), Ok(Shape::Arrow));
        assert_eq!(taken(&["text/html"]), Err(Code::NotAcceptable));
    }
}

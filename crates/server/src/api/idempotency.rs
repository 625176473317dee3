//! `Idempotency-Key`: a whole request is answered again as the first time, for 24 hours.
//!
//! Separate from the ids of signals, which recognise a repeated signal for as long as its session is
//! kept (CORE.md 10).
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use sessionary_core::{
    signal::TenantId,
    time::{Millis, UnixMillis},
};
use sessionary_engine::EngineError;
use sessionary_store::{Durability, Rows, Table};

use super::{App, answers};
use crate::problem::{Code, Problem};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const KEPT: Millis = Millis::from_hours(24);
const LENGTH_MAX: usize = 255;

/// An answer that is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    digest: u128,
    status: u16,
    body: String,
    until: UnixMillis,
}

/// A request under an idempotency key.
pub(super) struct Once {
    row: Vec<u8>,
    digest: u128,
}

/// What is known of a request.
pub(super) enum Asked {
    /// It has no idempotency key.
    Plainly,
    /// It is the first under its key.
    First(Once),
    /// It was answered before.
    Again(Response),
}

/// Whether a request was answered before.
pub(super) fn look_up(
    app: &App,
    tenant: TenantId,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Asked, Problem> {
    let Some(key) = headers.get(HEADER) else { return Ok(Asked::Plainly) };
    if key.is_empty() || key.len() > LENGTH_MAX {
        let problem = Problem::from(Code::InvalidParameter);
        return Err(problem.at("Idempotency-Key", "send 1 to 255 characters"));
    }
    let secret = app.engine.secret();
    let hash = secret.hash(tenant, "idempotency", &[key.as_bytes()]);
    let row = [&tenant.0.to_be_bytes()[..], &hash].concat();
    let digest = secret.hash(tenant, "body", &[body]);
    let digest = u128::from_be_bytes(digest);
    let kept = app.engine.store().get(Table::Answers, &row).map_err(EngineError::from)?;
    let kept = kept.and_then(|kept| {
        let (_, json) = kept.split_first_chunk::<8>()?;
        serde_json::from_slice::<Kept>(json).ok()
    });
    match kept.filter(|kept| kept.until > app.engine.now()) {
        None => Ok(Asked::First(Once { row, digest })),
        Some(kept) if kept.digest == digest => {
            let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
            let mut response = answers::with_status(status, kept.body.into_bytes());
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(Asked::Again(response.into_response()))
        }
        Some(_) => Err(Code::IdempotencyConflict.into()),
    }
}

impl Once {
    /// Keeps the answer, durably, before it is given.
    pub(super) fn keep(self, app: &App, status: u16, body: &str) -> Result<(), Problem> {
        let until = app.engine.now().plus(KEPT);
        let kept = Kept { digest: self.digest, status, body: body.to_owned(), until };
        let mut rows = Rows::new();
        // The engine forgets it by its first eight bytes.
        let json = serde_json::to_vec(&kept).map_err(|_| Problem::from(Code::Internal))?;
        let value = [&until.0.to_be_bytes()[..], &json].concat();
        rows.put(Table::Answers, self.row, value);
        let written = app.engine.store().write(rows, Durability::Synced);
        written.map_err(|error| EngineError::from(error).into())
    }
}

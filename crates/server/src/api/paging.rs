//! Parameters of query and path: read once, refused by name.
use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Path};
use http::{Uri, request::Parts};
use serde::de::DeserializeOwned;
use sessionary_core::time::{UnixMillis, parse_instant};

use crate::problem::{Code, Problem};

/// Entities of a page when nobody says how many.
const DEFAULT_LIMIT: usize = 100;
/// The most of a page.
const LIMIT_MAX: usize = 1_000;

/// The parameters of a query, the last of each name.
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Those of a request.
    pub(super) fn of(uri: &Uri) -> Query {
        let pairs = url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
        Query(pairs.into_owned().collect())
    }

    /// All of them, for what reads its own.
    pub(super) fn into_pairs(self) -> BTreeMap<String, String> {
        self.0
    }

    /// A parameter that is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// How many entities a page shall have, 1 to 1000.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.text("limit") else { return Ok(DEFAULT_LIMIT) };
        let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        limit.ok_or_else(|| wrong("limit", format!("{text:?} is no number from 1 to {LIMIT_MAX}")))
    }

    /// A parameter that must parse.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        send: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let shown: String = text.chars().take(64).collect();
        parse(text).map(Some).ok_or_else(|| wrong(name, format!("{shown:?} came; send {send}")))
    }

    /// A parameter that is a moment.
    pub(super) fn instant(&self, name: &str) -> Result<Option<UnixMillis>, Problem> {
        let parse = |text: &str| parse_instant(text).ok().map(|instant| instant.at);
        self.parsed(name, parse, "ISO 8601 such as 2026-01-05T10:00:00Z")
    }
}

/// A parameter that is not valid.
pub(super) fn wrong(name: &str, detail: impl Into<String>) -> Problem {
    Problem::from(Code::InvalidParameter).at(name, detail)
}

/// A segment of the path.
pub(super) struct Segment<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Segment<T>, Problem> {
        let Path(segment) = Path::<T>::from_request_parts(parts, state)
            .await
            .map_err(|error| Code::InvalidParameter.because(error.body_text()))?;
        Ok(Segment(segment))
    }
}

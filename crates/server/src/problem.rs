//! Problem documents (RFC 9457): every refusal, in words for the person who must act.
//!
//! One table holds every code with its status, title, meaning and remedy. The answers, the pages
//! under `/docs/problems` and the OpenAPI document are read from it, so a code without a row does
//! not compile. A code never changes its meaning; titles and sentences may be improved.
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;

use crate::request_log::RequestId;

macro_rules! codes {
    ($($code:ident = $word:literal $status:literal $title:literal
        means $means:literal do $remedy:literal;)*) => {
        /// The stable name of a kind of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $means] $code,)* }

        impl Code {
            /// Every code, by status.
            pub const ALL: &[Code] = &[$(Code::$code,)*];

            /// What the table says of it.
            pub fn row(self) -> &'static Row {
                match self {
                    $(Code::$code => &Row {
                        word: $word, status: $status, title: $title, means: $means, remedy: $remedy,
                    },)*
                }
            }
        }
    };
}

/// What is known of a kind of problem.
#[derive(Debug)]
pub struct Row {
    /// The code on the wire.
    pub word: &'static str,
    /// The HTTP status it is answered with.
    pub status: u16,
    /// A few words, the same for every occurrence.
    pub title: &'static str,
    /// What has happened.
    pub means: &'static str,
    /// What the reader can do.
    pub remedy: &'static str,
}

codes! {
    BadHost = "bad_host" 400 "The Host header is missing, doubled or malformed"
        means "An HTTP/1.1 request names its host exactly once, as a name or address with an optional port. This one did not."
        do "Send one Host header. If a proxy stands in between, look at what it adds.";
    CorruptEncoding = "corrupt_encoding" 400 "The compressed body cannot be unpacked"
        means "The body is labelled gzip or zstd, or begins like it, and is cut short or damaged."
        do "Compress the whole body once, and send it with the right Content-Length.";
    UnreadableBody = "unreadable_body" 400 "The body cannot be read"
        means "The body is not in the form that this route reads, for instance not JSON. Nothing of it was accepted."
        do "Look at the detail for the place; correct the body and send it again.";
    BrokenBody = "broken_body" 400 "The body ended before it was complete"
        means "The connection or its framing failed while the body was being read."
        do "Send the request again; a repeated signal has one effect.";
    InvalidParameter = "invalid_parameter" 400 "A parameter is not valid"
        means "A query parameter or path segment has a value that this route does not take."
        do "Each entry of `errors` names a parameter and says what to send.";
    MissingDisposition = "missing_disposition" 400 "No disposition code, or nothing to find the session by"
        means "A disposition needs a code, and a session id, user signal or external id that leads to a session."
        do "Send `session_disposition_code` and at least one way to find the session.";
    KeyMissing = "key_missing" 401 "No API key"
        means "This route needs an API key, and none was found."
        do "Send `Authorization: Bearer KEY`, or Basic with the key as the user name and an empty password.";
    KeyMalformed = "key_malformed" 401 "The text sent as API key is not one"
        means "It does not begin like a key, or its check characters do not fit: it was mistyped or cut."
        do "Copy the key again, whole.";
    KeyUnknown = "key_unknown" 401 "The API key is not known here"
        means "The key is well formed, but this server never issued it."
        do "Check that the key belongs to this server; issue one with `sessionary keys create`.";
    KeyExpired = "key_expired" 401 "The API key has expired"
        means "The key was issued with an end, and it has passed."
        do "Issue a new key, or rotate before the end.";
    KeyRevoked = "key_revoked" 401 "The API key was revoked"
        means "Somebody took the key back."
        do "Use the key that replaced it, or issue a new one.";
    ScopeMissing = "scope_missing" 403 "The API key may not do this"
        means "The key is good, but lacks the scope that this route asks for."
        do "Use a key with the scope named in the detail. Publishable keys only append signals.";
    OriginNotAllowed = "origin_not_allowed" 403 "The page's origin is not on the key's list"
        means "The key may be used from listed origins only, and the request's Origin is none of them."
        do "Add the origin to the key, or send from a listed page.";
    SecretInUrl = "secret_in_url" 403 "A secret key does not belong into a URL"
        means "Query strings end up in histories and logs, so only publishable keys are taken from them."
        do "Send the secret key in the Authorization header. Consider it leaked, and rotate it.";
    ActionKeyForeign = "action_key_foreign" 403 "The action key is another tenant's"
        means "The action key is known, but does not belong to the API key it was sent with."
        do "Send the API key and the action key of one tenant.";
    NotFound = "not_found" 404 "There is nothing here"
        means "No route has this path, or nothing with this id is visible to this key."
        do "Compare the path with /docs, and the id with the list it came from.";
    MethodNotAllowed = "method_not_allowed" 405 "This path does not take this method"
        means "The path exists, for other methods."
        do "Use one of the methods in the Allow header.";
    NotAcceptable = "not_acceptable" 406 "The format asked for does not exist"
        means "The `format` or the Accept header names a form that this route cannot write."
        do "Ask for one of the forms in the detail.";
    BodyTimeout = "body_timeout" 408 "The body took too long"
        means "The body stopped arriving, or arrived too slowly."
        do "Send it again; send smaller batches over a slow line.";
    SignalConflict = "signal_conflict" 409 "The same id came with another body"
        means "A signal with this id is already on record in its session with other content. Nothing has changed."
        do "Give a new signal a new id. A correction is a signal of its own.";
    IdempotencyConflict = "idempotency_conflict" 409 "The idempotency key was used for another request"
        means "A request with this Idempotency-Key and other content was answered within the last 24 hours."
        do "Use a new Idempotency-Key for a new request.";
    AlreadyExists = "already_exists" 409 "It exists already"
        means "A thing with this name or alias was made before."
        do "Choose another name, or change the one that exists.";
    DefinitionChanged = "definition_changed" 409 "The definition has changed since you read it"
        means "The version sent is not the current one: somebody else changed the definition meanwhile. Nothing of this change was made."
        do "Read it again, apply the change to what is there now, and send the new version.";
    VersionMismatch = "version_mismatch" 412 "It has changed since you read it"
        means "The version or entity tag sent is not the current one. Nothing has changed."
        do "Read it again, apply the change to what is there now, and send the new version.";
    BodyTooLarge = "body_too_large" 413 "The body is too large"
        means "The body is larger than this route takes, as sent or unpacked."
        do "Send less at a time; the detail names the limit.";
    TooManySignals = "too_many_signals" 413 "Too many signals in one batch"
        means "A batch may hold a limited number of signals."
        do "Send several batches; the detail names the limit.";
    UrlTooLong = "url_too_long" 414 "The URL is too long"
        means "The URL has more than 8 KiB."
        do "Send the values in a body.";
    EncodingNotSupported = "encoding_not_supported" 415 "The Content-Encoding is not supported"
        means "Bodies may be plain, gzip or zstd, compressed once."
        do "Use gzip, zstd or no compression.";
    Unprocessable = "unprocessable" 422 "The content is readable and not valid"
        means "The body was read, but a required field is missing or a value is out of range."
        do "Each entry of `errors` points at a field and says what to send.";
    LoopDetected = "loop_detected" 422 "What was delivered from here came back too often"
        means "The header `sessionary-hops` counts how often a session went out and came back, and it names a session of this server. It was put into quarantine, and nothing has changed."
        do "Look for two systems that answer each other's notices; break the circle, then replay it from quarantine.";
    QueryInvalid = "query_invalid" 422 "The query cannot be answered as it is written"
        means "The text is no SQL, names a column or table that there is not, or computes what cannot be computed."
        do "The detail says what is wrong and where. `SELECT * FROM information_schema.columns` lists every column.";
    QueryRefused = "query_refused" 422 "This is no query that is answered here"
        means "Only one query that reads is answered: nothing is changed, written or set by SQL."
        do "Send one SELECT, WITH, VALUES, DESCRIBE, SHOW TABLES or SHOW COLUMNS.";
    QueryTooLarge = "query_too_large" 422 "The query takes more than it may"
        means "Its text, its rows, its memory or its time is beyond what the server is configured to give to a query."
        do "The detail names the limit. Narrow the query with WHERE, group its rows, add LIMIT, or ask the operator to raise the limit in `[query]`.";
    RateLimited = "rate_limited" 429 "Too much at once for this key or address"
        means "The key or the address has used up its share for now. Nothing was accepted."
        do "Wait as long as Retry-After says, then send the same again.";
    HeadersTooLarge = "headers_too_large" 431 "The request headers are too large"
        means "The headers of the request together have more than 16 KiB, or there are more than 100."
        do "Send fewer or shorter headers; cookies are not needed here.";
    Internal = "internal_error" 500 "The server made a mistake"
        means "A defect of ours ended the request. It was logged with the request id."
        do "Send it again; if it happens again, report the X-Request-Id.";
    Overloaded = "overloaded" 503 "The server has all it can take"
        means "More requests are in flight, or more signals queued, than the server is configured to hold. Nothing was accepted."
        do "Wait as long as Retry-After says, then send the same again.";
    NotReady = "not_ready" 503 "The server is starting or stopping"
        means "The data directory is being opened or recovered, or the server is about to stop."
        do "Wait as long as Retry-After says; /readyz says when.";
    StoreUnavailable = "store_unavailable" 503 "The store does not take writes now"
        means "A write to disk failed and the store is being reopened, so the request was not accepted."
        do "Send the same again after Retry-After; the operator finds the cause in the log.";
    DiskFull = "disk_full" 507 "The disk is nearly full"
        means "Writing stops before the disk is full. Reading, erasure and export go on."
        do "Send the same again later; the operator frees space, and writing resumes by itself.";
}

impl Code {
    /// The code on the wire, such as `key_missing`.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// The status it is answered with.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Reads the code of the wire.
    pub fn from_word(word: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.word() == word)
    }

    /// A problem of this kind, with a sentence about this occurrence.
    pub fn because(self, detail: impl Into<String>) -> Problem {
        Problem { detail: Some(detail.into()), ..Problem::from(self) }
    }
}

/// One occurrence of a problem. As an answer it is a problem document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub code: Code,
    /// A sentence about this occurrence; never a secret or a personal value.
    pub detail: Option<String>,
    /// The places that are wrong, when they can be named.
    pub errors: Vec<Fault>,
    /// After how many whole seconds another try makes sense.
    pub retry_after_s: Option<u32>,
    /// Where the payload was put aside, when it was.
    pub quarantine_id: Option<String>,
    /// For 405: the methods that the path takes.
    pub allow: Option<String>,
}

/// One wrong place of a body or query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer into the body (`/3/type`), or the name of a parameter.
    pub pointer: String,
    /// What is wrong there and what to send.
    pub detail: String,
}

impl From<Code> for Problem {
    fn from(code: Code) -> Problem {
        Problem {
            code,
            detail: None,
            errors: Vec::new(),
            retry_after_s: None,
            quarantine_id: None,
            allow: None,
        }
    }
}

impl Problem {
    /// The same, with one more wrong place.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Problem {
        self.errors.push(Fault { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// The same, with the time after which another try makes sense; at least a second.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Problem {
        Problem { retry_after_s: Some(seconds.max(1)), ..self }
    }

    /// The same, naming where the payload was put aside.
    #[must_use]
    pub fn quarantined(self, id: impl Into<String>) -> Problem {
        Problem { quarantine_id: Some(id.into()), ..self }
    }

    /// The document's bytes.
    #[expect(clippy::missing_panics_doc, reason = "texts and numbers are always JSON")]
    pub fn to_json(&self) -> Vec<u8> {
        let row = self.code.row();
        let document = Document {
            kind: format!("/docs/problems/{}", row.word),
            title: row.title,
            status: row.status,
            code: row.word,
            detail: self.detail.as_deref(),
            errors: &self.errors,
            retry_after: self.retry_after_s,
            quarantine_id: self.quarantine_id.as_deref(),
        };
        serde_json::to_vec(&document).expect("texts and numbers are JSON")
    }
}

/// The members of the document, in the order they are written.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine_id: Option<&'a str>,
}

/// A refusal in the words of others: clients of a dialect read its own shape and show nothing of
/// ours. Status and headers stay. Where the shape has a `contextId` of null, the id of the request
/// is put there.
pub type InOtherWords = fn(&Problem) -> serde_json::Value;

/// The response as the route's clients read it, where it is a refusal.
pub(crate) fn reworded(
    response: Response,
    words: InOtherWords,
    id: Option<&RequestId>,
) -> Response {
    let Some(problem) = response.extensions().get::<Arc<Problem>>().cloned() else {
        return response;
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(CONTENT_LENGTH);
    let mut body = words(&problem);
    if let Some(context) = body.get_mut("contextId").filter(|context| context.is_null()) {
        *context = id.and_then(|id| id.0.to_str().ok()).unwrap_or_default().into();
    }
    Response::from_parts(parts, body.to_string().into())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), self.to_json()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code.row().status == 401 {
            let challenge = HeaderValue::from_static("Bearer realm=\"sessionary\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(allow) =
            self.allow.as_deref().and_then(|allow| HeaderValue::try_from(allow).ok())
        {
            headers.insert(ALLOW, allow);
        }
        response.extensions_mut().insert(self.code);
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn every_code_is_well_formed_and_unique() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            let row = code.row();
            assert!(row.word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
            assert!((400..600).contains(&row.status), "{}", row.word);
            assert!(row.means.ends_with('.') && row.remedy.ends_with('.'), "{}", row.word);
            assert!(!row.title.ends_with('.'), "{}", row.word);
            assert_eq!(Code::from_word(row.word), Some(*code));
        }
        assert!(Code::ALL.is_sorted_by_key(|code| code.row().status), "the table is in order");
    }

    #[test]
    fn a_document() {
        let problem =
            Code::RateLimited.because("key 7 may send 100 signals a second").retry_after(0);
        expect![[r#"{"type":"/docs/problems/rate_limited","title":"Too much at once for this key or address","status":429,"code":"rate_limited","detail":"key 7 may send 100 signals a second","retry_after":1}"#]]
            .assert_eq(std::str::from_utf8(&problem.to_json()).unwrap());
        let problem =
            Problem::from(Code::Unprocessable).at("/0/type", "send a text").quarantined("q1");
        expect![[r#"{"type":"/docs/problems/unprocessable","title":"The content is readable and not valid","status":422,"code":"unprocessable","errors":[{"pointer":"/0/type","detail":"send a text"}],"quarantine_id":"q1"}"#]]
            .assert_eq(std::str::from_utf8(&problem.to_json()).unwrap());
    }
}

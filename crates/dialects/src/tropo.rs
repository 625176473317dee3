//! Tropo: the session that a telephony platform posts to an application, the results that follow,
//! and the documents that the application answers with.
//!
//! [`read`] takes a posted body apart and makes its signals; [`of_session`] tells a session as the
//! platform posted it, or would have. [`Document`] and [`Dialogue`] play the platform for text
//! sessions, for applications that have outlived it.
use std::borrow::Cow;

use serde_json::value::RawValue;
use sessionary_core::{
    channel::Channel,
    json::{Bounds, JsonText, Scanner},
    signal::Signal,
    time::UnixMillis,
};

use crate::{
    Context,
    limits::{self, OverLimit},
};

mod choices;
mod document;
mod emulate;
mod encode;
mod networks;
mod result;
mod session;
mod sheet;

pub use choices::Choices;
pub use document::{Document, NotADocument};
pub use emulate::{Beginning, Dialogue, Line, Question, Step};
pub use encode::{encode, of_session, text_of_session};

/// The name space of session ids, where the key names none.
pub const SOURCE: &str = "tropo";

/// A body that is refused whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No JSON object.
    #[error(
        "the body is no JSON object: {reason}; send {{\"session\": {{…}}}} or {{\"result\": {{…}}}}"
    )]
    Unreadable {
        /// What is the matter.
        reason: String,
    },
    /// Over a limit.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// Neither of the two.
    #[error(
        "there is no `session` and no `result`; send {{\"session\": {{…}}}} or {{\"result\": {{…}}}}"
    )]
    Neither,
    /// A result of nothing.
    #[error("`result.sessionId` is missing; send the id of the session that the result is of")]
    NoSessionId,
    /// An id that cannot be one.
    #[error("`{member}` is too long or has control characters; send 1 to 255 visible characters")]
    BadId {
        /// The member.
        member: &'static str,
    },
}

impl Refusal {
    /// The stable word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Unreadable { .. } => "unreadable",
            Refusal::OverLimit(over) => over.code(),
            Refusal::Neither => "no_session_or_result",
            Refusal::NoSessionId => "missing_session_id",
            Refusal::BadId { .. } => "bad_id",
        }
    }
}

/// Which of the two a body is. One that is both counts as its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A new session arrives.
    Session,
    /// A document was run.
    Result,
}

/// What is known of a session when a result of it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The session's own timestamp.
    pub started_at: Option<UnixMillis>,
    /// Its channel.
    pub channel: Option<Channel>,
}

/// A posted body that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// What it is.
    pub phase: Phase,
    /// The platform's id of the session.
    pub session: Option<Box<str>>,
    /// Its signals, one or more: the session's first, then its first message, then the result.
    pub signals: Vec<Signal>,
    /// Whether the session is over with it.
    pub is_last: bool,
}

impl Posted {
    /// What a session's own body says of it; of a result alone nothing.
    pub fn known(&self) -> Known {
        let has_session = self.phase == Phase::Session || self.signals.len() > 1;
        if has_session { known_of(&self.signals) } else { Known::default() }
    }

    /// Tells the result when it was and what it means, by what is known of its session: it has no
    /// time of its own, but the length of the session so far.
    pub fn place(&mut self, known: Known) {
        if let Some(signal) = self.signals.last_mut().filter(|_| self.phase == Phase::Result) {
            result::place(signal, known);
        }
    }
}

fn known_of(signals: &[Signal]) -> Known {
    let first = signals.first();
    Known {
        started_at: first.and_then(|signal| Some(signal.occurred_at.as_ref()?.at)),
        channel: first.and_then(|signal| signal.channel),
    }
}

/// The text of a body: UTF-8, or ISO-8859-1 where it is none, as the platform was seen to send
/// accented letters.
pub fn text_of(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(body.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// Reads a posted body: `{"session": …}` or `{"result": …}`, with whatever stands beside it, or the
/// inside of one of them alone; and a session with its `results`, as [`of_session`] tells it.
///
/// # Errors
/// It is neither, is over a limit, or names no session where one is needed.
pub fn read(text: &str, context: &Context<'_>) -> Result<Posted, Refusal> {
    let limits = &context.limits;
    let bounds = Bounds { depth: limits.depth, members: limits.members, text_bytes: limits.text };
    match members(&mut Scanner::new(text, bounds), bounds) {
        Some(found) => found.finish(context),
        None => Err(why_unreadable(text, context)),
    }
}

/// The members of a body.
struct Members<'a> {
    session: Option<session::Draft<'a>>,
    result: Option<result::Draft<'a>>,
    /// A list beside a session that is told whole.
    results: Option<JsonText<'a>>,
    rest: Rest<'a>,
    bounds: Bounds,
}

/// Members beside the two, by name.
type Rest<'a> = Vec<(Cow<'a, str>, JsonText<'a>)>;

fn members<'a>(scanner: &mut Scanner<'a>, bounds: Bounds) -> Option<Members<'a>> {
    let mut found =
        Members { session: None, result: None, results: None, rest: Vec::new(), bounds };
    scanner.space();
    scanner.members(|name, scanner| {
        match (&*name, scanner.peek()?) {
            ("session", b'{') => found.session = Some(session::read(scanner)?),
            ("result", b'{') => found.result = Some(result::read(scanner)?),
            ("results", b'[') => found.results = Some(scanner.value()?),
            _ => found.rest.push((name, scanner.value()?)),
        }
        Some(())
    })?;
    scanner.space();
    scanner.peek().is_none().then_some(found)
}

/// The results of a list of nothing but results.
fn results(list: JsonText<'_>, bounds: Bounds) -> Option<Vec<result::Draft<'_>>> {
    let mut scanner = Scanner::new(list.get(), bounds);
    let mut passed = scanner.open(b'[')?;
    let mut results = Vec::new();
    while scanner.item(&mut passed)? {
        let is_result = scanner.peek()? == b'{';
        results.push(is_result.then(|| result::read(&mut scanner)).flatten()?);
    }
    results.iter().all(result::Draft::is_of_a_session).then_some(results)
}

impl<'a> Members<'a> {
    fn finish(mut self, context: &Context<'_>) -> Result<Posted, Refusal> {
        if self.session.is_none() && self.result.is_none() {
            self.unwrap_bare();
        }
        let results = self.results_of_the_session();
        let mut signals = Vec::with_capacity(2);
        let mut rest = &self.rest[..];
        if let Some(session) = self.session.take() {
            signals = session.finish(rest, context)?;
            rest = &[];
        }
        let is_over = results.iter().any(result::Draft::is_last);
        let known = known_of(&signals);
        for result in results {
            let mut signal = result.finish(&[], context)?;
            result::place(&mut signal, known);
            signals.push(signal);
        }
        let Some(result) = self.result.take() else {
            let first = signals.first().ok_or(Refusal::Neither)?;
            let session = first.session.clone();
            return Ok(Posted { phase: Phase::Session, session, signals, is_last: is_over });
        };
        let is_last = is_over || result.is_last();
        let mut signal = result.finish(rest, context)?;
        if !signals.is_empty() {
            result::place(&mut signal, known_of(&signals));
        }
        let session = signal.session.clone();
        signals.push(signal);
        Ok(Posted { phase: Phase::Result, session, signals, is_last })
    }

    /// Those of a session that is told whole; any other list is a member like others.
    fn results_of_the_session(&mut self) -> Vec<result::Draft<'a>> {
        let Some(list) = self.results.take() else { return Vec::new() };
        let read = self.session.as_ref().and_then(|_| results(list, self.bounds));
        read.unwrap_or_else(|| {
            self.rest.push(("results".into(), list));
            Vec::new()
        })
    }

    /// Takes the members themselves for those of a session or a result.
    fn unwrap_bare(&mut self) {
        let has = |wanted: &[&str]| self.rest.iter().any(|(name, _)| wanted.contains(&&**name));
        let is_result = has(&["sessionId"]);
        let is_session = has(&["id"]) && has(&BESIDE_AN_ID);
        if !(is_result || is_session) {
            return;
        }
        let mut result = is_result.then(result::Draft::default);
        let mut session = (!is_result).then(session::Draft::default);
        for (name, json) in self.rest.drain(..) {
            // It passed over the value before, so it does so again.
            let mut scanner = Scanner::new(json.get(), self.bounds);
            let _ = match (&mut result, &mut session) {
                (Some(draft), _) => draft.member(&name, &mut scanner),
                (None, Some(draft)) => draft.member(&name, &mut scanner),
                (None, None) => None,
            };
        }
        (self.result, self.session) = (result, session);
    }
}

/// One of these beside an `id` is a session that nothing is wrapped around.
const BESIDE_AN_ID: [&str; 5] = ["from", "to", "timestamp", "accountId", "headers"];

fn why_unreadable(text: &str, context: &Context<'_>) -> Refusal {
    if let Err(over) = limits::check(text, &context.limits) {
        return over.into();
    }
    let reason = match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) if raw.get().starts_with('{') => "a name of a member is no text".to_owned(),
        Ok(_) => "it is another value".to_owned(),
        Err(error) => error.to_string(),
    };
    Refusal::Unreadable { reason }
}

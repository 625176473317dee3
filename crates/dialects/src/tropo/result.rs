//! The result payload: what the platform posts when it has run a document, and when a call ends.
use std::borrow::Cow;

use sessionary_core::{
    channel::Channel,
    dictionary::field,
    json::{JsonText, Scanner},
    signal::{Fields, Signal, kind},
    time::{Instant, Millis},
    value::Value,
};

use super::{
    Known, Refusal, SOURCE,
    sheet::{Sheet, put, put_user_type},
};
use crate::{
    Context,
    identities::{LENGTH_MAX, is_id},
};

/// The word of a result that neither answers nor ends a session: a type of our own.
pub(super) const KIND: &str = "tropo_result";

/// States after which nothing follows, and what each says of the end: how it ended, and why.
const FINAL: [(&str, Option<&str>, Option<&str>); 6] = [
    ("DISCONNECTED", None, None),
    ("FAILED", Some("failed"), None),
    ("TIMEOUT", Some("timeout"), None),
    ("REDIRECTED", Some("transferred_out"), None),
    ("BUSY", None, Some("busy")),
    ("REJECTED", None, Some("rejected")),
];

/// The longest session that is believed: ten years, in milliseconds.
const LONGEST_MS: u64 = 10 * 366 * 86_400_000;

/// The members that were read so far.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    session: Option<Cow<'a, str>>,
    call: Option<Cow<'a, str>>,
    state: Option<Cow<'a, str>>,
    duration_ms: Option<u64>,
    sequence: Option<u64>,
    error: Option<Cow<'a, str>>,
    called: Option<Cow<'a, str>>,
    user_type: Option<Cow<'a, str>>,
    sheet: Sheet,
}

/// Reads the object that comes next.
pub(super) fn read<'a>(scanner: &mut Scanner<'a>) -> Option<Draft<'a>> {
    let mut draft = Draft::default();
    scanner.members(|name, scanner| draft.member(&name, scanner))?;
    Some(draft)
}

impl<'a> Draft<'a> {
    /// Reads the value of one member, which comes next.
    pub(super) fn member(&mut self, name: &str, scanner: &mut Scanner<'a>) -> Option<()> {
        let json = scanner.value()?;
        let sheet = &mut self.sheet;
        match name {
            "sessionId" => self.session = sheet.text("result.sessionId", json),
            "callId" => self.call = sheet.text("result.callId", json),
            "state" => self.state = sheet.text("result.state", json),
            "sessionDuration" => self.duration_ms = duration(json, sheet),
            "sequence" => self.sequence = sequence(json, sheet),
            "error" => self.error = sheet.text("result.error", json),
            // Libraries look for three spellings; the wire has the first.
            "calledid" | "calledID" | "calledId" => {
                self.called = sheet.text("result.calledid", json);
            }
            "userType" => self.user_type = sheet.text("result.userType", json),
            name => sheet.keep(&format!("result.{name}"), json),
        }
        Some(())
    }

    /// Whether the session is over with it.
    pub(super) fn is_last(&self) -> bool {
        self.state.as_deref().is_some_and(|state| is_final(state).is_some())
    }

    /// Whether it says which session it is of.
    pub(super) fn is_of_a_session(&self) -> bool {
        self.session.is_some()
    }

    /// Makes the signal, for [`place`] to tell its time and meaning.
    pub(super) fn finish(
        mut self,
        rest: &[(Cow<'_, str>, JsonText<'_>)],
        context: &Context<'_>,
    ) -> Result<Signal, Refusal> {
        let session = self.session.take().ok_or(Refusal::NoSessionId)?;
        if !is_id(&session) {
            return Err(Refusal::BadId { member: "result.sessionId" });
        }
        for (name, json) in rest {
            self.sheet.keep(name, *json);
        }
        let fields = self.fields();
        let source = if context.source.is_empty() { SOURCE } else { context.source };
        let mut signal = Signal {
            key: "".into(),
            kind: KIND.into(),
            occurred_at: None,
            sent_at: None,
            sequence: self.sequence.unwrap_or(0),
            channel: None,
            session_type: None,
            source: source.into(),
            session: Some((&*session).into()),
            identities: Vec::new(),
            claim: None,
            fields,
            attributes: self.sheet.attributes,
            warnings: self.sheet.warnings,
        };
        let known = self.sequence.map(|sequence| {
            let (call, state) = (self.call.as_deref(), self.state.as_deref());
            let (call, state) = (call.unwrap_or_default(), state.unwrap_or_default());
            format!("{session}:result:{call}:{sequence}:{state}")
        });
        // Without a sequence, what it says is all that tells it from another.
        let by_body = || format!("{session}:result:{}", signal.derived_key());
        let key = Some(known.unwrap_or_else(by_body));
        let key = key.filter(|key| is_id(key) && key.len() <= LENGTH_MAX);
        signal.key = key.map_or_else(|| signal.derived_key(), Into::into);
        Ok(signal)
    }

    /// The fields, in the order of their numbers.
    fn fields(&mut self) -> Fields {
        let end = self.state.as_deref().and_then(is_final);
        let mut fields = Fields::with_capacity(8);
        put(&mut fields, field::INTEGRATION_RESULT_CODE, self.error.as_deref());
        if let Some(length) = self.duration_ms {
            fields.insert(field::SESSION_DURATION, Value::Number(length));
        }
        if let Some((how, why)) = end {
            put(&mut fields, field::DISCONNECT_REASON, why);
            put(&mut fields, field::ENDED_HOW, how);
        }
        put(&mut fields, field::LINE_NUMBER, self.called.as_deref());
        put(&mut fields, field::CALL_ID, self.call.as_deref());
        put(&mut fields, field::SOURCE_STATUS, self.state.as_deref());
        if let Some(word) = &self.user_type {
            put_user_type(&mut fields, &mut self.sheet, "result.userType", word);
        }
        fields
    }
}

/// Tells a result when it was and what it means.
pub(super) fn place(signal: &mut Signal, known: Known) {
    signal.channel = known.channel;
    let length = signal.number(field::SESSION_DURATION);
    let length = length.and_then(|length| i64::try_from(length).ok()).map(Millis);
    signal.occurred_at = known
        .started_at
        .zip(length)
        .map(|(started_at, length)| Instant::at(started_at.plus(length)));
    let state = signal.text(field::SOURCE_STATUS).unwrap_or_default();
    let is_voice = known.channel == Some(Channel::Voice);
    if is_final(state).is_some() {
        let ended = if is_voice { kind::CALL_ENDED } else { kind::SESSION_ENDED };
        signal.kind = ended.into();
    } else if is_voice && state.eq_ignore_ascii_case("ANSWERED") {
        signal.kind = kind::CALL_ANSWERED.into();
        // An application took the call, unless it found a machine.
        let answered_by = || Value::Text("virtual".into());
        signal.fields.entry(field::ANSWERED_BY).or_insert_with(answered_by);
    }
}

type End = (Option<&'static str>, Option<&'static str>);

/// Whether a status is a state of the platform's.
pub(super) fn is_state(status: &str) -> bool {
    is_final(status).is_some() || status.eq_ignore_ascii_case("ANSWERED")
}

/// The state of a session that came by another dialect and is over, by how it ended.
pub(super) fn state_of(ended_how: Option<&str>) -> &'static str {
    let row = FINAL.iter().find(|(_, how, _)| how.is_some() && *how == ended_how);
    row.map_or("DISCONNECTED", |(state, ..)| *state)
}

fn is_final(state: &str) -> Option<End> {
    let row = FINAL.iter().find(|(word, ..)| word.eq_ignore_ascii_case(state));
    row.map(|(_, how, why)| (*how, *why))
}

/// Seconds, mostly whole ones; others are kept as they came as well.
fn duration(json: JsonText<'_>, sheet: &mut Sheet) -> Option<u64> {
    const PATH: &str = "result.sessionDuration";
    let text = sheet.text(PATH, json)?;
    if let Ok(seconds) = text.trim().parse::<u64>()
        && let Some(ms) = seconds.checked_mul(1_000).filter(|ms| *ms <= LONGEST_MS)
    {
        return Some(ms);
    }
    let seconds = text.trim().parse::<rust_decimal::Decimal>().ok();
    let ms = seconds.and_then(|seconds| seconds.checked_mul(1_000.into()));
    let ms = ms.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms <= LONGEST_MS);
    match ms {
        Some(_) => sheet.keep(PATH, json),
        None => sheet.unreadable(PATH, json),
    }
    ms
}

fn sequence(json: JsonText<'_>, sheet: &mut Sheet) -> Option<u64> {
    const PATH: &str = "result.sequence";
    let text = sheet.text(PATH, json)?;
    let sequence = text.trim().parse().ok();
    if sequence.is_none() {
        sheet.unreadable(PATH, json);
    }
    sequence
}

//! Decoding: each item of a body to a signal, or to the reason why it is put aside.
use std::collections::BTreeMap;

use serde_json::value::RawValue;
use sessionary_core::{
    channel::{Channel, SessionType},
    dictionary::{Field, Given, Member, WrongValue, by_member, by_number, field},
    disposition::{Author, ClaimPolicy},
    identity::Identity,
    signal::{Attributes, ClaimBody, FieldNumber, Fields, Signal},
    time::{Instant, parse_instant},
    value::{RawJson, Value},
};

use super::{
    framing::{BodyError, split},
    members::{Members, is_null, plain_text},
};
use crate::{
    Context, attribution_from_url, default_currency,
    identities::{self, identity, is_id},
    limits::check,
};

/// Characters that the word of a type may have.
const TYPE_LENGTH_MAX: usize = 128;

/// An item that is put aside, whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ItemError {
    /// Stable word for machines.
    pub code: &'static str,
    /// Sentence for the sender.
    pub detail: String,
    /// Dotted path of the member at fault.
    pub field: Option<String>,
    /// The item's own bytes.
    pub raw: Vec<u8>,
    /// The item's id, where it has one.
    pub id: Option<String>,
}

/// Decodes a body; one result for each item, in their order.
///
/// # Errors
/// A body of which nothing can be kept.
pub fn decode(
    body: &[u8],
    context: &Context<'_>,
) -> Result<Vec<Result<Signal, ItemError>>, BodyError> {
    let items = split(body, &context.limits)?;
    Ok(items.into_iter().map(|text| item(text, context)).collect())
}

fn item(text: &str, context: &Context<'_>) -> Result<Signal, ItemError> {
    let mut draft = Draft::default();
    let read = draft.read(text, context).and_then(|()| draft.finish(context));
    read.map_err(|Fault { code, detail, field }| ItemError {
        code,
        detail,
        field,
        raw: text.as_bytes().to_vec(),
        id: draft.id.take().map(Into::into),
    })
}

/// Why an item is put aside.
struct Fault {
    code: &'static str,
    detail: String,
    field: Option<String>,
}

impl Fault {
    fn of(path: &str, code: &'static str, detail: String) -> Fault {
        Fault { code, detail, field: Some(path.to_owned()) }
    }

    fn wrong(path: &str, raw: &RawValue, send: &str) -> Fault {
        let got: String = raw.get().chars().take(64).collect();
        Fault::of(path, "wrong_value", format!("`{path}` is {got}; send {send}"))
    }
}

/// A signal that is being read; each slot holds the last value that came.
#[derive(Default)]
struct Draft {
    id: Option<Box<str>>,
    kind: Option<Box<str>>,
    occurred_at: Option<Instant>,
    sent_at: Option<Instant>,
    sequence: u64,
    channel: Option<Channel>,
    session_type: Option<SessionType>,
    source: Option<Box<str>>,
    session: Option<Box<str>>,
    identities: Vec<Identity>,
    user_id: Option<Box<str>>,
    anonymous_id: Option<Box<str>>,
    code: Option<u32>,
    author: Option<Author>,
    policy: Option<ClaimPolicy>,
    fields: Fields,
    attributes: Attributes,
    warnings: Vec<Box<str>>,
}

impl Draft {
    fn read(&mut self, text: &str, context: &Context<'_>) -> Result<(), Fault> {
        check(text, &context.limits).map_err(|over| Fault {
            code: over.code(),
            detail: over.to_string(),
            field: None,
        })?;
        let members = serde_json::from_str(text).map_err(|error| {
            let detail = format!("the item is not a JSON object: {error}");
            Fault { code: "not_an_object", detail, field: None }
        })?;
        self.object("", &members, context)
    }

    fn object(
        &mut self,
        group: &str,
        members: &Members<'_>,
        context: &Context<'_>,
    ) -> Result<(), Fault> {
        if !members.repeated.is_empty() {
            self.warn("repeated_member");
        }
        // The id first, so that an error further on can name it.
        if let Some(raw) = members.by_name.get("id").filter(|_| group.is_empty()) {
            self.id = id("id", raw)?;
        }
        for (name, raw) in &members.by_name {
            if group.is_empty() {
                self.member(name, raw, context)?;
            } else {
                self.member(&format!("{group}.{name}"), raw, context)?;
            }
        }
        Ok(())
    }

    fn member(&mut self, path: &str, raw: &RawValue, context: &Context<'_>) -> Result<(), Fault> {
        match path {
            "id" => {}
            "type" => self.kind = kind(raw)?,
            "occurred_at" => self.occurred_at = instant(path, raw)?,
            "sent_at" => self.sent_at = instant(path, raw)?,
            "sequence" => self.sequence = number(path, raw)?.unwrap_or_default(),
            "channel" => self.channel = word(path, raw, CHANNELS, Channel::from_word)?,
            "session_type" => {
                self.session_type = word(path, raw, SESSION_TYPES, SessionType::from_word)?;
            }
            "source" => self.source = id(path, raw)?,
            "session_id" => self.session = id(path, raw)?,
            "identities" => self.identities = identity_list(raw, context)?,
            "user_id" => self.user_id = id(path, raw)?,
            "anonymous_id" => self.anonymous_id = id(path, raw)?,
            "warnings" => self.warnings.append(&mut warnings(raw)?),
            "disposition.code" => self.code = code(path, raw)?,
            "disposition.author" => self.author = word(path, raw, AUTHORS, Author::from_word)?,
            "disposition.policy" => self.policy = word(path, raw, POLICIES, policy_from_word)?,
            _ => return self.by_dictionary(path, raw, context),
        }
        Ok(())
    }

    fn by_dictionary(
        &mut self,
        path: &str,
        raw: &RawValue,
        context: &Context<'_>,
    ) -> Result<(), Fault> {
        match by_member(path) {
            Some(Member::Field(row)) => self.field(row.number(), parse(row, path, raw)?),
            Some(Member::Group) if is_null(raw) => {}
            Some(Member::Group) if raw.get().starts_with('{') => self.group(path, raw, context)?,
            Some(Member::Group) if path == ITEMS && raw.get().starts_with('[') => {
                self.items(raw)?;
            }
            Some(Member::Group) => return Err(Fault::wrong(path, raw, "an object")),
            None if path == SIGNALS && raw.get().starts_with('{') => {
                self.group(path, raw, context)?;
            }
            None => match numbered(path) {
                Some((number, Some(row))) => self.field(number, parse(row, path, raw)?),
                Some((number, None)) => self.field(number, text(path, raw)?.map(Value::Text)),
                None => drop(self.attributes.insert(path.into(), RawJson::from_parsed(raw))),
            },
        }
        Ok(())
    }

    fn group(&mut self, path: &str, raw: &RawValue, context: &Context<'_>) -> Result<(), Fault> {
        let members =
            serde_json::from_str(raw.get()).map_err(|_| Fault::wrong(path, raw, "an object"))?;
        self.object(path, &members, context)
    }

    /// The last value that came holds; null takes an earlier one away.
    fn field(&mut self, number: FieldNumber, value: Option<Value>) {
        let before = match value {
            Some(value) => self.fields.insert(number, value),
            None => self.fields.remove(&number),
        };
        if before.is_some() {
            self.warn("repeated_member");
        }
    }

    /// Items as a list of objects, turned into the lists that the fields are.
    fn items(&mut self, raw: &RawValue) -> Result<(), Fault> {
        let wrong = || Fault::wrong(ITEMS, raw, "a list of objects");
        let items: Vec<Members<'_>> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
        let mut columns: BTreeMap<String, Vec<Box<str>>> = BTreeMap::new();
        for (at, item) in items.iter().enumerate() {
            for (name, raw) in item.by_name.iter().filter(|(_, raw)| !is_null(raw)) {
                let path = format!("{ITEMS}.{name}");
                let (Some(Member::Field(_)), Some(text)) = (by_member(&path), plain_text(raw))
                else {
                    let path = format!("{ITEMS}.{at}.{name}");
                    self.attributes.insert(path.into(), RawJson::from_parsed(raw));
                    continue;
                };
                let column = columns.entry(path).or_insert_with(|| vec!["".into(); items.len()]);
                if let Some(cell) = column.get_mut(at) {
                    *cell = text.into();
                }
            }
        }
        for (path, column) in columns {
            if let Some(Member::Field(row)) = by_member(&path) {
                self.field(row.number(), Some(Value::Texts(column)));
            }
        }
        Ok(())
    }

    fn warn(&mut self, code: &str) {
        if !self.warnings.iter().any(|known| **known == *code) {
            self.warnings.push(code.into());
        }
    }

    fn finish(&mut self, context: &Context<'_>) -> Result<Signal, Fault> {
        let kind = self.kind.take().ok_or_else(|| {
            let detail = "`type` is missing; send what happened, such as page_viewed".to_owned();
            Fault::of("type", "missing_type", detail)
        })?;
        let claim = self.claim()?;
        attribution_from_url::fill(&mut self.fields);
        default_currency(&mut self.fields, context.currency);
        self.convenient_identities(context);
        let mut signal = Signal {
            key: "".into(),
            kind,
            occurred_at: self.occurred_at.take(),
            sent_at: self.sent_at.take().map(|sent| sent.at),
            sequence: self.sequence,
            channel: self.channel.or_else(|| self.session_type.and_then(SessionType::channel)),
            session_type: self.session_type,
            source: self.source.take().unwrap_or_else(|| context.source.into()),
            session: self.session.take(),
            identities: std::mem::take(&mut self.identities),
            claim,
            fields: std::mem::take(&mut self.fields),
            attributes: std::mem::take(&mut self.attributes),
            warnings: std::mem::take(&mut self.warnings),
        };
        signal.key = self.id.take().unwrap_or_else(|| signal.derived_key());
        Ok(signal)
    }

    fn claim(&self) -> Result<Option<ClaimBody>, Fault> {
        match (self.code, self.author, self.policy) {
            (None, None, None) => Ok(None),
            (None, ..) => {
                let detail = "`disposition.code` is missing; send the code with its author";
                Err(Fault::of("disposition.code", "missing_code", detail.to_owned()))
            }
            (Some(code), author, policy) => Ok(Some(ClaimBody {
                code,
                author: author.unwrap_or(Author::Business),
                policy: policy.unwrap_or_default(),
            })),
        }
    }

    /// What other members say of who it is, after the identities that were listed.
    fn convenient_identities(&mut self, context: &Context<'_>) {
        let text = |number| self.fields.get(&number).and_then(Value::as_text);
        let said = [
            ("user_id", self.user_id.as_deref()),
            ("anonymous_id", self.anonymous_id.as_deref()),
            ("email", text(field::USER_EMAIL)),
            ("phone", text(field::USER_PHONE)),
        ];
        for (kind, value) in said {
            if let Some(value) = value.filter(|value| is_id(value)) {
                identities::add(&mut self.identities, identity(kind, value, context.country));
            }
        }
    }
}

/// Members that are not fields of the dictionary but parts of a signal.
const PARTS: [&str; 12] = [
    "id",
    "type",
    "occurred_at",
    "sent_at",
    "sequence",
    "channel",
    "source",
    "identities",
    "user_id",
    "anonymous_id",
    "warnings",
    SIGNALS,
];

/// Whether the name means something in our own form, so that no stranger's member may have it.
pub(crate) fn is_own_member(name: &str) -> bool {
    PARTS.contains(&name) || by_member(name).is_some()
}

const ITEMS: &str = "commerce.items";

/// The object of signals that have a number and no name, as `{"signals":{"110":"x"}}` (D4).
const SIGNALS: &str = "signals";

fn numbered(path: &str) -> Option<(FieldNumber, Option<&'static Field>)> {
    let number = path.strip_prefix("signals.")?.parse().map(FieldNumber).ok()?;
    Some((number, by_number(number)))
}

fn parse(row: &Field, path: &str, raw: &RawValue) -> Result<Option<Value>, Fault> {
    let wrong = |wrong: WrongValue| Fault::of(path, "wrong_value", wrong.to_string());
    Value::parse(row, path, Given::Json(raw)).map_err(wrong)
}

const CHANNELS: &str = "web, app, voice, chat, messaging, kiosk, point_of_sale or other";
const SESSION_TYPES: &str = "phone_call, web_visit, mobile_message, app_visit, kiosk_visit, pos, \
                             ecommerce, chat or other";
const AUTHORS: &str = "business, agent, rule, model or timeout";
const POLICIES: &str = "last or first";

fn text(path: &str, raw: &RawValue) -> Result<Option<Box<str>>, Fault> {
    if is_null(raw) {
        return Ok(None);
    }
    let text = plain_text(raw).ok_or_else(|| Fault::wrong(path, raw, "text"))?;
    Ok(Some(text).filter(|text| !text.is_empty()).map(Into::into))
}

fn id(path: &str, raw: &RawValue) -> Result<Option<Box<str>>, Fault> {
    let id = text(path, raw)?;
    if id.as_ref().is_some_and(|id| !is_id(id)) {
        let detail = format!(
            "`{path}` is too long or has control characters; send 1 to 255 visible characters"
        );
        return Err(Fault::of(path, "bad_id", detail));
    }
    Ok(id)
}

fn kind(raw: &RawValue) -> Result<Option<Box<str>>, Fault> {
    let kind = text("type", raw)?;
    match kind {
        Some(kind) if !is_id(&kind) || kind.chars().count() > TYPE_LENGTH_MAX => {
            let detail =
                format!("`type` is too long; send 1 to {TYPE_LENGTH_MAX} visible characters");
            Err(Fault::of("type", "bad_type", detail))
        }
        kind => Ok(kind),
    }
}

fn instant(path: &str, raw: &RawValue) -> Result<Option<Instant>, Fault> {
    let Some(text) = text(path, raw)? else { return Ok(None) };
    let unreadable =
        |error| Fault::of(path, "unreadable_time", format!("`{path}` cannot be read: {error}"));
    parse_instant(&text).map(Some).map_err(unreadable)
}

fn number(path: &str, raw: &RawValue) -> Result<Option<u64>, Fault> {
    let Some(text) = text(path, raw)? else { return Ok(None) };
    let wrong = || Fault::wrong(path, raw, "an unsigned integer");
    text.trim().parse().map(Some).map_err(|_| wrong())
}

fn code(path: &str, raw: &RawValue) -> Result<Option<u32>, Fault> {
    let Some(number) = number(path, raw)? else { return Ok(None) };
    let wrong = || Fault::wrong(path, raw, "1 to 14, or a code that you have registered");
    u32::try_from(number).map(Some).map_err(|_| wrong())
}

fn word<T>(
    path: &str,
    raw: &RawValue,
    send: &str,
    from_word: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let Some(text) = text(path, raw)? else { return Ok(None) };
    let unknown = || Fault { code: "unknown_word", ..Fault::wrong(path, raw, send) };
    from_word(&text).map(Some).ok_or_else(unknown)
}

fn policy_from_word(word: &str) -> Option<ClaimPolicy> {
    match word {
        "last" => Some(ClaimPolicy::Last),
        "first" => Some(ClaimPolicy::First),
        _ => None,
    }
}

fn identity_list(raw: &RawValue, context: &Context<'_>) -> Result<Vec<Identity>, Fault> {
    if is_null(raw) {
        return Ok(Vec::new());
    }
    let send = r#"a list such as [{"type":"cookie","value":"c1"}]"#;
    let wrong = || Fault::wrong("identities", raw, send);
    let items: Vec<Members<'_>> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
    let mut list = Vec::with_capacity(items.len());
    for item in &items {
        let part = |name| {
            item.by_name.get(name).map_or(Ok(None), |raw| id(&format!("identities.{name}"), raw))
        };
        let (Some(kind), Some(value)) = (part("type")?, part("value")?) else {
            return Err(wrong());
        };
        let original = part("original")?;
        let mut identity = identity(&kind, &value, context.country);
        identity.original = original.or(identity.original);
        identities::add(&mut list, identity);
    }
    Ok(list)
}

fn warnings(raw: &RawValue) -> Result<Vec<Box<str>>, Fault> {
    let wrong = |_| Fault::wrong("warnings", raw, "a list of texts");
    serde_json::from_str::<Option<_>>(raw.get()).map(Option::unwrap_or_default).map_err(wrong)
}

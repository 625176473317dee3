//! `context.sessionary`: what we know of a signal and Segment has no place for.
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

use sessionary_core::{
    channel::SessionType,
    dictionary::{Given, by_name, field},
    disposition::{Author, ClaimPolicy},
    identity::Identity,
    json::JsonText,
    signal::{ClaimBody, FieldNumber, Fields},
    value::{RawJson, Value},
    word::Word,
};

use crate::{
    Context,
    identities::{identity, is_id},
};

/// Fields that a signal says in parts of its own.
const ELSEWHERE: [FieldNumber; 3] =
    [field::DISPOSITION_CODE, field::SESSION_ID, field::SESSION_TYPE];

/// What the object says.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) kind: Option<Word>,
    pub(super) source: Option<Box<str>>,
    pub(super) sequence: u64,
    pub(super) session_type: Option<SessionType>,
    pub(super) claim: Option<ClaimBody>,
    pub(super) identities: Vec<Identity>,
    pub(super) fields: Fields,
    pub(super) attributes: Vec<(Box<str>, RawJson)>,
    /// The anonymous id of the call stands in for one that there is not.
    pub(super) stand_in: bool,
}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(default)]
    sequence: Option<u64>,
    #[serde(borrow, default)]
    session_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    disposition: Option<Claim<'a>>,
    #[serde(borrow, default)]
    identities: Option<Vec<WrittenIdentity<'a>>>,
    #[serde(borrow, default)]
    fields: Option<BTreeMap<Cow<'a, str>, &'a RawValue>>,
    #[serde(borrow, default)]
    attributes: Option<BTreeMap<Cow<'a, str>, &'a RawValue>>,
    #[serde(default)]
    stand_in: Option<bool>,
}

#[derive(Deserialize)]
struct Claim<'a> {
    code: u32,
    #[serde(borrow, default)]
    author: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    policy: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct WrittenIdentity<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
    #[serde(borrow, default)]
    original: Option<Cow<'a, str>>,
}

impl Own {
    /// Reads the object; `None`: it is not one that we wrote.
    pub(super) fn read(json: JsonText<'_>, context: &Context<'_>) -> Option<Own> {
        let written: Written<'_> = serde_json::from_str(json.get()).ok()?;
        let usable = |text: &Cow<'_, str>| is_id(text);
        let identities = written.identities.unwrap_or_default();
        Some(Own {
            kind: written.kind.filter(usable).map(|kind| Word::from(&*kind)),
            source: written
                .source
                .filter(|source| source.is_empty() || usable(source))
                .map(Into::into),
            sequence: written.sequence.unwrap_or_default(),
            session_type: written
                .session_type
                .and_then(|word| SessionType::from_word(&word))
                .filter(|kind| *kind != SessionType::Disposition),
            claim: written.disposition.map(|claim| {
                let author = claim.author.and_then(|word| Author::from_word(&word));
                claim_of(claim.code, author, claim.policy.as_deref())
            }),
            identities: identities.iter().filter_map(|it| it.identity(context)).collect(),
            fields: written.fields.iter().flatten().filter_map(field_of).collect(),
            attributes: written.attributes.iter().flatten().map(attribute).collect(),
            stand_in: written.stand_in.unwrap_or_default(),
        })
    }
}

/// A claim as its words say.
pub(super) fn claim_of(code: u32, author: Option<Author>, policy: Option<&str>) -> ClaimBody {
    ClaimBody {
        code,
        author: author.unwrap_or(Author::Business),
        policy: if policy == Some("first") { ClaimPolicy::First } else { ClaimPolicy::Last },
    }
}

impl WrittenIdentity<'_> {
    fn identity(&self, context: &Context<'_>) -> Option<Identity> {
        if !is_id(&self.kind) || !is_id(&self.value) {
            return None;
        }
        let mut identity = identity(&self.kind, &self.value, context.country);
        identity.original = self.original.as_deref().map(Into::into).or(identity.original);
        Some(identity)
    }
}

/// A field by its name in the dictionary; a number without a row by its digits, and text.
fn field_of((name, raw): (&Cow<'_, str>, &&RawValue)) -> Option<(FieldNumber, Value)> {
    let json = JsonText::from(*raw);
    if let Some(row) = by_name(name) {
        let value = Value::parse(row, name, Given::Json(json)).ok()??;
        return Some((row.number(), value)).filter(|(number, _)| !ELSEWHERE.contains(number));
    }
    let number = name.parse().map(FieldNumber).ok()?;
    let text = json.plain_text().filter(|text| !text.is_empty())?;
    Some((number, Value::Text(text.into())))
}

fn attribute((path, raw): (&Cow<'_, str>, &&RawValue)) -> (Box<str>, RawJson) {
    (path.as_ref().into(), RawJson::from_parsed(*raw))
}

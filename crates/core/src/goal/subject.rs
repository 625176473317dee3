//! What a condition looks at: its key, resolved once, and the values found there.
//!
//! Keys are those of Genesys Cloud (`page.url`, `attributes.price.value`), member and field names of
//! the dictionary (`commerce.total`), or paths of attributes. Every key means something; one that
//! nobody sends finds nothing.
use serde_json::Value as Json;

use super::url_parts::{UrlPart, parts};
use crate::{
    content::Content,
    dictionary::{self, FIELDS, FieldType, Member, Source, field},
    signal::{Attributes, FieldNumber, Fields, Signal},
    value::{RawJson, Value},
};

/// A signal, or a session as it stands.
pub(super) struct Facts<'a> {
    fields: &'a Fields,
    attributes: &'a Attributes,
    /// The type of the signal, and how [`event_word`] spells it.
    event: Option<(&'a str, Box<str>)>,
    content: Option<&'a Content>,
}

impl<'a> Facts<'a> {
    pub(super) fn of_signal(signal: &'a Signal) -> Facts<'a> {
        let Signal { fields, attributes, kind, .. } = signal;
        Facts { fields, attributes, event: Some((kind, event_word(kind))), content: None }
    }

    pub(super) fn of_session(content: &'a Content) -> Facts<'a> {
        let Content { fields, attributes, .. } = content;
        Facts { fields, attributes, event: None, content: Some(content) }
    }

    /// Whether the signal is an event of this name, which [`event_word`] gave.
    pub(super) fn is_event(&self, word: &str) -> bool {
        self.event.as_ref().is_some_and(|(_, event)| **event == *word)
    }
}

/// The name of an event however it is spelt: `Order Completed` is `order_completed`.
pub(super) fn event_word(name: &str) -> Box<str> {
    let spelt = |c: char| if c.is_whitespace() || c == '-' { '_' } else { c };
    name.trim().to_lowercase().chars().map(spelt).collect()
}

/// Where a key leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The type of a signal.
    Event,
    Field(FieldNumber),
    UrlPart(FieldNumber, UrlPart),
    /// A member of a field that is JSON.
    Inside(FieldNumber, Box<str>),
    /// A figure of the session.
    Figure(Figure),
    Attribute(Box<str>),
}

/// A figure of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    Events,
    PageViews,
    ScreenViews,
    Seconds,
}

/// Keys that are computed, and what they are computed from.
const COMPUTED: [(&str, Subject); 22] = [
    ("eventName", Subject::Event),
    ("page.hostname", Subject::UrlPart(field::PAGE_URL, UrlPart::Host)),
    ("page.domain", Subject::UrlPart(field::PAGE_URL, UrlPart::Domain)),
    ("page.pathname", Subject::UrlPart(field::PAGE_URL, UrlPart::Path)),
    ("page.queryString", Subject::UrlPart(field::PAGE_URL, UrlPart::Query)),
    ("page.fragment", Subject::UrlPart(field::PAGE_URL, UrlPart::Fragment)),
    ("referrer.url", Subject::Field(field::REFERRER)),
    ("referrer.hostname", Subject::UrlPart(field::REFERRER, UrlPart::Host)),
    ("referrer.domain", Subject::UrlPart(field::REFERRER, UrlPart::Domain)),
    ("referrer.pathname", Subject::UrlPart(field::REFERRER, UrlPart::Path)),
    ("referrer.queryString", Subject::UrlPart(field::REFERRER, UrlPart::Query)),
    ("referrer.fragment", Subject::UrlPart(field::REFERRER, UrlPart::Fragment)),
    ("page.url", Subject::Field(field::PAGE_URL)),
    ("page.title", Subject::Field(field::PAGE_TITLE)),
    ("mktCampaign.name", Subject::Field(field::CAMPAIGN_NAME)),
    ("searchQuery", Subject::Field(field::SEARCH_TERMS)),
    ("screenName", Subject::Field(field::SCREEN_NAME)),
    ("ipAddress", Subject::Field(field::REMOTE_IP)),
    ("eventCount", Subject::Figure(Figure::Events)),
    ("pageviewCount", Subject::Figure(Figure::PageViews)),
    ("screenviewCount", Subject::Figure(Figure::ScreenViews)),
    ("durationInSeconds", Subject::Figure(Figure::Seconds)),
];

impl Subject {
    pub(super) fn of(key: &str) -> Subject {
        let key = key.trim();
        if let Some((_, subject)) = COMPUTED.into_iter().find(|(known, _)| *known == key) {
            return subject;
        }
        if let Some(name) = attribute_name(key) {
            return Subject::Attribute(name.into());
        }
        in_genesys(key)
            .or_else(|| in_dictionary(key))
            .unwrap_or_else(|| Subject::Attribute(key.into()))
    }

    /// Whether `holds` holds of one of the values. It is asked of each until it does.
    pub(super) fn any(&self, facts: &Facts<'_>, holds: &mut dyn FnMut(&str) -> bool) -> bool {
        match self {
            Subject::Event => facts.event.as_ref().is_some_and(|(event, _)| holds(event)),
            Subject::Field(number) => {
                facts.fields.get(number).is_some_and(|value| any_text(value, holds))
            }
            Subject::UrlPart(number, part) => {
                let url = facts.fields.get(number).and_then(Value::as_text);
                url.is_some_and(|url| parts(url, *part).any(holds))
            }
            Subject::Inside(number, path) => match facts.fields.get(number) {
                Some(Value::Json(raw)) => any_inside(raw, path, holds),
                _ => false,
            },
            Subject::Figure(figure) => {
                facts.content.is_some_and(|content| holds(&figure.of(content).to_string()))
            }
            Subject::Attribute(name) => any_attribute(facts, name, holds),
        }
    }
}

impl Figure {
    fn of(self, content: &Content) -> i64 {
        match self {
            Figure::Events => content.counts.events.into(),
            Figure::PageViews => content.counts.pageviews.into(),
            Figure::ScreenViews => content.counts.screenviews.into(),
            Figure::Seconds => content.last.at.since(content.first.at).0 / 1_000,
        }
    }
}

/// The name in `attributes.NAME.value`, and likewise of traits.
fn attribute_name(key: &str) -> Option<&str> {
    let name = key.strip_prefix("attributes.").or_else(|| key.strip_prefix("traits."))?;
    Some(name.strip_suffix(".value").unwrap_or(name)).filter(|name| !name.is_empty())
}

/// The dictionary's row of a path of Genesys Cloud, or of the object that the path leads into.
fn in_genesys(key: &str) -> Option<Subject> {
    let row_of =
        |path: &str| FIELDS.iter().find(|row| row.sources.contains(&(Source::Genesys, path)));
    if let Some(row) = row_of(key) {
        return Some(Subject::Field(row.number()));
    }
    let (object, member) = key.split_once('.')?;
    let row = row_of(object).filter(|row| row.kind == FieldType::Json)?;
    Some(Subject::Inside(row.number(), member.into()))
}

fn in_dictionary(key: &str) -> Option<Subject> {
    if let Some(Member::Field(row)) = dictionary::by_member(key) {
        return Some(Subject::Field(row.number()));
    }
    dictionary::by_name(key).map(|row| Subject::Field(row.number()))
}

fn any_text(value: &Value, holds: &mut dyn FnMut(&str) -> bool) -> bool {
    match value {
        Value::Text(text) => holds(text),
        Value::Texts(texts) => texts.iter().any(|text| !text.is_empty() && holds(text)),
        Value::Number(number) => holds(&number.to_string()),
        Value::Decimal(decimal) => holds(&decimal.to_string()),
        Value::Flag(flag) => holds(if *flag { "true" } else { "false" }),
        Value::Instant(instant) => holds(&instant.at.to_string()),
        Value::Json(raw) => any_scalar(&raw.to_json(), holds),
    }
}

/// Under what dialects keep what their senders call attributes or properties.
const KEPT_UNDER: [&str; 4] = ["", "attributes.", "properties.", "traits."];

fn any_attribute(facts: &Facts<'_>, name: &str, holds: &mut dyn FnMut(&str) -> bool) -> bool {
    if let Some(Value::Json(raw)) = facts.fields.get(&field::SOURCE_ATTRIBUTES)
        && any_inside(raw, name, holds)
    {
        return true;
    }
    KEPT_UNDER.iter().any(|prefix| any_at(facts.attributes, &format!("{prefix}{name}"), holds))
}

/// Values at a path: an attribute of this name, or a member of one that is an object.
fn any_at(attributes: &Attributes, path: &str, holds: &mut dyn FnMut(&str) -> bool) -> bool {
    if attributes.is_empty() {
        return false;
    }
    if attributes.get(path).is_some_and(|raw| any_scalar(&raw.to_json(), holds)) {
        return true;
    }
    let spread = format!("{path}.value");
    if attributes.get(spread.as_str()).is_some_and(|raw| any_scalar(&raw.to_json(), holds)) {
        return true;
    }
    path.match_indices('.').any(|(dot, _)| {
        let (object, member) = (path.get(..dot), path.get(dot + 1..));
        let raw = object.and_then(|object| attributes.get(object));
        raw.zip(member).is_some_and(|(raw, member)| any_inside(raw, member, holds))
    })
}

/// Values of a member of an object, by its whole name or by a dotted path.
fn any_inside(raw: &RawJson, path: &str, holds: &mut dyn FnMut(&str) -> bool) -> bool {
    let json = raw.to_json();
    if let Some(found) = json.get(path) {
        return any_scalar(found, holds);
    }
    let found = path.split('.').try_fold(&json, |json, name| json.get(name));
    found.is_some_and(|found| any_scalar(found, holds))
}

/// Scalars, those of a list, and the `value` or `values` of a typed attribute.
fn any_scalar(json: &Json, holds: &mut dyn FnMut(&str) -> bool) -> bool {
    match json {
        Json::Null => false,
        Json::String(text) => holds(text),
        Json::Bool(flag) => holds(if *flag { "true" } else { "false" }),
        Json::Number(number) => holds(&number.to_string()),
        Json::Array(list) => list.iter().any(|one| !one.is_object() && any_scalar(one, holds)),
        Json::Object(object) => {
            let inner = object.get("value").or_else(|| object.get("values"));
            inner.is_some_and(|inner| !inner.is_object() && any_scalar(inner, holds))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_to_fields_and_what_no_field_has_to_attributes() {
        let field = Subject::Field;
        assert_eq!(Subject::of("mktCampaign.source"), field(field::TRACKING_SOURCE));
        assert_eq!(Subject::of("ipOrganization"), field(field::IP_ORGANIZATION));
        assert_eq!(Subject::of("authenticated"), field(field::AUTHENTICATED));
        assert_eq!(Subject::of("commerce.total"), field(field::ORDER_TOTAL));
        assert_eq!(Subject::of("commerce_order_total"), field(field::ORDER_TOTAL));
        let inside = |number, path: &str| Subject::Inside(number, path.into());
        assert_eq!(Subject::of("browser.family"), inside(field::BROWSER, "family"));
        assert_eq!(Subject::of("geolocation.country"), inside(field::GEOLOCATION, "country"));
        let attribute = |name: &str| Subject::Attribute(name.into());
        assert_eq!(Subject::of("attributes.price.value"), attribute("price"));
        assert_eq!(Subject::of("traits.plan"), attribute("plan"));
        assert_eq!(Subject::of("page.keywords"), attribute("page.keywords"));
        assert_eq!(Subject::of(" colour "), attribute("colour"));
    }
}

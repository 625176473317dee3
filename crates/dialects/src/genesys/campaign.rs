//! `mktCampaign`: where a visitor came from, seven texts.
use serde_json::{Map, Value as Json};
use sessionary_core::{
    content::Content,
    dictionary::field,
    signal::{FieldNumber, Fields},
    touch::{Touch, TouchRule},
    value::Value,
};

const CAMPAIGN: [(&str, FieldNumber); 7] = [
    ("content", field::TRACKING_CONTENT),
    ("medium", field::TRACKING_MEDIUM),
    ("name", field::CAMPAIGN_NAME),
    ("source", field::TRACKING_SOURCE),
    ("term", field::TRACKING_TERM),
    ("clickId", field::CLICK_ID),
    ("network", field::CLICK_NETWORK),
];

/// The field of a member.
pub(super) fn field_of(member: &str) -> Option<FieldNumber> {
    CAMPAIGN.iter().find(|row| row.0 == member).map(|row| row.1)
}

/// What the fields of one signal say.
pub(super) fn of_fields(fields: &Fields) -> Option<Json> {
    let text = |number| fields.get(&number).and_then(Value::as_text);
    told(text)
}

/// What a session says: the first arrival that states a source, all its parts together; a session
/// without one, what its fields say. A referring site alone is no campaign.
pub(super) fn of_content(content: &Content) -> Option<Json> {
    let stated = content.touches.iter().find(|touch| touch.rule == TouchRule::Stated);
    let Some(touch) = stated else { return of_fields(&content.fields) };
    let kept = |number| content.fields.get(&number).and_then(Value::as_text);
    told(|number| match part(touch, number) {
        Some(part) => part.as_deref(),
        // The network belongs to the click id of the session's first.
        None => kept(number).filter(|_| kept(field::CLICK_ID) == touch.click_id.as_deref()),
    })
}

fn part(touch: &Touch, number: FieldNumber) -> Option<&Option<Box<str>>> {
    Some(match number {
        field::TRACKING_CONTENT => &touch.content,
        field::TRACKING_MEDIUM => &touch.medium,
        field::CAMPAIGN_NAME => &touch.campaign_name,
        field::TRACKING_SOURCE => &touch.source,
        field::TRACKING_TERM => &touch.term,
        field::CLICK_ID => &touch.click_id,
        _ => return None,
    })
}

fn told<'a>(text: impl Fn(FieldNumber) -> Option<&'a str>) -> Option<Json> {
    let members = CAMPAIGN.iter();
    let members: Map<String, Json> = members
        .filter_map(|(name, number)| Some(((*name).to_owned(), Json::from(text(*number)?))))
        .collect();
    (!members.is_empty()).then_some(Json::Object(members))
}

//! Who took part: the customer as identities, the agent as fields.
use serde::Deserialize;
use serde_json::value::RawValue;
use sessionary_core::{
    dictionary::field,
    identity::Identity,
    json::JsonText,
    signal::Fields,
    value::{RawJson, Value},
};

use super::{members::Slot, sheet::Sheet};
use crate::{
    Context,
    identities::{self, identity, identity_within, is_id},
};

/// The name space of the numbers that the platform gives to customers: bare, they would be taken
/// for those of anybody.
const CUSTOMERS: &str = "ccai";

#[derive(Deserialize)]
struct EndUser<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    identifier: Option<&'a RawValue>,
    #[serde(borrow)]
    out_contact_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Agent<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    first_name: Option<&'a RawValue>,
    #[serde(borrow)]
    last_name: Option<&'a RawValue>,
}

/// The customer's identities, the strongest first; a warning where one cannot be used.
pub(super) fn identities(
    sheet: &Sheet<'_>,
    context: &Context<'_>,
    warnings: &mut Vec<Box<str>>,
) -> Vec<Identity> {
    let end_user = sheet.get(Slot::END_USER);
    let end_user = end_user.and_then(|json| serde_json::from_str::<EndUser<'_>>(json.get()).ok());
    let of = |raw: Option<&RawValue>| plain(raw?);
    let (number, user, contact) = end_user.map_or((None, None, None), |end_user| {
        (of(end_user.id), of(end_user.identifier), of(end_user.out_contact_id))
    });
    let phone = sheet.text(Slot::CUSTOMER_PHONE_NUMBER);
    let named = [
        user.map(|user| identity("user_id", &user, None)),
        phone.map(|phone| identity("phone", &phone, context.country)),
        contact.map(|contact| identity("external_contact", &contact, None)),
        number.map(|number| identity_within("end_user", Some(CUSTOMERS), &number)),
    ];
    let mut list = Vec::new();
    for identity in named.into_iter().flatten() {
        if is_id(&identity.value) {
            identities::add(&mut list, identity);
        } else if !warnings.iter().any(|known| **known == *"unusable_identity") {
            warnings.push("unusable_identity".into());
        }
    }
    list
}

/// The agent's id and name; those of `agent_info` before the bare ones of an event.
pub(super) fn add_agent(fields: &mut Fields, sheet: &Sheet<'_>) {
    let Some(json) = sheet.get(Slot::AGENT_INFO) else { return };
    let Ok(agent) = serde_json::from_str::<Agent<'_>>(json.get()) else { return };
    let of = |raw: Option<&RawValue>| plain(raw?);
    let full = || match (of(agent.first_name), of(agent.last_name)) {
        (Some(first), Some(last)) => Some(format!("{first} {last}").into()),
        (first, last) => first.or(last),
    };
    for (number, text) in [
        (field::INTEGRATION_AGENT_ID, of(agent.id)),
        (field::AGENT_NAME, of(agent.name).or_else(full)),
    ] {
        if let Some(text) = text {
            fields.insert(number, Value::Text(text));
        }
    }
}

/// The id of an object, or what stands for one.
pub(super) fn id_text(raw: &RawValue) -> Option<Box<str>> {
    plain(raw).or_else(|| {
        let agent = serde_json::from_str::<Agent<'_>>(raw.get()).ok()?;
        agent.id.or(agent.name).and_then(plain)
    })
}

fn plain(raw: &RawValue) -> Option<Box<str>> {
    let json = JsonText::from(raw);
    let text = json.plain_text().filter(|text| !json.is_null() && !text.is_empty())?;
    Some(text.into())
}

/// A JSON value as an attribute.
pub(super) fn raw(json: JsonText<'_>) -> RawJson {
    RawJson::from_parsed(json)
}

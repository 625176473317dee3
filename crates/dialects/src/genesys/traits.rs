//! Traits: what an event says of the person, such as e-mail and name.
use serde_json::{Map, Value as Json};
use sessionary_core::{
    dictionary::field,
    json::JsonText,
    signal::{FieldNumber, Signal},
};

use super::{
    attributes::typed,
    draft::Draft,
    object::{is_something, members, text_of},
};

/// What a trait fills.
enum Fills {
    /// An identity of this type, and the field where there is one.
    Identity(&'static str, Option<FieldNumber>),
    Field(FieldNumber),
}

use Fills::{Field, Identity};

/// Traits by their name in lower case; any other is kept and means no more.
const TRAITS: [(&str, Fills); 33] = [
    ("email", Identity("email", Some(field::USER_EMAIL))),
    ("personalemail", Identity("email", Some(field::USER_EMAIL))),
    ("workemail", Identity("email", Some(field::USER_EMAIL))),
    ("otheremail", Identity("email", Some(field::USER_EMAIL))),
    ("phone", Identity("phone", Some(field::USER_PHONE))),
    ("phonenumber", Identity("phone", Some(field::USER_PHONE))),
    ("cellphone", Identity("phone", Some(field::USER_PHONE))),
    ("homephone", Identity("phone", Some(field::USER_PHONE))),
    ("workphone", Identity("phone", Some(field::USER_PHONE))),
    ("otherphone", Identity("phone", Some(field::USER_PHONE))),
    ("userid", Identity("user_id", None)),
    ("customerid", Identity("customer_id", None)),
    ("externalcontactid", Identity("external_contact", None)),
    ("salutation", Field(FieldNumber(115))),
    ("givenname", Field(FieldNumber(116))),
    ("firstname", Field(FieldNumber(116))),
    ("middlename", Field(FieldNumber(117))),
    ("familyname", Field(FieldNumber(118))),
    ("lastname", Field(FieldNumber(118))),
    ("fullname", Field(field::USER_FULL_NAME)),
    ("name", Field(field::USER_FULL_NAME)),
    ("address1", Field(FieldNumber(103))),
    ("addressline1", Field(FieldNumber(103))),
    ("address2", Field(FieldNumber(104))),
    ("addressline2", Field(FieldNumber(104))),
    ("city", Field(FieldNumber(106))),
    ("state", Field(FieldNumber(107))),
    ("postalcode", Field(FieldNumber(108))),
    ("zip", Field(FieldNumber(108))),
    ("country", Field(FieldNumber(111))),
    ("countrycode", Field(FieldNumber(111))),
    ("company", Field(FieldNumber(114))),
    ("companyname", Field(FieldNumber(114))),
];

/// Reads `traits`: a map of names to `{dataType, value}`; plain values are taken, too.
pub(super) fn read(draft: &mut Draft<'_>, json: JsonText<'_>) {
    for (name, value) in draft.members("traits", json) {
        draft.attribute(&format!("traits.{name}"), value);
        let of_object =
            || text_of(&members(value.get(), &draft.context.limits).unwrap_or_default(), "value");
        let text = match value.plain_text() {
            Some(text) => Some(text).filter(|text| is_something(text, value)),
            None => of_object(),
        };
        let Some(text) = text else { continue };
        let lower = name.to_lowercase();
        match TRAITS.iter().find(|(known, _)| *known == lower).map(|(_, fills)| fills) {
            Some(Identity(kind, number)) => {
                draft.identity(kind, &text);
                if let Some(number) = number.filter(|number| !draft.fields.contains_key(number)) {
                    draft.put_text(number, &text);
                }
            }
            Some(Field(number)) => draft.put_text(*number, &text),
            None => {}
        }
    }
}

/// Traits that are told of signals of other dialects, by the field that has them.
const TOLD: [(&str, FieldNumber); 12] = [
    ("email", field::USER_EMAIL),
    ("phone", field::USER_PHONE),
    ("salutation", FieldNumber(115)),
    ("givenName", FieldNumber(116)),
    ("middleName", FieldNumber(117)),
    ("familyName", FieldNumber(118)),
    ("fullName", field::USER_FULL_NAME),
    ("address1", FieldNumber(103)),
    ("city", FieldNumber(106)),
    ("state", FieldNumber(107)),
    ("postalCode", FieldNumber(108)),
    ("country", FieldNumber(111)),
];

/// The traits of an event: those that came, or what its fields say of the person.
pub(super) fn of_event(signal: &Signal) -> Json {
    let sent = signal.attributes.iter().filter_map(|(path, raw)| {
        let name = path.strip_prefix("traits.")?;
        Some((name.to_owned(), typed(&raw.to_json())?))
    });
    let sent: Map<String, Json> = sent.collect();
    if !sent.is_empty() {
        return Json::Object(sent);
    }
    let fields = TOLD.iter().filter_map(|(name, number)| {
        let text = signal.fields.get(number)?.as_text()?;
        Some(((*name).to_owned(), typed(&Json::from(text))?))
    });
    Json::Object(fields.collect())
}

//! Where Segment keeps what we know as fields: the objects of a call and their members.
use sessionary_core::{dictionary::field, signal::FieldNumber};

use super::{
    parts::{self, Part},
    shape::Shape,
};

const ADDRESS_LINE_1: FieldNumber = FieldNumber(103);
const CITY: FieldNumber = FieldNumber(106);
const STATE: FieldNumber = FieldNumber(107);
const POSTAL_CODE: FieldNumber = FieldNumber(108);
const COUNTRY: FieldNumber = FieldNumber(111);
const COMPANY_NAME: FieldNumber = FieldNumber(114);
const FIRST_NAME: FieldNumber = FieldNumber(116);
const LAST_NAME: FieldNumber = FieldNumber(118);

/// An object whose members are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Context,
    Campaign,
    /// `page` of the context.
    Page,
    Location,
    App,
    Library,
    Network,
    Device,
    Os,
    /// Of a person.
    Traits,
    Address,
    Company,
    /// Of the group that a call is about.
    Grouped,
    Properties(Shape),
}

/// What a member means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Field(FieldNumber),
    Inner(Group),
    /// A member of a field that is an object.
    Part(&'static Part),
    Special(Special),
}

/// Members that are no fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    /// The sender's name for the session.
    SessionId,
    /// What we alone know.
    Own,
    /// The id of the device.
    DeviceId,
    /// The path of the page's URL.
    Path,
    /// The query of the page's URL.
    Search,
    /// A property that the type of the call makes something of.
    Property,
}

type Members = &'static [(&'static str, FieldNumber)];

impl Group {
    /// What its member of this name means.
    pub(super) fn slot(self, name: &str) -> Option<Slot> {
        let field = || self.fields().iter().find(|(known, _)| *known == name);
        let part = || parts::find(self, name).map(Slot::Part);
        match self {
            Group::Properties(shape) => match shape.field(name) {
                Some(number) => Some(Slot::Field(number)),
                None => shape.knows(name).then(|| Slot::Special(of_property(shape, name))),
            },
            _ => field()
                .map(|(_, number)| Slot::Field(*number))
                .or_else(|| self.other(name))
                .or_else(part),
        }
    }

    /// Its members that are fields; of several names of one field the first is the one we write.
    pub(super) fn fields(self) -> Members {
        match self {
            Group::Context => &[
                ("ip", field::REMOTE_IP),
                ("userAgent", field::USER_AGENT),
                ("locale", field::LANGUAGE),
            ],
            Group::Campaign => &[
                ("name", field::CAMPAIGN_NAME),
                ("source", field::TRACKING_SOURCE),
                ("medium", field::TRACKING_MEDIUM),
                ("term", field::TRACKING_TERM),
                ("content", field::TRACKING_CONTENT),
                ("id", field::CAMPAIGN_ID),
                ("source_platform", field::SOURCE_PLATFORM),
                ("creative_format", field::CREATIVE_FORMAT),
                ("marketing_tactic", field::MARKETING_TACTIC),
            ],
            Group::Page => &[
                ("url", field::PAGE_URL),
                ("title", field::PAGE_TITLE),
                ("referrer", field::REFERRER),
            ],
            Group::Location => &[("latitude", field::LATITUDE), ("longitude", field::LONGITUDE)],
            Group::Traits => &[
                ("email", field::USER_EMAIL),
                ("phone", field::USER_PHONE),
                ("name", field::USER_FULL_NAME),
                ("firstName", FIRST_NAME),
                ("first_name", FIRST_NAME),
                ("lastName", LAST_NAME),
                ("last_name", LAST_NAME),
            ],
            Group::Address => &[
                ("street", ADDRESS_LINE_1),
                ("city", CITY),
                ("state", STATE),
                ("postalCode", POSTAL_CODE),
                ("country", COUNTRY),
            ],
            Group::Company | Group::Grouped => &[("name", COMPANY_NAME)],
            Group::Properties(shape) => shape.fields(),
            Group::App | Group::Library | Group::Network | Group::Device | Group::Os => &[],
        }
    }

    fn other(self, name: &str) -> Option<Slot> {
        Some(match (self, name) {
            (Group::Context, "page") => Slot::Inner(Group::Page),
            (Group::Context, "campaign") => Slot::Inner(Group::Campaign),
            (Group::Context, "traits") => Slot::Inner(Group::Traits),
            (Group::Context, "location") => Slot::Inner(Group::Location),
            (Group::Context, "app") => Slot::Inner(Group::App),
            (Group::Context, "library") => Slot::Inner(Group::Library),
            (Group::Context, "network") => Slot::Inner(Group::Network),
            (Group::Context, "device") => Slot::Inner(Group::Device),
            (Group::Context, "os") => Slot::Inner(Group::Os),
            (Group::Context, "sessionId") => Slot::Special(Special::SessionId),
            (Group::Context, "sessionary") => Slot::Special(Special::Own),
            (Group::Device, "id") => Slot::Special(Special::DeviceId),
            (Group::Page, "path") => Slot::Special(Special::Path),
            (Group::Page, "search") => Slot::Special(Special::Search),
            (Group::Traits, "address") => Slot::Inner(Group::Address),
            (Group::Traits, "company") => Slot::Inner(Group::Company),
            _ => return None,
        })
    }
}

fn of_property(shape: Shape, name: &str) -> Special {
    match (shape, name) {
        (Shape::Page, "path") => Special::Path,
        (Shape::Page, "search") => Special::Search,
        _ => Special::Property,
    }
}

/// Members of a call itself that are more than an attribute.
pub(super) const OF_CALL: [&str; 16] = [
    "type",
    "event",
    "messageId",
    "anonymousId",
    "userId",
    "previousId",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "receivedAt",
    "writeKey",
    "_metadata",
    "channel",
    "context",
    "traits",
    "properties",
];

/// The objects of a call with their paths, those inside others first; `traits` are of the person.
pub(super) const GROUPS: [(&str, Group); 14] = [
    ("context.traits.address", Group::Address),
    ("context.traits.company", Group::Company),
    ("context.campaign", Group::Campaign),
    ("context.page", Group::Page),
    ("context.location", Group::Location),
    ("context.app", Group::App),
    ("context.library", Group::Library),
    ("context.network", Group::Network),
    ("context.device", Group::Device),
    ("context.os", Group::Os),
    ("context.traits", Group::Traits),
    ("traits.address", Group::Address),
    ("traits.company", Group::Company),
    ("context", Group::Context),
];

/// The path of a URL, as browsers tell it.
pub(super) fn path_of(url: &str) -> &str {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (whole, _) = url.split_at(end);
    let Some((_, rest)) = whole.split_once("://") else { return whole };
    rest.find('/').map_or("/", |start| rest.split_at(start).1)
}

/// The query of a URL with its question mark; empty where it has none.
pub(super) fn search_of(url: &str) -> &str {
    let whole = url.split_once('#').map_or(url, |(whole, _)| whole);
    whole.find('?').map_or("", |start| whole.split_at(start).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_of_a_url() {
        let parts = |url| (path_of(url), search_of(url));
        assert_eq!(parts("https://a.example/b/c?d=/e#f?g"), ("/b/c", "?d=/e"));
        assert_eq!(parts("https://a.example"), ("/", ""));
        assert_eq!(parts("https://a.example?x"), ("/", "?x"));
        assert_eq!(parts("/b#c"), ("/b", ""));
    }
}

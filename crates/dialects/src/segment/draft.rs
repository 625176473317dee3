//! A signal that is being read from a call.
use std::borrow::Cow;

use sessionary_core::{
    dictionary::{Given, by_number, field},
    identity::Identity,
    json::{Bounds, JsonText, Scanner},
    signal::{FieldNumber, Fields},
    value::{RawJson, Value},
};

use super::{
    own::Own,
    parts::{self, Part},
    places::{Group, Slot, Special, path_of, search_of},
};
use crate::{
    Context,
    canonical::is_own_member,
    identities::{self, identity, is_id},
};

/// Fields that most calls have no more of.
const USUAL_FIELDS: usize = 16;

/// What of a call was read so far. What is read first holds; of what is read later and says
/// otherwise nothing is lost, it becomes an attribute.
pub(super) struct Draft<'a, 'c> {
    pub(super) context: &'c Context<'c>,
    pub(super) fields: Fields,
    pub(super) attributes: Vec<(Box<str>, RawJson)>,
    pub(super) identities: Vec<Identity>,
    pub(super) warnings: Vec<Box<str>>,
    pub(super) session: Option<Cow<'a, str>>,
    pub(super) own: Option<Own>,
    /// Whether it comes from an application on a telephone.
    pub(super) is_mobile: bool,
    parts: Vec<(&'static Part, JsonText<'a>)>,
    /// Members that may be no more than a part of the page's URL.
    of_url: Vec<(Special, &'static str, JsonText<'a>)>,
}

impl<'a, 'c> Draft<'a, 'c> {
    pub(super) fn new(context: &'c Context<'c>) -> Draft<'a, 'c> {
        Draft {
            context,
            fields: Fields::with_capacity(USUAL_FIELDS),
            attributes: Vec::new(),
            identities: Vec::new(),
            warnings: Vec::new(),
            session: None,
            own: None,
            is_mobile: false,
            parts: Vec::new(),
            of_url: Vec::new(),
        }
    }

    pub(super) fn warn(&mut self, code: &str) {
        if !self.warnings.iter().any(|known| **known == *code) {
            self.warnings.push(code.into());
        }
    }

    /// Keeps a member as it was sent, unless it says nothing.
    pub(super) fn keep(&mut self, path: &str, name: &str, json: JsonText<'a>) {
        if says_nothing(json) {
            return;
        }
        let whole = if path.is_empty() { name.into() } else { format!("{path}.{name}").into() };
        self.attributes.push((whole, RawJson::from_parsed(json)));
    }

    /// Keeps a member of the call itself; beside those of our own form it needs a name of its own.
    pub(super) fn keep_whole(&mut self, name: &str, json: JsonText<'a>) {
        self.keep(if is_own_member(name) { "segment" } else { "" }, name, json);
    }

    /// Reads a field. What cannot be read is kept, for it would be wrong to lose a sale over its
    /// shipping costs.
    pub(super) fn field(
        &mut self,
        number: FieldNumber,
        (path, name): (&str, &str),
        json: JsonText<'a>,
    ) {
        let Some(row) = by_number(number) else { return };
        match Value::parse(row, name, Given::Json(json)) {
            Ok(None) => {}
            Ok(Some(value)) => match self.fields.get(&number) {
                None => drop(self.fields.insert(number, value)),
                Some(known) if *known == value => {}
                Some(_) => self.keep(path, name, json),
            },
            Err(_) => {
                self.warn(&format!("unreadable_{}", row.name));
                self.keep(path, name, json);
            }
        }
    }

    /// Reads an object whose members are known; what is no object is kept.
    pub(super) fn group(&mut self, group: Group, path: &'static str, json: JsonText<'a>) {
        let read = each(json, &self.context.limits, |name, json| {
            self.member(group, path, &name, json);
        });
        if !read {
            let (outer, name) = path.rsplit_once('.').unwrap_or(("", path));
            self.keep(outer, name, json);
        }
    }

    pub(super) fn member(
        &mut self,
        group: Group,
        path: &'static str,
        name: &str,
        json: JsonText<'a>,
    ) {
        if json.is_null() {
            return;
        }
        match group.slot(name) {
            Some(Slot::Field(number)) => self.field(number, (path, name), json),
            Some(Slot::Inner(inner)) => self.group(inner, inner_path(path, inner), json),
            Some(Slot::Part(part)) if is_plain(json) => self.parts.push((part, json)),
            Some(Slot::Special(special @ (Special::Path | Special::Search))) => {
                self.of_url.push((special, path, json));
            }
            Some(Slot::Special(special)) => self.special(special, (path, name), json),
            Some(Slot::Part(_)) | None => {
                self.hint(group, name, json);
                self.keep(path, name, json);
            }
        }
    }

    fn special(&mut self, special: Special, place: (&'static str, &str), json: JsonText<'a>) {
        let id = json.plain_text().filter(|id| is_id(id));
        match (special, id) {
            (Special::Own, _) => match Own::read(json, self.context) {
                Some(own) => self.own = Some(own),
                None => self.keep(place.0, place.1, json),
            },
            (Special::SessionId, Some(id)) if self.session.is_none() => self.session = Some(id),
            (Special::DeviceId, Some(id)) => self.identify("device_id", &id),
            _ => self.keep(place.0, place.1, json),
        }
    }

    /// What a member that is kept says of where the call comes from.
    fn hint(&mut self, group: Group, name: &str, json: JsonText<'a>) {
        if (group, name) == (Group::Device, "type") {
            let kind = json.plain_text().unwrap_or_default();
            self.is_mobile |= MOBILE.iter().any(|known| kind.eq_ignore_ascii_case(known));
        }
    }

    /// Adds an identity.
    pub(super) fn identify(&mut self, kind: &str, id: &str) {
        identities::add(&mut self.identities, identity(kind, id, self.context.country));
    }

    /// Makes the fields that are objects of their parts.
    pub(super) fn join_parts(&mut self) {
        if self.parts.is_empty() {
            return;
        }
        for number in parts::FIELDS {
            if let Some(raw) = parts::join(number, &self.parts) {
                self.fields.entry(number).or_insert(Value::Json(raw));
            }
        }
        let says = |(part, json): &(&Part, JsonText<'_>)| {
            let word = json.plain_text().unwrap_or_default();
            match (part.group, part.name) {
                (Group::Os, "name") => MOBILE.iter().any(|os| word.eq_ignore_ascii_case(os)),
                (Group::Library, "name") => {
                    let word = word.to_ascii_lowercase();
                    LIBRARIES.iter().any(|library| word.contains(library))
                }
                _ => false,
            }
        };
        self.is_mobile |= self.parts.iter().any(says);
    }

    /// Keeps what stands for path and query of the page where it is not that of its URL.
    pub(super) fn settle_url(&mut self) {
        for (special, path, json) in std::mem::take(&mut self.of_url) {
            let url = self.fields.get(&field::PAGE_URL).and_then(Value::as_text);
            let (name, part) = match special {
                Special::Path => ("path", url.map(path_of)),
                _ => ("search", url.map(search_of)),
            };
            if json.plain_text().as_deref() != part {
                self.keep(path, name, json);
            }
        }
    }
}

/// Systems of telephones and the like.
const MOBILE: [&str; 7] = ["ios", "ipados", "android", "iphone os", "watchos", "tvos", "visionos"];
/// What names of libraries for applications have in them.
const LIBRARIES: [&str; 8] =
    ["ios", "android", "swift", "kotlin", "react-native", "flutter", "xamarin", "unity"];

/// The path of an object in another one.
fn inner_path(path: &'static str, inner: Group) -> &'static str {
    match (inner, path) {
        (Group::Page, _) => "context.page",
        (Group::Campaign, _) => "context.campaign",
        (Group::Location, _) => "context.location",
        (Group::App, _) => "context.app",
        (Group::Library, _) => "context.library",
        (Group::Network, _) => "context.network",
        (Group::Device, _) => "context.device",
        (Group::Os, _) => "context.os",
        (Group::Address, "traits") => "traits.address",
        (Group::Address, _) => "context.traits.address",
        (Group::Company, "traits") => "traits.company",
        (Group::Company, _) => "context.traits.company",
        (Group::Traits, _) => "context.traits",
        (Group::Context | Group::Grouped | Group::Properties(_), path) => path,
    }
}

/// Null, empty text and an object of nothing are as if they had not come.
pub(super) fn says_nothing(json: JsonText<'_>) -> bool {
    matches!(json.get(), "null" | "\"\"" | "{}")
}

fn is_plain(json: JsonText<'_>) -> bool {
    !says_nothing(json) && !json.get().starts_with(['{', '['])
}

/// Calls `with` for each member of an object; false: it is none.
pub(super) fn each<'a>(
    json: JsonText<'a>,
    limits: &crate::Limits,
    mut with: impl FnMut(Cow<'a, str>, JsonText<'a>),
) -> bool {
    let bounds = Bounds { depth: limits.depth, members: limits.members, text_bytes: limits.text };
    let mut scanner = Scanner::new(json.get(), bounds);
    let Some(mut passed) = scanner.open(b'{') else { return json.is_null() };
    // The text was gone through before, so that nothing here can be in the way.
    while let Some(Some(name)) = scanner.name(&mut passed) {
        let Some(value) = scanner.value() else { break };
        with(name.plain_text().unwrap_or(Cow::Borrowed(name.get())), value);
    }
    true
}

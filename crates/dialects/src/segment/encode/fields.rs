//! Fields at the places that Segment has for them; the others in `context.sessionary`.
use serde_json::Value as Json;
use sessionary_core::{
    dictionary::{by_number, field},
    signal::FieldNumber,
    value::Value,
};

use super::{Letter, exact};
use crate::segment::{
    Call, parts,
    places::{Group, path_of, search_of},
    shape::{ITEM, Shape},
};

impl Letter<'_> {
    pub(super) fn fields(&mut self) {
        for (number, value) in &self.signal.fields {
            if ITEM.iter().any(|(_, item)| item == number) {
                continue;
            }
            match value {
                Value::Json(raw) if parts::FIELDS.contains(number) => {
                    let (told, is_all) = parts::divide(*number, raw);
                    for (part, json) in told {
                        self.put(part.path, part.name, json);
                    }
                    if !is_all {
                        self.own_field(*number, value);
                    }
                }
                _ => match self.place(*number) {
                    Some((path, name)) => self.put(path, name, written(value)),
                    None => self.own_field(*number, value),
                },
            }
        }
        self.parts_of_url();
    }

    /// Where Segment keeps a field: its path and its name there.
    fn place(&self, number: FieldNumber) -> Option<(&'static str, &'static str)> {
        if self.call == Call::Screen && number == field::SCREEN_NAME {
            return Some(("", "name"));
        }
        let person = if self.call == Call::Identify { "traits" } else { "context.traits" };
        let (address, company) = match self.call {
            Call::Identify => ("traits.address", "traits.company"),
            _ => ("context.traits.address", "context.traits.company"),
        };
        let of_group = (self.call == Call::Group).then_some(("traits", Group::Grouped));
        let groups = [
            ("properties", Group::Properties(self.shape)),
            (person, Group::Traits),
            (address, Group::Address),
            (company, Group::Company),
            ("context", Group::Context),
            ("context.campaign", Group::Campaign),
            ("context.page", Group::Page),
            ("context.location", Group::Location),
        ];
        of_group.into_iter().chain(groups).find_map(|(path, group)| {
            let (name, _) = group.fields().iter().find(|(_, known)| *known == number)?;
            Some((path, *name))
        })
    }

    pub(super) fn own_field(&mut self, number: FieldNumber, value: &Value) {
        let name =
            by_number(number).map_or_else(|| number.0.to_string(), |row| row.name.to_owned());
        self.own_fields.insert(name, exact::value(value));
    }

    /// Libraries tell path and query of a page beside its URL.
    fn parts_of_url(&mut self) {
        let Some(url) = self.signal.text(field::PAGE_URL) else { return };
        let path = if self.shape == Shape::Page { "properties" } else { "context.page" };
        self.put(path, "path", path_of(url).into());
        self.put(path, "search", search_of(url).into());
    }
}

/// A value as a call has it: a list of one text is that text.
fn written(value: &Value) -> Json {
    match value {
        Value::Texts(texts) => match &**texts {
            [only] => Json::from(&**only),
            _ => value.to_json(),
        },
        value => exact::value(value),
    }
}

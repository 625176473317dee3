//! Attributes where their paths say, wherever a decoder makes attributes of them again.
use serde_json::Value as Json;
use sessionary_core::{channel::Channel, dictionary::field, value::RawJson};

use super::Letter;
use crate::{
    canonical::is_own_member,
    segment::{
        Call,
        events::{is_said, kind_of},
        places::{GROUPS, Group, OF_CALL},
        shape::Shape,
    },
};

impl Letter<'_> {
    /// Puts an attribute where it came from, else into `context.sessionary`.
    pub(super) fn attribute(&mut self, path: &str, raw: &RawJson) {
        let json = raw.to_json();
        let says_nothing = matches!(raw.text(), "null" | "\"\"" | "{}");
        if says_nothing || !self.put_back(path, &json) {
            self.own_attributes.insert(path.to_owned(), json);
        }
    }

    fn put_back(&mut self, path: &str, json: &Json) -> bool {
        let of_item = path.strip_prefix("properties.products.");
        if let Some(rest) = of_item.filter(|_| self.shape.has_items()) {
            return self.of_item(rest, json);
        }
        let groups = GROUPS.into_iter().filter(|(path, _)| !self.is_of_group(path));
        let others = [("traits", self.traits()), ("properties", Group::Properties(self.shape))];
        for (group_path, group) in groups.chain(others) {
            let name = path.strip_prefix(group_path).and_then(|rest| rest.strip_prefix('.'));
            let Some(name) = name else { continue };
            let is_free = group.slot(name).is_none() && !self.stands_for_a_field(group, name);
            if is_free && !name.is_empty() {
                self.put(group_path, name, json.clone());
            }
            return is_free && !name.is_empty();
        }
        self.put_whole(path, json)
    }

    /// Whether the path lies in the traits of a group, which have no objects that we know.
    fn is_of_group(&self, path: &str) -> bool {
        self.call == Call::Group && path.starts_with("traits.")
    }

    fn traits(&self) -> Group {
        if self.call == Call::Group { Group::Grouped } else { Group::Traits }
    }

    /// Whether a decoder would fill a field with it that the signal has not.
    fn stands_for_a_field(&self, group: Group, name: &str) -> bool {
        let lacks = |number| !self.signal.fields.contains_key(&number);
        match (group, name) {
            (Group::Properties(Shape::Order), "revenue" | "value") => lacks(field::ORDER_TOTAL),
            (Group::Properties(Shape::Product), "product_id" | "productId") => {
                lacks(field::ITEMS_SKU)
            }
            _ => false,
        }
    }

    /// Whether a decoder keeps the name of the event as it stands in the call.
    fn keeps_event(&self, name: &Json) -> bool {
        let told = self.root.get("event").filter(|told| *told == name).and_then(Json::as_str);
        told.is_some_and(|event| !is_said(event, &kind_of(event), &self.signal.kind))
    }

    /// A member of the call itself.
    fn put_whole(&mut self, path: &str, json: &Json) -> bool {
        let name = match path.strip_prefix("segment.") {
            Some(name) if is_own_member(name) => name,
            _ if is_own_member(path) => return false,
            _ => path,
        };
        let text = json.as_str();
        let is_free = match name {
            "event" if self.call == Call::Track => return self.keeps_event(json),
            "event" => true,
            "name" if self.call == Call::Page => {
                self.signal.fields.contains_key(&field::PAGE_TITLE)
            }
            "name" => self.call != Call::Screen,
            "previousId" => self.call != Call::Alias,
            "originalTimestamp" => self.root.get("timestamp") != Some(json),
            "channel" => {
                let is_known = |word| {
                    Channel::from_word(word).is_some() || matches!(word, "browser" | "mobile")
                };
                self.signal.channel.is_none() && text.is_some_and(|word| !is_known(word))
            }
            name => !OF_CALL.contains(&name) && !name.is_empty(),
        };
        if is_free {
            self.put("", name, json.clone());
        }
        is_free
    }
}

//! The careful way: the members of each object by name, so that what an item means, and what is
//! said to be wrong with it, does not depend on the order in which they came.
use std::collections::BTreeMap;

use sessionary_core::{
    dictionary::{Member, by_member},
    identity::Identity,
    json::JsonText,
    signal::{FieldNumber, Signal},
    value::{RawJson, Value},
};

use super::{
    decode::ItemError,
    draft::{Draft, number_of, numbered, value},
    members::Members,
    parts::{Fault, id},
    slots::{Group, ITEMS, Part, SIGNALS, Slot},
};
use crate::{
    Context,
    identities::{self, identity},
    limits::check,
};

/// Reads the text of an item, whatever it is.
pub(super) fn read(text: &str, context: &Context<'_>) -> Result<Signal, ItemError> {
    let mut draft = Draft::default();
    let signal = draft.read(text, context).and_then(|()| draft.finish(context));
    signal.map_err(|Fault { code, detail, field }| ItemError {
        code,
        detail,
        field,
        raw: text.as_bytes().to_vec(),
        id: draft.id.take().map(Into::into),
    })
}

impl<'a> Draft<'a> {
    fn read(&mut self, text: &'a str, context: &Context<'_>) -> Result<(), Fault> {
        let most = context.limits.item;
        if text.len() > most {
            let got = text.len();
            let detail = format!("the item has {got} bytes; send at most {most}");
            return Err(Fault::whole("item_too_large", detail));
        }
        check(text, &context.limits).map_err(|over| Fault::whole(over.code(), over.to_string()))?;
        let members = serde_json::from_str(text).map_err(|error| {
            let detail = format!("the item is not a JSON object: {error}");
            Fault::whole("not_an_object", detail)
        })?;
        self.object("", &members, context)
    }

    fn object(
        &mut self,
        group: &str,
        members: &Members<'a>,
        context: &Context<'_>,
    ) -> Result<(), Fault> {
        if !members.repeated.is_empty() {
            self.warn("repeated_member");
        }
        // The id first, so that an error further on can name it.
        if let Some(raw) = members.by_name.get("id").filter(|_| group.is_empty()) {
            self.id = id("id", (*raw).into())?;
        }
        for (name, raw) in &members.by_name {
            let json = JsonText::from(*raw);
            if group.is_empty() {
                self.member(name, json, context)?;
            } else {
                self.member(&format!("{group}.{name}"), json, context)?;
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        path: &str,
        json: JsonText<'a>,
        context: &Context<'_>,
    ) -> Result<(), Fault> {
        match Group::WHOLE.find(path) {
            Some(Slot::Part(Part::Identities)) => {
                self.identities = identity_list(json, context)?;
            }
            Some(Slot::Part(part)) => self.part(*part, path, json)?,
            Some(Slot::Field(row)) => self.field(row.number(), value(row, path, json)?),
            Some(Slot::Group(_)) if json.get().starts_with('{') => {
                self.group(path, json, context)?;
            }
            Some(Slot::Group(_)) if path == ITEMS && json.get().starts_with('[') => {
                self.items(json)?;
            }
            Some(Slot::Group(_)) if json.is_null() => {}
            Some(Slot::Group(_)) if path != SIGNALS => {
                return Err(Fault::wrong(path, json, "an object"));
            }
            Some(Slot::Group(_)) | None => {
                match path.strip_prefix("signals.").and_then(number_of) {
                    Some(number) => self.field(number, numbered(number, path, json)?),
                    None => self.attributes.push((path.into(), RawJson::from_parsed(json))),
                }
            }
        }
        Ok(())
    }

    fn group(
        &mut self,
        path: &str,
        json: JsonText<'a>,
        context: &Context<'_>,
    ) -> Result<(), Fault> {
        let members =
            serde_json::from_str(json.get()).map_err(|_| Fault::wrong(path, json, "an object"))?;
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
    fn items(&mut self, json: JsonText<'a>) -> Result<(), Fault> {
        let wrong = || Fault::wrong(ITEMS, json, "a list of objects");
        let items: Vec<Members<'_>> = serde_json::from_str(json.get()).map_err(|_| wrong())?;
        let mut columns: BTreeMap<String, Vec<Box<str>>> = BTreeMap::new();
        for (at, item) in items.iter().enumerate() {
            let named = item.by_name.iter().map(|(name, raw)| (name, JsonText::from(*raw)));
            for (name, json) in named.filter(|(_, json)| !json.is_null()) {
                let path = format!("{ITEMS}.{name}");
                let (Some(Member::Field(_)), Some(text)) = (by_member(&path), json.plain_text())
                else {
                    let path = format!("{ITEMS}.{at}.{name}").into();
                    self.attributes.push((path, RawJson::from_parsed(json)));
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
}

fn identity_list(json: JsonText<'_>, context: &Context<'_>) -> Result<Vec<Identity>, Fault> {
    if json.is_null() {
        return Ok(Vec::new());
    }
    let send = r#"a list such as [{"type":"cookie","value":"c1"}]"#;
    let wrong = || Fault::wrong("identities", json, send);
    let items: Vec<Members<'_>> = serde_json::from_str(json.get()).map_err(|_| wrong())?;
    let mut list = Vec::with_capacity(items.len());
    for item in &items {
        let part = |name| {
            let raw = item.by_name.get(name);
            raw.map_or(Ok(None), |raw| id(&format!("identities.{name}"), (*raw).into()))
        };
        let (Some(kind), Some(value)) = (part("type")?, part("value")?) else {
            return Err(wrong());
        };
        let original = part("original")?;
        let mut identity = identity(&kind, &value, context.country);
        identity.original = original.map(Into::into).or(identity.original);
        identities::add(&mut list, identity);
    }
    Ok(list)
}

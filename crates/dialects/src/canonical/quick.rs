//! The quick way: one pass over a signal, each member read where it stands.
//!
//! It gives up on whatever is not plain: a member that comes twice or in two spellings, a limit, a
//! value that cannot be read. The careful way then says what the item means, or what is wrong with
//! it. Both agree on what this one does not give up on.
use sessionary_core::{
    dictionary::Field,
    identity::Identity,
    json::{Bounds, JsonText, Scanner},
    signal::{FieldNumber, Fields, Signal},
    value::{RawJson, Value},
};

use super::{
    draft::{Draft, number_of, numbered, value},
    parts::id,
    slots::{Group, ITEMS, Part, Slot},
};
use crate::{
    Context, Limits,
    identities::{self, identity},
};

/// Fields that most signals have no more of.
const USUAL_FIELDS: usize = 8;

/// How far the scanner goes into an item.
pub(super) fn bounds(limits: &Limits) -> Bounds {
    Bounds { depth: limits.depth, members: limits.members, text_bytes: limits.text }
}

/// Reads the object that comes next. `None`: it takes a careful look.
pub(super) fn read(scanner: &mut Scanner<'_>, context: &Context<'_>) -> Option<Signal> {
    let start = scanner.at();
    let mut reading =
        Reading { scanner, context, draft: Draft::default(), seen: 0, nothing: vec![] };
    reading.draft.fields = Fields::with_capacity(USUAL_FIELDS);
    reading.object(Group::WHOLE)?;
    let Reading { scanner, mut draft, nothing, .. } = reading;
    let is_small = scanner.since(start).len() <= context.limits.item;
    if !is_small || nothing.iter().any(|number| draft.fields.contains_key(number)) {
        return None;
    }
    let attributes = draft.attributes.len();
    let signal = draft.finish(context).ok()?;
    (signal.attributes.len() == attributes).then_some(signal)
}

struct Reading<'r, 'a, 'c> {
    scanner: &'r mut Scanner<'a>,
    context: &'r Context<'c>,
    draft: Draft<'a>,
    /// Bits of the slots that were filled.
    seen: u128,
    /// Fields that came as null or empty.
    nothing: Vec<FieldNumber>,
}

impl<'a> Reading<'_, 'a, '_> {
    fn object(&mut self, group: Group) -> Option<()> {
        let mut passed = self.scanner.open(b'{')?;
        while let Some(name) = self.scanner.name(&mut passed)? {
            let name = name.plain_text()?;
            match group.find(&name) {
                Some(slot) => self.slot(*slot)?,
                None if group.is_signals() => self.numbered(group, &name)?,
                // Signals by number outside of their object.
                None if name.starts_with("signals.") => return None,
                None => {
                    let raw = RawJson::from_parsed(self.scanner.value()?);
                    self.draft.attributes.push((group.path_of(&name), raw));
                }
            }
        }
        Some(())
    }

    fn slot(&mut self, slot: Slot) -> Option<()> {
        let bit = slot.bit();
        if self.seen & bit != 0 {
            return None;
        }
        self.seen |= bit;
        match slot {
            Slot::Field(row) => self.dictionary(row),
            Slot::Part(Part::Identities) => match self.scanner.peek()? {
                b'[' => self.identities(),
                _ => self.scanner.value()?.is_null().then_some(()),
            },
            Slot::Part(part) => {
                let json = self.scanner.value()?;
                self.draft.part(part, "", json).ok()
            }
            Slot::Group(inner) => match self.scanner.peek()? {
                b'{' => self.object(inner),
                b'[' if inner.path == ITEMS => self.items(inner),
                _ => self.scanner.value()?.is_null().then_some(()),
            },
        }
    }

    fn dictionary(&mut self, row: &'static Field) -> Option<()> {
        let value = value(row, row.member, self.scanner.value()?).ok()?;
        self.field(row.number(), value)
    }

    fn numbered(&mut self, group: Group, name: &str) -> Option<()> {
        let json = self.scanner.value()?;
        if let Some(number) = number_of(name) {
            return self.field(number, numbered(number, name, json).ok()?);
        }
        self.draft.attributes.push((group.path_of(name), RawJson::from_parsed(json)));
        Some(())
    }

    /// Gives up on a field that comes twice, be it as nothing.
    fn field(&mut self, number: FieldNumber, value: Option<Value>) -> Option<()> {
        match value {
            Some(value) => self.draft.fields.insert(number, value).is_none().then_some(()),
            None if self.nothing.contains(&number) => None,
            None => {
                self.nothing.push(number);
                Some(())
            }
        }
    }

    fn identities(&mut self) -> Option<()> {
        let mut passed = self.scanner.open(b'[')?;
        while self.scanner.item(&mut passed)? {
            let identity = self.identity()?;
            identities::add(&mut self.draft.identities, identity);
        }
        Some(())
    }

    fn identity(&mut self) -> Option<Identity> {
        let [mut kind, mut value, mut original] = [None::<JsonText<'a>>; 3];
        let mut passed = self.scanner.open(b'{')?;
        while let Some(name) = self.scanner.name(&mut passed)? {
            let json = self.scanner.value()?;
            let place = match &*name.plain_text()? {
                "type" => &mut kind,
                "value" => &mut value,
                "original" => &mut original,
                _ => continue,
            };
            if place.replace(json).is_some() {
                return None;
            }
        }
        let part = |json: Option<JsonText<'a>>| id("", json?).ok()?;
        let mut found = identity(&part(kind)?, &part(value)?, self.context.country);
        if let Some(original) = original.filter(|original| !original.is_null()) {
            found.original = Some(part(Some(original))?.into());
        }
        Some(found)
    }

    /// Items as a list of objects, turned into the lists that the fields are.
    fn items(&mut self, group: Group) -> Option<()> {
        let mut columns: Vec<(FieldNumber, Vec<Box<str>>)> = Vec::new();
        let mut passed = self.scanner.open(b'[')?;
        let mut count = 0;
        while self.scanner.item(&mut passed)? {
            let mut passed = self.scanner.open(b'{')?;
            while let Some(name) = self.scanner.name(&mut passed)? {
                let (name, json) = (name.plain_text()?, self.scanner.value()?);
                if json.is_null() {
                    return None; // it takes an earlier value of the same name away
                }
                let (Some(Slot::Field(row)), Some(text)) = (group.find(&name), json.plain_text())
                else {
                    let path = format!("{ITEMS}.{count}.{name}").into();
                    self.draft.attributes.push((path, RawJson::from_parsed(json)));
                    continue;
                };
                put(&mut columns, row.number(), count, text.into())?;
            }
            count += 1;
        }
        for (number, mut column) in columns {
            column.resize(count, "".into());
            self.field(number, Some(Value::Texts(column)))?;
        }
        Some(())
    }
}

/// Puts a text into a column, at a place that is still free.
fn put(
    columns: &mut Vec<(FieldNumber, Vec<Box<str>>)>,
    number: FieldNumber,
    at: usize,
    text: Box<str>,
) -> Option<()> {
    let known = columns.iter().position(|(known, _)| *known == number);
    let place = known.unwrap_or_else(|| {
        columns.push((number, Vec::new()));
        columns.len() - 1
    });
    let (_, column) = columns.get_mut(place)?;
    if column.len() > at {
        return None;
    }
    column.resize(at, "".into());
    column.push(text);
    Some(())
}

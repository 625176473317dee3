//! What an object says, in our words: the fields of its members, and what follows from several.
use sessionary_core::{
    dictionary::{Given, by_number, field},
    json::JsonText,
    signal::{FieldNumber, Fields, Signal},
    value::{RawJson, Value},
};

use super::{
    event::millis_of,
    legs,
    members::{MEMBERS, Shape, Slot},
    people,
    reading::{Reading, type_name},
    status,
};
use crate::Context;

impl Reading<'_> {
    /// Puts everything that the object says into a signal.
    pub(super) fn tell(mut self, signal: &mut Signal, context: &Context<'_>) {
        let mut fields = Fields::with_capacity(32);
        let mut attributes = std::mem::take(&mut self.sheet.others);
        self.add_members(&mut fields, &mut attributes);
        self.add_type(&mut fields, &mut attributes);
        self.add_status(&mut fields);
        self.add_answer(&mut fields, &mut attributes);
        self.add_recording(&mut fields);
        self.add_menu(&mut fields, &mut attributes);
        signal.claim = self.add_wrap_up(&mut fields);
        people::add_agent(&mut fields, &self.sheet);
        legs::add(&mut fields, &self.sheet);
        signal.identities = people::identities(&self.sheet, context, &mut self.warnings);
        signal.fields = fields;
        signal.attributes = attributes.into_iter().collect();
        signal.warnings = self.warnings;
    }

    fn add_members(&mut self, fields: &mut Fields, attributes: &mut Vec<(Box<str>, RawJson)>) {
        for (at, json) in self.sheet.filled() {
            let Some(member) = MEMBERS.get(at) else { continue };
            let value = match member.shape {
                Shape::Text(number)
                | Shape::Id(number)
                | Shape::Number(number)
                | Shape::Flag(number) => Some((number, parsed(number, member.name, json))),
                Shape::Time(number) => Some((number, self.sheet.time_of(json).map(Value::Instant))),
                Shape::Seconds(number) => Some((number, millis_of(json).map(Value::Number))),
                Shape::List(number) => Some((number, whole(json, b'['))),
                Shape::Object(number) => Some((number, whole(json, b'{'))),
                Shape::Own => None,
                Shape::Kept | Shape::KeptList => {
                    attributes.push((member.name.into(), people::raw(json)));
                    None
                }
            };
            match value {
                Some((number, Some(value))) => drop(fields.insert(number, value)),
                Some((_, None)) => {
                    self.warnings.push(format!("unreadable_{}", member.name).into());
                    attributes.push((member.name.into(), people::raw(json)));
                }
                None => {}
            }
        }
        for slot in [Slot::AGENT_INFO, Slot::END_USER] {
            if let Some(json) = self.sheet.get(slot) {
                let name = MEMBERS.get(slot as usize).map_or("", |member| member.name);
                attributes.push((name.into(), people::raw(json)));
            }
        }
        self.add_length(fields, attributes);
    }

    /// A call has the length of a call and a chat that of a chat; the other is kept aside.
    fn add_length(&mut self, fields: &mut Fields, attributes: &mut Vec<(Box<str>, RawJson)>) {
        for (slot, name, is_own) in [
            (Slot::CALL_DURATION, "call_duration", !self.is_chat),
            (Slot::CHAT_DURATION, "chat_duration", self.is_chat),
        ] {
            let Some(json) = self.sheet.get(slot) else { continue };
            match millis_of(json).filter(|_| is_own) {
                Some(length) => {
                    fields.insert(field::SESSION_DURATION, Value::Number(length));
                }
                None => attributes.push((name.into(), people::raw(json))),
            }
        }
    }

    /// The current name of the type as it was sent, and the older one where it is not the one that
    /// goes with it.
    fn add_type(&self, fields: &mut Fields, attributes: &mut Vec<(Box<str>, RawJson)>) {
        let Some(name) = type_name(&self.sheet) else { return };
        let older = [Slot::SESSION_TYPE, Slot::CALL_TYPE, Slot::CHAT_TYPE];
        let older = older.into_iter().find_map(|slot| self.sheet.get(slot));
        let current = match (self.kind, self.sheet.text(Slot::SESSION_TYPE_V2)) {
            (_, Some(sent)) => sent,
            (Some(kind), None) => kind.name.into(),
            (None, None) => name,
        };
        if let Some(sent) = older
            && sent.plain_text().as_deref() != self.kind.map(|kind| kind.older)
        {
            attributes.push(("session_type".into(), people::raw(sent)));
        }
        fields.insert(field::SOURCE_TYPE, Value::Text(current.into()));
        if let Some(kind) = self.kind {
            fields.insert(field::DIRECTION, Value::Text(kind.direction.into()));
            fields.insert(field::MEDIUM, Value::Text(kind.medium.into()));
        }
    }

    fn add_status(&self, fields: &mut Fields) {
        let reason = fields.get(&field::INTEGRATION_RESULT_CODE).and_then(Value::as_text);
        let line = reason.and_then(status::line_reason);
        let how = match self.status.as_ref().and_then(|status| status.ended_how) {
            Some("failed") => Some(status::failed_how(reason)),
            how => how,
        };
        for (number, word) in [(field::DISCONNECT_REASON, line), (field::ENDED_HOW, how)] {
            if let Some(word) = word {
                fields.insert(number, Value::Text(word.into()));
            }
        }
        if let Some(name) = &self.status_name {
            fields.insert(field::SOURCE_STATUS, Value::Text(name.clone()));
        }
    }

    /// Who answered, in our words; the sender's own word beside it where it is another.
    fn add_answer(&self, fields: &mut Fields, attributes: &mut Vec<(Box<str>, RawJson)>) {
        let said = self.sheet.get(Slot::ANSWER_TYPE);
        let word = said.and_then(|json| answered_by(&json.plain_text()?));
        if let Some(word) = word {
            fields.insert(field::ANSWERED_BY, Value::Text(word.into()));
        }
        if let Some(json) = said {
            attributes.push(("answer_type".into(), people::raw(json)));
        }
    }

    /// A person who refuses to be recorded is not recorded here either.
    fn add_recording(&mut self, fields: &mut Fields) {
        let Some(sent) = self.sheet.text(Slot::RECORDING_PERMISSION) else { return };
        let word = sent.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        let word = word.strip_prefix("recording_permission_").unwrap_or(&word);
        if word == "denied" {
            let url = fields.remove(&field::RECORDING_URL);
            let others = fields.remove(&field::RECORDINGS);
            if url.is_some() || others.is_some() {
                self.warnings.push("recording_withheld".into());
            }
        }
        fields.insert(field::RECORDING_PERMISSION, Value::Text(word.into()));
    }
}

fn parsed(number: FieldNumber, name: &str, json: JsonText<'_>) -> Option<Value> {
    let row = by_number(number)?;
    Value::parse(row, name, Given::Json(json)).ok().flatten()
}

fn whole(json: JsonText<'_>, bracket: u8) -> Option<Value> {
    let is_it = json.get().as_bytes().first() == Some(&bracket);
    is_it.then(|| Value::Json(people::raw(json)))
}

/// Who answered, by the sender's word.
pub(super) fn answered_by(word: &str) -> Option<&'static str> {
    let word = word.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    match &*word {
        "human_agent" | "human" | "manual" => Some("human"),
        "virtual_agent" | "virtual" => Some("virtual"),
        _ => None,
    }
}

//! What an object says, in our words: the fields of its members, and what follows from several.
use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use sessionary_core::{
    channel::{Channel, SessionType},
    dictionary::{Given, by_number, field},
    disposition::{Author, ClaimPolicy, DISPOSITIONS},
    json::JsonText,
    signal::{Attributes, ClaimBody, FieldNumber, Fields, Signal},
    value::{RawJson, Value},
};

use super::{
    event::millis_of,
    legs,
    members::{MEMBERS, Shape, Slot},
    people,
    session_type::{self, Type},
    sheet::{Fault, Sheet},
    status::{self, Status},
};
use crate::{Context, canonical::members::Members};

/// Characters that the id of a session may have; it is part of keys.
const ID_MAX: usize = 64;

/// So many codes of one wrap-up are looked at; the statement itself is kept whole.
const CODES_MAX: usize = 100;

/// An object whose session is known.
pub(super) struct Reading<'a> {
    pub(super) sheet: Sheet<'a>,
    /// The number of the call or chat.
    pub(super) id: Box<str>,
    /// Whether it is a chat: calls and chats are numbered apart.
    pub(super) is_chat: bool,
    /// The type, where it is one that we know.
    kind: Option<Type>,
    /// The status, where it is one that we know.
    pub(super) status: Option<Status>,
    /// The name of the status, known or not.
    pub(super) status_name: Option<Box<str>>,
    warnings: Vec<Box<str>>,
}

impl<'a> Reading<'a> {
    /// Looks at what every object must say.
    pub(super) fn of(sheet: Sheet<'a>) -> Result<Reading<'a>, Fault> {
        let mut warnings = Vec::new();
        let named = [Slot::ID, Slot::CALL_ID, Slot::CHAT_ID].map(|slot| (slot, sheet.get(slot)));
        let named = named.into_iter().find_map(|(slot, json)| Some((slot, json?)));
        let Some((slot, json)) = named else {
            return Err(Fault::missing(
                "id",
                "`id` is missing; send the number of the call or chat",
            ));
        };
        let id = id_of(json).ok_or_else(|| {
            Fault::wrong("id", json.get(), "the number of the call or chat, at most 64 characters")
        })?;
        let name = type_name(&sheet);
        let kind = name.as_deref().and_then(session_type::of_name);
        if name.is_some() && kind.is_none() {
            warnings.push("unknown_session_type".into());
        }
        let is_chat = match kind {
            Some(kind) => kind.channel() != Channel::Voice,
            None => says_chat(&sheet, slot, name.as_deref()),
        };
        let (status, status_name) = status_of(&sheet, &mut warnings)?;
        Ok(Reading { sheet, id, is_chat, kind, status, status_name, warnings })
    }

    /// `call` or `chat`.
    pub(super) fn word(&self) -> &'static str {
        if self.is_chat { "chat" } else { "call" }
    }

    /// A signal of the session that says nothing yet.
    pub(super) fn signal(&self, kind: &str, context: &Context<'_>) -> Signal {
        let channel = self.kind.map(Type::channel);
        let channel = channel.unwrap_or(if self.is_chat { Channel::Chat } else { Channel::Voice });
        let session_type = self.kind.map(Type::session_type);
        let name_space = if context.source.is_empty() { "ccai" } else { context.source };
        Signal {
            key: "".into(),
            kind: kind.into(),
            occurred_at: None,
            sent_at: None,
            sequence: 0,
            channel: Some(channel),
            session_type: Some(session_type.unwrap_or_else(|| SessionType::of_channel(channel))),
            source: format!("{name_space}:{}", self.word()).into(),
            session: Some(self.id.clone()),
            identities: Vec::new(),
            claim: None,
            fields: Fields::new(),
            attributes: Attributes::new(),
            warnings: Vec::new(),
        }
    }

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
        let names = self.add_dispositions(&mut fields);
        people::add_agent(&mut fields, &self.sheet);
        legs::add(&mut fields, &self.sheet);
        signal.identities = people::identities(&self.sheet, context, &mut self.warnings);
        signal.claim = claim(&fields, &names);
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

    fn add_menu(&self, fields: &mut Fields, attributes: &mut Vec<(Box<str>, RawJson)>) {
        let names = self.sheet.get(Slot::QUEUE_PATH_NAMES).and_then(path_names);
        let path = self.sheet.get(Slot::MENU_PATH);
        let path = path.map(|json| (json, MenuPath::read(json)));
        if let Some((json, MenuPath { is_plain: false, .. })) = path {
            attributes.push(("menu_path".into(), people::raw(json)));
        }
        let (own, ids) = path.map_or((None, None), |(_, path)| (path.names, path.ids));
        if let Some(names) = own.or(names) {
            if let Some(leaf) = names.last().filter(|leaf| !leaf.is_empty()) {
                fields.insert(field::QUEUE, Value::Text(leaf.clone()));
            }
            fields.insert(field::MENU_PATH, Value::Texts(names));
        }
        if let Some(ids) = ids {
            fields.insert(field::MENU_PATH_IDS, Value::Texts(ids));
        }
    }

    /// The agent's codes and notes; gives the names of the codes. An event has them as one object, a
    /// file as a list.
    fn add_dispositions(&self, fields: &mut Fields) -> Vec<Box<str>> {
        let list = self.sheet.get(Slot::DISPOSITION_CODES);
        let one = self.sheet.get(Slot::DISPOSITIONS);
        let Some(json) = list.or(one) else { return Vec::new() };
        let rows = Disposition::rows(json);
        let codes = rows.iter().filter_map(Disposition::code);
        let codes: Vec<Box<str>> = codes.take(CODES_MAX).collect();
        if !codes.is_empty() {
            fields.insert(field::SOURCE_DISPOSITION_CODES, Value::Texts(codes));
        }
        if let Some(note) = rows.iter().find_map(Disposition::note) {
            fields.entry(field::INTEGRATION_NOTES).or_insert_with(|| Value::Text(note));
        }
        fields.insert(field::SOURCE_DISPOSITION, Value::Json(people::raw(json)));
        rows.iter().filter_map(Disposition::name).take(CODES_MAX).collect()
    }
}

fn id_of(json: JsonText<'_>) -> Option<Box<str>> {
    let text = json.plain_text()?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_text = json.get().starts_with('"') && text.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = (1..=ID_MAX).contains(&text.len());
    ((is_number || is_text) && fits).then(|| text.into())
}

/// The current name of the type, else an older one.
fn type_name<'a>(sheet: &Sheet<'a>) -> Option<Cow<'a, str>> {
    let slots = [Slot::SESSION_TYPE_V2, Slot::SESSION_TYPE, Slot::CALL_TYPE, Slot::CHAT_TYPE];
    slots.into_iter().find_map(|slot| sheet.text(slot))
}

/// Whether an object without a known type is about a chat.
fn says_chat(sheet: &Sheet<'_>, id: Slot, name: Option<&str>) -> bool {
    let members = [Slot::CHAT_UUID, Slot::CHAT_TYPE, Slot::CHAT_ID, Slot::CHAT_DURATION];
    let has_member = members.into_iter().any(|slot| sheet.get(slot).is_some());
    let is_named = name.is_some_and(|name| {
        name.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("messaging"))
    });
    id == Slot::CHAT_ID || has_member || is_named
}

fn status_of(
    sheet: &Sheet<'_>,
    warnings: &mut Vec<Box<str>>,
) -> Result<(Option<Status>, Option<Box<str>>), Fault> {
    let Some(json) = sheet.get(Slot::STATUS) else { return Ok((None, None)) };
    let word = json.plain_text().filter(|word| word.len() <= ID_MAX);
    let Some(word) = word else {
        return Err(Fault::wrong("status", json.get(), "a name such as queued, or its number"));
    };
    let status = status::of_word(word.trim());
    if status.is_none() {
        warnings.push("unknown_status".into());
    }
    let name = status.as_ref().map_or_else(|| word.into(), |status| status.name.into());
    Ok((status, Some(name)))
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

/// A path through the menus.
#[derive(Default)]
pub(super) struct MenuPath {
    /// Names from the root.
    pub(super) names: Option<Vec<Box<str>>>,
    /// Ids from the root.
    pub(super) ids: Option<Vec<Box<str>>>,
    /// Whether names, ids and their number are all there is.
    pub(super) is_plain: bool,
}

impl MenuPath {
    pub(super) fn read(json: JsonText<'_>) -> MenuPath {
        if let Some(text) = json.plain_text() {
            return MenuPath { names: Some(steps(&text)), ids: None, is_plain: false };
        }
        let Ok(sent) = serde_json::from_str::<Members<'_>>(json.get()) else {
            return MenuPath::default();
        };
        let of = |name| text(JsonText::from(*sent.by_name.get(name)?)).map(|text| steps(&text));
        let (names, ids) = (of("name"), of("materialized_path"));
        let count = sent.by_name.get("items_count").and_then(|raw| raw.get().parse().ok());
        let is_plain =
            sent.by_name.len() == 3 && names.is_some() && ids.as_ref().map(Vec::len) == count;
        MenuPath { names, ids, is_plain }
    }
}

/// No menu is deeper; a text of more slashes is one step, and comes back as it was.
const STEPS_MAX: usize = 100;

fn steps(path: &str) -> Vec<Box<str>> {
    if path.bytes().filter(|byte| *byte == b'/').count() >= STEPS_MAX {
        return vec![path.into()];
    }
    path.split('/').map(Into::into).collect()
}

fn path_names(json: JsonText<'_>) -> Option<Vec<Box<str>>> {
    match json.plain_text() {
        Some(text) => Some(steps(&text)),
        None => serde_json::from_str::<Vec<Box<str>>>(json.get()).ok(),
    }
}

/// One code that an agent applied: an object, or the bare code.
struct Disposition<'a> {
    code: Option<JsonText<'a>>,
    name: Option<JsonText<'a>>,
    note: Option<JsonText<'a>>,
}

impl<'a> Disposition<'a> {
    fn rows(json: JsonText<'a>) -> Vec<Disposition<'a>> {
        if json.get().starts_with('[') {
            let rows: Vec<&'a RawValue> = serde_json::from_str(json.get()).unwrap_or_default();
            let rows = rows.into_iter().take(CODES_MAX);
            return rows.map(|row| Disposition::of(row.into())).collect();
        }
        vec![Disposition::of(json)]
    }

    fn of(json: JsonText<'a>) -> Disposition<'a> {
        #[derive(Deserialize)]
        struct Sent<'a> {
            #[serde(borrow)]
            code: Option<&'a RawValue>,
            #[serde(borrow)]
            name: Option<&'a RawValue>,
            #[serde(borrow)]
            note: Option<&'a RawValue>,
        }
        if !json.get().starts_with('{') {
            return Disposition { code: Some(json), name: None, note: None };
        }
        let sent = serde_json::from_str::<Sent<'a>>(json.get());
        let Ok(sent) = sent else { return Disposition { code: None, name: None, note: None } };
        let code = sent.code.or(sent.name).map(JsonText::from);
        let (name, note) = (sent.name.map(JsonText::from), sent.note.map(JsonText::from));
        Disposition { code, name, note }
    }

    fn code(&self) -> Option<Box<str>> {
        text(self.code?)
    }

    fn name(&self) -> Option<Box<str>> {
        text(self.name?)
    }

    fn note(&self) -> Option<Box<str>> {
        text(self.note?)
    }
}

fn text(json: JsonText<'_>) -> Option<Box<str>> {
    let text = json.plain_text().filter(|text| !json.is_null() && !text.is_empty())?;
    Some(text.into())
}

/// What the agent's codes mean in ours: the first that is, or else is called by, the name of one of
/// the fourteen.
fn claim(fields: &Fields, names: &[Box<str>]) -> Option<ClaimBody> {
    let codes: &[Box<str>] = match fields.get(&field::SOURCE_DISPOSITION_CODES) {
        Some(Value::Texts(codes)) => codes,
        _ => &[],
    };
    let code = codes.iter().chain(names).find_map(|word| {
        let same = |name: &str| super::session_type::same_words(name, word);
        DISPOSITIONS.iter().find(|row| same(row.name)).map(|row| row.code)
    })?;
    Some(ClaimBody { code, author: Author::Agent, policy: ClaimPolicy::Last })
}

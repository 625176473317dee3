//! What the agent says that a call came to: codes, notes, and the outcome that they mean.
use serde::Deserialize;
use serde_json::value::RawValue;
use sessionary_core::{
    dictionary::field,
    disposition::{Author, ClaimPolicy, DISPOSITIONS},
    json::JsonText,
    signal::{ClaimBody, Fields},
    value::Value,
};

use super::{members::Slot, people, reading::Reading, session_type::same_words, sheet::text_of};

/// So many codes of one wrap-up are looked at; the statement itself is kept whole.
const CODES_MAX: usize = 100;

impl Reading<'_> {
    /// The agent's codes and notes, and what they claim. An event has them as one object, a file as a
    /// list.
    pub(super) fn add_wrap_up(&self, fields: &mut Fields) -> Option<ClaimBody> {
        let list = self.sheet.get(Slot::DISPOSITION_CODES);
        let one = self.sheet.get(Slot::DISPOSITIONS);
        let json = list.or(one)?;
        let rows = Disposition::rows(json);
        let codes = rows.iter().filter_map(Disposition::code);
        let codes: Vec<Box<str>> = codes.take(CODES_MAX).collect();
        if !codes.is_empty() {
            fields.insert(field::SOURCE_DISPOSITION_CODES, Value::Texts(codes.clone()));
        }
        if let Some(note) = rows.iter().find_map(Disposition::note) {
            fields.entry(field::INTEGRATION_NOTES).or_insert_with(|| Value::Text(note));
        }
        fields.insert(field::SOURCE_DISPOSITION, Value::Json(people::raw(json)));
        let names: Vec<Box<str>> =
            rows.iter().filter_map(Disposition::name).take(CODES_MAX).collect();
        claim(&codes, &names)
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
        text_of(self.code?)
    }

    fn name(&self) -> Option<Box<str>> {
        text_of(self.name?)
    }

    fn note(&self) -> Option<Box<str>> {
        text_of(self.note?)
    }
}

/// What the agent's codes mean in ours: the first that is, or else is called by, the name of one of
/// the fourteen.
fn claim(codes: &[Box<str>], names: &[Box<str>]) -> Option<ClaimBody> {
    let code = codes.iter().chain(names).find_map(|word| {
        let same = |name: &str| same_words(name, word);
        DISPOSITIONS.iter().find(|row| same(row.name)).map(|row| row.code)
    })?;
    Some(ClaimBody { code, author: Author::Agent, policy: ClaimPolicy::Last })
}

//! The source's books of legs, as the legs of a record.
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sessionary_core::{
    dictionary::field,
    json::JsonText,
    leg::{LegKind, ToldLeg},
    signal::Fields,
    time::{Millis, UnixMillis},
    value::{RawJson, Value},
};

use super::{members::Slot, people::id_text, sheet::Sheet};

/// A row of any of the books; what a book does not have is not there.
#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    started_at: Option<&'a RawValue>,
    #[serde(borrow)]
    ended_at: Option<&'a RawValue>,
    #[serde(borrow)]
    call_duration: Option<&'a RawValue>,
    #[serde(borrow)]
    chat_duration: Option<&'a RawValue>,
    #[serde(borrow)]
    queue_duration: Option<&'a RawValue>,
    #[serde(borrow)]
    hold_duration: Option<&'a RawValue>,
    #[serde(borrow)]
    acw_duration: Option<&'a RawValue>,
    #[serde(borrow)]
    bcw_duration: Option<&'a RawValue>,
    #[serde(borrow)]
    agent_id: Option<&'a RawValue>,
    #[serde(borrow)]
    menu_path: Option<&'a RawValue>,
    #[serde(borrow)]
    virtual_agent: Option<&'a RawValue>,
    #[serde(borrow)]
    service_level_event: Option<&'a RawValue>,
}

/// The books, and the kind of leg that each keeps.
const BOOKS: [(Slot, LegKind); 4] = [
    (Slot::CONSUMER_IN_MENU_DURATIONS, LegKind::Menu),
    (Slot::QUEUE_DURATIONS, LegKind::Queue),
    (Slot::VA_DURATIONS, LegKind::VirtualAgent),
    (Slot::HANDLE_DURATIONS, LegKind::Agent),
];

/// The legs that the books of an object tell of, in the order of their beginnings.
pub(super) fn add(fields: &mut Fields, sheet: &Sheet<'_>) {
    let mut legs: Vec<ToldLeg> = Vec::new();
    for (slot, kind) in BOOKS {
        let Some(book) = sheet.get(slot) else { continue };
        legs.extend(rows::<Row<'_>>(book).filter_map(|row| leg(sheet, kind, &row)));
    }
    // A leg without a beginning goes last; the others keep the order of menus, queues and agents.
    legs.sort_by_key(|leg| leg.started_at.unwrap_or(UnixMillis(i64::MAX)));
    if !legs.is_empty()
        && let Some(raw) = json_of(&legs)
    {
        fields.insert(field::LEGS_REPORTED, Value::Json(raw));
    }
}

/// So many rows of one book are looked at; the book itself is kept whole.
const ROWS_MAX: usize = 200;

/// The rows of a list that are of the shape asked for.
pub(super) fn rows<'a, T: Deserialize<'a>>(list: JsonText<'a>) -> impl Iterator<Item = T> {
    let rows: Vec<&'a RawValue> = serde_json::from_str(list.get()).unwrap_or_default();
    rows.into_iter().take(ROWS_MAX).filter_map(|row| serde_json::from_str(row.get()).ok())
}

fn json_of(value: &impl Serialize) -> Option<RawJson> {
    let raw = serde_json::value::to_raw_value(value).ok()?;
    Some(RawJson::from_parsed(&*raw))
}

/// One row; `None`: neither a time nor a length is in it.
fn leg(sheet: &Sheet<'_>, kind: LegKind, row: &Row<'_>) -> Option<ToldLeg> {
    let at = |raw: Option<&RawValue>| sheet.time_of(raw?.into()).map(|instant| instant.at);
    let talk = millis(row.call_duration).or_else(|| millis(row.chat_duration));
    let (hold, wait) = (millis(row.hold_duration), millis(row.queue_duration));
    let (started_at, ended_at) = (at(row.started_at), at(row.ended_at));
    if started_at.is_none() && talk.or(wait).is_none() {
        return None;
    }
    let is_served = matches!(kind, LegKind::Agent | LegKind::VirtualAgent);
    let lasted = || Some(ended_at?.since(started_at?));
    let answered_by = match kind {
        LegKind::Agent => Some("human".into()),
        LegKind::VirtualAgent => Some("virtual".into()),
        _ => None,
    };
    let handle = talk.map(|talk| Millis(talk.0.saturating_add(hold.unwrap_or_default().0)));
    Some(ToldLeg {
        kind,
        started_at,
        answered_at: started_at.filter(|_| is_served),
        ended_at,
        queue: row.menu_path.and_then(queue_of),
        agent: row.agent_id.or(row.virtual_agent).and_then(id_text),
        answered_by,
        wait_ms: if kind == LegKind::Queue { wait.or_else(lasted) } else { None },
        hold_ms: hold,
        talk_ms: talk,
        handle_ms: handle.or_else(lasted).filter(|_| is_served),
        after_work_ms: millis(row.acw_duration),
        before_work_ms: millis(row.bcw_duration),
        met_service_level: row.service_level_event.and_then(met),
    })
}

fn millis(raw: Option<&RawValue>) -> Option<Millis> {
    let millis = super::event::millis_of(JsonText::from(raw?))?;
    i64::try_from(millis).ok().map(Millis)
}

/// A queue by its name, or the name of its path.
fn queue_of(raw: &RawValue) -> Option<Box<str>> {
    #[derive(Deserialize)]
    struct Path<'a> {
        #[serde(borrow)]
        name: std::borrow::Cow<'a, str>,
    }
    let json = JsonText::from(raw);
    let name = match json.plain_text() {
        Some(text) => text,
        None => serde_json::from_str::<Path<'_>>(json.get()).ok()?.name,
    };
    let is_name = !json.is_null() && !name.is_empty();
    is_name.then(|| name.rsplit('/').next().unwrap_or(&name).into())
}

fn met(raw: &RawValue) -> Option<bool> {
    match JsonText::from(raw).plain_text()?.as_ref() {
        "in_sla" => Some(true),
        "not_in_sla" => Some(false),
        _ => None,
    }
}

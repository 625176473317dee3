//! The path through the menus that a call took.
use sessionary_core::{
    dictionary::field,
    json::JsonText,
    signal::Fields,
    value::{RawJson, Value},
};

use super::{members::Slot, people, reading::Reading, sheet::text_of};
use crate::canonical::members::Members;

impl Reading<'_> {
    /// The path by names and by ids, and the queue at its end.
    pub(super) fn add_menu(&self, fields: &mut Fields, attributes: &mut Vec<(Box<str>, RawJson)>) {
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
        let of = |name| text_of(JsonText::from(*sent.by_name.get(name)?)).map(|text| steps(&text));
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

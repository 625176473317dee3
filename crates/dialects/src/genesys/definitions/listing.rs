//! Pages of a list: selected, sorted, counted, and linked with one another.
use std::cmp::Ordering;

use serde_json::{Value as Json, json};
use sessionary_core::goal::{Definition, GoalKind};

use super::{path_of, tell};

/// Entities of a page when nobody says how many.
const PAGE_SIZE: usize = 25;
/// The most of a page.
const PAGE_SIZE_MAX: usize = 200;
/// The members that a query may look into.
const TEXTS: [&str; 2] = ["displayName", "description"];
/// The members that a list can be sorted by.
#[rustfmt::skip]
const SORTED_BY: [&str; 10] = [
    "id", "displayName", "description", "version", "isActive", "isPositive", "color", "scope",
    "createdDate", "modifiedDate",
];

/// Which definitions are asked for, and which page of them.
#[derive(Debug)]
pub struct Selection {
    kind: GoalKind,
    number: usize,
    size: usize,
    sort_by: Vec<(String, Order)>,
    ids: Vec<String>,
    active: Option<bool>,
    query_fields: Vec<String>,
    query_value: Option<String>,
    /// The parameters that every page of the list repeats.
    repeated: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Rising,
    Falling,
}

impl Selection {
    /// Reads the parameters of a query. Those of lists may be repeated or separated by commas;
    /// others are ignored.
    ///
    /// # Errors
    /// The name of a parameter that is not valid, and what to send.
    pub fn read(
        kind: GoalKind,
        query: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Selection, (&'static str, String)> {
        let mut selection = Selection::all(kind);
        for (name, value) in query {
            if value.is_empty() {
                continue;
            }
            selection.take(&name, &value)?;
            if !matches!(&*name, "pageNumber" | "pageSize") {
                selection.repeated.push((name, value));
            }
        }
        Ok(selection)
    }

    fn all(kind: GoalKind) -> Selection {
        Selection {
            kind,
            number: 1,
            size: PAGE_SIZE,
            sort_by: Vec::new(),
            ids: Vec::new(),
            active: None,
            query_fields: Vec::new(),
            query_value: None,
            repeated: Vec::new(),
        }
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), (&'static str, String)> {
        let words = || value.split(',').map(str::trim).filter(|word| !word.is_empty());
        match name {
            "pageNumber" => {
                let number = value.parse().ok().filter(|number| *number >= 1);
                self.number = number.ok_or(("pageNumber", "send a number from 1 on".to_owned()))?;
            }
            "pageSize" => {
                let size = value.parse().ok().filter(|size| (1..=PAGE_SIZE_MAX).contains(size));
                let send = || ("pageSize", format!("send a number from 1 to {PAGE_SIZE_MAX}"));
                self.size = size.ok_or_else(send)?;
            }
            "isActive" => {
                let flag = value.parse().ok();
                self.active = Some(flag.ok_or(("isActive", "send true or false".to_owned()))?);
            }
            "sortBy" => {
                for word in words() {
                    self.sort_by.push(sorting(word)?);
                }
            }
            "outcomeIds" if self.kind == GoalKind::Outcome => {
                self.ids.extend(words().map(str::to_owned));
            }
            "segmentIds" if self.kind == GoalKind::Segment => {
                self.ids.extend(words().map(str::to_owned));
            }
            "queryFields" => {
                for word in words() {
                    let known = TEXTS.contains(&word);
                    let send = || ("queryFields", format!("send some of {}", TEXTS.join(", ")));
                    self.query_fields.push(known.then(|| word.to_owned()).ok_or_else(send)?);
                }
            }
            "queryValue" => self.query_value = Some(value.to_lowercase()),
            _ => {}
        }
        Ok(())
    }

    fn has(&self, definition: &Definition) -> bool {
        definition.kind == self.kind
            && self.active.is_none_or(|active| active == definition.active)
            && (self.ids.is_empty() || self.ids.iter().any(|id| **id == *definition.id))
            && self.query_value.as_deref().is_none_or(|value| self.is_in(definition, value))
    }

    /// Whether the fields that are looked into have a text in them, whatever its case.
    fn is_in(&self, definition: &Definition, value: &str) -> bool {
        let in_text = |text: &str| text.to_lowercase().contains(value);
        let looked_into = |field: &&str| {
            self.query_fields.is_empty() || self.query_fields.iter().any(|one| one == field)
        };
        TEXTS.iter().filter(|field| looked_into(field)).any(|field| match *field {
            "description" => definition.description.as_deref().is_some_and(in_text),
            _ => in_text(&definition.name),
        })
    }

    fn order(&self, a: &Definition, b: &Definition) -> Ordering {
        let by = |(member, order): &(String, Order)| {
            let rising = compare(member, a, b);
            if *order == Order::Falling { rising.reverse() } else { rising }
        };
        let asked = self.sort_by.iter().map(by).fold(Ordering::Equal, Ordering::then);
        asked.then_with(|| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)))
    }

    fn uri(&self, number: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.repeated);
        query.append_pair("pageSize", &self.size.to_string());
        query.append_pair("pageNumber", &number.to_string());
        format!("{}?{}", path_of(self.kind), query.finish())
    }
}

fn sorting(word: &str) -> Result<(String, Order), (&'static str, String)> {
    let (member, order) = match word.strip_prefix('-') {
        Some(member) => (member, Order::Falling),
        None => (word, Order::Rising),
    };
    let send = || ("sortBy", format!("send some of {}, with - in front", SORTED_BY.join(", ")));
    let known = SORTED_BY.contains(&member);
    known.then(|| (member.to_owned(), order)).ok_or_else(send)
}

fn compare(member: &str, a: &Definition, b: &Definition) -> Ordering {
    match member {
        "id" => a.id.cmp(&b.id),
        "description" => a.description.cmp(&b.description),
        "version" => a.version.cmp(&b.version),
        "isActive" => a.active.cmp(&b.active),
        "isPositive" => a.positive.cmp(&b.positive),
        "color" => a.color.cmp(&b.color),
        "scope" => b.external.is_some().cmp(&a.external.is_some()),
        "createdDate" => a.created_at.cmp(&b.created_at),
        "modifiedDate" => a.modified_at.cmp(&b.modified_at),
        _ => a.name.cmp(&b.name),
    }
}

/// The page that is asked for. One beyond the last is empty.
pub fn page<'a>(
    definitions: impl IntoIterator<Item = &'a Definition>,
    selection: &Selection,
) -> Json {
    let mut found: Vec<&Definition> =
        definitions.into_iter().filter(|definition| selection.has(definition)).collect();
    found.sort_by(|a, b| selection.order(a, b));
    let Selection { number, size, .. } = selection;
    let (number, size) = (*number, *size);
    let pages = found.len().div_ceil(size).max(1);
    let before = number.saturating_sub(1).saturating_mul(size);
    let entities: Vec<Json> =
        found.iter().skip(before).take(size).map(|definition| tell(definition)).collect();
    let mut page = json!({
        "entities": entities,
        "pageSize": size,
        "pageNumber": number,
        "pageCount": pages,
        "total": found.len(),
        "selfUri": selection.uri(number),
        "firstUri": selection.uri(1),
        "lastUri": selection.uri(pages),
    });
    let link = |there: bool, number| there.then(|| json!(selection.uri(number)));
    let next = link(number < pages, number.saturating_add(1));
    let previous = link(number > 1, number.saturating_sub(1).min(pages));
    if let Some(object) = page.as_object_mut() {
        object.extend(next.map(|uri| ("nextUri".to_owned(), uri)));
        object.extend(previous.map(|uri| ("previousUri".to_owned(), uri)));
    }
    page
}

//! Properties that say more than one field: items, amounts under other names, outcomes.
use sessionary_core::{
    dictionary::field,
    disposition::{Author, name_of},
    json::JsonText,
    signal::{ClaimBody, FieldNumber},
    value::{RawJson, Value},
};

use super::{
    draft::{Draft, each},
    own::claim_of,
    places::Group,
    shape::{ALONE, ITEM, PRODUCTS, Shape},
};

const PATH: &str = "properties";

/// Members of `properties` that wait until all of them were seen.
#[derive(Default)]
pub(super) struct Waiting<'a> {
    products: Option<JsonText<'a>>,
    /// What a product that stands alone says of itself.
    alone: Vec<(usize, JsonText<'a>)>,
    product_id: Option<JsonText<'a>>,
    revenue: Option<JsonText<'a>>,
    value: Option<JsonText<'a>>,
    code: Option<JsonText<'a>>,
    author: Option<JsonText<'a>>,
    policy: Option<JsonText<'a>>,
    name: Option<JsonText<'a>>,
}

impl<'a> Draft<'a, '_> {
    /// Reads the properties of a signal of this shape.
    pub(super) fn properties(&mut self, shape: Shape, json: JsonText<'a>) -> Option<ClaimBody> {
        if !json.get().starts_with('{') {
            self.keep("", PATH, json);
            return None;
        }
        let mut waiting = Waiting::default();
        let limits = self.context.limits;
        each(json, &limits, |name, json| {
            if !json.is_null() && !waiting.take(shape, &name, json) {
                self.member(Group::Properties(shape), PATH, &name, json);
            }
            if !json.is_null() {
                waiting.note(shape, &name, json);
            }
        });
        self.settle(shape, waiting)
    }

    fn settle(&mut self, shape: Shape, waiting: Waiting<'a>) -> Option<ClaimBody> {
        match shape {
            Shape::Order => {
                self.total(&waiting);
                self.items(waiting.products);
            }
            Shape::Product => {
                let has_list = waiting.products.is_some_and(|list| list.get().len() > 2);
                if has_list {
                    self.items(waiting.products);
                    for (place, json) in waiting.alone {
                        let name = ITEM.get(place).map_or("", |(name, _)| name);
                        self.keep(PATH, name, json);
                    }
                } else {
                    self.product(&waiting);
                }
            }
            Shape::Disposition => return self.claim(&waiting),
            _ => {}
        }
        None
    }

    /// The total of an order: `total`, else `revenue`, else `value`.
    fn total(&mut self, waiting: &Waiting<'a>) {
        for (name, json) in [("revenue", waiting.revenue), ("value", waiting.value)] {
            if let Some(json) = json
                && !self.fields.contains_key(&field::ORDER_TOTAL)
            {
                let before = self.attributes.len();
                self.field(field::ORDER_TOTAL, (PATH, name), json);
                // It was kept already.
                self.attributes.truncate(before);
            }
        }
    }

    /// Items as a list of objects, turned into the lists that the fields are.
    fn items(&mut self, products: Option<JsonText<'a>>) {
        let Some(json) = products else { return };
        let Some(objects) = objects(json) else { return self.keep(PATH, PRODUCTS, json) };
        let mut columns: [Vec<Box<str>>; ITEM.len()] = Default::default();
        let mut others = Vec::new();
        let limits = self.context.limits;
        for (at, object) in objects.iter().enumerate() {
            let mut product_id = None;
            each(*object, &limits, |name, json| {
                let place = ITEM.iter().position(|(known, _)| *known == name);
                if !put(&mut columns, place, at, json) && !super::draft::says_nothing(json) {
                    if matches!(&*name, "product_id" | "productId") {
                        product_id = Some(json);
                    }
                    let path = format!("{PATH}.{PRODUCTS}.{at}.{name}").into();
                    others.push((path, RawJson::from_parsed(json)));
                }
            });
            if let (Some(json), [skus, ..]) = (product_id, &columns)
                && skus.len() <= at
            {
                put(&mut columns, Some(0), at, json);
            }
        }
        if columns.iter().all(Vec::is_empty) {
            return self.keep(PATH, PRODUCTS, json);
        }
        self.attributes.extend(others);
        for ((_, number), mut column) in ITEM.into_iter().zip(columns) {
            if !column.is_empty() {
                column.resize(objects.len(), "".into());
                self.list(number, column);
            }
        }
    }

    /// The product that the properties themselves are.
    fn product(&mut self, waiting: &Waiting<'a>) {
        let mut has_sku = false;
        for (place, json) in &waiting.alone {
            let Some((name, number)) = ITEM.get(*place) else { continue };
            match json.plain_text() {
                Some(text) if !text.is_empty() => {
                    has_sku |= *number == field::ITEMS_SKU;
                    self.list(*number, vec![text.into()]);
                }
                _ => self.keep(PATH, name, *json),
            }
        }
        let id = waiting.product_id.and_then(JsonText::plain_text).filter(|id| !id.is_empty());
        if let (Some(id), false) = (id, has_sku) {
            self.list(field::ITEMS_SKU, vec![id.into()]);
        }
    }

    fn list(&mut self, number: FieldNumber, column: Vec<Box<str>>) {
        self.fields.entry(number).or_insert(Value::Texts(column));
    }

    fn claim(&mut self, waiting: &Waiting<'a>) -> Option<ClaimBody> {
        let text = |json: Option<JsonText<'a>>| json.and_then(JsonText::plain_text);
        let code = text(waiting.code)?.trim().parse().ok()?;
        let author = text(waiting.author).and_then(|word| Author::from_word(&word));
        if let Some(json) =
            waiting.name.filter(|_| text(waiting.name).as_deref() != Some(&*name_of(code)))
        {
            self.keep(PATH, "name", json);
        }
        Some(claim_of(code, author, text(waiting.policy).as_deref()))
    }
}

impl<'a> Waiting<'a> {
    /// Takes a property that is read when all were seen.
    fn take(&mut self, shape: Shape, name: &str, json: JsonText<'a>) -> bool {
        let slot = match (shape, name) {
            (Shape::Order | Shape::Product, PRODUCTS) => &mut self.products,
            (Shape::Disposition, "code") => &mut self.code,
            (Shape::Disposition, "author") => &mut self.author,
            (Shape::Disposition, "policy") => &mut self.policy,
            (Shape::Disposition, "name") => &mut self.name,
            (Shape::Product, _) => {
                let place = ITEM.iter().take(ALONE).position(|(known, _)| *known == name);
                self.alone.extend(place.map(|place| (place, json)));
                return place.is_some();
            }
            _ => return false,
        };
        *slot = Some(json);
        true
    }

    /// Notes a property that is kept, too.
    fn note(&mut self, shape: Shape, name: &str, json: JsonText<'a>) {
        match (shape, name) {
            (Shape::Product, "product_id" | "productId") => self.product_id = Some(json),
            (Shape::Order, "revenue") => self.revenue = Some(json),
            (Shape::Order, "value") => self.value = Some(json),
            _ => {}
        }
    }
}

/// The objects of a list of nothing but objects.
fn objects(json: JsonText<'_>) -> Option<Vec<JsonText<'_>>> {
    let far =
        sessionary_core::json::Bounds { depth: 128, members: usize::MAX, text_bytes: usize::MAX };
    let mut scanner = sessionary_core::json::Scanner::new(json.get(), far);
    let mut passed = scanner.open(b'[')?;
    let mut objects = Vec::new();
    while scanner.item(&mut passed)? {
        objects.push(scanner.value().filter(|item| item.get().starts_with('{'))?);
    }
    Some(objects)
}

/// Puts what a member says into a column, unless it is no text or its place is taken.
fn put(
    columns: &mut [Vec<Box<str>>; ITEM.len()],
    place: Option<usize>,
    at: usize,
    json: JsonText<'_>,
) -> bool {
    let Some(column) = place.and_then(|place| columns.get_mut(place)) else { return false };
    match json.plain_text() {
        Some(text) if !text.is_empty() && !json.is_null() && column.len() <= at => {
            column.resize(at, "".into());
            column.push(text.into());
            true
        }
        _ => false,
    }
}

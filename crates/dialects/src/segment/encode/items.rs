//! Items: a list of products, or the one product that the properties are.
use serde_json::{Map, Value as Json};
use sessionary_core::{dictionary::field, signal::FieldNumber, value::Value};

use super::{Letter, exact};
use crate::segment::shape::{ALONE, ITEM, PRODUCTS, Shape};

/// The texts of one member of the items.
type Column<'a> = (&'static str, FieldNumber, &'a [Box<str>]);

impl Letter<'_> {
    pub(super) fn items(&mut self) {
        let signal = self.signal;
        let column = |(name, number): (&'static str, FieldNumber)| match signal.fields.get(&number)
        {
            Some(Value::Texts(texts)) => Some((name, number, &**texts)),
            _ => None,
        };
        let columns: Vec<Column<'_>> = ITEM.into_iter().filter_map(column).collect();
        let Some(count) = columns.first().map(|(_, _, texts)| texts.len()) else { return };
        let is_even = columns.iter().all(|(_, _, texts)| texts.len() == count);
        if !self.shape.has_items() || !is_even {
            for (_, number, texts) in columns {
                self.own_field(number, &Value::Texts(texts.to_vec()));
            }
        } else if count == 1 && self.stands_alone(&columns) {
            for (name, number, texts) in columns {
                let text = texts.first().map_or("", |text| text);
                self.put("properties", name, cell(number, text));
            }
        } else {
            self.list(&columns, count);
        }
    }

    /// Whether the properties are the product: it says nothing that an order would say, too, and
    /// none of its attributes came in a list.
    fn stands_alone(&self, columns: &[Column<'_>]) -> bool {
        let plain =
            |(name, ..): &Column<'_>| ITEM.iter().take(ALONE).any(|(known, _)| known == name);
        let listed = |path: &str| path.starts_with("properties.products");
        self.shape == Shape::Product
            && columns.iter().all(plain)
            && !self.signal.attributes.keys().any(|path| listed(path))
    }

    fn list(&mut self, columns: &[Column<'_>], count: usize) {
        let product = |at: usize| {
            let cells = columns.iter().filter_map(|(name, number, texts)| {
                let text = texts.get(at).filter(|text| !text.is_empty())?;
                Some(((*name).to_owned(), cell(*number, text)))
            });
            Json::Object(cells.collect::<Map<_, _>>())
        };
        let products: Vec<Json> = (0..count).map(product).collect();
        self.products = count;
        self.put("properties", PRODUCTS, Json::Array(products));
    }

    /// A member of an item that is no field; false: there is no such item.
    pub(super) fn of_item(&mut self, rest: &str, json: &Json) -> bool {
        let Some((at, name)) = rest.split_once('.') else { return false };
        let at = at.parse::<usize>().ok().filter(|place| place.to_string() == at);
        let Some(at) = at.filter(|at| *at < self.products) else { return false };
        let products = self.root.get_mut("properties").and_then(|it| it.get_mut(PRODUCTS));
        let product = products.and_then(|list| list.get_mut(at)).and_then(Json::as_object_mut);
        let Some(product) = product else { return false };
        let names_sku = matches!(name, "product_id" | "productId") && !product.contains_key("sku");
        if names_sku || ITEM.iter().any(|(known, _)| *known == name) {
            return false;
        }
        product.insert(name.to_owned(), json.clone());
        true
    }
}

fn cell(number: FieldNumber, text: &str) -> Json {
    match number {
        field::ITEMS_SKU | field::ITEMS_NAME => Json::from(text),
        _ => exact::number(text),
    }
}

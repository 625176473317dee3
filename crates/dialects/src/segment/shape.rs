//! Shapes of `properties`: which of them are fields, by the type of the signal.
use sessionary_core::{
    dictionary::field,
    signal::{FieldNumber, kind},
};

use super::events::{ORDER_CANCELLED, ORDER_UPDATED};

const ORDER_DISCOUNT: FieldNumber = FieldNumber(201);
const ORDER_SHIPPING: FieldNumber = FieldNumber(202);
const ORDER_TAX: FieldNumber = FieldNumber(203);

/// What `properties` describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Page,
    Screen,
    Search,
    Order,
    Product,
    Experiment,
    Disposition,
    /// A call on the telephone or a message.
    Talk,
    Rating,
    Plain,
}

type Fields = &'static [(&'static str, FieldNumber)];

/// Of several names of one field the first is the one we write.
const PAGE: Fields =
    &[("url", field::PAGE_URL), ("title", field::PAGE_TITLE), ("referrer", field::REFERRER)];
const SCREEN: Fields = &[("name", field::SCREEN_NAME)];
const SEARCH: Fields = &[("query", field::SEARCH_TERMS)];
const ORDER: Fields = &[
    ("order_id", field::ORDER_ID),
    ("orderId", field::ORDER_ID),
    ("total", field::ORDER_TOTAL),
    ("shipping", ORDER_SHIPPING),
    ("tax", ORDER_TAX),
    ("discount", ORDER_DISCOUNT),
    ("currency", field::CURRENCY),
];
const PRODUCT: Fields = &[("currency", field::CURRENCY)];
const EXPERIMENT: Fields = &[
    ("experiment_id", field::EXPERIMENT_ID),
    ("experimentId", field::EXPERIMENT_ID),
    ("variation_name", field::SESSION_VARIANT),
    ("variationName", field::SESSION_VARIANT),
];
const DISPOSITION: Fields =
    &[("notes", field::INTEGRATION_NOTES), ("agent", field::INTEGRATION_AGENT_ID)];

const TALK: Fields = &[
    ("direction", field::DIRECTION),
    ("queue", field::QUEUE),
    ("agent", field::INTEGRATION_AGENT_ID),
    ("agent_name", field::AGENT_NAME),
    ("answered_by", field::ANSWERED_BY),
    ("reason", field::DISCONNECT_REASON),
    ("call_id", field::CALL_ID),
    ("line", field::LINE_NUMBER),
];
const RATING: Fields = &[("rating", field::RATING), ("comment", field::RATING_COMMENT)];

/// Members of an item of an order; those of a product that stands alone are the first four.
pub(super) const ITEM: [(&str, FieldNumber); 7] = [
    ("sku", field::ITEMS_SKU),
    ("name", field::ITEMS_NAME),
    ("quantity", field::ITEMS_QUANTITY),
    ("price", field::ITEMS_UNIT_PRICE),
    ("discount", field::ITEMS_DISCOUNT),
    ("tax", field::ITEMS_TAXES),
    ("total", field::ITEMS_TOTAL),
];
/// How many members of [`ITEM`] a product has that stands alone.
pub(super) const ALONE: usize = 4;

/// The member that lists items.
pub(super) const PRODUCTS: &str = "products";

impl Shape {
    /// The shape of a type.
    pub(super) fn of(kind: &str) -> Shape {
        match kind {
            kind::PAGE_VIEWED => Shape::Page,
            kind::SCREEN_VIEWED => Shape::Screen,
            kind::SEARCH_PERFORMED => Shape::Search,
            kind::ORDER_COMPLETED
            | kind::ORDER_REFUNDED
            | kind::CHECKOUT_STARTED
            | kind::CART_VIEWED
            | ORDER_UPDATED
            | ORDER_CANCELLED => Shape::Order,
            kind::PRODUCT_VIEWED | kind::PRODUCT_ADDED => Shape::Product,
            kind::EXPERIMENT_VIEWED => Shape::Experiment,
            kind::DISPOSITION_POSTED => Shape::Disposition,
            kind::RATING_GIVEN => Shape::Rating,
            kind if is_talk(kind) => Shape::Talk,
            _ => Shape::Plain,
        }
    }

    pub(super) fn fields(self) -> Fields {
        match self {
            Shape::Page => PAGE,
            Shape::Screen => SCREEN,
            Shape::Search => SEARCH,
            Shape::Order => ORDER,
            Shape::Product => PRODUCT,
            Shape::Experiment => EXPERIMENT,
            Shape::Disposition => DISPOSITION,
            Shape::Talk => TALK,
            Shape::Rating => RATING,
            Shape::Plain => &[],
        }
    }

    /// Whether items are fields.
    pub(super) fn has_items(self) -> bool {
        matches!(self, Shape::Order | Shape::Product)
    }

    /// The field of a property.
    pub(super) fn field(self, name: &str) -> Option<FieldNumber> {
        self.fields().iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
    }

    /// Whether a property means something, be it no field.
    pub(super) fn knows(self, name: &str) -> bool {
        let is_item = || ITEM.iter().take(ALONE).any(|(known, _)| *known == name);
        self.field(name).is_some()
            || match self {
                Shape::Page => matches!(name, "path" | "search"),
                Shape::Order => name == PRODUCTS,
                Shape::Product => name == PRODUCTS || is_item(),
                Shape::Disposition => matches!(name, "code" | "author" | "policy" | "name"),
                _ => false,
            }
    }
}

/// Whether a type says by itself that it took place on the telephone or by messages.
pub(super) fn is_talk(kind: &str) -> bool {
    matches!(
        kind,
        kind::CALL_STARTED
            | kind::CALL_ANSWERED
            | kind::CALL_HELD
            | kind::CALL_RESUMED
            | kind::CALL_TRANSFERRED
            | kind::CALL_ENDED
            | kind::MESSAGE_RECEIVED
            | kind::MESSAGE_SENT
    )
}

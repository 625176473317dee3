//! Dispositions: the codes, their classes, and who may claim them.
use serde::{Deserialize, Serialize};

/// What a code means for rates and funnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispositionClass {
    /// A technical end, left out of rates.
    Failure,
    /// Left without converting, ordered by funnel depth.
    Abandon,
    /// A goal was reached.
    Conversion,
    /// Contact of an existing customer, left out of the conversion rate.
    Service,
    /// Not a real prospect, left out of all rates.
    Junk,
    /// A code registered by the operator, 1000 and above.
    Custom,
    /// Any other number, kept with a warning.
    Unmapped,
}

/// One row of the code table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// The code, 1 to 14.
    pub code: u32,
    /// The name as printed by the source (its stray `<` dropped, D5).
    pub name: &'static str,
    /// Class.
    pub class: DispositionClass,
    /// How deep into the funnel an abandon came: 0 (bounce) to 6 (checkout).
    pub funnel_depth: Option<u8>,
}

/// The codes by name, so that no rule speaks in bare numbers.
pub mod code {
    /// The session broke for a technical reason.
    pub const SESSION_FAILURE: u32 = 1;
    /// Not engaged.
    pub const BOUNCE: u32 = 2;
    /// Looked around and left.
    pub const VISIT_ABANDON: u32 = 3;
    /// Left from search.
    pub const SEARCH_ABANDON: u32 = 4;
    /// Left from a category.
    pub const CATEGORY_ABANDON: u32 = 5;
    /// Left from a product.
    pub const PRODUCT_ABANDON: u32 = 6;
    /// Left with a cart.
    pub const CART_ABANDON: u32 = 7;
    /// Left in the checkout.
    pub const CHECKOUT_ABANDON: u32 = 8;
    /// Subscribed.
    pub const SUBSCRIBE: u32 = 9;
    /// Converted.
    pub const CONVERT: u32 = 10;
    /// Was served.
    pub const CUSTOMER_SERVICE: u32 = 11;
    /// Nobody spoke.
    pub const DEAD_AIR: u32 = 12;
    /// Wrong number.
    pub const WRONG_NUMBER: u32 = 13;
    /// Spam.
    pub const SPAM: u32 = 14;
}

const fn row(
    code: u32,
    name: &'static str,
    class: DispositionClass,
    funnel_depth: Option<u8>,
) -> Disposition {
    Disposition { code, name, class, funnel_depth }
}

/// Codes 1 to 14 in order (source: Session Disposition, signal 402; classes and depths are ours).
#[rustfmt::skip]
pub const DISPOSITIONS: [Disposition; 14] = [
    row(1, "Session Failure", DispositionClass::Failure, None),
    row(2, "Bounce", DispositionClass::Abandon, Some(0)),
    row(3, "Visit Abandon", DispositionClass::Abandon, Some(1)),
    row(4, "Search Abandon", DispositionClass::Abandon, Some(2)),
    row(5, "Category Abandon", DispositionClass::Abandon, Some(3)),
    row(6, "Product Abandon", DispositionClass::Abandon, Some(4)),
    row(7, "Cart Abandon", DispositionClass::Abandon, Some(5)),
    row(8, "Checkout Abandon", DispositionClass::Abandon, Some(6)),
    row(9, "Subscribe", DispositionClass::Conversion, None),
    row(10, "Convert", DispositionClass::Conversion, None),
    row(11, "Customer Service", DispositionClass::Service, None),
    row(12, "Dead Air", DispositionClass::Junk, None),
    row(13, "Wrong Number", DispositionClass::Junk, None),
    row(14, "Spam", DispositionClass::Junk, None),
];

/// Operators register their own codes from here up.
pub const FIRST_CUSTOM_CODE: u32 = 1_000;

/// The row of a code, if it is one of the fourteen.
pub fn known(code: u32) -> Option<&'static Disposition> {
    DISPOSITIONS.iter().find(|row| row.code == code)
}

/// The class of any code.
pub fn class_of(code: u32) -> DispositionClass {
    match known(code) {
        Some(row) => row.class,
        None if code >= FIRST_CUSTOM_CODE => DispositionClass::Custom,
        None => DispositionClass::Unmapped,
    }
}

/// The name of any code.
pub fn name_of(code: u32) -> String {
    known(code).map_or_else(|| format!("Code {code}"), |row| row.name.to_owned())
}

/// Who states an outcome, in ascending precedence: a greater one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// Nobody spoke in time.
    Timeout,
    /// A model's guess.
    Model,
    /// A rule over the session's own signals.
    Rule,
    /// An agent's wrap-up.
    Agent,
    /// The business: its shop, CRM or application.
    Business,
}

impl Author {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Author::Timeout => "timeout",
            Author::Model => "model",
            Author::Rule => "rule",
            Author::Agent => "agent",
            Author::Business => "business",
        }
    }

    /// Reads the word of the wire.
    pub fn from_word(word: &str) -> Option<Author> {
        [Author::Timeout, Author::Model, Author::Rule, Author::Agent, Author::Business]
            .into_iter()
            .find(|author| author.word() == word)
    }
}

/// Which of several claims of one author holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimPolicy {
    /// The one with the later `at`; tie by key.
    #[default]
    Last,
    /// The one with the earlier `at`; set on an action key.
    First,
}

impl ClaimPolicy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub(crate) fn is_last(&self) -> bool {
        *self == ClaimPolicy::Last
    }
}

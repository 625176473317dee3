//! Names of tracked events, and the types that they are: those of the e-commerce specification in
//! its usual spellings, any other in our form.
use std::{collections::HashMap, sync::LazyLock};

use sessionary_core::{dictionary::NameHash, signal::kind, word::Word};

/// A visitor looked into the cart.
const CART_VIEWED: &str = kind::CART_VIEWED;

/// Names without spaces and in lower case, and the types that they are.
const NAMES: [(&str, &str); 31] = [
    ("productssearched", kind::SEARCH_PERFORMED),
    ("productsearched", kind::SEARCH_PERFORMED),
    ("searchedproducts", kind::SEARCH_PERFORMED),
    ("productlistviewed", kind::CATEGORY_VIEWED),
    ("viewedproductlist", kind::CATEGORY_VIEWED),
    ("productlistfiltered", kind::CATEGORY_VIEWED),
    ("productcategoryviewed", kind::CATEGORY_VIEWED),
    ("viewedproductcategory", kind::CATEGORY_VIEWED),
    ("viewedproduct", kind::PRODUCT_VIEWED),
    ("addedproduct", kind::PRODUCT_ADDED),
    ("productaddedtocart", kind::PRODUCT_ADDED),
    ("addedtocart", kind::PRODUCT_ADDED),
    ("addtocart", kind::PRODUCT_ADDED),
    ("removedproduct", PRODUCT_REMOVED),
    ("productremovedfromcart", PRODUCT_REMOVED),
    ("viewedcart", CART_VIEWED),
    ("shoppingcartviewed", CART_VIEWED),
    ("startedcheckout", kind::CHECKOUT_STARTED),
    ("begincheckout", kind::CHECKOUT_STARTED),
    ("checkoutstepviewed", kind::CHECKOUT_STARTED),
    ("viewedcheckoutstep", kind::CHECKOUT_STARTED),
    ("checkoutstepcompleted", kind::CHECKOUT_STARTED),
    ("completedcheckoutstep", kind::CHECKOUT_STARTED),
    ("paymentinfoentered", kind::CHECKOUT_STARTED),
    ("completedorder", kind::ORDER_COMPLETED),
    ("orderplaced", kind::ORDER_COMPLETED),
    ("refundedorder", kind::ORDER_REFUNDED),
    ("updatedorder", ORDER_UPDATED),
    ("cancelledorder", ORDER_CANCELLED),
    ("ordercanceled", ORDER_CANCELLED),
    ("sessiondisposition", kind::DISPOSITION_POSTED),
];

/// A product was taken out of the cart.
const PRODUCT_REMOVED: &str = "product_removed";
/// An order was changed.
pub(super) const ORDER_UPDATED: &str = "order_updated";
/// An order was cancelled.
pub(super) const ORDER_CANCELLED: &str = "order_cancelled";

/// What we call events whose type has another name in our form.
const TITLES: [(&str, &str); 3] = [
    (kind::SEARCH_PERFORMED, "Products Searched"),
    (kind::CATEGORY_VIEWED, "Product List Viewed"),
    (kind::DISPOSITION_POSTED, "Session Disposition"),
];

/// Characters of a type.
const LENGTH_MAX: usize = 128;

/// The type of an event.
pub(super) fn kind_of(event: &str) -> Word {
    static KINDS: LazyLock<HashMap<&str, &str, NameHash>> =
        LazyLock::new(|| NAMES.into_iter().collect());
    let snake = snake(event);
    let known = if snake.contains('_') {
        KINDS.get(&*snake.replace('_', "")).copied()
    } else {
        KINDS.get(&*snake).copied().or_else(|| split(&snake))
    };
    known.map_or_else(|| Word::from(&*snake), Word::from)
}

/// A name that was written without any division: `productviewed`.
fn split(name: &str) -> Option<&'static str> {
    static WHOLE: LazyLock<HashMap<String, &str, NameHash>> = LazyLock::new(|| {
        let commerce = [
            kind::PRODUCT_VIEWED,
            kind::PRODUCT_ADDED,
            kind::CHECKOUT_STARTED,
            kind::ORDER_COMPLETED,
            kind::ORDER_REFUNDED,
            CART_VIEWED,
            PRODUCT_REMOVED,
            ORDER_UPDATED,
            ORDER_CANCELLED,
        ];
        commerce.into_iter().map(|kind| (kind.replace('_', ""), kind)).collect()
    });
    WHOLE.get(name).copied()
}

/// The words of a name in lower case, with `_` between them. A name without a letter or digit is
/// its own form.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let (mut divide, mut was_lower) = (false, false);
    for letter in name.chars() {
        if !letter.is_alphanumeric() {
            divide = true;
            continue;
        }
        if (divide || was_lower && letter.is_uppercase()) && !snake.is_empty() {
            snake.push('_');
        }
        (divide, was_lower) = (false, letter.is_lowercase() || letter.is_numeric());
        if letter.is_ascii() {
            snake.push(letter.to_ascii_lowercase());
        } else {
            snake.extend(letter.to_lowercase());
        }
    }
    if snake.is_empty() {
        snake.extend(name.chars().filter(|letter| !letter.is_control()));
    }
    match snake.char_indices().nth(LENGTH_MAX) {
        Some((end, _)) => snake.split_at(end).0.to_owned(),
        None => snake,
    }
}

/// What an event of this type is called unless its sender said another name.
pub(super) fn title_of(kind: &str) -> String {
    if let Some((_, title)) = TITLES.iter().find(|(known, _)| *known == kind) {
        return (*title).to_owned();
    }
    let words = kind.split('_').filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_uppercase().collect::<String>());
        first.unwrap_or_default() + letters.as_str()
    };
    let title = words.map(capital).collect::<Vec<_>>().join(" ");
    if title.is_empty() { kind.to_owned() } else { title }
}

/// Whether `title` is what [`title_of`] calls `kind`; told without writing it.
pub(super) fn is_title_of(title: &str, kind: &str) -> bool {
    if let Some((_, known)) = TITLES.iter().find(|(known, _)| *known == kind) {
        return *known == title;
    }
    let same = |(written, plain): (u8, u8)| match plain {
        b'_' => matches!(written, b' ' | b'_'),
        plain => written.eq_ignore_ascii_case(&plain),
    };
    let is_close = title.len() == kind.len() && title.bytes().zip(kind.bytes()).all(same);
    is_close && title_of(kind) == title
}

/// Whether a tracked event of this name, whose sender named no other type than `kind`, says by its
/// name alone what it is: nothing of the name need be kept beside the type.
pub(super) fn is_said(event: &str, natural: &str, kind: &str) -> bool {
    is_title_of(event, natural) || (kind != natural && title_of(kind) == event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: &str, kind: &str) {
        assert_eq!(&*kind_of(event), kind, "{event}");
    }

    #[test]
    fn the_usual_spellings_of_the_e_commerce_specification() {
        for event in ["Order Completed", "order_completed", "orderCompleted", "Completed Order"] {
            check(event, "order_completed");
        }
        for event in ["Product Added", "product added", "productadded", "Added Product"] {
            check(event, "product_added");
        }
        check("Products Searched", "search_performed");
        check("Product List Viewed", "category_viewed");
        check("Cart Viewed", "cart_viewed");
        check("Checkout Step Completed", "checkout_started");
        check("Payment Info Entered", "checkout_started");
        check("Order Canceled", "order_cancelled");
        check("Product Added to Wishlist", "product_added_to_wishlist");
        check("Coupon Applied", "coupon_applied");
    }

    #[test]
    fn any_other_name_is_brought_into_our_form() {
        check("  Clicked CTA-button!", "clicked_cta_button");
        check("signedUp2x", "signed_up2x");
        check("Öffnung_Gesehen", "öffnung_gesehen");
        check("!!!", "!!!");
        check(&"aB".repeat(200), &"a_b".repeat(200)[..128]);
    }

    #[test]
    fn a_title_leads_back_to_its_type() {
        for kind in ["order_completed", "search_performed", "call_answered", "öl_gewechselt"] {
            let title = title_of(kind);
            check(&title, kind);
            assert!(is_title_of(&title, kind) || !title.is_ascii(), "{title}");
        }
        assert!(!is_title_of("order completed", "order_completed"));
        assert!(!is_title_of("Orders Completed", "order_completed"));
    }
}

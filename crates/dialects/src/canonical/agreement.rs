//! The quick way and the careful way agree on whatever the quick way does not give up on.
use proptest::{collection::vec, prelude::*, sample::select};
use sessionary_core::{dictionary::FIELDS, json::Scanner};

use super::{careful, quick};
use crate::{Context, Limits};

const CONTEXT: Context<'_> = Context {
    source: "shop",
    country: Some("US"),
    currency: Some("EUR"),
    zone: None,
    limits: Limits { items: 9, item: 1_000, depth: 5, members: 12, text: 60 },
};

/// Whether the quick way read it; panics where the two differ.
fn check(text: &str) -> bool {
    let mut scanner = Scanner::new(text, quick::bounds(&CONTEXT.limits));
    let Some(signal) = quick::read(&mut scanner, &CONTEXT) else { return false };
    assert_eq!(scanner.at(), text.len(), "{text}");
    assert_eq!(careful::read(text, &CONTEXT), Ok(signal), "{text}");
    true
}

const NAMES: [&str; 24] = [
    "id",
    "type",
    "occurred_at",
    "sent_at",
    "sequence",
    "channel",
    "session_type",
    "source",
    "session_id",
    "identities",
    "user_id",
    "anonymous_id",
    "warnings",
    "disposition",
    "author",
    "code",
    "signals",
    "110",
    "408",
    "items",
    "x",
    "signals.110",
    "original",
    "value",
];

const VALUES: [&str; 22] = [
    "null",
    "true",
    "7",
    "1.50",
    "-3",
    "1e2",
    "\"\"",
    "\" \"",
    "\"a\"",
    "\"page_viewed\"",
    "\"web\"",
    "\"agent\"",
    "\"phone_call\"",
    "\"2026-01-05T10:00:00Z\"",
    "\"20260105T100000+0100\"",
    "\"\\u00e9\"",
    "\"\\ud800\"",
    "[]",
    "{}",
    "[\"a\",null]",
    "\"+1 619 555 0108\"",
    "\"https://a.example/?utm_source=b&gclid=c\"",
];

fn name() -> impl Strategy<Value = String> {
    let members: Vec<&str> = FIELDS.iter().map(|row| row.member).collect();
    let parts = members.iter().flat_map(|member| member.split('.')).collect::<Vec<_>>();
    prop_oneof![
        4 => select(NAMES.to_vec()).prop_map(str::to_owned),
        2 => select(parts).prop_map(str::to_owned),
        1 => select(members).prop_map(str::to_owned),
        1 => "[a-c.\\\\n]{1,3}".prop_map(|name| name.replace('\\', "\\n")),
    ]
}

/// JSON objects whose members are likely to mean something, and to come twice.
fn object() -> impl Strategy<Value = String> {
    let scalar = select(VALUES.to_vec()).prop_map(str::to_owned);
    let value = scalar.prop_recursive(3, 24, 4, |inner| {
        let members = vec((name(), inner.clone()), 0..4).prop_map(|members| object_of(&members));
        prop_oneof![members, vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(" ,")))]
    });
    vec((name(), value), 0..9).prop_map(|members| object_of(&members))
}

fn object_of(members: &[(String, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn what_is_plain_is_read_in_one_pass() {
    for plain in [
        r#"{"type":"t"}"#,
        r#" {"type":"t","page":{"url":"/a","title":null},"x":{"page":1},"commerce.total":"1.0"}"#
            .trim(),
        r#"{"type":"t","identities":[{"type":"cookie","value":"c","y":1},{"value":7,"type":"phone"}]}"#,
        r#"{"commerce":{"items":[{"sku":"A"},{"name":"b","x":[1]}]},"type":"t","signals":{"110":"x","y":1}}"#,
        r#"{"type":"t","disposition":{"code":10,"author":"agent"},"identities":null,"page":null}"#,
        r#"{"type":"t","signals":null}"#,
    ] {
        assert!(check(plain), "{plain}");
    }
}

#[test]
fn what_is_not_plain_takes_a_careful_look() {
    for odd in [
        r#"{"type":"t","type":"t"}"#,
        r#"{"type":"t","x":1,"x":1}"#,
        r#"{"type":"t","page":{"url":"/a"},"page.url":"/b"}"#,
        r#"{"type":"t","page":{"url":"/a"},"page.url":null}"#,
        r#"{"type":"t","page":null,"page":null}"#,
        r#"{"type":"t","identities":7}"#,
        r#"{"type":"t","identities":[{"type":"cookie","value":"c","value":"d"}]}"#,
        r#"{"type":"t","commerce":{"items":[{"sku":"A","sku":null}]}}"#,
        r#"{"type":"t","signals.110":"x"}"#,
        r#"{"type":"t","signals":[]}"#,
        r#"{"type":"t","x":[[[[[1]]]]]}"#,
        r#"{"id":"no type"}"#,
        "[]",
    ] {
        assert!(!check(odd), "{odd}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn both_ways_say_the_same(object in object()) {
        check(&object);
        check(&object.replacen('{', "{\"type\":\"t\",", 1));
    }
}

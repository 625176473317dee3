//! Our own form: what is accepted, what is put aside, and that nothing is lost on the way.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by failing")]
#![expect(clippy::needless_raw_string_hashes, reason = "the form that expect-test writes")]
use expect_test::{Expect, expect};
use proptest::{collection, option, prelude::*};
use serde_json::{Value as Json, json};
use sessionary_core::{
    dictionary::{FIELDS, FieldType, field},
    signal::{Arrival, Signal, TenantId},
    time::UnixMillis,
};
use sessionary_dialects::{
    Context, Limits,
    canonical::{decode, encode, encode_raw},
};

const CONTEXT: Context<'_> = Context {
    source: "shop",
    country: Some("US"),
    currency: Some("EUR"),
    zone: None,
    limits: Limits { items: 500, item: 1 << 20, depth: 64, members: 512, text: 65_536 },
};

fn one(body: &str) -> Signal {
    decode(body.as_bytes(), &CONTEXT).unwrap().remove(0).unwrap()
}

/// A signal as lines; a fault as code, sentence and member.
fn check(body: &str, expected: &Expect) {
    let results = decode(body.as_bytes(), &CONTEXT).unwrap();
    let shown: Vec<String> = results
        .iter()
        .map(|result| match result {
            Ok(signal) => show(signal),
            Err(error) => format!("{} {:?} {:?}: {error}", error.code, error.id, error.field),
        })
        .collect();
    expected.assert_eq(&shown.join("\n---\n"));
}

pub(crate) fn show(signal: &Signal) -> String {
    let mut lines = vec![format!("{} {}", signal.kind, signal.key)];
    let mut line = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("{name} {value}")));
    };
    line("occurred_at", signal.occurred_at.as_ref().map(|at| format!("{} {:?}", at.at, at.text)));
    line("sent_at", signal.sent_at.map(|at| at.to_string()));
    line("sequence", (signal.sequence > 0).then(|| signal.sequence.to_string()));
    line("channel", signal.channel.map(|channel| channel.word().to_owned()));
    line("session_type", signal.session_type.map(|kind| kind.word().to_owned()));
    line("source", Some(signal.source.to_string()));
    line("session", signal.session.as_deref().map(str::to_owned));
    for identity in &signal.identities {
        line(&identity.kind, Some(format!("{} {:?}", identity.value, identity.original)));
    }
    line(
        "claim",
        signal
            .claim
            .as_ref()
            .map(|claim| format!("{} {:?} {:?}", claim.code, claim.author, claim.policy)),
    );
    for (number, value) in &signal.fields {
        line(&number.0.to_string(), Some(format!("{value:?}")));
    }
    for (path, raw) in &signal.attributes {
        line(path, Some(raw.text().to_owned()));
    }
    line("warnings", (!signal.warnings.is_empty()).then(|| signal.warnings.join(" ")));
    lines.join("\n")
}

#[test]
fn the_smallest_signals() {
    check(
        r#"{"id":"e1","type":"page_viewed","occurred_at":"2026-01-05T10:00:00Z","channel":"web","identities":[{"type":"cookie","value":"c1"}],"page":{"url":"https://example.com/"}}"#,
        &expect![[r#"
            page_viewed e1
            occurred_at 2026-01-05T10:00:00.000Z Some("2026-01-05T10:00:00Z")
            channel web
            source shop
            cookie c1 None
            1010 Text("https://example.com/")"#]],
    );
    check(
        r#"{"type":"heartbeat"}"#,
        &expect![[r#"
        heartbeat body:fa6c4f4a1066297d
        source shop"#]],
    );
}

#[test]
fn every_part_of_a_signal() {
    check(
        r#"{"id":7,"type":"order_completed","occurred_at":"20260105T100000Z","sent_at":"2026-01-05T11:00:01+01:00",
            "sequence":3,"session_type":"ecommerce","source":"till","session_id":"S1",
            "user_id":"u1","anonymous_id":"a1","ip":"10.0.0.1","user_agent":"UA",
            "person":{"email":"Penny@Example.com","phone":"(619) 555-0108","shoe_size":44},
            "disposition":{"code":10,"author":"agent","notes":"paid","policy":"first"},
            "commerce":{"order_id":"O1","total":24.60,"items":[{"sku":"A","quantity":1},{"sku":"B","unit_price":"4.99","colour":"red"}]},
            "page":{"url":"https://example.com/?utm_source=google&gclid=G1"},
            "signals":{"110":"x","408":"stated"},
            "plan":{"name":"gold","since":2019}}"#,
        &expect![[r#"
            order_completed 7
            occurred_at 2026-01-05T10:00:00.000Z Some("20260105T100000Z")
            sent_at 2026-01-05T10:00:01.000Z
            sequence 3
            channel web
            session_type ecommerce
            source till
            session S1
            user_id u1 None
            anonymous_id a1 None
            email penny@example.com Some("Penny@Example.com")
            phone +16195550108 Some("(619) 555-0108")
            claim 10 Agent First
            43 Text("(619) 555-0108")
            47 Text("Penny@Example.com")
            110 Text("x")
            205 Decimal(24.60)
            206 Texts(["A", "B"])
            208 Texts(["1", ""])
            209 Texts(["", "4.99"])
            309 Text("paid")
            408 Text("stated")
            415 Text("10.0.0.1")
            417 Text("UA")
            1010 Text("https://example.com/?utm_source=google&gclid=G1")
            1020 Text("O1")
            1021 Text("EUR")
            1022 Text("G1")
            1023 Text("google")
            commerce.items.1.colour "red"
            person.shoe_size 44
            plan {"name":"gold","since":2019}"#]],
    );
}

#[test]
fn an_unknown_member_is_kept_as_it_was_sent() {
    let signal =
        one(r#"{"type":"t","extra":{"b" : 1.00, "a":null},"page":{"x.y":[1]},"page.url":"/p"}"#);
    assert_eq!(signal.attributes["extra"].text(), r#"{"b" : 1.00, "a":null}"#);
    assert_eq!(signal.attributes["page.x.y"].text(), "[1]");
    assert_eq!(signal.text(field::PAGE_URL), Some("/p"));
}

#[test]
fn what_was_kept_as_sent_is_shown_as_sent() {
    let signal = one(r#"{"type":"t","extra":{"b" : 1.00, "c":1e999},"page":{"x":[ 1 ]}}"#);
    let shown = encode_raw(&signal);
    assert!(shown.get().contains(r#""extra":{"b" : 1.00, "c":1e999}"#));
    assert!(shown.get().contains(r#""page":{"x":[ 1 ]}"#));
    assert_eq!(one(shown.get()), signal);
}

#[test]
fn null_is_absent_and_of_two_the_last_holds() {
    check(
        r#"{"type":"a","type":"b","id":null,"channel":null,"page":null,"identities":null,"language":null,"variant":"A","variant":"B"}"#,
        &expect![[r#"
            b body:837e7f9842185460
            source shop
            404 Text("B")
            warnings repeated_member"#]],
    );
}

#[test]
fn a_bad_item_is_put_aside_and_the_others_are_kept() {
    check(
        &[
            r#"{"id":"1"}"#,
            r#"{"id":"2","type":"t","occurred_at":"yesterday"}"#,
            r#"{"id":"3","type":"t","channel":"fax"}"#,
            r#"{"id":"4","type":"t","page":"https://example.com"}"#,
            r#"{"id":"5","type":"t","duration_ms":"long"}"#,
            r#"{"id":"6\n","type":"t"}"#,
            r#"{"id":"7","type":"t","identities":[{"type":"cookie"}]}"#,
            r#"{"id":"8","type":"t","disposition":{"author":"agent"}}"#,
            r#"{"id":"9","type":"t","disposition":{"code":-1}}"#,
            r#"{"id":"10","type":"t","#,
            r"[1]",
            r#"{"id":"11","type":"t"}"#,
        ]
        .join("\n"),
        &expect![[r#"
            missing_type Some("1") Some("type"): `type` is missing; send what happened, such as page_viewed
            ---
            unreadable_time Some("2") Some("occurred_at"): `occurred_at` cannot be read: "yesterday" is not a time; send ISO 8601 such as 2026-01-05T10:00:00Z or 20260105T100000Z
            ---
            unknown_word Some("3") Some("channel"): `channel` is "fax"; send web, app, voice, chat, messaging, kiosk, point_of_sale or other
            ---
            wrong_value Some("4") Some("page"): `page` is "https://example.com"; send an object
            ---
            wrong_value Some("5") Some("duration_ms"): `duration_ms` is "long"; send an unsigned integer such as 11000
            ---
            bad_id None Some("id"): `id` is too long or has control characters; send 1 to 255 visible characters
            ---
            wrong_value Some("7") Some("identities"): `identities` is [{"type":"cookie"}]; send a list such as [{"type":"cookie","value":"c1"}]
            ---
            missing_code Some("8") Some("disposition.code"): `disposition.code` is missing; send the code with its author
            ---
            wrong_value Some("9") Some("disposition.code"): `disposition.code` is -1; send an unsigned integer
            ---
            not_an_object None None: the item is not a JSON object: EOF while parsing a value at line 1 column 22
            ---
            not_an_object None None: the item is not a JSON object: invalid type: sequence, expected a JSON object at line 1 column 0
            ---
            t 11
            source shop"#]],
    );
}

#[test]
fn a_type_says_what_is_wrong_with_it() {
    let long = format!(r#"{{"type":"{}"}}"#, "ä".repeat(129));
    check(
        &[r#"{"type":"a\u0000b"}"#, r#"{"type":"  "}"#, &long].join("\n"),
        &expect![[r#"
        bad_type None Some("type"): `type` has control characters; send 1 to 128 visible characters
        ---
        bad_type None Some("type"): `type` is nothing but space; send 1 to 128 visible characters
        ---
        bad_type None Some("type"): `type` is too long; send 1 to 128 visible characters"#]],
    );
}

#[test]
fn one_item_has_its_limit_however_large_a_body_may_be() {
    let limits = Limits { item: 60, ..CONTEXT.limits };
    let body = format!(r#"[{{"type":"t","a":"{}"}},{{"type":"t"}}]"#, "b".repeat(60));
    let results = decode(body.as_bytes(), &Context { limits, ..CONTEXT }).unwrap();
    let error = results[0].as_ref().unwrap_err();
    assert_eq!((error.code, error.raw.len()), ("item_too_large", 79));
    assert_eq!(error.detail, "the item has 79 bytes; send at most 60");
    assert!(results[1].is_ok());
}

/// So that they cannot creep back: each allocation costs as much as reading a member.
#[test]
fn a_page_view_takes_one_allocation_for_each_text_that_it_keeps() {
    let body = r#"[{"id":"01JH8Z4K2Q-1","type":"page_viewed","occurred_at":"2026-01-05T10:00:07.123Z","sent_at":"2026-01-05T10:00:08.001Z","channel":"web","session_id":"s-44101","identities":[{"type":"cookie","value":"c-882711"}],"page":{"url":"https://shop.example.com/catalog/shoes/1","referrer":"https://www.example.org/search?q=running","title":"Running shoes"},"user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0"}]"#;
    let signal = one(body);
    let decoding = allocation_counter::measure(|| drop(decode(body.as_bytes(), &CONTEXT)));
    // Eight texts, the identities, the fields and the list of items; two are slack.
    assert!(decoding.count_total <= 13, "{decoding:?}");
    let arrival = Arrival {
        tenant: TenantId(1),
        received_at: UnixMillis(0),
        batch: 1,
        signal: Box::new(signal),
    };
    let entry = Signal::to_bytes(&arrival);
    let writing = allocation_counter::measure(|| drop(Signal::to_bytes(&arrival)));
    assert!(writing.count_total <= 2, "{writing:?}");
    let reading = allocation_counter::measure(|| drop(Signal::from_bytes(&entry)));
    assert!(reading.count_total <= 12, "{reading:?}");
}

#[test]
fn an_item_put_aside_keeps_its_bytes() {
    let body = r#"[{"type":"t"}, {"type" : 3, "channel":"fax"}]"#;
    let error = decode(body.as_bytes(), &CONTEXT).unwrap().remove(1).unwrap_err();
    assert_eq!(error.raw, br#"{"type" : 3, "channel":"fax"}"#);
}

#[test]
fn without_an_id_the_same_body_has_the_same_key() {
    let key = |body| one(body).key;
    assert_eq!(key(r#"{"type":"t","variant":"A"}"#), key(r#"{"variant" : "A","type":"t"}"#));
    assert_ne!(key(r#"{"type":"t","variant":"A"}"#), key(r#"{"type":"t","variant":"B"}"#));
}

#[test]
fn too_deep_and_too_much_is_put_aside() {
    let deep = format!(r#"{{"type":"t","x":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    let long = format!(r#"{{"type":"t","x":"{}"}}"#, "a".repeat(65_537));
    let many: Vec<String> = (0..513).map(|at| format!(r#""m{at}":1"#)).collect();
    let many = format!("{{{}}}", many.join(","));
    for (body, code) in [(deep, "too_deep"), (long, "text_too_long"), (many, "too_many_members")] {
        let error = decode(body.as_bytes(), &CONTEXT).unwrap().remove(0).unwrap_err();
        assert_eq!(error.code, code);
    }
    let body = format!("[{}]", vec!["{}"; 501].join(","));
    assert_eq!(decode(body.as_bytes(), &CONTEXT).unwrap_err().code(), "too_many_items");
}

/// A value of the type of a row, as a sender may write it.
fn value_of(kind: FieldType) -> BoxedStrategy<Json> {
    let texts = collection::vec(option::of("[a-z|]{1,4}"), 1..4)
        .prop_filter("one at least", |texts| texts.iter().any(Option::is_some));
    match kind {
        FieldType::Text => "[ -~ä€]{0,6}[!-~]".prop_map(Json::from).boxed(),
        FieldType::Number => any::<u64>().prop_map(Json::from).boxed(),
        FieldType::Decimal => "-?[1-9][0-9]{0,6}(\\.[0-9]{1,4})?".prop_map(Json::from).boxed(),
        FieldType::Instant => {
            "20[0-9]{2}-1[0-2]-[12][0-9]T1[0-9]:00:00(\\.[0-9]{1,9})?(Z|\\+02:00)"
                .prop_map(Json::from)
                .boxed()
        }
        FieldType::Flag => any::<bool>().prop_map(Json::from).boxed(),
        FieldType::Texts => texts.prop_map(|texts| json!(texts)).boxed(),
        FieldType::Json => "[a-z]{0,3}".prop_map(|text| json!({"a": [text, 1, null]})).boxed(),
    }
}

pub(crate) fn body() -> impl Strategy<Value = Json> {
    let field = (0..FIELDS.len()).prop_flat_map(|at| {
        value_of(FIELDS[at].kind).prop_map(move |value| (FIELDS[at].member, value))
    });
    let fields = collection::vec(field, 0..12);
    let words = ["web", "voice", "kiosk"];
    let head = (
        option::of("[a-z0-9-]{1,12}"),
        "[a-z_]{1,12}",
        option::of(value_of(FieldType::Instant)),
        option::of(value_of(FieldType::Instant)),
        0_u64..9,
        option::of(proptest::sample::select(words.to_vec())),
        collection::vec(("cookie|phone|email|user_id", "[A-Za-z0-9@.+]{1,12}"), 0..3),
        option::of((0_u32..2_000, proptest::sample::select(vec!["business", "agent", "model"]))),
        collection::btree_map("[a-z.]{1,8}", "[a-z\"]{0,4}", 0..3),
        option::of("[a-z0-9]{1,8}"),
    );
    (head, fields).prop_map(|(head, fields)| {
        let (id, kind, at, sent, sequence, channel, identities, claim, attributes, session) = head;
        let mut body = json!({});
        for (name, text) in attributes {
            body[format!("x.{name}")] = json!({ "v": text });
        }
        for (member, value) in fields {
            body[member] = value;
        }
        // Typed elsewhere than by the dictionary.
        for member in ["disposition.code", "session_id", "session_type"] {
            body.as_object_mut().unwrap().remove(member);
        }
        body["id"] = json!(id);
        body["type"] = json!(kind);
        body["occurred_at"] = json!(at);
        body["sent_at"] = json!(sent);
        body["sequence"] = json!(sequence);
        body["channel"] = json!(channel);
        body["session_id"] = json!(session);
        let list = identities.iter().map(|(kind, value)| json!({"type": kind, "value": value}));
        body["identities"] = list.collect();
        if let Some((code, author)) = claim {
            body["disposition.code"] = json!(code);
            body["disposition.author"] = json!(author);
        }
        body
    })
}

proptest! {
    #[test]
    fn encoding_and_decoding_loses_nothing(body in body()) {
        let signal = one(&body.to_string());
        let again = one(&encode(&signal).to_string());
        prop_assert_eq!(&again, &signal);
        let again = one(encode_raw(&signal).get());
        prop_assert_eq!(again, signal);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes, &CONTEXT);
    }

    #[test]
    fn no_json_makes_the_decoder_panic(body in "[\\[{]?(\"(type|page|identities|commerce|id|items|disposition|x)\"|[{}\\[\\]:,]|null|[0-9]|\"\\\\u?d?8?0?0?\"| |\n){0,40}") {
        let _ = decode(body.as_bytes(), &CONTEXT);
    }
}

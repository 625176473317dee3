//! Segment's calls: as its libraries send them, and told again without loss.
#![expect(clippy::unwrap_used, reason = "a test says so by failing")]
use expect_test::{Expect, expect};
use proptest::{collection, option, prelude::*, sample::select};
use serde_json::{Value as Json, json};
use sessionary_core::{
    signal::Signal,
    time::UnixMillis,
    value::{RawJson, Value},
};
use sessionary_dialects::{
    Context, Limits, canonical,
    segment::{Call, Moment, encode, read},
};

use crate::canonical::{body, show};

const CONTEXT: Context<'_> = Context {
    source: "",
    country: Some("US"),
    currency: None,
    zone: None,
    limits: Limits { items: 500, item: 1 << 20, depth: 64, members: 512, text: 65_536 },
};

fn all(body: &str) -> Vec<Result<Signal, canonical::ItemError>> {
    read(body.as_bytes(), &CONTEXT.limits).unwrap().decode(Some(Call::Track), &CONTEXT)
}

fn one(body: &str) -> Signal {
    all(body).remove(0).unwrap()
}

fn check(body: &str, expected: &Expect) {
    let shown: Vec<String> = all(body)
        .iter()
        .map(|result| match result {
            Ok(signal) => show(signal),
            Err(error) => format!("{} {:?} {:?}: {error}", error.code, error.id, error.field),
        })
        .collect();
    expected.assert_eq(&shown.join("\n---\n"));
}

const MOMENT: Moment<'_> = Moment {
    session: "0198c1f2-0000-7000-8000-000000000001",
    at: UnixMillis(1_767_607_200_000),
    received_at: UnixMillis(1_767_607_201_000),
};

fn check_told(signal: &Signal, expected: &Expect) {
    expected.assert_eq(&serde_json::to_string_pretty(&encode(signal, &MOMENT)).unwrap());
}

/// A batch as the library for Python sends it.
const BATCH: &str = r#"{"batch":[
 {"type":"page","name":"Home","category":"Cat","anonymousId":null,"userId":"u1","messageId":"11e2","timestamp":"2026-11-20T23:07:32.883+00:00",
  "properties":{"url":"https://example.com/?utm_source=google","path":"/","search":"?utm_source=google","name":"Home"},
  "context":{"ip":"127.0.0.1","campaign":{"source":"google","name":"spring"},"library":{"name":"analytics-python","version":"2.4.0"}},"integrations":{}},
 {"type":"identify","userId":"u1","anonymousId":"an1","messageId":"m2","traits":{"email":"Penny@Example.com","phone":"(619) 555-0108","plan":"gold","address":{"city":"Leeds","zone":3}}},
 {"type":"alias","previousId":"an1","userId":"u1","messageId":"m3"},
 {"type":"group","groupId":"g1","userId":"u1","messageId":"m4","traits":{"name":"Acme","seats":12}},
 {"type":"track","event":"Order Completed","anonymousId":"an1","messageId":"m5","originalTimestamp":"2026-11-20T23:07:30.123456Z",
  "properties":{"order_id":"O-1","total":24.66,"shipping":"3.50","coupon":"MAY","currency":"USD",
   "products":[{"product_id":"p1","sku":"A","name":"Shoe","price":19.90,"quantity":1,"brand":"Acme"},{"product_id":"p2","price":1.26}]}}],
 "sentAt":"2026-11-20T23:07:33.381+00:00","writeKey":"WK","timestamp":"2026-11-20T23:07:33Z"}"#;

#[test]
fn a_batch_of_all_calls() {
    check(
        BATCH,
        &expect![[r#"
        page_viewed 11e2
        occurred_at 2026-11-20T23:07:32.883Z Some("2026-11-20T23:07:32.883+00:00")
        sent_at 2026-11-20T23:07:33.381Z
        source segment
        user_id u1 None
        407 Text("spring")
        408 Text("google")
        415 Text("127.0.0.1")
        1010 Text("https://example.com/?utm_source=google")
        1011 Text("Home")
        1185 Json(RawJson("{\"name\":\"analytics-python\",\"version\":\"2.4.0\"}"))
        category "Cat"
        name "Home"
        properties.name "Home"
        ---
        identified m2
        sent_at 2026-11-20T23:07:33.381Z
        source segment
        anonymous_id an1 None
        user_id u1 None
        email penny@example.com Some("Penny@Example.com")
        phone +16195550108 Some("(619) 555-0108")
        43 Text("(619) 555-0108")
        47 Text("Penny@Example.com")
        106 Text("Leeds")
        traits.address.zone 3
        traits.plan "gold"
        ---
        aliased m3
        sent_at 2026-11-20T23:07:33.381Z
        source segment
        user_id u1 None
        anonymous_id an1 None
        ---
        grouped m4
        sent_at 2026-11-20T23:07:33.381Z
        source segment
        user_id u1 None
        114 Text("Acme")
        groupId "g1"
        traits.seats 12
        ---
        order_completed m5
        occurred_at 2026-11-20T23:07:30.123Z Some("2026-11-20T23:07:30.123456Z")
        sent_at 2026-11-20T23:07:33.381Z
        source segment
        anonymous_id an1 None
        202 Decimal(3.50)
        205 Decimal(24.66)
        206 Texts(["A", "p2"])
        207 Texts(["Shoe", ""])
        208 Texts(["1", ""])
        209 Texts(["19.90", "1.26"])
        1020 Text("O-1")
        1021 Text("USD")
        properties.coupon "MAY"
        properties.products.0.brand "Acme"
        properties.products.0.product_id "p1"
        properties.products.1.product_id "p2""#]],
    );
}

/// One call as the library for browsers sends it.
const BROWSER: &str = r#"{"timestamp":"2026-11-20T23:07:32.883Z","integrations":{},"userId":null,"anonymousId":"a-1","event":"Product Viewed","type":"track",
 "properties":{"product_id":"507","sku":"G-32","name":"Monopoly","price":18.99,"quantity":1,"category":"Games","currency":"usd"},
 "context":{"page":{"path":"/p/507","referrer":"https://news.example/","search":"","title":"Monopoly","url":"https://shop.example/p/507"},
  "userAgent":"Mozilla/5.0","userAgentData":{"mobile":false},"locale":"en-US","timezone":"Europe/Berlin","library":{"name":"analytics.js","version":"npm:next-1.84.3"}},
 "messageId":"ajs-next-1","writeKey":"WK","sentAt":"2026-11-20T23:07:32.890Z","_metadata":{"bundled":["Segment.io"]}}"#;

#[test]
fn a_call_of_a_browser() {
    check(
        BROWSER,
        &expect![[r#"
        product_viewed ajs-next-1
        occurred_at 2026-11-20T23:07:32.883Z None
        sent_at 2026-11-20T23:07:32.890Z
        source segment
        anonymous_id a-1 None
        206 Texts(["G-32"])
        207 Texts(["Monopoly"])
        208 Texts(["1"])
        209 Texts(["18.99"])
        417 Text("Mozilla/5.0")
        418 Text("https://news.example/")
        1010 Text("https://shop.example/p/507")
        1011 Text("Monopoly")
        1021 Text("usd")
        1047 Text("en-US")
        1185 Json(RawJson("{\"name\":\"analytics.js\",\"version\":\"npm:next-1.84.3\"}"))
        context.timezone "Europe/Berlin"
        context.userAgentData {"mobile":false}
        properties.category "Games"
        properties.product_id "507""#]],
    );
    check_told(
        &one(BROWSER),
        &expect![[r#"
        {
          "anonymousId": "a-1",
          "context": {
            "library": {
              "name": "analytics.js",
              "version": "npm:next-1.84.3"
            },
            "locale": "en-US",
            "page": {
              "path": "/p/507",
              "referrer": "https://news.example/",
              "search": "",
              "title": "Monopoly",
              "url": "https://shop.example/p/507"
            },
            "sessionary": {
              "session": "0198c1f2-0000-7000-8000-000000000001",
              "source": "segment"
            },
            "timezone": "Europe/Berlin",
            "userAgent": "Mozilla/5.0",
            "userAgentData": {
              "mobile": false
            }
          },
          "event": "Product Viewed",
          "messageId": "ajs-next-1",
          "properties": {
            "category": "Games",
            "currency": "usd",
            "name": "Monopoly",
            "price": 18.99,
            "product_id": "507",
            "quantity": 1,
            "sku": "G-32"
          },
          "receivedAt": "2026-01-05T10:00:01.000Z",
          "timestamp": "2026-11-20T23:07:32.883Z",
          "type": "track"
        }"#]],
    );
}

#[test]
fn a_call_of_a_telephone_and_a_session_of_its_sender() {
    check(
        r#"{"type":"screen","name":"Cart","anonymousId":"a-1","messageId":"m","channel":"mobile","originalTimestamp":"2026-01-05T10:00:00.000Z","sentAt":"2026-01-05T10:00:01.000Z",
        "context":{"sessionId":1767607200,"sessionStart":true,"app":{"name":"Shop","version":"1.2","build":"77"},
        "device":{"id":"d-1","manufacturer":"Apple","model":"iPhone7,2","type":"ios"},"os":{"name":"iOS","version":"17.1"},
        "network":{"wifi":true,"carrier":"T"},"screen":{"width":320},"location":{"latitude":52.5}}}"#,
        &expect![[r#"
            screen_viewed m
            occurred_at 2026-01-05T10:00:00.000Z None
            sent_at 2026-01-05T10:00:01.000Z
            channel app
            source segment
            session 1767607200
            device_id d-1 None
            anonymous_id a-1 None
            1182 Json(RawJson("{\"type\":\"iPhone7,2\",\"manufacturer\":\"Apple\",\"osFamily\":\"iOS\",\"osVersion\":\"17.1\"}"))
            1184 Json(RawJson("{\"name\":\"Shop\",\"version\":\"1.2\",\"buildNumber\":\"77\"}"))
            1186 Json(RawJson("{\"carrier\":\"T\",\"wifiEnabled\":true}"))
            1187 Text("Cart")
            1189 Decimal(52.5)
            context.device.type "ios"
            context.screen {"width":320}
            context.sessionStart true"#]],
    );
    check(
        r#"{"type":"track","event":"Message Sent","userId":7,"timestamp":1767607200000,"context":{"library":{"name":"analytics-kotlin"}}}"#,
        &expect![[r#"
            message_sent body:7fa009d456a30833
            occurred_at 2026-01-05T10:00:00.000Z None
            channel app
            source segment
            user_id 7 None
            1185 Json(RawJson("{\"name\":\"analytics-kotlin\"}"))"#]],
    );
    check(
        r#"{"type":"track","event":"Message Sent","anonymousId":"a","timestamp":1767607200,"channel":"server"}"#,
        &expect![[r#"
            message_sent body:8c47cc7ca669843d
            occurred_at 2026-01-05T10:00:00.000Z None
            channel web
            source segment
            anonymous_id a None
            segment.channel "server""#]],
    );
}

#[test]
fn what_cannot_be_read_is_put_aside_or_kept() {
    check(
        r#"{"batch":[7,{},{"type":"poll"},{"type":"track","messageId":"m1"},{"type":"page","timestamp":"yesterday"},
            {"event":"Session Disposition","properties":{"code":"?"}},
            {"event":"Order Completed","messageId":{},"userId":["u"],"properties":{"total":"24,66 EUR","revenue":"20.00","products":[7]},"context":{"page":"/a","campaign":{"name":["x"]}}}]}"#,
        &expect![[r#"
            not_an_object None None: the call is not a JSON object; send one such as {"type": "page"}
            ---
            missing_event None Some("event"): `event` is missing; send what happened, such as Order Completed
            ---
            unknown_type None Some("type"): `type` is "poll"; send track, identify, page, screen, group or alias
            ---
            missing_event Some("m1") Some("event"): `event` is missing; send what happened, such as Order Completed
            ---
            unreadable_time None Some("timestamp"): `timestamp` is "yesterday"; send ISO 8601 such as 2026-01-05T10:00:00Z
            ---
            missing_code None Some("properties.code"): `properties.code` is missing or no code; send 1 to 14 or a registered code
            ---
            order_completed body:ee2cd26fd40cf496
            source segment
            205 Decimal(20.00)
            context.campaign.name ["x"]
            context.page "/a"
            properties.products [7]
            properties.revenue "20.00"
            properties.total "24,66 EUR"
            userId ["u"]
            warnings unreadable_commerce_order_total unreadable_session_tracking_campaign_name unusable_identity"#]],
    );
}

#[test]
fn the_context_of_a_batch_holds_for_calls_that_say_nothing_else() {
    let signals = all(r#"{"context":{"ip":"10.0.0.1","timezone":"UTC","locale":"en"},"batch":[
            {"type":"page"},{"type":"page","context":{"ip":"10.0.0.2","timezone":"CET"}}]}"#);
    let shown: Vec<String> = signals.iter().map(|it| show(it.as_ref().unwrap())).collect();
    expect![[r#"
        page_viewed body:feec94d28e430dae
        source segment
        415 Text("10.0.0.1")
        1047 Text("en")
        context.timezone "UTC"
        ---
        page_viewed body:ac674e1972c176f5
        source segment
        415 Text("10.0.0.2")
        1047 Text("en")
        context.ip "10.0.0.1"
        context.timezone "CET""#]]
    .assert_eq(&shown.join("\n---\n"));
}

#[test]
fn a_retry_has_the_key_of_the_first_try() {
    let first = r#"{"type":"page","userId":"u1","sentAt":"2026-01-05T10:00:00Z"}"#;
    let again =
        r#"{"type":"page","userId":"u1","sentAt":"2026-01-05T10:00:09Z","_metadata":{"try":2}}"#;
    assert_eq!(one(first).key, one(again).key);
    assert!(one(first).key.starts_with("body:"));
}

#[test]
fn an_outcome_is_a_tracked_event() {
    let body = r#"{"event":"Session Disposition","userId":"u1","messageId":"d1","timestamp":"2026-01-05T10:00:00.000Z",
        "properties":{"code":10,"author":"agent","notes":"paid","agent":"a7","name":"Convert","till":4}}"#;
    check(
        body,
        &expect![[r#"
        disposition_posted d1
        occurred_at 2026-01-05T10:00:00.000Z None
        source segment
        user_id u1 None
        claim 10 Agent Last
        306 Text("a7")
        309 Text("paid")
        properties.till 4"#]],
    );
    check_told(
        &one(body),
        &expect![[r#"
        {
          "context": {
            "sessionary": {
              "session": "0198c1f2-0000-7000-8000-000000000001",
              "source": "segment"
            }
          },
          "event": "Session Disposition",
          "messageId": "d1",
          "properties": {
            "agent": "a7",
            "author": "agent",
            "code": 10,
            "name": "Convert",
            "notes": "paid",
            "till": 4
          },
          "receivedAt": "2026-01-05T10:00:01.000Z",
          "timestamp": "2026-01-05T10:00:00.000Z",
          "type": "track",
          "userId": "u1"
        }"#]],
    );
}

#[test]
fn a_call_on_the_telephone_becomes_a_tracked_event() {
    let body = r#"{"id":"c1","type":"call_answered","occurred_at":"2026-01-05T10:00:00.000Z","session_id":"S1","source":"pbx",
        "identities":[{"type":"phone","value":"+16195550108"}],"agent":{"name":"Ada"},"queue":{"name":"orders"},"trunk":"t4"}"#;
    let signal = canonical::decode(body.as_bytes(), &CONTEXT).unwrap().remove(0).unwrap();
    check_told(
        &signal,
        &expect![[r#"
            {
              "anonymousId": "0198c1f2-0000-7000-8000-000000000001",
              "context": {
                "sessionId": "S1",
                "sessionary": {
                  "identities": [
                    {
                      "type": "phone",
                      "value": "+16195550108"
                    }
                  ],
                  "session": "0198c1f2-0000-7000-8000-000000000001",
                  "source": "pbx",
                  "stand_in": true
                }
              },
              "event": "Call Answered",
              "messageId": "c1",
              "properties": {
                "agent_name": "Ada",
                "queue": "orders"
              },
              "receivedAt": "2026-01-05T10:00:01.000Z",
              "timestamp": "2026-01-05T10:00:00.000Z",
              "trunk": "t4",
              "type": "track"
            }"#]],
    );
}

/// What must survive: all but transport and warnings; JSON as what it means.
fn kept(signal: &Signal) -> String {
    let mut signal = signal.clone();
    signal.warnings.clear();
    signal.sent_at = None;
    signal.identities.sort();
    let fields: Vec<String> = signal
        .fields
        .iter()
        .map(|(number, value)| match value {
            Value::Json(raw) => format!("{number:?} {}", raw.to_json()),
            value => format!("{number:?} {value:?}"),
        })
        .collect();
    let attributes: Vec<String> =
        signal.attributes.iter().map(|(path, raw)| format!("{path} {}", raw.to_json())).collect();
    signal.fields.clear();
    signal.attributes.clear();
    format!("{signal:?}\n{}\n{}", fields.join("\n"), attributes.join("\n"))
}

fn assert_told_again(mut signal: Signal) {
    let call = encode(&signal, &MOMENT).to_string();
    let batch = format!("{{\"batch\":[{call}]}}");
    let again = one(&batch);
    if signal.occurred_at.is_none() {
        signal.occurred_at.clone_from(&again.occurred_at);
    }
    assert_eq!(kept(&again), kept(&signal), "{call}");
}

#[test]
fn what_libraries_send_is_told_again() {
    for signal in all(BATCH).into_iter().chain(all(BROWSER)) {
        assert_told_again(signal.unwrap());
    }
}

#[test]
fn a_page_of_a_type_of_our_own_keeps_the_event_it_names() {
    let page = r#"{"type":"page","event":"Product Viewed","anonymousId":"a",
        "context":{"sessionary":{"type":"shown","source":"shop"}}}"#;
    let signal = all(page).remove(0).unwrap();
    assert_eq!(signal.attributes.get("event").map(RawJson::text), Some("\"Product Viewed\""));
    assert_told_again(signal);
}

/// Types that mean something here, and one that does not.
const KINDS: [&str; 18] = [
    "page_viewed",
    "screen_viewed",
    "identified",
    "grouped",
    "aliased",
    "search_performed",
    "category_viewed",
    "product_viewed",
    "product_added",
    "cart_viewed",
    "order_completed",
    "call_answered",
    "message_sent",
    "disposition_posted",
    "experiment_viewed",
    "session_ended",
    "Foo-Bar",
    "__",
];

const NAMES: [&str; 44] = [
    "type",
    "event",
    "name",
    "messageId",
    "anonymousId",
    "userId",
    "previousId",
    "groupId",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "channel",
    "context",
    "traits",
    "properties",
    "integrations",
    "source",
    "page",
    "campaign",
    "url",
    "path",
    "search",
    "title",
    "referrer",
    "email",
    "phone",
    "address",
    "city",
    "company",
    "products",
    "sku",
    "product_id",
    "price",
    "quantity",
    "total",
    "revenue",
    "code",
    "author",
    "sessionId",
    "device",
    "id",
    "model",
    "os",
    "sessionary",
];

const VALUES: [&str; 23] = [
    "null",
    "true",
    "7",
    "1.50",
    "-3",
    "\"\"",
    "\" \"",
    "\"a\"",
    "\"track\"",
    "\"page\"",
    "\"alias\"",
    "\"Order Completed\"",
    "\"Product Added\"",
    "\"Session Disposition\"",
    "\"mobile\"",
    "\"2026-01-05T10:00:00Z\"",
    "\"+1 619 555 0108\"",
    "\"A@b.example\"",
    "\"https://a.example/?utm_source=b\"",
    "\"\\u00e9\"",
    "[]",
    "{}",
    "[{\"sku\":\"A\",\"x\":1},{}]",
];

/// JSON objects whose members are likely to mean something.
fn call() -> impl Strategy<Value = String> {
    let scalar = select(VALUES.to_vec()).prop_map(str::to_owned);
    let name = prop_oneof![6 => select(NAMES.to_vec()).prop_map(str::to_owned), 1 => "[a-c.]{1,3}"];
    let value = scalar.prop_recursive(3, 24, 5, move |inner| {
        let members = collection::vec((name.clone(), inner.clone()), 0..5)
            .prop_map(|members| object(&members));
        prop_oneof![4 => members, 1 => collection::vec(inner, 0..3)
            .prop_map(|items| format!("[{}]", items.join(" ,")))]
    });
    let name = select(NAMES.to_vec()).prop_map(str::to_owned);
    (
        option::of(select(vec!["track", "page", "identify", "alias", "group", "screen"])),
        collection::vec((name, value), 0..9),
    )
        .prop_map(|(kind, members)| {
            let rest = object(&members);
            match kind {
                Some(kind) => rest.replacen(
                    '{',
                    &format!(
                        "{{\"type\":\"{kind}\",\"event\":\"Product Viewed\"{}",
                        if members.is_empty() { "" } else { "," }
                    ),
                    1,
                ),
                None => rest,
            }
        })
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}", members.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_signal_of_any_dialect_is_told_without_loss(body in body(), kind in option::of(select(KINDS.to_vec()))) {
        let mut body: Json = body;
        if let Some(kind) = kind {
            body["type"] = json!(kind);
        }
        let signal = canonical::decode(body.to_string().as_bytes(), &CONTEXT).unwrap().remove(0).unwrap();
        assert_told_again(signal);
    }

    #[test]
    fn whatever_was_read_of_a_call_is_told_again(call in call()) {
        if let Ok(signal) = all(&call).remove(0) {
            assert_told_again(signal);
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in collection::vec(any::<u8>(), 0..200)) {
        if let Ok(posting) = read(&bytes, &CONTEXT.limits) {
            posting.decode(None, &CONTEXT);
        }
    }

    #[test]
    fn no_json_makes_the_decoder_panic(body in "[\\[{]?(\"(type|batch|context|page|event|properties|products|x)\"|[{}\\[\\]:,]|null|[0-9]|\"\\\\u?d?8?0?0?\"| |\n){0,40}") {
        if let Ok(posting) = read(body.as_bytes(), &CONTEXT.limits) {
            posting.decode(Some(Call::Page), &CONTEXT);
        }
    }
}

//! The Handshake: the source's own examples, and one short example of each defect's answer.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by failing")]
use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::{collection, prelude::*};
use serde_json::{Map, Value as Json, json};
use sessionary_core::{
    channel::{Channel, SessionType},
    dictionary::{FIELDS, FieldType, field},
    disposition::ClaimPolicy,
    signal::Signal,
    time::{Millis, UnixMillis},
};
use sessionary_dialects::{
    Context, Limits, canonical,
    handshake::{
        Extensions, Form, HandshakeView, PostingContext, Refusal, encode, encode_numbered,
        printed_as_required, read,
    },
};

const FLAT: &str = include_str!("../../../../data/golden/handshake/flat.json");
const NUMBERED: &str = include_str!("../../../../data/golden/handshake/numbered.json");
const NUMBERED_QUERY: &str = include_str!("../../../../data/golden/handshake/numbered-query.txt");

fn context() -> PostingContext<'static> {
    let key = Context { source: "key", country: Some("US"), ..Context::default() };
    PostingContext { key, ..PostingContext::default() }
}

fn decode(query: &str, body: &str) -> Result<Signal, Refusal> {
    decode_with(query, body, &context())
}

fn decode_with(query: &str, body: &str, context: &PostingContext<'_>) -> Result<Signal, Refusal> {
    let posting = read(query, body.as_bytes(), &context.key.limits)?;
    Ok(posting.decode(context)?.signal)
}

/// The least that is accepted without a word about what is missing, and `more`.
fn flat(more: &Json) -> String {
    let mut body = json!({
        "session_start_timestamp": "20240614T045120Z", "session_duration": 11000,
        "session_disposition_code": 10, "session_id": "S1", "session_variant": "A",
        "user_phone": "16195550108", "commerce_order_total": "24.66",
        "user_signal_type": 3, "user_signal_value": "v1",
        "program_signal_type": 2001, "program_signal_value": "p",
        "integration_result_code": "OK", "integration_result_message": "fine",
    });
    for (name, value) in more.as_object().unwrap().clone() {
        body[name] = value;
    }
    body.to_string()
}

/// What a posting says beyond [`flat`] with nothing more.
fn check(query: &str, more: &Json, expected: &Expect) {
    check_body(query, &flat(more), expected);
}

fn check_body(query: &str, body: &str, expected: &Expect) {
    let least = show(&decode("", &flat(&json!({}))).unwrap());
    let shown = match decode(query, body) {
        Ok(signal) => {
            let lines = show(&signal);
            lines.into_iter().filter(|line| !least.contains(line)).collect::<Vec<_>>().join("\n")
        }
        Err(refusal) => format!("{}: {refusal}", refusal.code()),
    };
    expected.assert_eq(&shown);
}

fn show(signal: &Signal) -> Vec<String> {
    let mut lines = vec![format!("{}", signal.kind)];
    if !signal.key.starts_with("body:") {
        lines.push(format!("key {}", signal.key));
    }
    let mut line = |name: &str, value: String| lines.push(format!("{name} {value}"));
    if let Some(at) = &signal.occurred_at {
        line("occurred_at", at.at.to_string());
    }
    line("channel", format!("{:?} {:?}", signal.channel, signal.session_type));
    line("source", signal.source.to_string());
    line("session", format!("{:?}", signal.session));
    for identity in &signal.identities {
        line(&identity.kind, format!("{} {:?}", identity.value, identity.original));
    }
    let claim = signal.claim.as_ref().unwrap();
    line("claim", format!("{} {:?} {:?}", claim.code, claim.author, claim.policy));
    for (number, value) in &signal.fields {
        line(&number.0.to_string(), format!("{value:?}"));
    }
    for (path, raw) in &signal.attributes {
        line(path, raw.text().to_owned());
    }
    for warning in &signal.warnings {
        line("warning", warning.to_string());
    }
    lines
}

/// The flat example without spaces; JSON inside it is kept as it was sent, spaces and all.
fn compact() -> String {
    serde_json::from_str::<Json>(FLAT).unwrap().to_string()
}

// The source's own examples

#[test]
fn the_flat_example_is_read_whole() {
    let signal = decode("", FLAT).unwrap();
    expect![[r#"
        disposition_posted
        key trk_123456
        occurred_at 2024-06-14T04:51:31.000Z
        channel None None
        source shopify
        session Some("ABC123")
        phone +16195551212 Some("16195551212")
        phone +16195550108 Some("16195550108")
        email penny.cache@vectorlane.dev None
        integration_user_id shopify:user_1001 Some("user_1001")
        claim 1 Business Last
        43 Text("16195550108")
        46 Text("Dr. Penny Ada Cache, PhD")
        47 Text("penny.cache@vectorlane.dev")
        49 Text("session_disposition")
        59 Text("NL-1001")
        93 Text("bituser.v1")
        103 Text("314 Byte Lane Apt 42")
        106 Text("San Diego")
        107 Text("CA")
        108 Text("92101")
        109 Text("1234")
        111 Text("US")
        112 Text("C001")
        113 Text("123")
        114 Text("Nora Schema Agency")
        115 Text("Dr")
        116 Text("Penny")
        117 Text("Ada")
        118 Text("Cache")
        119 Text("PhD")
        200 Decimal(1.00)
        201 Decimal(5.00)
        202 Decimal(7.95)
        203 Decimal(3.21)
        204 Decimal(1.50)
        205 Decimal(24.66)
        206 Texts(["SKU-001", "SKU-002"])
        207 Texts(["Starter Kit", "Refill"])
        208 Texts(["1", "2"])
        209 Texts(["9.99", "4.99"])
        210 Texts(["0.00", "1.00"])
        211 Texts(["0.80", "0.40"])
        212 Texts(["10.79", "8.38"])
        213 Number(2)
        214 Texts(["UPSELL-1", "UPSELL-2"])
        300 Text("trk_123456")
        303 Text("shopify")
        304 Text("user_1001")
        305 Text("NA-1001")
        306 Text("agent_1001")
        307 Text("OK")
        308 Text("Checkout completed")
        309 Text("Customer upgraded to bundle")
        310 Number(9001)
        311 Number(10001)
        312 Text("conversion")
        313 Text("postback")
        314 Number(1)
        315 Decimal(1.0000)
        316 Text("24.66")
        317 Json(RawJson("{\n  \"event\": \"checkout_complete\"\n }"))
        400 Instant(Instant { at: UnixMillis(1718340680000), text: Some("20240614T045120Z") })
        401 Number(11000)
        404 Text("default")
        405 Text("https://example.com/recordings/123")
        406 Text("SPRING24")
        407 Text("Spring 2024 Retargeting")
        408 Text("google")
        409 Text("cpc")
        410 Text("hero-a")
        411 Text("identity+resolution")
        412 Text("Google Ads")
        413 Text("image")
        414 Text("retargeting")
        415 Text("127.0.0.1")
        417 Text("Mozilla/5.0")
        418 Text("https://google.com")
        419 Text("https://example.com/landing")
        420 Text("Landing Page")
        1001 Number(1)
        1002 Text("16195551212")
        1003 Number(2001)
        1004 Text("checkout_complete")"#]]
    .assert_eq(&show(&signal).join("\n"));
    assert_eq!(
        read("", FLAT.as_bytes(), &Limits::default()).unwrap().action_key.unwrap(),
        "ak_example"
    );
}

#[test]
fn the_flat_example_is_written_as_it_was_read() {
    let mut sent: Map<String, Json> = serde_json::from_str(FLAT).unwrap();
    sent.remove("action_key");
    let signal = decode("", FLAT).unwrap();
    assert_eq!(Json::Object(encode(&HandshakeView::of(&signal))), Json::Object(sent));
}

#[test]
fn the_numbered_example_says_what_the_flat_one_says_but_for_the_four_fields_without_a_number() {
    let mut context = context();
    context.program = Some((2001, "checkout_complete"));
    let posting = read(NUMBERED_QUERY.trim(), NUMBERED.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(posting.action_key.as_deref(), Some("ak_example"));
    let decoded = posting.decode(&context).unwrap();
    assert_eq!(decoded.form, Form::Numbered);
    let mut flat = decode("", &compact()).unwrap();
    flat.fields.remove(&field::USER_SIGNAL_TYPE);
    flat.fields.remove(&field::USER_SIGNAL_VALUE);
    flat.identities.remove(0);
    flat.warnings = ["user_signal_type", "user_signal_value"]
        .map(|name| format!("missing_{name}").into())
        .to_vec();
    assert_eq!(decoded.signal, flat);
}

#[test]
fn the_numbered_example_is_written_as_it_was_read() {
    let by_number = |action: &Json| -> BTreeMap<u64, Json> {
        let values = action["Action"]["Values"].as_array().unwrap().iter();
        values.map(|value| (value["SignalValueType"].as_u64().unwrap(), value.clone())).collect()
    };
    let pairs = |query: &str| -> BTreeMap<String, String> {
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    };
    let signal = decode(NUMBERED_QUERY.trim(), NUMBERED).unwrap();
    let written = encode_numbered(&HandshakeView::of(&signal), "ak_example");
    let sent: Json = serde_json::from_str(NUMBERED).unwrap();
    assert_eq!(by_number(&written.body), by_number(&sent));
    assert_eq!(written.body["Action"]["ActionKeyToken"], "ak_example");
    assert_eq!(pairs(&written.query), pairs(NUMBERED_QUERY.trim()));
}

#[test]
fn a_form_says_what_json_says() {
    let members: Map<String, Json> = serde_json::from_str(FLAT).unwrap();
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &members {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        form.append_pair(name, &text);
    }
    let form = form.finish();
    assert_eq!(decode("", &form), decode("", &compact()));
    assert_eq!(decode(&form, ""), decode("", &compact()));
}

// The defects

#[test]
fn d1_one_tcn_is_the_content_and_of_two_the_first_is_the_campaign() {
    check(
        "TCM=spring&TCN=hero",
        &json!({}),
        &expect![[r#"
        407 Text("spring")
        410 Text("hero")"#]],
    );
    check(
        "TCN=spring&TCN=hero",
        &json!({}),
        &expect![[r#"
        407 Text("spring")
        410 Text("hero")
        warning repeated_TCN"#]],
    );
    check(
        "",
        &json!({"session_tracking_campaign_name": "spring"}),
        &expect![[r#"407 Text("spring")"#]],
    );
}

#[test]
fn d2_the_misspelt_signal_name_is_read() {
    check(
        "",
        &json!({"SessionTrackingCampaigName": "spring"}),
        &expect![[r#"407 Text("spring")"#]],
    );
}

#[test]
fn d3_signal_names_are_read_by_the_table() {
    check(
        "",
        &json!({"PersonName": "Penny", "SegmentCode": "M"}),
        &expect![[r#"
        46 Text("Penny")
        49 Text("M")"#]],
    );
}

#[test]
fn d4_a_number_without_a_row_is_kept_and_sent_on_as_it_came() {
    let values = json!([{"DataType": 2, "OptionIDs": [7], "SignalValueType": 51, "UnitType": 3, "Value": "2.000000"}]);
    check(
        "",
        &json!({"110": "x", "Action": {"Values": values}}),
        &expect![[r#"
        51 Text("2.000000")
        110 Text("x")
        Values.51 {"DataType":2,"OptionIDs":[7],"SignalValueType":51,"UnitType":3,"Value":"2.000000"}"#]],
    );
    let private = json!({"Values": [{"SignalValueType": 1146, "Value": "not ours"}]});
    check(
        "",
        &private,
        &expect![[r#"
        Values.1146 {"SignalValueType":1146,"Value":"not ours"}
        warning unknown_number"#]],
    );
    let signal = decode("", &flat(&json!({"110": "x", "Action": {"Values": values}}))).unwrap();
    let written = encode_numbered(&HandshakeView::of(&signal), "").body;
    assert!(written["Action"]["Values"].as_array().unwrap().contains(&values[0]));
    assert_eq!(encode(&HandshakeView::of(&signal))["110"], "x");
}

#[test]
fn d6_any_code_is_taken() {
    check("", &json!({"session_disposition_code": "1042"}), &expect!["claim 1042 Business Last"]);
    check(
        "",
        &json!({"session_disposition_code": 4_294_967_296_u64}),
        &expect![
            "wrong_value: `session_disposition_code` is 4294967296; send 1 to 14, or the number of a registered code"
        ],
    );
    check(
        "",
        &json!({"session_disposition_code": "Convert"}),
        &expect![[
            r#"wrong_value: `session_disposition_code` is "Convert"; send 1 to 14, or the number of a registered code"#
        ]],
    );
    check(
        "",
        &json!({"session_disposition_code": null}),
        &expect![
            "missing_session_disposition_code: `session_disposition_code` (signal 402) is missing; send 1 to 14 or a registered code"
        ],
    );
}

#[test]
fn d8_short_parameters_may_be_base64_in_brackets() {
    check(
        "URL=[aHR0cHM6Ly9leGFtcGxlLmNvbS8_YT1i]&UA=[TW96aWxsYS81LjA=]&FRR=[nonsense!]",
        &json!({}),
        &expect![[r#"
            417 Text("Mozilla/5.0")
            418 Text("[nonsense!]")
            419 Text("https://example.com/?a=b")"#]],
    );
}

#[test]
fn d9_co_is_the_country() {
    check(
        "CI=San+Diego&ST=CA&CO=US",
        &json!({}),
        &expect![[r#"
        106 Text("San Diego")
        107 Text("CA")
        111 Text("US")"#]],
    );
}

#[test]
fn d10_times_in_any_form_and_any_zone() {
    for sent in ["2024-06-14T04:51:20Z", "20240614T045120", "2024-06-14T06:51:20.000+02:00"] {
        let signal = decode("", &flat(&json!({"session_start_timestamp": sent}))).unwrap();
        let written = encode(&HandshakeView::of(&signal));
        assert_eq!(signal.occurred_at.unwrap().at.to_string(), "2024-06-14T04:51:31.000Z");
        assert_eq!(written["session_start_timestamp"], "20240614T045120Z");
    }
    check(
        "",
        &json!({"session_start_timestamp": "yesterday"}),
        &expect![[r#"
        unreadable.session_start_timestamp "yesterday"
        warning unreadable_session_start_timestamp
        warning missing_session_start_timestamp"#]],
    );
}

#[test]
fn d11_hard_soft_and_strict() {
    check_body(
        "",
        r#"{"session_disposition_code":10}"#,
        &expect![
            "nothing_to_find_session_by: nothing names the session; send `session_id`, or `user_signal_type` with `user_signal_value`, or `user_phone`, or `integration_platform_id` with `integration_user_id`"
        ],
    );
    check_body(
        "",
        r#"{"session_id":"S1"}"#,
        &expect![
            "missing_session_disposition_code: `session_disposition_code` (signal 402) is missing; send 1 to 14 or a registered code"
        ],
    );
    check_body(
        "",
        r#"{"session_disposition_code":10,"user_signal_value":"v1"}"#,
        &expect![
            "nothing_to_find_session_by: nothing names the session; send `session_id`, or `user_signal_type` with `user_signal_value`, or `user_phone`, or `integration_platform_id` with `integration_user_id`"
        ],
    );
    check_body(
        "",
        r#"{"session_disposition_code":10,"integration_platform_id":"shopify","integration_user_id":"u1"}"#,
        &expect![[r#"
            source shopify
            session None
            integration_user_id shopify:u1 Some("u1")
            303 Text("shopify")
            304 Text("u1")
            warning missing_user_phone
            warning missing_commerce_order_total
            warning missing_integration_result_code
            warning missing_integration_result_message
            warning missing_session_start_timestamp
            warning missing_session_duration
            warning missing_session_variant
            warning missing_user_signal_type
            warning missing_user_signal_value
            warning missing_program_signal_type
            warning missing_program_signal_value"#]],
    );
    let strict = PostingContext { strict: true, ..context() };
    let refusal = decode_with("", &flat(&json!({"user_phone": ""})), &strict).unwrap_err();
    expect!["this key is strict and fields are missing: user_phone, api_segment, api_model, api_trackingid"].assert_eq(&refusal.to_string());
    assert_eq!(printed_as_required().count(), 15);
    let whole = json!({"api_model": "m", "api_segment": "s", "api_trackingid": "t"});
    assert!(decode_with("", &flat(&whole), &strict).is_ok());
}

#[test]
fn d12_phones_become_e164_and_the_two_are_two_identities() {
    check(
        "",
        &json!({"user_signal_type": 1, "user_signal_value": "16195551212"}),
        &expect![[r#"
        phone +16195551212 Some("16195551212")
        1001 Number(1)
        1002 Text("16195551212")"#]],
    );
}

#[test]
fn d13_d14_d15_decimals_are_exact_have_a_currency_and_are_not_recomputed() {
    check(
        "",
        &json!({"commerce_order_quantity": 1.5, "commerce_order_tax": "0.10", "commerce_currency": "EUR"}),
        &expect![[r#"
            200 Decimal(1.5)
            203 Decimal(0.10)
            1021 Text("EUR")"#]],
    );
    let mut context = context();
    context.key.currency = Some("USD");
    let signal = decode_with("", &flat(&json!({})), &context).unwrap();
    assert_eq!(signal.text(field::CURRENCY), Some("USD"));
}

#[test]
fn d16_lists_are_zipped_by_the_skus() {
    check(
        "",
        &json!({"commerce_items_sku": "A|B|C", "commerce_items_name": "One", "commerce_items_quantity": "1|2|3"}),
        &expect![[r#"
            206 Texts(["A", "B", "C"])
            207 Texts(["One", "", ""])
            208 Texts(["1", "2", "3"])
            warning ragged_items"#]],
    );
    check(
        "",
        &json!({"commerce_items_sku": ["A|1", "B"], "commerce_items_unit_price": [9.99, null]}),
        &expect![[r#"
            206 Texts(["A|1", "B"])
            209 Texts(["9.99", ""])"#]],
    );
    check(
        "",
        &json!({"commerce_items_name": "One|Two"}),
        &expect![[r#"
        207 Texts(["One", "Two"])
        warning ragged_items"#]],
    );
}

#[test]
fn d17_upsells_are_kept_as_offered() {
    check(
        "",
        &json!({"commerce_upsell_depth": "2", "commerce_upsell_skus": "U1|U2"}),
        &expect![[r#"
        213 Number(2)
        214 Texts(["U1", "U2"])"#]],
    );
}

#[test]
fn d18_the_user_signal_is_the_first_identity() {
    check(
        "DID=D1&MAC=[QUE6QkI]",
        &json!({"user_signal_type": 6, "user_signal_value": "c7", "integration_platform_id": "shopify", "integration_user_id": "u1"}),
        &expect![[r#"
            source shopify
            customer_id shopify:c7 Some("c7")
            integration_user_id shopify:u1 Some("u1")
            device_id D1 None
            mac_address aa:bb Some("AA:BB")
            303 Text("shopify")
            304 Text("u1")
            1001 Number(6)
            1002 Text("c7")"#]],
    );
    check(
        "",
        &json!({"user_signal_type": 77, "user_signal_value": "x"}),
        &expect![[r#"
        user_signal_77 x None
        1001 Number(77)
        1002 Text("x")"#]],
    );
}

#[test]
fn d19_the_outcome_is_known_at_start_and_length() {
    let signal = decode("", &flat(&json!({"session_duration": 3_600_000}))).unwrap();
    assert_eq!(signal.occurred_at.unwrap().at.to_string(), "2024-06-14T05:51:20.000Z");
    let signal = decode("", &flat(&json!({"session_duration": null}))).unwrap();
    assert_eq!(signal.occurred_at, None);
}

#[test]
fn d20_json_is_taken_as_it_is_and_a_query_decoded_once() {
    check(
        "TTM=identity%2Bresolution",
        &json!({"session_tracking_content": "a+b%20c"}),
        &expect![[r#"
            410 Text("a+b%20c")
            411 Text("identity+resolution")"#]],
    );
}

#[test]
fn d21_d22_of_the_api_group_the_reply_s_own_are_ignored() {
    check(
        "",
        &json!({"api_model": "bituser.v1", "api_trackingid": "trk_1", "api_result_code": "200", "api_result_message": "Accepted"}),
        &expect![[r#"
            key trk_1
            93 Text("bituser.v1")
            300 Text("trk_1")"#]],
    );
}

#[test]
fn d24_the_network_action_is_opaque() {
    check("", &json!({"integration_action_type": "NA-1001"}), &expect![[r#"305 Text("NA-1001")"#]]);
}

#[test]
fn d25_echo_values_keep_their_digits() {
    check(
        "",
        &json!({"echo_id": u64::MAX, "echo_quantity": "1.0000", "echo_amount": "about 3", "echo_json": r#"{"a":1}"#}),
        &expect![[r#"
            310 Number(18446744073709551615)
            315 Decimal(1.0000)
            316 Text("about 3")
            317 Json(RawJson("{\"a\":1}"))"#]],
    );
    let signal = decode("", &flat(&json!({"echo_id": u64::MAX, "echo_json": "plain"}))).unwrap();
    let written = encode(&HandshakeView::of(&signal));
    assert_eq!(written["echo_id"], u64::MAX.to_string());
    assert_eq!(written["echo_json"], "plain");
}

#[test]
fn d26_the_channel_is_that_of_the_action_key_if_it_has_one() {
    let mut context = context();
    context.session_type = Some(SessionType::Disposition);
    let channel = |context: &PostingContext<'_>| {
        let signal = decode_with("", &flat(&json!({})), context).unwrap();
        (signal.channel, signal.session_type)
    };
    assert_eq!(channel(&context), (None, None));
    context.channel = Some(Channel::Voice);
    assert_eq!(channel(&context), (Some(Channel::Voice), None));
    context = PostingContext {
        session_type: Some(SessionType::Pos),
        policy: ClaimPolicy::First,
        ..PostingContext::default()
    };
    assert_eq!(channel(&context), (Some(Channel::PointOfSale), Some(SessionType::Pos)));
}

#[test]
fn the_more_explicit_holds_and_a_disagreement_is_a_warning() {
    check(
        "TSC=short&TMD=cpc&URL=https%3A%2F%2Fexample.com%2F%3Futm_source%3Durl%26utm_medium%3Dcpc%26utm_term%3Dshoes",
        &json!({"session_tracking_source": "flat", "Action": {"Values": [{"SignalValueType": 408, "Value": "numbered"}]}}),
        &expect![[r#"
            408 Text("flat")
            409 Text("cpc")
            411 Text("shoes")
            419 Text("https://example.com/?utm_source=url&utm_medium=cpc&utm_term=shoes")
            superseded.session_tracking_source ["short","numbered","url"]
            warning disagreement_session_tracking_source"#]],
    );
    let values = json!([{"SignalValueType": 409, "Value": "one"}, {"SignalValueType": 409, "Value": "two"}, {"Value": "no number"}]);
    check(
        "",
        &json!({"Action": {"Values": values, "Other": 1}}),
        &expect![[r#"
        409 Text("two")
        Action.Other 1
        Values.2 {"Value":"no number"}
        superseded.session_tracking_medium ["one"]
        warning unreadable_value
        warning repeated_session_tracking_medium"#]],
    );
}

#[test]
fn what_no_row_knows_is_kept() {
    check(
        "",
        &json!({"cart": {"colour": "red"}, "type": "x", "commerce_order_fees": "none"}),
        &expect![[r#"
            cart {"colour":"red"}
            handshake.type "x"
            unreadable.commerce_order_fees "none"
            warning unreadable_commerce_order_fees"#]],
    );
}

#[test]
fn what_is_no_posting_is_refused_with_a_reason() {
    check_body(
        "",
        "<Action/>",
        &expect!["xml_not_read: XML is not read; send the same Action as JSON, to Action.json"],
    );
    check_body(
        "",
        "[{}]",
        &expect![
            "unreadable: the request cannot be read: it is a list; one request is one disposition; send a JSON object or a form"
        ],
    );
    check_body(
        "",
        "{\"a\":",
        &expect![
            "unreadable: the request cannot be read: EOF while parsing a value at line 1 column 5; send a JSON object or a form"
        ],
    );
    check_body(
        "",
        "hello",
        &expect![
            "unreadable: the request cannot be read: it is neither JSON nor a form; send a JSON object or a form"
        ],
    );
    check_body(
        "",
        &flat(&json!({"session_id": "a\nb"})),
        &expect![[r#"wrong_value: `session_id` is "a\nb"; send 1 to 255 visible characters"#]],
    );
}

#[test]
fn a_session_is_told_as_a_disposition() {
    let mut signal = decode(
        "",
        r#"{"session_disposition_code":3,"session_id":"S1","user_city":"Ulm","language":"de"}"#,
    )
    .unwrap();
    let voice = decode("", &flat(&json!({}))).unwrap();
    signal.identities = voice.identities;
    let view = HandshakeView {
        started_at: Some(UnixMillis(1_718_340_680_999)),
        duration: Some(Millis(11_000)),
        code: Some(11),
        identities: &signal.identities,
        extensions: Extensions::LeftOut,
        ..HandshakeView::of(&signal)
    };
    expect![[r#"{"session_disposition_code":11,"session_duration":11000,"session_id":"S1","session_start_timestamp":"20240614T045120Z","session_variant":"default","user_city":"Ulm","user_phone":"16195550108","user_signal_type":3,"user_signal_value":"v1"}"#]].assert_eq(&Json::Object(encode(&view)).to_string());
}

// Laws

#[test]
fn a_disposition_is_shown_in_our_own_form_and_read_back() {
    let more = json!({"type": "x", "110": "y", "commerce_order_tax": "none", "page": {"url": 1}});
    for body in [FLAT.to_owned(), flat(&more)] {
        let signal = decode("DID=D1&TSC=a", &body).unwrap();
        let shown = canonical::encode_raw(&signal);
        let again = canonical::decode(shown.get().as_bytes(), &context().key).unwrap().remove(0);
        assert_eq!(again.unwrap(), signal);
    }
}

fn value_of(kind: FieldType) -> BoxedStrategy<Json> {
    match kind {
        FieldType::Text => "[ -~ä€]{0,6}[!-~]".prop_map(Json::from).boxed(),
        FieldType::Number => any::<u64>().prop_map(Json::from).boxed(),
        FieldType::Decimal => "-?[1-9][0-9]{0,6}(\\.[0-9]{1,4})?".prop_map(Json::from).boxed(),
        FieldType::Instant => "20[0-9]{2}1[0-2][12][0-9]T1[0-9]0000Z".prop_map(Json::from).boxed(),
        FieldType::Flag => any::<bool>().prop_map(Json::from).boxed(),
        FieldType::Texts => {
            collection::vec("[a-z|]{1,4}", 1..4).prop_map(|texts| json!(texts)).boxed()
        }
        FieldType::Json => "[a-z0-9]{0,3}".prop_map(|text| json!({"a": [text, 1, null]})).boxed(),
    }
}

fn disposition() -> impl Strategy<Value = String> {
    let field = (0..FIELDS.len()).prop_flat_map(|at| {
        value_of(FIELDS[at].kind).prop_map(move |value| (FIELDS[at].name, value))
    });
    let unregistered = (500_u32..900, "[a-z]{1,4}");
    let parts = (
        collection::vec(field, 0..20),
        collection::vec(unregistered, 0..3),
        any::<u32>(),
        "[a-z0-9]{1,8}",
    );
    parts.prop_map(|(fields, unregistered, code, session)| {
        let mut body = json!({});
        for (name, value) in fields {
            body[name] = value;
        }
        for (number, text) in unregistered {
            body[number.to_string()] = json!(text);
        }
        body["session_disposition_code"] = json!(code);
        body["session_id"] = json!(session);
        body["session_variant"] = json!("B");
        body.to_string()
    })
}

proptest! {
    #[test]
    fn encoding_and_decoding_loses_nothing(body in disposition()) {
        let signal = decode("", &body).unwrap();
        let again = decode("", &Json::Object(encode(&HandshakeView::of(&signal))).to_string()).unwrap();
        prop_assert_eq!(without_notes(again), without_notes(signal));
    }

    #[test]
    fn the_numbered_form_loses_nothing(body in disposition()) {
        let signal = decode("", &body).unwrap();
        let NumberedFormText { query, body } = numbered(&signal);
        let again = decode(&query, &body).unwrap();
        prop_assert_eq!(without_notes(again), without_notes(signal));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(query in ".{0,60}", bytes in collection::vec(any::<u8>(), 0..200)) {
        if let Ok(posting) = read(&query, &bytes, &Limits::default()) {
            let _ = posting.decode(&context());
        }
    }

    #[test]
    fn no_posting_makes_the_decoder_panic(
        query in "((TCN|TTM|URL|402|403|session_duration|DID|x)=(\\[[a-zA-Z0-9]{0,8}\\]|%[0-9a-f]{0,2}|[0-9|]{0,20})&){0,8}",
        body in "\\{(\"(Action|Values|402|session_id|commerce_items_sku|session_start_timestamp|session_duration)\":([0-9]{1,30}|\\{|\\}|\\[|\\]|\"[0-9|TZ]{0,20}\"|,)){0,6}\\}",
    ) {
        if let Ok(posting) = read(&query, body.as_bytes(), &Limits::default()) {
            let _ = posting.decode(&context());
        }
    }
}

struct NumberedFormText {
    query: String,
    body: String,
}

fn numbered(signal: &Signal) -> NumberedFormText {
    let form = encode_numbered(&HandshakeView::of(signal), "ak_example");
    NumberedFormText { query: form.query, body: form.body.to_string() }
}

/// What was sent, without what was noticed on the way.
fn without_notes(mut signal: Signal) -> Signal {
    signal.warnings.clear();
    signal.attributes.clear();
    signal.key = signal.derived_key();
    signal
}

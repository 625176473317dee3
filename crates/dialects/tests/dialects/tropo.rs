//! Tropo: payloads in, signals out, and the same payloads back; text sessions played to the end.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by failing")]
#![expect(clippy::needless_raw_string_hashes, reason = "the form that expect-test writes")]
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use sessionary_core::{
    channel::Channel,
    signal::Signal,
    time::{UnixMillis, parse_instant},
};
use sessionary_dialects::{
    Context, canonical,
    tropo::{self, Beginning, Dialogue, Document, Known, Line, Phase, Step, read, text_of},
};

use crate::folded::fold;

const VOICE: &str = include_str!("../../../../data/golden/tropo/voice.json");
const TEXT: &str = include_str!("../../../../data/golden/tropo/text.json");

fn signals(body: &str) -> Vec<Signal> {
    read(body, &Context::default()).unwrap().signals
}

/// A signal in our own form, without the headers, which are long.
fn show(signal: &Signal) -> String {
    let mut shown = canonical::encode(signal);
    if let Some(technical) = shown.get_mut("technical").and_then(Json::as_object_mut) {
        let headers = technical.remove("sip_headers").unwrap_or_default();
        technical.insert("headers".into(), json!(headers.as_object().map(serde_json::Map::len)));
    }
    if shown.get("warnings").is_none() {
        shown["warnings"] = json!(signal.warnings);
    }
    serde_json::to_string_pretty(&shown).unwrap()
}

fn check(body: &str, expected: &Expect) {
    let shown = match read(body, &Context::default()) {
        Ok(posted) => posted.signals.iter().map(show).collect::<Vec<_>>().join("\n---\n"),
        Err(refusal) => format!("{}: {refusal}", refusal.code()),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_call() {
    check(
        VOICE,
        &expect![[r#"
        {
          "account": [
            "33932"
          ],
          "call": {
            "direction": "inbound",
            "line": "9991427645"
          },
          "channel": "voice",
          "id": "1aa06515183223ec0894039c2af433f2:session",
          "identities": [
            {
              "type": "messaging_address",
              "value": "jsgoecke"
            }
          ],
          "medium": "pstn",
          "occurred_at": "2010-02-18T19:07:36.375Z",
          "person": {
            "user_type": "human"
          },
          "session.from.name": "unknown",
          "session.to.name": "unknown",
          "session_id": "1aa06515183223ec0894039c2af433f2",
          "source": "tropo",
          "started_at": "2010-02-18T19:07:36.375Z",
          "technical": {
            "headers": 23
          },
          "type": "call_started",
          "warnings": []
        }"#]],
    );
}

#[test]
fn a_text_is_a_session_and_its_first_message() {
    check(
        TEXT,
        &expect![[r#"
        {
          "account": [
            "33932"
          ],
          "call": {
            "direction": "inbound",
            "line": "15550199"
          },
          "channel": "messaging",
          "id": "1aa06515183223ec0894039c2af433f2:session",
          "identities": [
            {
              "type": "messaging_address",
              "value": "15550100"
            }
          ],
          "medium": "sms",
          "occurred_at": "2010-02-18T19:07:36.375Z",
          "person": {
            "user_type": "human"
          },
          "session.from.name": "unknown",
          "session.to.name": "unknown",
          "session_id": "1aa06515183223ec0894039c2af433f2",
          "source": "tropo",
          "started_at": "2010-02-18T19:07:36.375Z",
          "text": {
            "initial": "94070"
          },
          "type": "session_started",
          "warnings": []
        }
        ---
        {
          "call": {
            "line": "15550199"
          },
          "channel": "messaging",
          "id": "1aa06515183223ec0894039c2af433f2:session.initialText",
          "identities": [
            {
              "type": "messaging_address",
              "value": "15550100"
            }
          ],
          "medium": "sms",
          "message.text": "94070",
          "occurred_at": "2010-02-18T19:07:36.375Z",
          "session_id": "1aa06515183223ec0894039c2af433f2",
          "source": "tropo",
          "type": "message_received",
          "warnings": []
        }"#]],
    );
}

#[test]
fn a_session_that_an_application_started_has_parameters_and_no_caller() {
    check(
        r#"{"session":{"id":"s1","timestamp":"2024-06-14T04:51:20.375Z","parameters":{"to":"+16195550108","plan":"gold"},"callId":"c1","from":null,"initialText":"","userType":"MACHINE","subject":"Offer","initialMedia":[{"status":"ok","text":"a"}],"odd":{"a":[1]}},"beside":1}"#,
        &expect![[r#"
            {
              "answered_by": "machine",
              "beside": 1,
              "call": {
                "direction": "outbound",
                "id": "c1"
              },
              "id": "s1:session",
              "occurred_at": "2024-06-14T04:51:20.375Z",
              "person": {
                "user_type": "machine"
              },
              "session.initialMedia": [
                {
                  "status": "ok",
                  "text": "a"
                }
              ],
              "session.odd": {
                "a": [
                  1
                ]
              },
              "session.parameters": {
                "plan": "gold",
                "to": "+16195550108"
              },
              "session_id": "s1",
              "source": "tropo",
              "started_at": "2024-06-14T04:51:20.375Z",
              "subject": "Offer",
              "type": "session_started",
              "warnings": []
            }"#]],
    );
}

#[test]
fn what_is_spelt_otherwise_is_kept_as_it_came() {
    check(
        r#"{"session":{"id":7,"timestamp":"yesterday","userType":"Robot","from":{"id":"+1 619 555 0108","name":"Penny","channel":"VOICE","network":"SIP","x":1},"to":{"id":["a"],"channel":"text","network":"PSTN"},"headers":["none"]}}"#,
        &expect![[r#"
            {
              "call": {
                "direction": "inbound"
              },
              "channel": "voice",
              "id": "7:session",
              "identities": [
                {
                  "original": "+1 619 555 0108",
                  "type": "phone",
                  "value": "+16195550108"
                }
              ],
              "medium": "voip",
              "person": {
                "name": {
                  "full": "Penny"
                },
                "phone": "+1 619 555 0108",
                "user_type": "robot"
              },
              "session.from.network": "SIP",
              "session.from.x": 1,
              "session.headers": [
                "none"
              ],
              "session.timestamp": "yesterday",
              "session.to.channel": "text",
              "session.to.id": [
                "a"
              ],
              "session.to.network": "PSTN",
              "session.userType": "Robot",
              "session_id": "7",
              "source": "tropo",
              "type": "call_started",
              "warnings": [
                "unreadable_timestamp",
                "unreadable_id"
              ]
            }"#]],
    );
}

#[test]
fn the_inside_alone_is_read_as_well() {
    assert_eq!(
        signals(r#"{"id":"s1","from":{"id":"a"}}"#),
        signals(r#"{"session":{"id":"s1","from":{"id":"a"}}}"#)
    );
    assert_eq!(
        signals(r#"{"sessionId":"s1","sequence":2}"#),
        signals(r#"{"result":{"sessionId":"s1","sequence":2}}"#)
    );
}

#[test]
fn what_is_refused() {
    for (body, code) in [
        ("", "unreadable"),
        ("[]", "unreadable"),
        ("{", "unreadable"),
        ("{}", "no_session_or_result"),
        (r#"{"id":"s1"}"#, "no_session_or_result"),
        (r#"{"session":null}"#, "no_session_or_result"),
        (r#"{"session":[]}"#, "no_session_or_result"),
        (r#"{"result":{}}"#, "missing_session_id"),
        (r#"{"result":{"sessionId":"a\nb"}}"#, "bad_id"),
        (r#"{"session":{"id":"a\u0000"}}"#, "bad_id"),
    ] {
        assert_eq!(read(body, &Context::default()).unwrap_err().code(), code, "{body}");
    }
    let deep = format!(r#"{{"session":{{"a":{}1{}}}}}"#, "[".repeat(70), "]".repeat(70));
    assert_eq!(read(&deep, &Context::default()).unwrap_err().code(), "too_deep");
}

fn result(state: &str, seconds: &str) -> String {
    format!(
        r#"{{"result":{{"sessionId":"s1","callId":"c1","state":"{state}","sessionDuration":{seconds},"sequence":2,"complete":true,"error":null,"calledid":"9991427645","userType":"HUMAN","actions":{{"name":"zip","value":"92101"}}}}}}"#
    )
}

#[test]
fn a_result_is_told_its_time_by_the_session() {
    let mut posted = read(&result("DISCONNECTED", "65"), &Context::default()).unwrap();
    assert_eq!((posted.phase, posted.is_last), (Phase::Result, true));
    assert_eq!(posted.signals[0].occurred_at, None);
    let started_at = parse_instant("2024-06-14T04:51:20.375Z").unwrap().at;
    posted.place(Known { started_at: Some(started_at), channel: Some(Channel::Voice) });
    expect![[r#"
        {
          "call": {
            "id": "c1",
            "line": "9991427645"
          },
          "channel": "voice",
          "duration_ms": 65000,
          "id": "s1:result:c1:2:DISCONNECTED",
          "occurred_at": "2024-06-14T04:52:25.375Z",
          "person": {
            "user_type": "human"
          },
          "result.actions": {
            "name": "zip",
            "value": "92101"
          },
          "result.complete": true,
          "sequence": 2,
          "session_id": "s1",
          "source": "tropo",
          "source_status": "DISCONNECTED",
          "type": "call_ended",
          "warnings": []
        }"#]]
    .assert_eq(&show(&posted.signals[0]));
}

#[test]
fn what_each_state_means() {
    let kind = |state, channel| {
        let mut posted = read(&result(state, "1"), &Context::default()).unwrap();
        posted.place(Known { started_at: None, channel });
        let signal = posted.signals.remove(0);
        let shown = canonical::encode(&signal);
        let member =
            |path: &str| shown.pointer(path).and_then(Json::as_str).unwrap_or("-").to_owned();
        let (how, why, by) = (member("/ended_how"), member("/call/reason"), member("/answered_by"));
        format!("{} {how} {why} {by}", &*signal.kind)
    };
    let voice = Some(Channel::Voice);
    assert_eq!(kind("ANSWERED", voice), "call_answered - - virtual");
    assert_eq!(kind("ANSWERED", Some(Channel::Messaging)), "tropo_result - - -");
    assert_eq!(kind("RINGING", voice), "tropo_result - - -");
    assert_eq!(kind("DISCONNECTED", voice), "call_ended - - -");
    assert_eq!(kind("Disconnected", Some(Channel::Messaging)), "session_ended - - -");
    assert_eq!(kind("FAILED", voice), "call_ended failed - -");
    assert_eq!(kind("BUSY", voice), "call_ended - busy -");
    assert_eq!(kind("DISCONNECTED", None), "session_ended - - -");
}

#[test]
fn lengths_in_every_spelling() {
    let length = |seconds: &str| {
        let signal = signals(&result("ANSWERED", seconds)).remove(0);
        (canonical::encode(&signal)["duration_ms"].as_u64(), signal.warnings.len())
    };
    assert_eq!(length("65"), (Some(65_000), 0));
    assert_eq!(length("\"65\""), (Some(65_000), 0));
    assert_eq!(length("65.5"), (Some(65_500), 0));
    assert_eq!(length("null"), (None, 0));
    for strange in ["-1", "\"long\"", "99999999999999999999999999999999", "1e400", "[1]"] {
        assert_eq!(length(strange), (None, 1), "{strange}");
    }
}

#[test]
fn a_repeated_post_has_the_same_keys_and_body() {
    for body in
        [VOICE, TEXT, r#"{"session":{"from":{"id":"a","channel":"TEXT"},"initialText":"x"}}"#]
    {
        assert_eq!(signals(body), signals(body));
    }
    let long = format!(
        r#"{{"session":{{"id":"{}","initialText":"x","from":{{"channel":"TEXT"}}}}}}"#,
        "a".repeat(255)
    );
    assert!(signals(&long).iter().all(|signal| signal.key.len() <= 255));
}

#[test]
fn accents_of_either_encoding_are_read() {
    let latin: Vec<u8> = r#"{"session":{"id":"s1","initialText":"é"}}"#.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    let text = text_of(&latin);
    assert_eq!(signals(&text), signals(r#"{"session":{"id":"s1","initialText":"é"}}"#));
    assert_eq!(text_of(b"\xef\xbb\xbf{}"), "{}");
}

/// The payload that is told back, without what is empty.
fn told(body: &str) -> Json {
    let signal = signals(body).remove(0);
    serde_json::from_str(tropo::encode(&signal).get()).unwrap()
}

#[test]
fn the_source_s_own_examples_come_back_to_the_letter() {
    for body in [VOICE, TEXT] {
        assert_eq!(told(body), serde_json::from_str::<Json>(body).unwrap());
    }
    let back = tropo::encode(&signals(VOICE)[0]);
    let place = |name: &str| back.get().find(&format!("\"{name}\":")).unwrap();
    let names =
        ["x-sbc-from", "Content-Length", "To", "x-voxeo-to", "CSeq", "Via", "Call-ID", "From"];
    assert!(names.is_sorted_by_key(|name| place(name)), "headers keep their order");
    let result = result("DISCONNECTED", "65");
    assert_eq!(told(&result), serde_json::from_str::<Json>(&result).unwrap());
}

#[test]
fn what_has_no_field_comes_back_as_it_came() {
    let body = json!({ "beside": [1, 2], "session": {
        "id": "s1", "accountId": "33932", "callId": "c1", "timestamp": "2024-06-14T04:51:20+02:00",
        "userType": "Robot", "initialText": null, "subject": "Offer", "parameters": {"a": "b"},
        "to": {"id": "1", "name": "Line", "channel": "VOICE", "network": "SIP"},
        "from": {"id": "+1 (619) 555-0108", "name": "Penny", "channel": "VOICE", "network": "PSTN", "x": {"y": 1}},
        "headers": {"B": "1", "a": "2"}, "odd": [null, {"deep": true}],
    }});
    assert_eq!(told(&body.to_string()), body);
}

fn party() -> impl Strategy<Value = Json> {
    let id = prop_oneof![
        "[a-z]{1,8}",
        "1619555[0-9]{4}",
        "\\+49 30 90182[0-9]",
        "[a-z]+@[a-z]+\\.example"
    ];
    let network =
        prop::sample::select(vec!["PSTN", "VOIP", "SIP", "SMS", "JABBER", "MMS", "Other-1"]);
    (id, "(unknown|[A-Z][a-z]{1,8})", network)
        .prop_map(|(id, name, network)| json!({"id": id, "name": name, "network": network}))
}

proptest! {
    #[test]
    fn no_bytes_panic_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = read(&text_of(&bytes), &Context::default());
        let _ = Document::parse(&bytes);
    }

    #[test]
    fn no_json_panics_the_decoder(
        body in "\\{\"(session|result|tropo)\":[{\\[]?(\"(id|from|to|headers|sessionId|sessionDuration|timestamp|parameters)\":(\"\\PC{0,4}\"|-?[0-9]{1,30}(\\.[0-9])?|\\{\"id\":[0-9]\\}|null|\\[\\]),?){0,4}[}\\]]{0,3}",
    ) {
        if let Ok(mut posted) = read(&body, &Context { country: Some("US"), ..Context::default() }) {
            posted.place(Known { started_at: Some(UnixMillis(i64::MAX)), channel: Some(Channel::Voice) });
            for signal in &posted.signals {
                prop_assert!(serde_json::from_str::<Json>(tropo::encode(signal).get()).is_ok());
                prop_assert!((1..=255).contains(&signal.key.len()));
            }
        }
        let _ = Document::parse(body.as_bytes());
    }

    #[test]
    fn what_is_read_is_told_back(
        from in party(), to in party(), is_voice in any::<bool>(), text in "[a-zäß \"\\\\]{1,12}",
        headers in proptest::collection::btree_map("[A-Za-z-]{1,8}", "\\PC{0,8}", 0..5),
        ms in 0_i64..4_000_000_000_000,
    ) {
        let channel = if is_voice { "VOICE" } else { "TEXT" };
        let (mut from, mut to) = (from, to);
        from["channel"] = json!(channel);
        to["channel"] = json!(channel);
        let body = json!({"session": {
            "id": "s1", "accountId": "1", "timestamp": UnixMillis(ms).to_string(), "userType": "HUMAN",
            "initialText": if is_voice { Json::Null } else { json!(text) },
            "from": from, "to": to, "headers": headers,
        }});
        prop_assert_eq!(told(&body.to_string()), body);
    }
}

// ---- text sessions

const START: UnixMillis = UnixMillis(1_718_340_680_000);

fn dialogue(text: &str) -> Dialogue {
    Dialogue::begin(Beginning {
        session: "s1".into(),
        from: "15550100".into(),
        to: "15550199".into(),
        network: "SMS".into(),
        text: text.into(),
        at: START,
    })
}

/// Runs a document and shows what was said and who is to act.
fn run(dialogue: &mut Dialogue, document: &Json) -> String {
    dialogue.take(Document::parse(document.to_string().as_bytes()).unwrap());
    shown(dialogue)
}

fn shown(dialogue: &mut Dialogue) -> String {
    let step = dialogue.run(UnixMillis(START.0 + 7_900));
    let lines = dialogue.lines();
    let mut shown: Vec<String> = lines
        .iter()
        .map(|(line, is_kept)| {
            let text = match line {
                Line::Person(text) => format!("< {text}"),
                Line::Application(text) => format!("> {text}"),
                Line::Verb(verb, arguments) => format!("{verb} {arguments}"),
            };
            if *is_kept { text } else { format!("({text})") }
        })
        .collect();
    shown.push(match step {
        Step::Waits(question) => serde_json::to_string(&question).unwrap(),
        Step::Over(reason) => reason.to_owned(),
        Step::Post { next, payload, is_last } => {
            let payload: Json = serde_json::from_str(&payload).unwrap();
            let result = &payload["result"];
            let actions =
                result["actions"].as_array().cloned().unwrap_or(vec![result["actions"].clone()]);
            let actions = actions.iter().map(|action| {
                let text = |name: &str| action[name].as_str().unwrap_or("-").to_owned();
                format!("{}={} {}", text("name"), text("value"), text("disposition"))
            });
            let actions: Vec<String> = actions.collect();
            let last = if is_last { " and over" } else { "" };
            format!(
                "{} after {} s to {next}{last}: {}",
                result["state"].as_str().unwrap(),
                result["sessionDuration"],
                actions.join(", ")
            )
        }
    });
    shown.join("\n")
}

fn zip(attempts: u64) -> Json {
    json!({"tropo": [
        {"say": {"value": "Hello"}},
        {"ask": {"choices": {"value": "[5 DIGITS]"}, "name": "zip", "attempts": attempts, "timeout": 10, "say": [
            {"value": "Your zip code?"}, {"value": "Five digits, please.", "event": "nomatch:1"}, {"value": "No.", "event": "nomatch"}]}},
        {"say": {"value": "Thanks"}},
        {"on": [{"event": "continue", "next": "/answer"}, {"event": "incomplete", "next": "/sorry"}]},
    ]})
}

#[test]
fn the_first_text_answers_the_first_question() {
    let mut session = dialogue("94070");
    expect![[r#"
        < 94070
        > Hello
        > Thanks
        ANSWERED after 7 s to /answer: zip=94070 SUCCESS"#]]
    .assert_eq(&run(&mut session, &zip(1)));
    expect![[r#"
        > Noted
        DISCONNECTED after 7 s to bye and over: -=- -"#]].assert_eq(&run(&mut session, &json!({"tropo": [{"say": {"value": "Noted"}}, {"hangup": null}, {"on": {"event": "hangup", "next": "bye"}}]})));
}

#[test]
fn a_capture_of_any_text_takes_the_first_text_away() {
    let mut session = dialogue("hello");
    let capture = json!({"ask": {"choices": {"value": "[ANY]"}, "name": "initial_text_capture"}});
    let mut document = zip(3);
    document["tropo"].as_array_mut().unwrap().insert(0, capture);
    expect![[r#"
        < hello
        > Hello
        > Your zip code?
        {"name":"zip","choices":"[5 DIGITS]","attempt":1,"attempts":3}"#]]
    .assert_eq(&run(&mut session, &document));
    session.hear(Some("nine"), START);
    expect![[r#"
        < nine
        > Five digits, please.
        > Your zip code?
        {"name":"zip","choices":"[5 DIGITS]","attempt":2,"attempts":3}"#]]
    .assert_eq(&shown(&mut session));
    session.hear(Some("ten"), START);
    expect![[r#"
        < ten
        > No.
        > Your zip code?
        {"name":"zip","choices":"[5 DIGITS]","attempt":3,"attempts":3}"#]]
    .assert_eq(&shown(&mut session));
    session.hear(Some("9-4-0-7-0"), START);
    expect![[r#"
        < 9-4-0-7-0
        > Thanks
        ANSWERED after 7 s to /answer: initial_text_capture=hello SUCCESS, zip=94070 SUCCESS"#]]
    .assert_eq(&shown(&mut session));
}

#[test]
fn a_text_that_fits_nothing_and_silence_are_incomplete() {
    let mut session = dialogue("hello");
    expect![[r#"
        < hello
        > Hello
        ANSWERED after 7 s to /sorry: zip=- FAILED"#]]
    .assert_eq(&run(&mut session, &zip(1)));
    let mut session = dialogue("");
    run(&mut session, &zip(1));
    session.hear(None, START);
    expect!["ANSWERED after 7 s to /sorry: zip=- TIMEOUT"].assert_eq(&shown(&mut session));
    // What comes after the time that the application states answers the next question.
    let mut session = dialogue("");
    run(&mut session, &zip(1));
    session.hear(Some("94070"), UnixMillis(START.0 + 30_000));
    expect![[r#"
        < 94070
        ANSWERED after 7 s to /sorry: zip=- TIMEOUT"#]]
    .assert_eq(&shown(&mut session));
    expect![[r#"
        > Hello
        > Thanks
        ANSWERED after 7 s to /answer: zip=94070 SUCCESS"#]]
    .assert_eq(&run(&mut session, &zip(1)));
}

#[test]
fn the_first_text_waits_for_a_question_of_a_later_document() {
    let mut session = dialogue("yes");
    let first = json!({"tropo": [{"say": [{"value": "A"}, {"value": "B"}]}, {"on": {"event": "continue", "next": "two"}}]});
    expect![[r#"
        < yes
        > A
        > B
        ANSWERED after 7 s to two: -=- -"#]]
    .assert_eq(&run(&mut session, &first));
    let second = json!({"tropo": [{"ask": {"choices": "yes(yeah), no", "name": "sure"}}, {"on": {"event": "continue", "next": "three"}}]});
    expect!["ANSWERED after 7 s to three: sure=yes SUCCESS"].assert_eq(&run(&mut session, &second));
}

#[test]
fn verbs_that_a_text_session_cannot_do() {
    let mut session = dialogue("x");
    let document = json!({"tropo": [
        {"transfer": {"to": "tel:+1"}}, {"message": {"to": "1", "say": {"value": "Hi"}}}, {"redirect": {"to": "sip:a"}},
        {"record": {"name": "r"}}, {"conference": {}}, {"wait": {"milliseconds": 10}}, {"answer": {}},
        {"generalLogSecurity": "suppress"}, {"say": {"value": "secret"}}, {"generalLogSecurity": "none"}, {"unheard": 1},
        {"on": {"event": "incomplete", "next": "/no"}}, 7, {"ask": 1}, {"say": {}}]});
    expect![[r#"
        < x
        transfer {"to":"tel:+1"}
        message {"say":{"value":"Hi"},"to":"1"}
        redirect {"to":"sip:a"}
        (> secret)
        unheard 1
        ANSWERED after 7 s to /no: r=- FAILED, conference=- FAILED"#]]
    .assert_eq(&run(&mut session, &document));
    assert_eq!(shown(&mut dialogue("x")), "< x\nnothing_more");
    assert_eq!(
        run(&mut dialogue("x"), &json!({"tropo": [{"reject": {}}, {"say": {"value": "never"}}]})),
        "< x\nreject"
    );
}

#[test]
fn an_application_that_calls_itself_is_stopped() {
    let mut session = dialogue("x");
    let document = json!({"tropo": [{"on": {"event": "continue", "next": "again"}}]});
    let steps = (0..60)
        .map(|_| run(&mut session, &document))
        .filter(|step| step.ends_with("too_many_documents"));
    assert_eq!(steps.count(), 10);
}

#[test]
fn a_session_on_its_way_can_be_written_down() {
    let mut session = dialogue("");
    run(&mut session, &zip(2));
    let text = serde_json::to_string(&session).unwrap();
    assert_eq!(serde_json::from_str::<Dialogue>(&text).unwrap(), session);
}

#[test]
fn a_beginning_is_posted_as_the_platform_does() {
    let payload = dialogue("94070").beginning().payload();
    assert_eq!(told(&payload), serde_json::from_str::<Json>(&payload).unwrap());
    assert_eq!(signals(&payload).len(), 2);
}

#[test]
fn what_is_no_document() {
    assert_eq!(Document::parse(b" ").unwrap(), Document::default());
    assert_eq!(Document::parse(br#"{"tropo":[]}"#).unwrap(), Document::default());
    for body in ["<html>", "[]", "{}", r#"{"tropo":{}}"#] {
        assert!(Document::parse(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn a_session_of_another_dialect_that_is_over_has_its_result() {
    let call = r#"[
        {"id":"1","type":"call_started","occurred_at":"2026-01-05T10:00:00Z","session_id":"c","source":"pbx",
         "call":{"id":"C-9"},"person":{"phone":"+16195550108"}},
        {"id":"2","type":"call_ended","occurred_at":"2026-01-05T10:01:05.900Z","session_id":"c","source":"pbx",
         "ended_how":"failed","source_status":"hung up","integration":{"result_code":"E42"}}]"#;
    let results = |body: &str| {
        let signals = canonical::decode(body.as_bytes(), &Context::default()).unwrap();
        let folded = fold(signals.into_iter().map(Result::unwrap), UnixMillis(1_767_657_600_000));
        tropo::of_session(&folded.view())
    };
    let told = results(call);
    let id = told["session"]["id"].as_str().unwrap();
    expect![[r#"[{"callId":"C-9","error":"E42","sequence":null,"sessionDuration":65,"sessionId":"ID","state":"FAILED"}]"#]]
        .assert_eq(&told["results"].to_string().replace(id, "ID"));
    let goes_on: Vec<Json> = serde_json::from_str(call).unwrap();
    assert_eq!(results(&goes_on[0].to_string())["results"], Json::Null);
}

#[test]
fn a_session_is_read_with_its_results() {
    let session = r#""session":{"id":"s","timestamp":"2026-01-05T10:00:00Z","from":{"id":"a","channel":"VOICE"}}"#;
    let result = r#"{"sessionId":"s","state":"DISCONNECTED","sessionDuration":65}"#;
    let posted =
        read(&format!(r#"{{"results":[{result}],{session}}}"#), &Context::default()).unwrap();
    let shown: Vec<String> = posted
        .signals
        .iter()
        .map(|signal| format!("{} {}", signal.kind, signal.occurred_at.as_ref().unwrap().at))
        .collect();
    assert_eq!(
        shown,
        ["call_started 2026-01-05T10:00:00.000Z", "call_ended 2026-01-05T10:01:05.000Z"]
    );
    assert_eq!((posted.phase, posted.is_last), (Phase::Session, true));
    // Any other list is a member like others; without a session it says nothing.
    for list in ["[7]", r#"[{"state":"DISCONNECTED"}]"#] {
        let odd = signals(&format!(r#"{{"results":{list},{session}}}"#));
        assert_eq!(odd.len(), 1);
        assert_eq!(odd[0].attributes.get("results").unwrap().text(), list);
    }
    assert!(read(&format!(r#"{{"results":[{result}]}}"#), &Context::default()).is_err());
}

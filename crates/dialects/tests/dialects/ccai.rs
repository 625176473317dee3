//! CCAI Platform as its senders use it: events and files in, records and files out.
#![expect(clippy::unwrap_used, reason = "a test says so by failing")]
#![expect(clippy::needless_raw_string_hashes, reason = "the form that expect-test writes")]
use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::{collection, prelude::*, sample};
use serde_json::{Map, Value as Json, json};
use sessionary_core::{
    outcome, record,
    rules::Rules,
    session::Session,
    signal::Signal,
    time::{Millis, UnixMillis},
};
use sessionary_dialects::{
    Context, Format, View,
    ccai::{decode_events, decode_metadata},
};

use crate::folded;

const CALL: &str = include_str!("../../../../data/golden/ccai/call.json");
const CHAT: &str = include_str!("../../../../data/golden/ccai/chat.json");
/// 2026-01-06T00:00:00Z.
const NOW: UnixMillis = UnixMillis(1_767_657_600_000);

fn context() -> Context<'static> {
    Context { country: Some("US"), ..Context::default() }
}

fn events(body: &str) -> Vec<Signal> {
    let items = decode_events(body.as_bytes(), &context()).unwrap();
    items.into_iter().map(Result::unwrap).collect()
}

fn file(body: &str) -> Vec<Signal> {
    decode_metadata(body.as_bytes(), &context()).unwrap().remove(0).unwrap()
}

fn fold(signals: &[Signal]) -> Session {
    folded::fold(signals.iter().cloned(), NOW).session
}

fn written(session: &Session) -> Json {
    let rules = Rules::default();
    Format::Ccai.encode(&View { session, rules: &rules, now: NOW, signals: &[] })
}

fn told(session: &Session) -> Json {
    record::of(session, &Rules::default(), NOW)
}

/// Without what is ours in it.
fn theirs(mut file: Json) -> Map<String, Json> {
    let file = file.as_object_mut().unwrap();
    file.remove("sessionary");
    file.clone()
}

/// A signal in a few lines.
fn show(signal: &Signal) -> String {
    let mut lines = vec![format!("{} {}", signal.kind, signal.key)];
    let at = signal.occurred_at.as_ref().map_or("-".to_owned(), |at| at.at.to_string());
    let channel = signal.channel.map_or("-", |channel| channel.word());
    let session = signal.session.as_deref().unwrap_or("-");
    lines.push(format!("at {at} on {channel} of {} {session}", signal.source));
    for identity in &signal.identities {
        lines.push(format!("{} {} {:?}", identity.kind, identity.value, identity.original));
    }
    lines.extend(
        signal.claim.as_ref().map(|claim| format!("claim {} {:?}", claim.code, claim.author)),
    );
    for (number, value) in &signal.fields {
        lines.push(format!("{} {}", number.0, value.to_json()));
    }
    for (path, raw) in &signal.attributes {
        lines.push(format!("{path} {}", raw.text()));
    }
    if !signal.warnings.is_empty() {
        lines.push(format!("warnings {}", signal.warnings.join(" ")));
    }
    lines.join("\n")
}

fn check_event(body: &str, expected: &Expect) {
    let items = decode_events(body.as_bytes(), &context()).unwrap();
    let shown: Vec<String> = items
        .iter()
        .map(|item| match item {
            Ok(signal) => show(signal),
            Err(error) => format!("{} {:?} {:?}: {error}", error.code, error.id, error.field),
        })
        .collect();
    expected.assert_eq(&shown.join("\n---\n"));
}

// In

#[test]
fn an_event_by_number_and_by_name() {
    check_event(
        r#"{"id":12345,"session_type":"Voice Inbound","status":"queued","occurred_at":"2026-01-05T10:00:00Z"}"#,
        &expect![[r#"
            call_queued ccai:call:12345:queued:1767607200000
            at 2026-01-05T10:00:00.000Z on voice of ccai:call 12345
            1030 "inbound"
            1107 "Voice Inbound (IVR)"
            1109 "pstn"
            1121 "2026-01-05T10:00:00.000Z"
            1140 "queued"
            1151 ["assigned","va_assigned","scheduled","deflected","voicemail","failed","queued","abandoned","canceled"]"#]],
    );
    check_event(
        r#"[{"id":"12345","status":8,"occurred_at":"2026-01-05T10:05:00.000+03:00","call_duration":245.7,"lang":"en","colour":"red"}]"#,
        &expect![[r#"
            call_ended ccai:call:12345:finished:1767596700000
            at 2026-01-05T07:05:00.000Z on voice of ccai:call 12345
            401 245700
            1044 "completed"
            1047 "en"
            1120 "2026-01-05T07:05:00.000Z"
            1140 "finished"
            1151 []
            colour "red""#]],
    );
}

#[test]
fn an_event_with_members_of_a_file() {
    check_event(
        r#"{"id":7,"event_id":"e-1","session_type":"Messaging (SMS)","status":"va_connected","occurred_at":"2026-01-05T10:00:00Z",
            "end_user":{"id":87,"identifier":"user_1001"},"menu_path":{"name":"A/B","materialized_path":"1/2","items_count":2},
            "queue_priority_level":"2","rating":"none","recording_permission":"Not Asked","subStatus":"x","sub_status":null,
            "agent_info":{"id":4,"name":"Bot","va_alias":"bot"},"voip_provider":"","photos":[]}"#,
        &expect![[r#"
            call_answered e-1
            at 2026-01-05T10:00:00.000Z on messaging of ccai:chat 7
            user_id user_1001 None
            end_user ccai:87 Some("87")
            306 "4"
            1030 "inbound"
            1032 "virtual"
            1035 "B"
            1042 "not_asked"
            1043 "Bot"
            1107 "Messaging Inbound (SMS)"
            1109 "sms"
            1140 "va_connected"
            1141 "x"
            1142 true
            1143 "2026-01-05T10:00:00.000Z"
            1151 ["queued","assigned","va_assigned","selecting","deflected","voicemail","finished","failed"]
            1204 ["A","B"]
            1205 ["1","2"]
            1206 2
            agent_info {"id":4,"name":"Bot","va_alias":"bot"}
            end_user {"id":87,"identifier":"user_1001"}
            rating "none"
            warnings unreadable_rating"#]],
    );
}

#[test]
fn the_platforms_own_envelope() {
    check_event(
        r#"{"count":6,"events":[
            {"event_id":"6f1d-1","timestamp":1767607200000,"item":{"call_id":9,"dn":"+12223334444"}},
            {"event_id":"6f1d-2","timestamp":1767607201000,"item":{"call_id":9,"queue_path_names":["Main","Billing"],"initiator":"virtual_agent_15"}},
            {"event_id":"6f1d-3","timestamp":1767607202000,"item":{"call_id":9,"agent_id":1,"agent_name":"Noam B"}},
            {"event_id":"6f1d-4","timestamp":1767607203000,"item":{"call_id":9,"agent_id":1,"connected_at":"2026-01-05T10:00:03Z"}},
            {"event_id":"6f1d-5","timestamp":1767607204000,"item":{"call_id":9,"ends_at":"2026-01-05T10:00:04Z"}},
            {"event_id":"6f1d-6","timestamp":1767607205000,"item":{"call_id":9,"dispositions":{"code":"wrong_number","custom_code_id":3,"note":"sorry"}}}]}"#,
        &expect![[r#"
            call_started 6f1d-1
            at 2026-01-05T10:00:00.000Z on voice of ccai:call 9
            dn "+12223334444"
            ---
            call_queued 6f1d-2
            at 2026-01-05T10:00:01.000Z on voice of ccai:call 9
            1035 "Billing"
            1204 ["Main","Billing"]
            initiator "virtual_agent_15"
            ---
            call_progressed 6f1d-3
            at 2026-01-05T10:00:02.000Z on voice of ccai:call 9
            306 "1"
            1043 "Noam B"
            ---
            call_answered 6f1d-4
            at 2026-01-05T10:00:03.000Z on voice of ccai:call 9
            306 "1"
            1123 "2026-01-05T10:00:03.000Z"
            ---
            call_ended 6f1d-5
            at 2026-01-05T10:00:04.000Z on voice of ccai:call 9
            1120 "2026-01-05T10:00:04.000Z"
            ---
            session_reported 6f1d-6
            at 2026-01-05T10:00:05.000Z on voice of ccai:call 9
            claim 13 Agent
            309 "sorry"
            1160 ["wrong_number"]
            1161 {"code":"wrong_number","custom_code_id":3,"note":"sorry"}"#]],
    );
}

#[test]
fn what_cannot_be_understood_is_said_and_fails_no_other() {
    check_event(
        r#"[{"status":1},{"id":1.5},{"id":null},{"id":1,"status":{"a":1}},{"id":1,"occurred_at":"soon"},
            {"id":1,"timestamp":99},3,"x",[],{"id":2,"status":61,"occurred_at":"2026-01-05T10:00:00Z"},
            {"id":3,"session_type":"Voice Teleport","created_at":"never","call_duration":"long","recordings":{}}]"#,
        &expect![[r#"
            missing_member None Some("id"): `id` is missing; send the number of the call or chat
            ---
            wrong_value Some("1.5") Some("id"): `id` is 1.5; send the number of the call or chat, at most 64 characters
            ---
            missing_member None Some("id"): `id` is missing; send the number of the call or chat
            ---
            wrong_value Some("1") Some("status"): `status` is {"a":1}; send a name such as queued, or its number
            ---
            wrong_value Some("1") Some("occurred_at"): `occurred_at` is "soon"; send a time such as 2026-01-05T10:00:00.000+01:00
            ---
            wrong_value Some("1") Some("timestamp"): `timestamp` is 99; send a time such as 2026-01-05T10:00:00.000+01:00
            ---
            not_an_object None None: the item is not a JSON object: invalid type: integer `3`, expected a map at line 1 column 1
            ---
            not_an_object None None: the item is not a JSON object: invalid type: string "x", expected a map at line 1 column 3
            ---
            not_an_object None None: the item is not a JSON object: invalid type: sequence, expected a map at line 1 column 0
            ---
            call_progressed ccai:call:2:61:1767607200000
            at 2026-01-05T10:00:00.000Z on voice of ccai:call 2
            1140 "61"
            warnings unknown_status
            ---
            call_started body:dc0186d362dd1604
            at - on voice of ccai:call 3
            1107 "Voice Teleport"
            call_duration "long"
            created_at "never"
            session_type "Voice Teleport"
            warnings unknown_session_type unreadable_created_at"#]],
    );
}

#[test]
fn bodies_that_hold_nothing_are_refused_whole() {
    for body in ["", " ", "{", "3", "\"x\"", "[1", "\u{0}"] {
        assert!(decode_events(body.as_bytes(), &context()).is_err(), "{body:?}");
        assert!(decode_metadata(body.as_bytes(), &context()).is_err(), "{body:?}");
    }
    let many = format!("{{\"events\":[{}]}}", vec!["{}"; 501].join(","));
    assert!(decode_events(many.as_bytes(), &context()).is_err());
}

#[test]
fn an_envelope_may_be_larger_than_one_event_and_no_list_makes_more_of_itself() {
    let note = "x".repeat(4_000);
    let event =
        json!({"event_id": "#", "item": {"call_id": 1, "status": 1, "note": note}}).to_string();
    let list: Vec<String> = (0..400).map(|at| event.replace('#', &at.to_string())).collect();
    let envelope = format!(r#"{{"events":[{}]}}"#, list.join(","));
    assert!(envelope.len() > context().limits.item);
    assert_eq!(events(&envelope).len(), 400);
    let large = json!({"id": 1, "notes": vec![note.as_str(); 300]}).to_string();
    let refused = decode_events(large.as_bytes(), &context()).unwrap().remove(0).unwrap_err();
    assert_eq!(refused.code, "item_too_large");
    let rows = vec![json!({"call_duration": 1, "created_at": "2026-01-05T10:00:00Z"}); 5_000];
    let path = "/".repeat(60_000);
    let file = file(
        &json!({"id": 1, "handle_durations": rows, "transfers": rows, "menu_path": {"name": path},
                "disposition_codes": vec![7; 5_000]})
        .to_string(),
    );
    assert_eq!(file.len(), 201);
    let back = theirs(written(&fold(&file)));
    assert_eq!(back["handle_durations"].as_array().unwrap().len(), 5_000);
    assert_eq!(back["menu_path"]["name"], path);
}

#[test]
fn a_file_is_its_milestones_and_a_report() {
    let shown: Vec<String> = file(CHAT).iter().map(show).collect();
    expect![[r#"
        call_started body:571a07634cbb2565
        at 2026-01-05T10:00:00.000Z on chat of ccai:chat 5120
        ---
        call_queued body:0dd6f7bec69119bd
        at 2026-01-05T10:00:05.000Z on chat of ccai:chat 5120
        ---
        call_ended body:f7619cbeabddfab8
        at 2026-01-05T10:12:00.000Z on chat of ccai:chat 5120
        ---
        session_reported ccai:chat:5120:report:001767608820000:57977384638fa345
        at 2026-01-05T10:12:00.000Z on chat of ccai:chat 5120
        end_user ccai:88 Some("88")
        307 "nothing"
        400 "2026-01-05T10:00:00.000Z"
        401 720000
        1030 "inbound"
        1035 "Orders"
        1042 "not_asked"
        1044 "completed"
        1047 "de"
        1107 "Messaging Inbound (Mobile Chat)"
        1109 "in_app_chat"
        1120 "2026-01-05T10:12:00.000Z"
        1121 "2026-01-05T10:00:05.000Z"
        1122 "2026-01-05T10:00:40.000Z"
        1124 "2026-01-05T10:27:00.000Z"
        1131 35000
        1133 [{"ended_at":"2026-01-05T10:00:40.000+00:00","id":1,"menu_path":"Chat/Orders","queue_duration":35,"started_at":"2026-01-05T10:00:05.000+00:00"}]
        1135 [{"after_work_ms":null,"agent":null,"answered_at":null,"answered_by":null,"before_work_ms":null,"ended_at":"2026-01-05T10:00:40.000Z","handle_ms":null,"hold_ms":null,"kind":"queue","met_service_level":null,"queue":"Orders","started_at":"2026-01-05T10:00:05.000Z","talk_ms":null,"wait_ms":35000}]
        1140 "finished"
        1142 false
        1145 "disconnected_by_unknown"
        1149 14
        1164 false
        1165 "no_deflection"
        1204 ["Chat","Orders"]
        1205 ["9","12"]
        1206 8
        1209 {"photos":0,"texts":0,"verification":false,"videos":0}
        average_response_time 21
        chat_uuid "5a0f"
        end_user {"id": 88, "identifier": null, "out_contact_id": null}
        first_msg_sent_at "2026-01-05T10:00:45.000+00:00"
        last_msg_sent_at "2026-01-05T10:11:50.000+00:00"
        longest_response_time 64
        menu_path {"name": "Chat/Orders", "materialized_path": "9/12", "items_count": 2, "menu_type": "web_menu"}
        transcript true"#]].assert_eq(&shown.join("\n---\n"));
}

// Statuses and types

#[test]
fn each_status_means_a_kind_of_signal() {
    let mut lines = String::new();
    for status in (0..=5).chain(8..=23).chain([80, 81]) {
        let signal = events(&json!({"id": 1, "status": status}).to_string()).remove(0);
        let name = signal.text(sessionary_core::dictionary::field::SOURCE_STATUS).unwrap();
        let by_name = events(&json!({"id": 1, "status": name}).to_string()).remove(0);
        assert_eq!(by_name, signal);
        writeln!(lines, "{status} {name}: {}", &*signal.kind).unwrap();
    }
    expect![[r#"
        0 scheduled: call_progressed
        1 queued: call_queued
        2 assigned: call_progressed
        3 connecting: call_progressed
        4 switching: call_progressed
        5 connected: call_answered
        8 finished: call_ended
        9 failed: call_ended
        10 recovered: call_ended
        11 deflected: call_ended
        12 selecting: menu_entered
        13 va_assigned: call_progressed
        14 va_connected: call_answered
        15 preview_pending: call_progressed
        16 preview_ready: call_progressed
        17 campaign_connecting: call_progressed
        18 campaign_connected: call_answered
        19 requeued: call_queued
        20 predictive_waiting: call_progressed
        21 progressive_waiting: call_progressed
        22 preview_waiting: call_progressed
        23 campaign_dialing: call_progressed
        80 voicemail: call_deflected
        81 voicemail_received: call_ended
    "#]]
    .assert_eq(&lines);
}

#[test]
fn each_type_has_a_channel_and_a_source_of_its_numbers() {
    let mut lines = String::new();
    for name in [
        "Voice inbound",
        "Voice inbound (IVR by Mobile)",
        "Voice inbound (Mobile)",
        "Voice callback (Web)",
        "Voice inbound (API)",
        "Voice scheduled (Mobile)",
        "Voice scheduled (Web)",
        "Voice outbound",
        "Voice outbound (API)",
        "Voice Campaign",
        "Messaging (Whatsapp)",
        "Messaging inbound (SMS)",
        "Messaging outbound (SMS)",
        "Messaging outbound (SMS by API)",
        "Messaging (Web)",
        "Messaging (Mobile)",
    ] {
        let body = json!({"id": 1, "session_type": name, "status": 1});
        let signals = events(&body.to_string());
        let file = theirs(written(&fold(&signals)));
        let legacy = if file.contains_key("chat_type") { "chat_type" } else { "call_type" };
        assert_eq!(file[legacy], file["session_type"]);
        let (kind, signal) = (&file["session_type_v2"], &signals[0]);
        let channel = signal.channel.unwrap().word();
        let of = &signal.source;
        writeln!(lines, "{name}: {kind} {legacy} {} on {channel} of {of}", file[legacy]).unwrap();
    }
    expect![[r#"
        Voice inbound: "Voice Inbound (IVR)" call_type "Voice inbound" on voice of ccai:call
        Voice inbound (IVR by Mobile): "Voice Inbound (IVR using Mobile)" call_type "Voice inbound (IVR by Mobile)" on voice of ccai:call
        Voice inbound (Mobile): "Voice Inbound (Mobile)" call_type "Voice inbound (Mobile)" on voice of ccai:call
        Voice callback (Web): "Voice Callback (Web)" call_type "Voice callback (Web)" on voice of ccai:call
        Voice inbound (API): "Voice Inbound (API)" call_type "Voice inbound (API)" on voice of ccai:call
        Voice scheduled (Mobile): "Voice Scheduled (Mobile)" call_type "Voice scheduled (Mobile)" on voice of ccai:call
        Voice scheduled (Web): "Voice Scheduled (Web)" call_type "Voice scheduled (Web)" on voice of ccai:call
        Voice outbound: "Voice Outbound" call_type "Voice outbound" on voice of ccai:call
        Voice outbound (API): "Voice Outbound (API)" call_type "Voice outbound (API)" on voice of ccai:call
        Voice Campaign: "Voice Campaign" call_type "Voice Campaign" on voice of ccai:call
        Messaging (Whatsapp): "Messaging (WhatsApp)" chat_type "Messaging (Whatsapp)" on messaging of ccai:chat
        Messaging inbound (SMS): "Messaging Inbound (SMS)" chat_type "Messaging inbound (SMS)" on messaging of ccai:chat
        Messaging outbound (SMS): "Messaging Outbound (SMS)" chat_type "Messaging outbound (SMS)" on messaging of ccai:chat
        Messaging outbound (SMS by API): "Messaging Outbound (SMS via API)" chat_type "Messaging outbound (SMS by API)" on messaging of ccai:chat
        Messaging (Web): "Messaging Inbound (Web Chat)" chat_type "Messaging (Web)" on chat of ccai:chat
        Messaging (Mobile): "Messaging Inbound (Mobile Chat)" chat_type "Messaging (Mobile)" on chat of ccai:chat
    "#]].assert_eq(&lines);
}

#[test]
fn an_unusual_step_is_taken_and_flagged_in_whatever_order_it_comes() {
    let story = |statuses: &[&str]| -> Vec<Signal> {
        let event = |(at, status): (usize, &&str)| json!({"id": 1, "status": status, "occurred_at": format!("2026-01-05T10:00:{at:02}Z")});
        let list: Vec<Json> = statuses.iter().enumerate().map(event).collect();
        events(&Json::Array(list).to_string())
    };
    let is_flagged = |signals: &[Signal]| {
        let warnings = told(&fold(signals))["warnings"].to_string();
        warnings.contains("unexpected_transition")
    };
    let usual = story(&[
        "selecting",
        "queued",
        "queued",
        "assigned",
        "connecting",
        "connected",
        "finished",
    ]);
    assert!(!is_flagged(&usual));
    let reversed: Vec<Signal> = usual.iter().rev().cloned().collect();
    assert!(!is_flagged(&reversed));
    let unusual = story(&["queued", "finished", "connected"]);
    assert!(is_flagged(&unusual));
    assert_eq!(written(&fold(&unusual))["status"], "connected");
    // Of a status that nobody knows nothing is said, nor of what follows it.
    assert!(!is_flagged(&story(&["queued", "dreaming", "finished"][1..])));
    assert!(!is_flagged(&story(&["dreaming", "finished"])));
}

#[test]
fn events_in_any_order_make_the_same_session() {
    let body = r#"[
        {"id":1,"status":"selecting","occurred_at":"2026-01-05T10:00:00Z"},
        {"id":1,"status":"queued","occurred_at":"2026-01-05T10:00:10Z","menu_path":{"name":"Sales"}},
        {"id":1,"status":"connected","occurred_at":"2026-01-05T10:01:00Z","agent_info":{"id":17,"name":"Noam B"}},
        {"id":1,"status":"queued","occurred_at":"2026-01-05T10:03:00Z","menu_path":{"name":"Billing"}},
        {"id":1,"status":"connected","occurred_at":"2026-01-05T10:03:30Z","agent_info":{"id":23}},
        {"id":1,"status":"connected","occurred_at":"2026-01-05T10:05:00Z","agent_info":{"id":17}},
        {"id":1,"status":"finished","occurred_at":"2026-01-05T10:06:00Z","disposition_codes":["Customer Service"]}]"#;
    let signals = events(body);
    let session = fold(&signals);
    let legs = told(&session)["legs"].clone();
    let lines: Vec<String> = legs
        .as_array()
        .unwrap()
        .iter()
        .map(|leg| format!("{} {} {} {}", leg["kind"], leg["queue"], leg["agent"], leg["wait_ms"]))
        .collect();
    expect![[r#"
        "menu" null null null
        "queue" "Sales" null 50000
        "agent" "Sales" "17" 0
        "queue" "Billing" null 30000
        "agent" "Billing" "23" 0
        "agent" "Billing" "17" 0"#]]
    .assert_eq(&lines.join("\n"));
    assert_eq!(outcome::of(&session.content, &Rules::default()).author, "agent");
    for turn in 0..signals.len() {
        let mut turned = signals.clone();
        turned.rotate_left(turn);
        assert_eq!(fold(&turned).content, session.content);
        turned.reverse();
        assert_eq!(fold(&turned).content, session.content);
    }
}

// Recording

#[test]
fn a_denied_recording_is_gone_in_either_order() {
    let url = r#"{"id":1,"status":"connected","occurred_at":"2026-01-05T10:00:00Z","recording_url":"https://r.example.com/1","recordings":[{"id":1}]}"#;
    let denied = r#"{"id":1,"status":"connected","occurred_at":"2026-01-05T10:00:05Z","recording_permission":"recording_permission_denied"}"#;
    let late = r#"{"id":1,"status":"connected","occurred_at":"2026-01-05T10:00:09Z","recording_url":"https://r.example.com/2"}"#;
    for order in [[url, denied, late], [late, denied, url], [denied, url, late]] {
        let signals: Vec<Signal> = order.iter().flat_map(|body| events(body)).collect();
        let session = fold(&signals);
        let record = told(&session);
        assert_eq!(record["recording"], json!({"permission": "denied"}));
        assert!(record["warnings"].to_string().contains("recording_withheld"));
        let file = written(&session);
        assert_eq!((&file["recording_url"], &file["recordings"]), (&json!(null), &json!([])));
    }
    let both =
        r#"{"id":1,"recording_permission":"Denied","recording_url":"https://r.example.com/1"}"#;
    assert!(!show(&file(both)[0]).contains("r.example.com"), "it is not even stored");
}

// Out

#[test]
fn a_file_comes_back_as_it_went_in() {
    for body in [CALL, CHAT] {
        let sent: Json = serde_json::from_str(body).unwrap();
        let session = fold(&file(body));
        let back = theirs(written(&session));
        for (name, value) in sent.as_object().unwrap() {
            let derived = value.is_null() && matches!(&**name, "connected_at" | "answer_type");
            assert!(
                derived || back.get(name) == Some(value),
                "{name}: {:?} for {value}",
                back.get(name)
            );
        }
        for name in back.keys() {
            assert!(sent.get(name).is_some(), "{name} was not sent");
        }
    }
}

#[test]
fn the_record_of_a_file() {
    let record = told(&fold(&file(CALL)));
    let mut lines = String::new();
    for leg in record["legs"].as_array().unwrap() {
        writeln!(
            lines,
            "{} {} queue {} agent {} wait {} hold {} handle {} after {} before {} met {}",
            leg["kind"].as_str().unwrap(),
            leg["started_at"].as_str().unwrap(),
            leg["queue"],
            leg["agent"],
            leg["wait_ms"],
            leg["hold_ms"],
            leg["handle_ms"],
            leg["after_work_ms"],
            leg["before_work_ms"],
            leg["met_service_level"],
        )
        .unwrap();
    }
    for name in [
        "started_at",
        "ended_at",
        "duration_ms",
        "wait_ms",
        "hold_ms",
        "handle_ms",
        "answered_by",
        "ended_how",
        "disposition",
        "rating",
        "menu",
        "queue",
        "identities",
        "source_status",
        "warnings",
        "event_count",
    ] {
        writeln!(lines, "{name} {}", record[name]).unwrap();
    }
    expect![[r#"
        menu 2026-01-05T10:00:00.000Z queue null agent null wait null hold null handle null after null before null met null
        virtual_agent 2026-01-05T10:00:10.000Z queue null agent "4" wait null hold null handle 20000 after null before null met null
        queue 2026-01-05T10:00:30.000Z queue "Refunds" agent "17" wait 40000 hold null handle null after null before null met true
        agent 2026-01-05T10:01:10.000Z queue "Refunds" agent "17" wait null hold 20000 handle 170000 after 12000 before 0 met null
        queue 2026-01-05T10:04:00.000Z queue "Refunds" agent "23" wait 40000 hold null handle null after null before null met false
        agent 2026-01-05T10:04:40.000Z queue "Refunds" agent "23" wait null hold 3000 handle 120000 after 5000 before null met null
        agent 2026-01-05T10:06:45.000Z queue "Refunds" agent "17" wait null hold 0 handle 135000 after 30000 before null met null
        started_at "2026-01-05T10:00:00.000Z"
        ended_at "2026-01-05T10:09:00.000Z"
        duration_ms 540000
        wait_ms 40000
        hold_ms 23000
        handle_ms 445000
        answered_by "human"
        ended_how "completed"
        disposition {"agent":"17","at":"2026-01-05T10:09:00.000Z","author":"agent","class":"service","code":11,"derived":false,"evidence":["ccai:call:90211:report:001767608642500:65bbeca8d369545a"],"name":"Customer Service","notes":"Refund approved","reason":"the only claim, by agent","source_codes":["Customer Service","Refund"],"source_record":[{"agent_id":17,"code":"Customer Service","name":"Customer Service"},{"code":"Refund","custom":1}]}
        rating {"comment":"Quick and kind","given":true,"value":4}
        menu {"path":["Main","Billing","Refunds"],"path_ids":["2420","4563","6205"],"selected":{"deleted":false,"hidden":false,"id":6205,"menu_type":"ivr_menu","name":"Refunds","output_msg":null,"parent_id":4563,"position":2}}
        queue {"name":"Refunds","priority":3}
        identities [{"original":"87","type":"end_user","value":"ccai:87"},{"type":"external_contact","value":"381630957514"},{"type":"phone","value":"+12223336666"},{"type":"user_id","value":"user_1001"}]
        source_status "finished"
        warnings []
        event_count 10
    "#]].assert_eq(&lines);
}

#[test]
fn a_file_that_is_posted_again_adds_nothing_and_a_later_one_corrects() {
    let first = file(CALL);
    let mut later: Json = serde_json::from_str(CALL).unwrap();
    later["updated_at"] = json!("2026-01-05T12:00:00.000+01:00");
    later["connected_at"] = json!("2026-01-05T11:01:11.000+01:00");
    later["rating"] = json!(2);
    later["disposition_codes"] = json!([{"code": "Spam"}]);
    later["handle_durations"][2]["acw_duration"] = json!(31);
    let later = file(&later.to_string());
    let mut corrected: Json = serde_json::from_str(CALL).unwrap();
    corrected["updated_at"] = json!("2026-01-05T13:00:00.000+01:00");
    let corrected = file(&corrected.to_string());

    let once = fold(&first);
    let twice = fold(&[&first[..], &first[..]].concat());
    assert_eq!(twice.content, once.content);

    for order in [[&first, &later], [&later, &first]] {
        let session = fold(&order.map(|signals| &signals[..]).concat());
        let file = written(&session);
        assert_eq!(file["connected_at"], "2026-01-05T11:01:11.000+01:00");
        assert_eq!(
            (&file["rating"], &file["disposition_codes"][0]["code"]),
            (&json!(2), &json!("Spam"))
        );
        let record = told(&session);
        assert_eq!(record["disposition"]["code"], 14);
        assert_eq!(record["legs"].as_array().unwrap().len(), 7);
        assert_eq!(record["ended_at"], "2026-01-05T10:09:00.000Z");
        assert_eq!(session.content.end_mark, once.content.end_mark);
    }
    // There and back again: the last version holds, though it says what the first one did.
    let all = [&first[..], &later[..], &corrected[..]].concat();
    let session = fold(&all);
    assert_eq!(told(&session)["disposition"]["code"], 11);
    assert_eq!(session.content.claims.len(), 3);
    // A version that only repeats the outcome adds no claim.
    let session = fold(&[&first[..], &corrected[..]].concat());
    assert_eq!(session.content.claims.len(), 1);
}

#[test]
fn events_and_the_file_of_one_call_make_one_session() {
    let live = events(
        r#"[{"id":90211,"status":"queued","occurred_at":"2026-01-05T10:00:30Z","session_type":"Voice Inbound"},
            {"id":90211,"status":"assigned","occurred_at":"2026-01-05T10:01:05Z"},
            {"id":90211,"status":"connected","occurred_at":"2026-01-05T10:01:10Z"},
            {"id":90211,"status":"finished","occurred_at":"2026-01-05T10:09:00Z"}]"#,
    );
    let session = fold(&[&live[..], &file(CALL)[..]].concat());
    let record = told(&session);
    assert_eq!(record["legs"].as_array().unwrap().len(), 7);
    assert_eq!(record["ended_at"], "2026-01-05T10:09:00.000Z");
    assert_eq!(record["warnings"], json!([]));
    assert_eq!(record["source_status"], "finished");
}

#[test]
fn a_session_of_another_dialect_is_told_as_a_file() {
    let body = r#"[
        {"id":"a","type":"call_started","channel":"voice","occurred_at":"2026-01-05T10:00:00Z","session_id":"S1","source":"pbx","call":{"direction":"outbound","line":"+12223334444"},"identities":[{"type":"phone","value":"+12223336666"}]},
        {"id":"b","type":"call_queued","channel":"voice","occurred_at":"2026-01-05T10:00:05Z","session_id":"S1","source":"pbx","queue":{"name":"sales"}},
        {"id":"c","type":"call_answered","channel":"voice","occurred_at":"2026-01-05T10:00:25.900Z","session_id":"S1","source":"pbx","integration":{"agent_id":"a-1"},"queue":{"met_service_level":true}},
        {"id":"d","type":"call_held","channel":"voice","occurred_at":"2026-01-05T10:01:00Z","session_id":"S1","source":"pbx"},
        {"id":"e","type":"call_resumed","channel":"voice","occurred_at":"2026-01-05T10:01:07Z","session_id":"S1","source":"pbx"},
        {"id":"f","type":"call_ended","channel":"voice","occurred_at":"2026-01-05T10:02:00Z","session_id":"S1","source":"pbx","call":{"after_work_ms":4500}},
        {"id":"g","type":"disposition_posted","channel":"voice","occurred_at":"2026-01-05T10:02:30Z","session_id":"S1","source":"pbx","disposition":{"code":10,"notes":"sold"},"shoe":44}]"#;
    let items = sessionary_dialects::canonical::decode(body.as_bytes(), &context()).unwrap();
    let signals: Vec<Signal> = items.into_iter().map(Result::unwrap).collect();
    let mut session = fold(&signals);
    session.envelope.alias = 6405;
    let file = written(&session);
    let shown: Vec<String> = file
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, value)| !value.is_null() && **value != json!([]) && **name != "sessionary")
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    expect![[r#"
        agent_info {"id":"a-1","name":null}
        answer_type "human_agent"
        call_duration 150
        call_type "Voice Outbound"
        connected_at "2026-01-05T10:00:25.900+00:00"
        created_at "2026-01-05T10:00:00.000+00:00"
        customer_phone_number "+12223336666"
        diagnostics {}
        disposition_codes [{"code":"Convert"}]
        disposition_notes "sold"
        ends_at "2026-01-05T10:02:30.000+00:00"
        handle_durations [{"acw_duration":4,"agent_id":"a-1","bcw_duration":null,"call_duration":87,"chat_duration":null,"ended_at":"2026-01-05T10:02:00.000+00:00","hold_duration":7,"id":null,"menu_path":"sales","started_at":"2026-01-05T10:00:25.900+00:00","transfer":false}]
        has_feedback false
        hold_duration 7
        id 6405
        menu_path {"items_count":1,"materialized_path":null,"name":"sales"}
        queue_durations [{"agent_id":null,"ended_at":"2026-01-05T10:00:25.900+00:00","id":null,"lang":null,"menu_path":"sales","queue_duration":20,"service_level_event":"in_sla","started_at":"2026-01-05T10:00:05.000+00:00","transfer":false,"transfer_cold":null,"transfer_id":null}]
        queued_at "2026-01-05T10:00:05.000+00:00"
        session_type "Voice Outbound"
        session_type_v2 "Voice Outbound"
        smart_actions {"photos":0,"texts":0,"verification":false,"videos":0}
        status "finished"
        support_number "+12223334444"
        updated_at "2026-01-06T00:00:00.000+00:00"
        virtual_agent false
        wait_duration 20"#]].assert_eq(&shown.join("\n"));
    assert_eq!(file["sessionary"]["attributes"], json!({"shoe": 44}));
    assert_eq!(file["sessionary"]["disposition"]["code"], 10);
}

// Laws

/// Names of members, theirs and others.
const NAMES: [&str; 24] = [
    "id",
    "status",
    "session_type",
    "session_type_v2",
    "occurred_at",
    "created_at",
    "ends_at",
    "updated_at",
    "call_duration",
    "rating",
    "recording_permission",
    "recording_url",
    "menu_path",
    "agent_info",
    "end_user",
    "handle_durations",
    "queue_durations",
    "transfers",
    "events",
    "item",
    "disposition_codes",
    "answer_type",
    "chat_uuid",
    "unknown",
];

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<i32>().prop_map(|number| Json::from(f64::from(number) / 4.0)),
        "[a-z0-9/ :+-]{0,12}".prop_map(Json::from),
        Just(json!("2026-01-05T10:00:00.000+01:00")),
        Just(json!("denied")),
        Just(json!("virtual_agent")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = sample::select(vec![
            "id",
            "name",
            "materialized_path",
            "items_count",
            "code",
            "note",
            "started_at",
            "ended_at",
            "agent_id",
            "call_duration",
            "connected_at",
            "created_at",
            "to_agent",
        ]);
        prop_oneof![
            collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            collection::hash_map(name, inner, 0..4).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
                Json::Object(members.collect())
            }),
        ]
    })
}

fn is_nothing(value: &Json) -> bool {
    value.is_null() || *value == json!([]) || *value == json!({})
}

fn any_object() -> impl Strategy<Value = Json> {
    let members = collection::hash_map(sample::select(NAMES.to_vec()), any_json(), 0..12);
    members.prop_map(|members| {
        let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
        Json::Object(members.collect())
    })
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_events(&bytes, &context());
        let _ = decode_metadata(&bytes, &context());
    }

    #[test]
    fn no_object_makes_decoder_or_encoder_panic_and_writing_is_stable(mut object in any_object()) {
        let _ = decode_events(object.to_string().as_bytes(), &context());
        object["id"] = json!(7);
        let items = decode_metadata(object.to_string().as_bytes(), &context()).unwrap();
        for signals in items.into_iter().flatten() {
            let once = theirs(written(&fold(&signals)));
            let again = file(&Json::Object(once.clone()).to_string());
            let twice = theirs(written(&fold(&again)));
            // What was told once is told again; only what was left open may be known by now.
            for (name, value) in once.iter().filter(|(_, value)| !is_nothing(value)) {
                prop_assert_eq!(&twice[name], value, "{}", name);
            }
        }
    }

    #[test]
    fn a_session_depends_on_the_set_of_its_events_alone(
        events_of_it in collection::vec((0..30_u8, 0..40_u32, 0..4_u32), 1..9),
        turn in 0..9_usize,
    ) {
        let list: Vec<Json> = events_of_it
            .iter()
            .map(|(status, second, agent)| json!({
                "id": 1,
                "status": status,
                "occurred_at": format!("2026-01-05T10:00:{second:02}Z"),
                "agent_info": {"id": agent},
                "recording_permission": if *agent == 3 { "denied" } else { "granted" },
                "recording_url": format!("https://r.example.com/{second}"),
            }))
            .collect();
        let signals = events(&Json::Array(list).to_string());
        // The same event with another agent is a conflict, and never folded.
        let mut distinct: Vec<Signal> = Vec::new();
        for signal in signals {
            if !distinct.iter().any(|known| known.key == signal.key) {
                distinct.push(signal);
            }
        }
        let content = fold(&distinct).content;
        let at = turn % distinct.len();
        distinct.rotate_left(at);
        prop_assert_eq!(&fold(&distinct).content, &content);
        distinct.reverse();
        prop_assert_eq!(&fold(&distinct).content, &content);
        let length = Millis(40_000);
        prop_assert!(content.legs.iter().all(|leg| leg.hold_ms <= length));
    }
}

#[test]
fn a_code_means_what_it_is_called() {
    let claimed = |codes: &str| {
        let body = format!(
            r#"{{"id":1,"status":"finished","occurred_at":"2026-01-05T10:06:00Z","disposition_codes":{codes}}}"#
        );
        events(&body).remove(0).claim.map(|claim| claim.code)
    };
    assert_eq!(claimed(r#"[{"code":"R7","name":"Customer Service"}]"#), Some(11));
    assert_eq!(
        claimed(r#"[{"code":"R7","name":"Customer Service"},{"code":"Convert"}]"#),
        Some(10),
        "codes first"
    );
    assert_eq!(claimed(r#"[{"code":"11"}]"#), None, "a number of theirs is none of ours");
}

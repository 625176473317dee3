//! Conditions as tables: what a signal or a session is, what is asked, what comes of it.
use expect_test::{Expect, expect};

use super::*;
use crate::{
    channel::Channel,
    content::SplitCause,
    dictionary::{Member, by_member},
    record,
    session::{Envelope, Session, Status},
    signal::{Signal, kind},
    sorted_map::SortedMap,
    value::{RawJson, Value},
};

const START: i64 = 1_767_607_200_000;

/// A signal as `minute type member=value …`; a member that the dictionary lacks is an attribute,
/// and its value JSON. The key of the signal is its minute.
fn signal(line: &str) -> Stamped {
    let mut words = line.split(' ');
    let minute: i64 = words.next().unwrap().parse().unwrap();
    let mut signal = Signal {
        key: minute.to_string().into(),
        kind: words.next().unwrap().into(),
        occurred_at: None,
        sent_at: None,
        sequence: 0,
        channel: Some(Channel::Web),
        session_type: None,
        source: "".into(),
        session: None,
        identities: Vec::new(),
        claim: None,
        fields: SortedMap::new(),
        attributes: SortedMap::new(),
        warnings: Vec::new(),
    };
    for word in words {
        let (name, value) = word.split_once('=').unwrap();
        if name == "channel" {
            signal.channel = Channel::from_word(value);
        } else if let Some(Member::Field(row)) = by_member(name) {
            let value = match row.kind {
                crate::dictionary::FieldType::Text => Value::Text(value.into()),
                crate::dictionary::FieldType::Texts => Value::Texts(vec![value.into()]),
                crate::dictionary::FieldType::Decimal => Value::Decimal(value.parse().unwrap()),
                crate::dictionary::FieldType::Flag => Value::Flag(value == "true"),
                _ => Value::Json(RawJson::of(&serde_json::from_str(value).unwrap())),
            };
            signal.fields.insert(row.number(), value);
        } else {
            let json = serde_json::from_str(value).unwrap();
            signal.attributes.insert(name.into(), RawJson::of(&json));
        }
    }
    let at = UnixMillis(START).plus(Millis::from_mins(minute));
    let marks = match &*signal.kind {
        kind::SCORE_GIVEN => Marks(Marks::NOTE),
        _ => Marks::default(),
    };
    let (position, key_hash) = (minute.unsigned_abs(), 0);
    Stamped { position, at, received_at: at, marks, key_hash, signal: Box::new(signal) }
}

/// A criterion as `key operator value|value`, `~` before it where case is ignored.
fn condition(text: &str) -> Condition {
    let (ignore_case, text) = match text.strip_prefix('~') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let [key, operator, values] = text.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
    let operator = serde_json::from_value(operator.into()).unwrap();
    let values = values.split('|').map(Into::into).collect();
    Condition { key: key.into(), values, operator, ignore_case }
}

fn pattern(count: u32, event: Option<&str>, criteria: &[&str]) -> Pattern {
    Pattern {
        criteria: criteria.iter().copied().map(condition).collect(),
        count,
        stream: Stream::Web,
        session_type: "web".into(),
        event_name: event.map(Into::into),
    }
}

fn definition(kind: GoalKind, journey: Vec<Pattern>, context: &[&[&str]]) -> Definition {
    let context = context.iter().map(|criteria| ContextPattern {
        criteria: criteria.iter().copied().map(condition).collect(),
    });
    Definition {
        id: "d1".into(),
        kind,
        name: "Goal".into(),
        description: None,
        active: true,
        version: 1,
        conditions_version: 1,
        created_at: UnixMillis(START),
        modified_at: UnixMillis(START),
        conditions: Conditions { journey, context: context.collect() },
        positive: true,
        value: None,
        expires_after_days: None,
        color: None,
        shown_to_agents: false,
        external: None,
    }
}

fn fold(goals: &Goals, lines: &str) -> Content {
    let rules = Rules::default();
    let mut signals = lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(signal);
    let first = signals.next().unwrap();
    let mut content = Content::begin(&first, SplitCause::First, &rules);
    goals.observe(&mut content, &first, &rules);
    for stamped in signals {
        content.add(&stamped, &rules);
        goals.observe(&mut content, &stamped, &rules);
    }
    content
}

/// Where a session stands with the one definition, in a few words.
fn standing(definition: &Definition, lines: &str) -> String {
    match fold(&Goals::of([definition]), lines).goals.get("d1") {
        None => "nothing".to_owned(),
        Some(Standing::OnTheWay(Progress { complete, matched, .. })) => {
            format!("{complete} complete, {matched} matched")
        }
        Some(Standing::Reached(reached)) => match reached.value {
            Some(value) => format!("reached by {}, worth {value}", reached.signal),
            None => format!("reached by {}", reached.signal),
        },
    }
}

/// Whether a criterion holds of a signal.
fn holds(criterion: &str, line: &str) -> bool {
    let journey = vec![pattern(1, None, &[criterion])];
    let found = standing(&definition(GoalKind::Outcome, journey, &[]), &format!("0 {line}"));
    found == "reached by 0"
}

#[test]
fn operators() {
    let page = "page_viewed page.url=https://shop.example/Cart?id=7#pay";
    for (criterion, expected) in [
        ("page.url containsAll shop|Cart", true),
        ("page.url containsAll shop|cart", false),
        ("~page.url containsAll SHOP|cart", true),
        ("page.url containsAny nothing|Cart", true),
        ("page.url notContainsAll shop|Cart", false),
        ("page.url notContainsAll shop|cart", true),
        ("page.url notContainsAny nothing|Cart", false),
        ("page.url notContainsAny nothing|other", true),
        ("page.pathname equal /Cart", true),
        ("page.pathname equal /cart", false),
        ("~page.pathname equal /cart", true),
        ("page.pathname equal /a|/Cart", true),
        ("page.pathname notEqual /a|/Cart", false),
        ("page.hostname startsWith shop.", true),
        ("page.hostname endsWith .example", true),
        ("page.domain equal shop.example", true),
        ("page.queryString equal id=7", true),
        ("page.fragment equal pay", true),
        ("page.url greaterThan 1", false),
        ("eventName equal page_viewed", true),
        ("eventName containsAny viewed", true),
    ] {
        assert_eq!(holds(criterion, page), expected, "{criterion}");
    }
}

#[test]
fn what_is_not_there_holds_only_of_a_negation() {
    for (criterion, expected) in [
        ("page.url equal x", false),
        ("page.url notEqual x", true),
        ("page.url notContainsAny x", true),
        ("attributes.price.value greaterThan 1", false),
        ("attributes.price.value lessThan 1", false),
        ("pageviewCount greaterThan 0", false),
    ] {
        assert_eq!(holds(criterion, "clicked"), expected, "{criterion}");
    }
}

#[test]
fn attributes_are_found_wherever_their_dialect_keeps_them() {
    for kept in [
        r"price=9.99",
        r#"price="9.99""#,
        r"properties.price=9.99",
        r#"properties={"price":9.99}"#,
        r#"attributes.price={"dataType":"Number","value":"9.99"}"#,
        r#"attributes.price.value="9.99""#,
        r#"source_attributes.values={"price":{"dataType":"Number","value":"9.99"}}"#,
        r"traits.price=[1,9.99]",
    ] {
        assert!(holds("attributes.price.value equal 9.99", &format!("product_added {kept}")));
        assert!(holds("attributes.price.value greaterThan 9.98", &format!("product_added {kept}")));
        assert!(holds("attributes.price.value greaterThanOrEqual 9.990", &format!("x {kept}")));
        assert!(!holds("attributes.price.value lessThanOrEqual 0.5", &format!("x {kept}")));
    }
    assert!(holds("attributes.cart.items equal 3", r#"x cart={"items":3}"#));
    assert!(holds("commerce.total greaterThan 10", "order_completed commerce.total=24.50"));
    assert!(holds("authenticated equal true", "x authenticated=true"));
    assert!(holds("browser.family equal Firefox", r#"x technical.browser={"family":"Firefox"}"#));
    assert!(holds("searchQuery containsAny shoe", "search_performed search.terms=red-shoes"));
}

#[test]
fn streams_and_types_of_sessions() {
    let check = |stream, session_type: &str, line: &str| {
        let step = Pattern { stream, session_type: session_type.into(), ..pattern(1, None, &[]) };
        standing(&definition(GoalKind::Outcome, vec![step], &[]), &format!("0 {line}")) != "nothing"
    };
    assert!(check(Stream::Web, "web", "clicked"));
    assert!(!check(Stream::App, "app", "clicked"));
    assert!(!check(Stream::Web, "app", "clicked"));
    assert!(check(Stream::App, "app", "screen_viewed channel=app"));
    assert!(check(Stream::Conversation, "conversation", "call_started channel=voice"));
    assert!(check(Stream::Conversation, "phone_call", "call_started channel=voice"));
    assert!(!check(Stream::Conversation, "chat", "call_started channel=voice"));
    assert!(check(Stream::Custom, "custom", "swiped channel=kiosk"));
    assert!(check(Stream::Custom, "", "swiped channel=kiosk"));
}

#[test]
fn a_journey_is_walked_step_by_step_and_one_signal_takes_one_step() {
    let journey = vec![
        pattern(2, Some("page_viewed"), &["page.url containsAny /p/"]),
        pattern(1, Some("Product Added"), &[]),
    ];
    let check = |lines: &str, expected: Expect| {
        let definition = definition(GoalKind::Outcome, journey.clone(), &[]);
        expected.assert_eq(&standing(&definition, lines));
    };
    check("0 product_added", expect!["nothing"]);
    check("0 page_viewed page.url=https://a/p/1", expect!["0 complete, 1 matched"]);
    let both = "0 page_viewed page.url=https://a/p/1\n1 page_viewed page.url=https://a/p/2";
    check(both, expect!["1 complete, 0 matched"]);
    check(
        &format!("{both}\n2 page_viewed page.url=https://a/\n3 product_added"),
        expect!["reached by 3"],
    );
    check(&format!("0 product_added\n{both}"), expect!["1 complete, 0 matched"]);
    check(&format!("{both}\n2 product_added\n3 product_added"), expect!["reached by 2"]);
    check(&format!("{both}\n2 score_given"), expect!["1 complete, 0 matched"]);
}

#[test]
fn the_context_is_asked_of_the_session_once_the_journey_is_complete() {
    let journey = vec![pattern(1, Some("product_added"), &[])];
    let context: &[&[&str]] = &[
        &["mktCampaign.source equal google", "pageviewCount greaterThan 1"],
        &["referrer.hostname endsWith partner.example"],
    ];
    let check = |lines: &str, expected: Expect| {
        let definition = definition(GoalKind::Segment, journey.clone(), context);
        expected.assert_eq(&standing(&definition, lines));
    };
    check(
        "0 page_viewed attribution.source=google\n1 product_added",
        expect!["1 complete, 0 matched"],
    );
    let pages = "0 page_viewed attribution.source=google\n1 page_viewed";
    check(&format!("{pages}\n2 product_added"), expect!["reached by 2"]);
    check(
        "0 product_added\n1 page_viewed page.referrer=https://partner.example/x",
        expect!["reached by 1"],
    );
}

#[test]
fn a_context_alone_is_enough_and_no_condition_at_all_is_not() {
    let context: &[&[&str]] = &[&["geolocation.country equal DE"]];
    let located = r#"0 page_viewed
        1 page_viewed technical.geolocation={"country":"DE"}"#;
    let segment = definition(GoalKind::Segment, Vec::new(), context);
    assert_eq!(standing(&segment, located), "reached by 1");
    assert_eq!(standing(&definition(GoalKind::Segment, Vec::new(), &[]), located), "nothing");
    let asleep = Definition { active: false, ..segment.clone() };
    assert_eq!(standing(&asleep, located), "nothing");
    let elsewhere = ExternalSegment { id: "e".into(), name: "E".into(), source: "Custom".into() };
    let foreign = Definition { external: Some(elsewhere), ..segment };
    assert_eq!(standing(&foreign, located), "nothing");
}

#[test]
fn an_outcome_is_worth_what_its_signal_says() {
    let journey = vec![pattern(1, Some("product_added"), &[])];
    let check = |number, line: &str, expected: Expect| {
        let value = Some(ValueField { key: "attributes.price.value".into(), number });
        let outcome = Definition { value, ..definition(GoalKind::Outcome, journey.clone(), &[]) };
        expected.assert_eq(&standing(&outcome, line));
    };
    check(ValueType::Number, "0 product_added price=9.99", expect!["reached by 0, worth 9.99"]);
    check(ValueType::Integer, "0 product_added price=9.99", expect!["reached by 0, worth 9"]);
    check(ValueType::Number, r#"0 product_added price="free""#, expect!["reached by 0"]);
    check(ValueType::Number, "0 product_added", expect!["reached by 0"]);
}

#[test]
fn other_conditions_begin_anew_and_what_is_reached_stays() {
    let two = definition(GoalKind::Outcome, vec![pattern(2, Some("clicked"), &[])], &[]);
    let changed = Definition { version: 3, conditions_version: 3, ..two.clone() };
    let renamed = Definition { version: 3, name: "Other".into(), ..two.clone() };
    let rules = Rules::default();
    let then = |mut content: Content, definition: &Definition, line| {
        let stamped = signal(line);
        content.add(&stamped, &rules);
        Goals::of([definition]).observe(&mut content, &stamped, &rules);
        content.goals
    };
    let halfway = fold(&Goals::of([&two]), "0 clicked");
    let reached = |goals: &SortedMap<Box<str>, Standing>| {
        matches!(goals.get("d1"), Some(Standing::Reached(_)))
    };
    assert!(reached(&then(halfway.clone(), &two, "1 clicked")));
    assert!(reached(&then(halfway.clone(), &renamed, "1 clicked")));
    assert!(!reached(&then(halfway, &changed, "1 clicked")));
    let done = fold(&Goals::of([&two]), "0 clicked\n1 clicked");
    let before = done.goals.clone();
    assert_eq!(then(done, &changed, "2 clicked"), before);
}

fn record_of(content: Content) -> serde_json::Value {
    let envelope = serde_json::json!({
        "l": vec![0; 16], "k": "device", "st": "open", "o": START, "lr": START,
    });
    let envelope: Envelope = serde_json::from_value(envelope).unwrap();
    assert_eq!(envelope.status, Status::Open);
    let session = Session { envelope, content, members: Vec::new() };
    record::of(&session, &Rules::default(), UnixMillis(START))
}

#[test]
fn the_record_tells_what_was_reached_behind_what_came_as_data() {
    let buy = Definition {
        value: Some(ValueField { key: "commerce.total".into(), number: ValueType::Number }),
        ..definition(GoalKind::Outcome, vec![pattern(1, Some("order_completed"), &[])], &[])
    };
    let feared = Definition {
        id: "d2".into(),
        name: "Left".into(),
        positive: false,
        ..definition(GoalKind::Outcome, vec![pattern(1, Some("left"), &[])], &[])
    };
    let buyers = Definition {
        id: "d3".into(),
        name: "Buyers".into(),
        expires_after_days: Some(30),
        ..definition(GoalKind::Segment, Vec::new(), &[&["eventCount greaterThan 2"]])
    };
    let lines = r#"0 page_viewed outcomes=[{"outcome":{"id":"o"},"achievedDate":"2026-01-05T10:00:00Z"}]
        1 order_completed commerce.total=24.50
        2 left"#;
    let record = record_of(fold(&Goals::of([&buy, &feared, &buyers]), lines));
    let told =
        ["outcomes", "segments", "achieved"].map(|name| format!("{name} {:#}\n", record[name]));
    expect![[r#"
        outcomes [
          {
            "achievedDate": "2026-01-05T10:00:00Z",
            "outcome": {
              "id": "o"
            }
          },
          {
            "at": "2026-01-05T10:01:00.000Z",
            "id": "d1",
            "name": "Goal",
            "signal": "1",
            "value": "24.50"
          },
          {
            "at": "2026-01-05T10:02:00.000Z",
            "id": "d2",
            "name": "Left",
            "signal": "2"
          },
          {
            "at": "2026-01-05T10:02:00.000Z",
            "id": "disposition.10",
            "name": "Convert",
            "signal": "1"
          }
        ]
        segments [
          {
            "at": "2026-01-05T10:02:00.000Z",
            "expires_at": "2026-02-04T10:02:00.000Z",
            "id": "d3",
            "name": "Buyers",
            "scope": "session",
            "signal": "2"
          }
        ]
        achieved [
          "order",
          "Goal"
        ]
    "#]]
    .assert_eq(&told.concat());
    let plain = record_of(fold(&NO_GOALS, "0 page_viewed"));
    assert!(plain.get("outcomes").is_none() && plain.get("segments").is_none());
}

#[test]
fn a_session_of_before_there_were_goals_is_read() {
    let content = fold(&NO_GOALS, "0 page_viewed");
    let bytes = rmp_serde::to_vec_named(&content).unwrap();
    assert!(
        !bytes.windows(2).any(|two| two == b"gl"),
        "sessions without goals take no room for them"
    );
    assert_eq!(rmp_serde::from_slice::<Content>(&bytes).unwrap(), content);
}

#[test]
fn bounds() {
    let good = definition(GoalKind::Outcome, vec![pattern(1, Some("x"), &["a equal b"])], &[]);
    assert_eq!(good.check(), Ok(()));
    let check = |definition: &Definition, expected: Expect| {
        expected.assert_eq(&definition.check().unwrap_err().to_string());
    };
    check(
        &Definition { name: " ".into(), ..good.clone() },
        expect!["/displayName: send 1 to 256 characters"],
    );
    let mut wrong = good.clone();
    wrong.conditions.journey[0].count = 0;
    check(&wrong, expect!["/journey/patterns/0/count: send 1 to 10000"]);
    let mut wrong = good.clone();
    wrong.conditions.journey[0].criteria[0].values.clear();
    check(
        &wrong,
        expect![
            "/journey/patterns/0/criteria/0/values: send 1 to 100 texts of at most 1,024 characters"
        ],
    );
    let mut wrong = good.clone();
    wrong.conditions.context = vec![ContextPattern { criteria: Vec::new() }];
    check(&wrong, expect!["/context/patterns/0/criteria: send 1 to 32 of them"]);
    let mut wrong = good;
    wrong.conditions.journey = vec![pattern(1, None, &[]); 33];
    check(&wrong, expect!["/journey/patterns: send at most 32"]);
}

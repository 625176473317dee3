use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use sessionary_core::{
    goal::{Definition, GoalKind, Operator, Stream},
    time::UnixMillis,
};

use super::*;

const NOW: UnixMillis = UnixMillis(1_767_607_200_000);

fn made(kind: GoalKind, body: &Json) -> Definition {
    let wish = Wish::read(body.to_string().as_bytes()).unwrap();
    wish.create(kind, "the-id".to_owned(), NOW).unwrap()
}

/// The body of a segment with everything in it.
fn segment() -> Json {
    json!({
        "displayName": "Shoppers",
        "description": "Saw the cart",
        "isActive": true,
        "color": "#00FF00",
        "shouldDisplayToAgent": true,
        "assignmentExpirationDays": 30,
        "context": { "patterns": [{ "criteria": [{
            "key": "geolocation.country", "values": ["DE", "FR"], "operator": "equal",
            "shouldIgnoreCase": true, "entityType": "visit",
        }] }] },
        "journey": { "patterns": [{
            "criteria": [{
                "key": "page.url", "values": ["/cart"], "operator": "containsAny",
                "shouldIgnoreCase": false,
            }],
            "count": 2, "streamType": "Web", "sessionType": "web", "eventName": "page_viewed",
        }] },
    })
}

#[test]
fn a_segment_comes_back_as_it_was_sent() {
    let told = tell(&made(GoalKind::Segment, &segment()));
    for (name, value) in segment().as_object().unwrap() {
        assert_eq!(told[name], *value, "{name}");
    }
    let mut rest = told.as_object().unwrap().clone();
    rest.retain(|name, _| segment().get(name).is_none());
    expect![[r#"
        {
          "createdDate": "2026-01-05T10:00:00.000Z",
          "id": "the-id",
          "modifiedDate": "2026-01-05T10:00:00.000Z",
          "scope": "Session",
          "selfUri": "/api/v2/journey/segments/the-id",
          "version": 1
        }"#]]
    .assert_eq(&format!("{:#}", Json::Object(rest)));
}

#[test]
fn the_smallest_bodies_have_everything_that_the_models_ask_for() {
    let body = json!({ "displayName": "D", "description": null, "journey": {} });
    expect![[r#"
        {
          "context": {
            "patterns": []
          },
          "createdDate": "2026-01-05T10:00:00.000Z",
          "displayName": "D",
          "id": "the-id",
          "isActive": true,
          "isPositive": true,
          "journey": {
            "patterns": []
          },
          "modifiedDate": "2026-01-05T10:00:00.000Z",
          "selfUri": "/api/v2/journey/outcomes/the-id",
          "version": 1
        }"#]]
    .assert_eq(&format!("{:#}", tell(&made(GoalKind::Outcome, &body))));
    let foreign = json!({ "displayName": "F", "externalSegment": { "id": "e", "name": "E" } });
    let told = tell(&made(GoalKind::Segment, &foreign));
    assert_eq!((&told["scope"], &told["color"]), (&json!("Customer"), &json!("#008000")));
    assert_eq!(told["externalSegment"], json!({ "id": "e", "name": "E", "source": "Custom" }));
}

#[test]
fn a_change_says_only_what_changes() {
    let before = made(GoalKind::Segment, &segment());
    let later = UnixMillis(NOW.0 + 1);
    let change = |body: Json| {
        Wish::read(body.to_string().as_bytes()).unwrap().change(&before, later).unwrap()
    };
    let renamed = change(json!({ "displayName": "Other", "version": 1 }));
    let expected =
        Definition { name: "Other".into(), version: 2, modified_at: later, ..before.clone() };
    assert_eq!(renamed, expected);
    let emptied = change(json!({ "journey": { "patterns": [] } }));
    assert_eq!((emptied.conditions_version, emptied.conditions.journey.len()), (2, 0));
    assert_eq!(emptied.conditions.context, before.conditions.context);
    assert_eq!(change(json!({ "journey": segment()["journey"] })).conditions_version, 1);
    let asleep = change(json!({ "isActive": false, "color": "", "description": null }));
    assert_eq!((asleep.active, &asleep.color), (false, &before.color));
    assert_eq!(asleep.description, before.description);
}

#[test]
fn what_is_left_out_of_a_pattern_has_a_default() {
    let body = json!({ "displayName": "D", "journey": { "patterns": [
        { "criteria": [{ "key": "page.url", "values": ["x"] }] },
    ] } });
    let pattern = made(GoalKind::Outcome, &body).conditions.journey.remove(0);
    assert_eq!((pattern.count, pattern.stream), (1, Stream::Custom));
    assert_eq!(pattern.criteria[0].operator, Operator::Equal);
}

#[test]
fn wrong_bodies_are_told_where() {
    let check = |body: &str, expected: Expect| {
        let made = Wish::read(body.as_bytes())
            .and_then(|wish| wish.create(GoalKind::Outcome, "id".to_owned(), NOW));
        expected.assert_eq(&made.unwrap_err().to_string());
    };
    check("", expect![": send a JSON object"]);
    check("[]", expect![": send a JSON object"]);
    check("{", expect![": EOF while parsing an object at line 1 column 1"]);
    check("{}", expect!["/displayName: send 1 to 256 characters"]);
    check(
        r#"{"displayName":7}"#,
        expect![": invalid type: integer `7`, expected a string at line 1 column 16"],
    );
    check(
        r##"{"displayName":"D","color":"#GG0000"}"##,
        expect!["/color: send # and six hexadecimal digits"],
    );
    check(
        r#"{"displayName":"D","journey":{"patterns":[{"criteria":[{"key":"k","values":[],"operator":"equal"}]}]}}"#,
        expect![
            "/journey/patterns/0/criteria/0/values: send 1 to 100 texts of at most 1,024 characters"
        ],
    );
    check(
        r#"{"displayName":"D","journey":{"patterns":[{"criteria":[{"key":"k","values":["v"],"operator":"like"}]}]}}"#,
        expect![
            ": unknown variant `like`, expected one of `containsAll`, `containsAny`, `notContainsAll`, `notContainsAny`, `equal`, `notEqual`, `greaterThan`, `greaterThanOrEqual`, `lessThan`, `lessThanOrEqual`, `startsWith`, `endsWith` at line 1 column 98"
        ],
    );
    check(
        r#"{"displayName":"D","associatedValueField":{"dataType":"Number"}}"#,
        expect!["/associatedValueField/name: send the name of an attribute"],
    );
    let values: Vec<String> = vec!["v".repeat(1_000); 40];
    let large = json!({ "displayName": "D", "context": { "patterns": [
        { "criteria": [{ "key": "k", "values": values }] },
    ] } });
    check(&large.to_string(), expect![": it takes 40407 bytes; send at most 32768"]);
}

fn listed(kind: GoalKind, query: &str) -> Result<Json, (&'static str, String)> {
    let definitions: Vec<Definition> = (0..5)
        .map(|n| {
            let name = ["Echo", "alpha", "Delta", "Bravo", "Charlie"][n];
            let body = json!({ "displayName": name, "description": "d", "isActive": n != 2 });
            let at = UnixMillis(NOW.0 + i64::try_from(n).unwrap());
            let kind = if n == 4 { GoalKind::Segment } else { GoalKind::Outcome };
            Definition { id: format!("id{n}").into(), created_at: at, ..made(kind, &body) }
        })
        .collect();
    let query = form_urlencoded::parse(query.as_bytes()).into_owned();
    Ok(page(&definitions, &Selection::read(kind, query)?))
}

fn names(query: &str) -> String {
    let page = listed(GoalKind::Outcome, query).unwrap();
    let names = page["entities"].as_array().unwrap().iter().map(|one| &one["displayName"]);
    names.map(|name| name.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn lists_are_selected_and_sorted() {
    assert_eq!(names(""), "Echo alpha Delta Bravo");
    assert_eq!(names("sortBy=displayName"), "Bravo Delta Echo alpha");
    assert_eq!(names("sortBy=isActive,-createdDate"), "Delta Bravo alpha Echo");
    assert_eq!(names("outcomeIds=id1&outcomeIds=id3,id0"), "Echo alpha Bravo");
    assert_eq!(names("isActive=false"), "Delta");
    assert_eq!(names("queryFields=displayName&queryValue=A"), "alpha Delta Bravo");
    assert_eq!(names("queryFields=description&queryValue=d"), "Echo alpha Delta Bravo");
    assert_eq!(names("queryValue=ech"), "Echo");
    assert_eq!(names("segmentIds=id1"), "Echo alpha Delta Bravo");
    let segments = listed(GoalKind::Segment, "").unwrap();
    assert_eq!((&segments["total"], &segments["pageCount"]), (&json!(1), &json!(1)));
}

#[test]
fn pages_are_linked() {
    let mut page = listed(GoalKind::Outcome, "isActive=true&pageSize=1&pageNumber=2").unwrap();
    page.as_object_mut().unwrap().remove("entities");
    expect![[r#"
        {
          "firstUri": "/api/v2/journey/outcomes?isActive=true&pageSize=1&pageNumber=1",
          "lastUri": "/api/v2/journey/outcomes?isActive=true&pageSize=1&pageNumber=3",
          "nextUri": "/api/v2/journey/outcomes?isActive=true&pageSize=1&pageNumber=3",
          "pageCount": 3,
          "pageNumber": 2,
          "pageSize": 1,
          "previousUri": "/api/v2/journey/outcomes?isActive=true&pageSize=1&pageNumber=1",
          "selfUri": "/api/v2/journey/outcomes?isActive=true&pageSize=1&pageNumber=2",
          "total": 3
        }"#]]
    .assert_eq(&format!("{page:#}"));
    assert_eq!(names("pageNumber=99999999999"), "");
    for (query, parameter) in [
        ("pageSize=201", "pageSize"),
        ("pageSize=0", "pageSize"),
        ("pageNumber=0", "pageNumber"),
        ("isActive=maybe", "isActive"),
        ("sortBy=journey", "sortBy"),
        ("queryFields=id", "queryFields"),
    ] {
        assert_eq!(listed(GoalKind::Outcome, query).unwrap_err().0, parameter);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, text in r#"[{}\[\]":,a-z0-9 ]{0,40}"#) {
        for body in [&bytes[..], text.as_bytes()] {
            if let Ok(wish) = Wish::read(body) {
                let _ = wish.create(GoalKind::Segment, "id".to_owned(), NOW);
            }
        }
    }

    #[test]
    fn no_query_makes_it_panic(query in "[a-zA-Z=&,-]{0,60}|pageNumber=[0-9]{1,25}&pageSize=[0-9]{1,4}") {
        let _ = listed(GoalKind::Outcome, &query);
    }
}

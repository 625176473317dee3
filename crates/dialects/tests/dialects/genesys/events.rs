//! Events in: what each says, what is refused, and by what a repetition is known.
use expect_test::{Expect, expect};
use serde_json::json;
use sessionary_core::time::Millis;
use sessionary_dialects::{
    canonical,
    genesys::{EventContext, Ping, decode_action, decode_web, ping},
};

use super::{DEPLOYMENT, KEY, NOW, app, golden, web};

fn check(event: &serde_json::Value, expected: &Expect) {
    let signal = web(&event.to_string()).unwrap();
    expected.assert_eq(&format!("{:#}", canonical::encode(&signal)));
}

#[test]
fn a_web_event_with_everything() {
    let event = json!({
        "customerCookieId": "ck-1", "eventName": "product_added",
        "createdDate": "2026-01-05T09:59:00.123456",
        "page": {"url": "https://www.shop.example/p/7?utm_source=google&utm_medium=cpc&gclid=G",
                 "title": "Shoe", "keywords": "trail,shoe", "lang": "en"},
        "userAgentString": "Mozilla/5.0",
        "browser": {"family": "Firefox", "version": "134", "lang": "en-GB"},
        "device": {"category": "desktop", "type": "PC", "osFamily": "Linux", "osVersion": ""},
        "searchQuery": "shoe|red", "ipAddress": "192.0.2.7",
        "referrerUrl": "https://www.example.org/search?q=shoes",
        "attributes": {"price": {"dataType": "Number", "value": "9.99"}, "plain": 3},
        "traits": {
            "email": {"dataType": "String", "value": "Penny@Example.com"},
            "cellPhone": {"dataType": "String", "value": "(619) 555-0108"},
            "givenName": {"dataType": "String", "value": "Penny"},
            "shoeSize": {"dataType": "Integer", "value": "38"},
        },
        "externalId": "E-1", "id": "odd", "tomorrow": {"a": [1]},
    });
    golden("web-event.json", &canonical::encode(&web(&event.to_string()).unwrap()));
}

#[test]
fn an_app_event_with_everything() {
    let event = json!({
        "customerCookieId": "ck-2", "eventName": "screen_viewed", "screenName": "Home",
        "createdDate": "2026-01-05T09:59:00.000Z",
        "app": {"name": "Shop", "namespace": "com.shop", "version": "7", "buildNumber": "12"},
        "device": {"category": "mobile", "type": "Phone", "osFamily": "iOS", "osVersion": "19"},
        "sdkLibrary": {"name": "sdk", "version": "1"},
        "networkConnectivity": {"carrier": "T", "wifiEnabled": true},
        "referrerUrl": "app://launcher", "searchQuery": null, "attributes": {}, "traits": null,
    });
    let signal = app(&event.to_string()).unwrap();
    expect![[r#"
        {
          "channel": "app",
          "id": "body:536a513ab90b8919.2",
          "identities": [
            {
              "type": "cookie",
              "value": "ck-2"
            }
          ],
          "occurred_at": "2026-01-05T09:59:00.000Z",
          "page": {
            "referrer": "app://launcher"
          },
          "screen": {
            "name": "Home"
          },
          "source": "genesys",
          "technical": {
            "app": {
              "buildNumber": "12",
              "name": "Shop",
              "namespace": "com.shop",
              "version": "7"
            },
            "connectivity": {
              "carrier": "T",
              "wifiEnabled": true
            },
            "device": {
              "category": "mobile",
              "osFamily": "iOS",
              "osVersion": "19",
              "type": "Phone"
            },
            "sdk": {
              "name": "sdk",
              "version": "1"
            }
          },
          "type": "screen_viewed"
        }"#]]
    .assert_eq(&format!("{:#}", canonical::encode(&signal)));
}

#[test]
fn an_event_as_the_vendor_tells_it_is_taken_as_well() {
    check(
        &json!({
            "eventName": "page_viewed", "customerId": "penny@example.com", "customerIdType": "email",
            "totalEventCount": 7, "authenticated": true,
            "page": {"url": "https://shop.example/", "domain": "shop.example", "breadcrumb": []},
            "geolocation": {"country": "NO"}, "ipOrganization": "Example Net",
            "mktCampaign": {"name": "Spring", "source": "google", "network": "g", "other": "x"},
            "referrer": {"url": "https://example.org/", "medium": "social"},
        }),
        &expect![[r#"
            {
              "attribution": {
                "campaign_name": "Spring",
                "network": "g",
                "source": "google"
              },
              "authenticated": true,
              "channel": "web",
              "genesys.page": {
                "breadcrumb": [],
                "domain": "shop.example",
                "url": "https://shop.example/"
              },
              "genesys.referrer": {
                "medium": "social",
                "url": "https://example.org/"
              },
              "id": "body:7b3c6752c8d38ef6.2.a892790",
              "identities": [
                {
                  "type": "email",
                  "value": "penny@example.com"
                }
              ],
              "mktCampaign.other": "x",
              "page": {
                "referrer": "https://example.org/",
                "url": "https://shop.example/"
              },
              "source": "genesys",
              "technical": {
                "geolocation": {
                  "country": "NO"
                },
                "ip_organization": "Example Net"
              },
              "totalEventCount": 7,
              "type": "page_viewed"
            }"#]],
    );
}

#[test]
fn what_cannot_be_read_is_kept_with_a_warning() {
    check(
        &json!({
            "eventName": "x", "customerCookieId": 7, "page": "home", "device": "phone",
            "browser": [], "attributes": [1], "searchQuery": {"a": 1}, "authenticated": "perhaps",
            "traits": {"email": {"dataType": "String", "value": "a\u{1}b"}},
        }),
        &expect![[r#"
            {
              "channel": "web",
              "id": "body:a4f69b81fa34c05c.2.a892790",
              "identities": [
                {
                  "type": "cookie",
                  "value": "7"
                }
              ],
              "person": {
                "email": "a\u0001b"
              },
              "source": "genesys",
              "technical": {
                "browser": []
              },
              "traits.email": {
                "dataType": "String",
                "value": "a\u0001b"
              },
              "type": "x",
              "unreadable.attributes": [
                1
              ],
              "unreadable.authenticated": "perhaps",
              "unreadable.device": "phone",
              "unreadable.page": "home",
              "unreadable.searchQuery": {
                "a": 1
              },
              "warnings": [
                "unreadable_attributes",
                "unreadable_authenticated",
                "unreadable_device",
                "unreadable_page",
                "unreadable_searchQuery",
                "unusable_identity"
              ]
            }"#]],
    );
}

#[test]
fn what_nothing_can_be_made_of_is_refused() {
    let refused = |body: &str| {
        let why = web(body).unwrap_err();
        format!("{}: {why}", why.code())
    };
    let told = [
        "",
        "{}",
        "[]",
        "{\"eventName\":",
        "null",
        "\u{feff}{}",
        r#"{"eventName":"a"}"#,
        r#"{"eventName":" ","customerCookieId":"c"}"#,
        r#"{"eventName":["a"],"customerCookieId":"c"}"#,
        r#"{"eventName":"a\nb","customerCookieId":"c"}"#,
        r#"{"eventName":"a","customerCookieId":"c","createdDate":"soon"}"#,
        r#"{"eventName":"a","customerCookieId":{"x":1}}"#,
        r#"{"eventName":"a","customerCookieId":"a\u0001"}"#,
    ]
    .map(refused);
    expect![[r#"
        unreadable: the body cannot be read: EOF while parsing a value at line 1 column 0; send one JSON object
        missing_member: `eventName` is missing; send what happened, such as page_viewed, in 1 to 128 visible characters
        unreadable: the body cannot be read: it is no object; send one JSON object
        unreadable: the body cannot be read: EOF while parsing a value at line 1 column 13; send one JSON object
        unreadable: the body cannot be read: it is no object; send one JSON object
        missing_member: `eventName` is missing; send what happened, such as page_viewed, in 1 to 128 visible characters
        missing_member: `customerCookieId` is missing; send the id that the browser or the app keeps, 1 to 255 visible characters
        missing_member: `eventName` is missing; send what happened, such as page_viewed, in 1 to 128 visible characters
        wrong_value: `eventName` is ["a"]; send what happened, such as page_viewed, in 1 to 128 visible characters
        wrong_value: `eventName` is a
        b; send what happened, such as page_viewed, in 1 to 128 visible characters
        wrong_value: `createdDate` is soon; send ISO 8601 such as 2026-01-05T10:00:00.000Z
        wrong_value: `customerCookieId` is {"x":1}; send the id that the browser or the app keeps, 1 to 255 visible characters
        wrong_value: `customerCookieId` is a; send the id that the browser or the app keeps, 1 to 255 visible characters"#]].assert_eq(&told.join("\n"));
    assert_eq!(decode_web(b"{\"a\":\"\xff\"}", &DEPLOYMENT).unwrap_err().code(), "unreadable");
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(99), "]".repeat(99));
    assert_eq!(web(&deep).unwrap_err().code(), "too_deep");
}

#[test]
fn a_retry_is_the_same_signal_and_another_deployment_or_moment_is_not() {
    let at = |created: &str| format!(r#"{{"eventName":"a","customerCookieId":"c"{created}}}"#);
    let dated = at(r#","createdDate":"2026-01-05T09:00:00Z""#);
    let key = |body: &str, deployment, later| {
        let received_at = NOW.plus(Millis(later));
        let context = EventContext { key: KEY, deployment, received_at };
        decode_web(body.as_bytes(), &context).unwrap().key
    };
    assert_eq!(key(&dated, 2, 0), key(&dated, 2, 3_600_000));
    assert_ne!(key(&dated, 2, 0), key(&dated, 3, 0));
    assert_ne!(key(&dated, 2, 0), key(&at(r#","createdDate":"2026-01-05T09:00:01Z""#), 2, 0));
    // Without a time only the arrival tells two apart, and a client repeats at once.
    assert_eq!(key(&at(""), 2, 0), key(&at(""), 2, 9_999));
    assert_ne!(key(&at(""), 2, 0), key(&at(""), 2, 10_000));
}

#[test]
fn a_step_of_an_action_names_its_session() {
    let step = json!({"sessionId": "S-1", "actionId": "A-1", "actionState": "offered",
                      "errorCode": null});
    let signal = decode_action(step.to_string().as_bytes(), &DEPLOYMENT).unwrap();
    expect![[r#"
        {
          "channel": "web",
          "id": "A-1.offered",
          "session_id": "S-1",
          "source": "genesys",
          "type": "web_action",
          "webAction.actionId": "A-1",
          "webAction.actionState": "offered"
        }"#]]
    .assert_eq(&format!("{:#}", canonical::encode(&signal)));
    for lacking in ["sessionId", "actionId", "actionState"] {
        let mut step = step.clone();
        step[lacking] = json!("");
        let refused = decode_action(step.to_string().as_bytes(), &DEPLOYMENT).unwrap_err();
        assert_eq!(refused.field(), Some(lacking));
    }
}

#[test]
fn a_ping_is_a_heartbeat_and_each_one_counts() {
    let said = Ping {
        cookie: "ck-1",
        url: Some("https://shop.example/"),
        since_last_ms: Some(15_000),
        session: Some("S-1"),
        ..Ping::default()
    };
    let signal = ping(&said, &DEPLOYMENT, 7).unwrap();
    expect![[r#"
        {
          "channel": "web",
          "foreground_ms": 15000,
          "id": "body:388284525a74cca2.7",
          "identities": [
            {
              "type": "cookie",
              "value": "ck-1"
            }
          ],
          "page": {
            "url": "https://shop.example/"
          },
          "ping.sessionId": "S-1",
          "source": "genesys",
          "type": "heartbeat"
        }"#]]
    .assert_eq(&format!("{:#}", canonical::encode(&signal)));
    assert_ne!(signal.key, ping(&said, &DEPLOYMENT, 8).unwrap().key);
    assert!(ping(&Ping { cookie: "\n", ..said }, &DEPLOYMENT, 7).is_err());
}

//! An application that was written for Tropo.
use serde_json::json;
use sessionary_deliver::{Guard, Kind};
use sessionary_peers::{Receiver, Reply};

use crate::sample::{Parcel, open, told, try_open};

#[tokio::test]
async fn an_application_is_posted_the_body_as_it_is() {
    let receiver = Receiver::scripted(vec![
        Reply::json(&json!({"tropo": [{"say": {"value": "hello"}}]})),
        Reply::status(503).with("retry-after", "3"),
    ]);
    let target = open(Kind::Tropo, &receiver.url("/app"), json!({}), None);
    let parcel = Parcel { record: json!({"session": {"id": "1"}}), ..Parcel::new() };
    assert_eq!(told(&parcel.send(&target).await), "sent 200");
    assert_eq!(told(&parcel.send(&target).await), "retry http_5xx 503 after 3 s");
    let [request, _] = receiver.requests().try_into().unwrap();
    assert_eq!(request.body, br#"{"session":{"id":"1"}}"#);
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/app"));
}

#[test]
fn an_application_has_no_secret() {
    let guard = Guard::new(true);
    let refused = try_open(Kind::Tropo, "http://a.example/", json!({}), Some("x"), &guard);
    assert_eq!(refused.unwrap_err().pointer, "/secret");
}

//! The reply to a disposition, in the form of the request.
use serde_json::{Value as Json, json};
use sessionary_core::{
    dictionary::field,
    signal::{FieldNumber, Signal},
    time::UnixMillis,
};

use super::encode::seconds;

/// What a reply says.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// Opaque word of the sender, or ours (D21).
    pub model: &'a str,
    /// Opaque word of the sender, or the one that the source prints (D21).
    pub segment: &'a str,
    /// The sender's, or ours where none came (D22).
    pub tracking_id: &'a str,
    /// Our id of the session.
    pub session_id: &'a str,
    /// Its status.
    pub session_status: &'a str,
    /// What was repaired.
    pub warnings: &'a [Box<str>],
}

/// Code and message of an accepted disposition, as the source prints them (D23).
const ACCEPTED: (&str, &str) = ("200", "Accepted");

impl<'a> Reply<'a> {
    /// The reply to an accepted `signal`, which went to the session `session_id`.
    pub fn to(signal: &'a Signal, session_id: &'a str, session_status: &'a str) -> Reply<'a> {
        Reply {
            model: signal.text(field::API_MODEL).unwrap_or("sessionary.disposition.v1"),
            segment: signal.text(field::API_SEGMENT).unwrap_or("session_disposition"),
            tracking_id: &signal.key,
            session_id,
            session_status,
            warnings: &signal.warnings,
        }
    }

    fn session(&self) -> Json {
        json!({"id": self.session_id, "status": self.session_status})
    }
}

/// The reply to a flat request.
pub fn flat_reply(reply: &Reply<'_>) -> Json {
    let (code, message) = ACCEPTED;
    json!({
        "api_model": reply.model,
        "api_segment": reply.segment,
        "api_trackingid": reply.tracking_id,
        "api_result_code": code,
        "api_result_message": message,
        "session": reply.session(),
        "warnings": warnings(reply),
    })
}

/// The reply to a numbered request: the vendor's `ActionResult`, in which 0 is success (D23), and
/// beside it what is ours.
pub fn action_result(reply: &Reply<'_>, now: UnixMillis) -> Json {
    let (code, message) = ACCEPTED;
    let value = |number: FieldNumber, text: &str| json!({"DataType": 1, "OptionIDs": [], "SignalValueType": number.0, "UnitType": 0, "Value": text});
    json!({
        "ActionResult": {
            "Attributions": [],
            "Content": [],
            "PlaceID": 0,
            "Result": {"Code": 0, "Message": message},
            "Signal": {
                "AvailableActions": [],
                "ElementContext": {"Revision": 0, "Source": {"ID": 0, "Type": 0}},
                "Groups": [],
                "SignalType": 14,
                "Values": [
                    value(field::API_MODEL, reply.model),
                    value(field::API_SEGMENT, reply.segment),
                    value(field::API_TRACKING_ID, reply.tracking_id),
                    value(field::API_RESULT_CODE, code),
                    value(field::API_RESULT_MESSAGE, message),
                ],
            },
            "SignalSources": [],
            "TimeStamp": seconds(now),
        },
        "session": reply.session(),
        "warnings": warnings(reply),
    })
}

fn warnings(reply: &Reply<'_>) -> Json {
    reply.warnings.iter().map(|code| Json::from(&**code)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn reply(warnings: &[Box<str>]) -> Reply<'_> {
        Reply {
            model: "bituser.v1",
            segment: "session_disposition",
            tracking_id: "trk_123456",
            session_id: "0198c1f2",
            session_status: "open",
            warnings,
        }
    }

    #[test]
    fn d22_d23_a_flat_reply_says_200_and_accepted_in_text() {
        let reply = flat_reply(&reply(&["missing_user_phone".into()]));
        expect![[r#"
            {
              "api_model": "bituser.v1",
              "api_result_code": "200",
              "api_result_message": "Accepted",
              "api_segment": "session_disposition",
              "api_trackingid": "trk_123456",
              "session": {
                "id": "0198c1f2",
                "status": "open"
              },
              "warnings": [
                "missing_user_phone"
              ]
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&reply).unwrap());
    }

    #[test]
    fn d23_an_action_result_says_code_0() {
        let reply = action_result(&reply(&[]), UnixMillis(1_590_375_934_567));
        expect![[r#"{"ActionResult":{"Attributions":[],"Content":[],"PlaceID":0,"Result":{"Code":0,"Message":"Accepted"},"Signal":{"AvailableActions":[],"ElementContext":{"Revision":0,"Source":{"ID":0,"Type":0}},"Groups":[],"SignalType":14,"Values":[{"DataType":1,"OptionIDs":[],"SignalValueType":93,"UnitType":0,"Value":"bituser.v1"},{"DataType":1,"OptionIDs":[],"SignalValueType":49,"UnitType":0,"Value":"session_disposition"},{"DataType":1,"OptionIDs":[],"SignalValueType":300,"UnitType":0,"Value":"trk_123456"},{"DataType":1,"OptionIDs":[],"SignalValueType":301,"UnitType":0,"Value":"200"},{"DataType":1,"OptionIDs":[],"SignalValueType":302,"UnitType":0,"Value":"Accepted"}]},"SignalSources":[],"TimeStamp":"2020-05-25T03:05:34Z"},"session":{"id":"0198c1f2","status":"open"},"warnings":[]}"#]].assert_eq(&reply.to_string());
    }
}

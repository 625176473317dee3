//! Events and metadata files of CCAI Platform.
use sessionary_dialects::ccai;

use crate::{CONTEXT, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        ("ccai 100 events", events(), decode_events),
        ("ccai metadata file", FILE.to_owned(), decode_metadata),
    ]
}

fn decode_events(body: &[u8]) -> usize {
    ccai::decode_events(body, &CONTEXT).unwrap().into_iter().map(Result::unwrap).count()
}

fn decode_metadata(body: &[u8]) -> usize {
    ccai::decode_metadata(body, &CONTEXT).unwrap().into_iter().flat_map(Result::unwrap).count()
}

const FILE: &str = include_str!("../../../../data/golden/ccai/call.json");

/// Events as a contact centre sends them; `#` stands for a number that differs.
const EVENTS: [&str; 4] = [
    r#"{"id":90#,"event_id":"6f1d0c51-#-1","session_type":"Voice Inbound","session_type_v2":"Voice Inbound (IVR)","status":"queued","occurred_at":"2026-01-05T11:00:30.000+01:00","lang":"en","support_number":"+12223334444","menu_path":{"name":"Main/Billing/Refunds","materialized_path":"2420/4563/6205","items_count":3},"queue_priority_level":3,"end_user":{"id":87,"identifier":"user_1#","out_contact_id":"381630957514"}}"#,
    r#"{"id":90#,"event_id":"6f1d0c51-#-2","session_type":"Voice Inbound","status":2,"occurred_at":"2026-01-05T11:01:05.000+01:00","agent_info":{"id":17,"name":"Noam B","email":"noam@example.com","agent_number":9}}"#,
    r#"{"id":90#,"event_id":"6f1d0c51-#-3","session_type":"Voice Inbound","status":"connected","occurred_at":"2026-01-05T11:01:10.000+01:00","agent_info":{"id":17,"name":"Noam B","email":"noam@example.com","agent_number":9},"answer_type":"manual","wait_duration":40,"recording_permission":"granted"}"#,
    r#"{"id":90#,"event_id":"6f1d0c51-#-4","session_type":"Voice Inbound","status":8,"occurred_at":"2026-01-05T11:09:00.000+01:00","call_duration":540,"hold_duration":23,"disconnected_by":"disconnected_by_end_user","fail_reason":"nothing","disposition_codes":[{"code":"Resolved"}],"disposition_notes":"Customer needed to know our hours of operation."}"#,
];

/// A list of 100 events.
fn events() -> String {
    let events = EVENTS.iter().cycle().take(100).zip(100..);
    let events: Vec<String> =
        events.map(|(event, number)| event.replace('#', &number.to_string())).collect();
    format!("[{}]", events.join(","))
}

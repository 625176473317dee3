//! One value for each field that sessions keep: a call of nine minutes, from 10:00 to 10:09.
use serde_json::value::RawValue;
use sessionary_core::{
    channel::Channel,
    dictionary::{Field, Given, field},
    value::Value,
};
use sessionary_dialects::Format;

/// The value of a field in sessions that come in a shape.
pub(super) fn of(row: &Field, from: Format, channel: Channel) -> Value {
    let own = match (from, row.number()) {
        (_, field::SOURCE_TYPE) if channel == Channel::Chat => {
            Some(r#""Messaging Inbound (Web Chat)""#)
        }
        (_, field::SOURCE_TYPE) if channel == Channel::Messaging => {
            Some(r#""Messaging Outbound (SMS)""#)
        }
        (_, field::DIRECTION) if channel == Channel::Messaging => Some(r#""outbound""#),
        (_, field::MEDIUM) if channel == Channel::Messaging => Some(r#""sms""#),
        // Words that each source has of its own.
        (Format::Segment, field::DEVICE) => {
            Some(r#"{"type":"PC","osFamily":"Linux","osVersion":"6","manufacturer":"None"}"#)
        }
        (Format::Tropo, field::SOURCE_STATUS) => Some(r#""DISCONNECTED""#),
        (Format::Genesys, field::SOURCE_DISPOSITION_CODES) => Some(r#"["11"]"#),
        _ => None,
    };
    let listed = || SAMPLES.iter().find(|(number, _)| *number == row.number).map(|(_, json)| *json);
    let json = own.or_else(listed).unwrap_or_else(|| panic!("{} has no sample", row.name));
    let raw: &RawValue = serde_json::from_str(json).unwrap();
    Value::parse(row, row.name, Given::Json(raw.into())).unwrap().unwrap()
}

#[rustfmt::skip]
const SAMPLES: &[(u32, &str)] = &[
    (43, r#""+16195550108""#), (46, r#""Penny Exemplar""#), (47, r#""penny@example.com""#),
    (49, r#""segment-7""#), (59, r#""net-59""#), (93, r#""model-3""#),
    (103, r#""12 Example Road""#), (104, r#""Flat 3""#), (105, r#""Rear""#), (106, r#""Leeds""#),
    (107, r#""West Yorkshire""#), (108, r#""00150""#), (109, r#""0042""#), (111, r#""GB""#),
    (112, r#""R001""#), (113, r#""07""#), (114, r#""Acme""#), (115, r#""Dr""#), (116, r#""Penny""#),
    (117, r#""Q""#), (118, r#""Exemplar""#), (119, r#""PhD""#),
    (200, "3"), (201, "1.50"), (202, "3.50"), (203, "2.10"), (204, "0.99"), (205, "24.60"),
    (206, r#"["SKU-1","SKU-2"]"#), (207, r#"["Shoe","Lace"]"#), (208, r#"["1","2"]"#),
    (209, r#"["19.90","1.30"]"#), (210, r#"["1.50","0"]"#), (211, r#"["2.00","0.10"]"#),
    (212, r#"["20.40","2.70"]"#), (213, "2"), (214, r#"["SKU-2","SKU-3"]"#),
    (300, r#""track-300""#), (303, r#""pbx""#), (304, r#""upstream-7""#), (305, r#""action-5""#),
    (306, r#""17""#), (307, r#""E42""#), (308, r#""Line was busy once""#), (309, r#""Refund approved""#),
    (310, "18446744073709551615"), (311, "77"), (312, r#""gold""#), (313, r#""basket 9""#), (314, "5"),
    (315, "2.5"), (316, r#""12,50""#), (317, r#"{"a":[1,2.50]}"#),
    (400, r#""2026-01-05T10:00:00Z""#), (401, "540000"), (404, r#""B""#),
    (405, r#""https://rec.example.com/90211""#), (406, r#""C-77""#), (407, r#""Spring 2026""#),
    (408, r#""google""#), (409, r#""cpc""#), (410, r#""hero-a""#), (411, r#""shoes + laces""#),
    (412, r#""Search Ads""#), (413, r#""video""#), (414, r#""remarketing""#), (415, r#""192.0.2.7""#),
    (417, r#""Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0""#),
    (418, r#""https://www.example.org/search?q=shoes""#), (419, r#""https://www.shop.example/start""#),
    (420, r#""Start""#),
    (1001, "6"), (1002, r#""user_1001""#), (1003, "2002"), (1004, r#""+12223334444""#),
    (1010, r#""https://www.shop.example/cart?step=2""#), (1011, r#""Cart""#), (1012, r#"["shoes"]"#),
    (1020, r#""O-1""#), (1021, r#""USD""#), (1022, r#""G-1""#), (1023, r#""google""#),
    (1030, r#""inbound""#), (1031, r#""end_user""#), (1032, r#""human""#), (1033, r#""+12223334444""#),
    (1034, r#""2026-01-05T09:59:00Z""#), (1035, r#""Refunds""#), (1036, "4"), (1037, r#""Quick and kind""#),
    (1039, "true"), (1042, r#""granted""#), (1043, r#""Noam B""#), (1045, r#""exp-1""#),
    (1046, r#""0d4c9c5e-41f5-4c5e-9d6a-2f6f4f6f9a01""#), (1047, r#""en""#),
    (1101, r#""20731""#), (1103, r#""https://crm.example/sessions/1""#), (1104, r#""90107""#),
    (1105, r#"["33932"]"#), (1107, r#""Voice Inbound (IVR)""#), (1108, r#"[{"type":"Voice"}]"#),
    (1109, r#""pstn""#), (1110, r#"{"id":"v-1","selfUri":"/api/v2/conversations/v-1"}"#), (1111, r#""Refund""#),
    (1120, r#""2026-01-05T10:09:00Z""#), (1121, r#""2026-01-05T10:00:30Z""#),
    (1122, r#""2026-01-05T10:01:05Z""#), (1123, r#""2026-01-05T10:01:10Z""#),
    (1124, r#""2026-01-05T10:24:02Z""#), (1125, r#""2026-01-05T10:19:00Z""#),
    (1126, r#""2026-01-05T10:39:00Z""#), (1130, "23000"), (1131, "40000"),
    (1132, r#"[{"id":31,"agent_id":17,"started_at":"2026-01-05T10:01:10.000+00:00","ended_at":"2026-01-05T10:09:00.000+00:00","call_duration":447,"hold_duration":23,"acw_duration":12}]"#),
    (1133, r#"[{"id":41,"menu_path":"Main/Refunds","started_at":"2026-01-05T10:00:30.000+00:00","ended_at":"2026-01-05T10:01:10.000+00:00","queue_duration":40,"service_level_event":"in_sla"}]"#),
    (1134, r#"[{"virtual_agent":{"id":4,"name":"Bot"},"started_at":"2026-01-05T10:00:10.000+00:00","ended_at":"2026-01-05T10:00:30.000+00:00","call_duration":20}]"#),
    (1140, r#""finished""#), (1141, r#""wrapped_up""#), (1142, "true"), (1143, r#""2026-01-05T10:00:10Z""#),
    (1144, r#""answered""#), (1145, r#""disconnected_by_end_user""#), (1146, "40"), (1147, "30"), (1148, "20"),
    (1149, "12"), (1150, r#"{"id":"e-9","eventName":"page_viewed","createdDate":"2026-01-05T10:09:00.000Z"}"#),
    (1160, r#"["Customer Service"]"#),
    (1161, r#"{"code":"11","notes":"Refund approved","user":{"id":"17","selfUri":"/api/v2/users/17"}}"#),
    (1162, r#"[{"outcome":{"id":"o-1","selfUri":"/api/v2/journey/outcomes/o-1"},"achievedDate":"2026-01-05T10:04:00.000Z"}]"#),
    (1163, r#"[{"segment":{"id":"s-1","selfUri":"/api/v2/journey/segments/s-1"},"assignedDate":"2026-01-05T10:03:00.000Z"}]"#),
    (1164, "true"), (1165, r#""no_deflection""#), (1166, r#"[{"id":8,"deflection":"no_deflection"}]"#),
    (1167, r#"[{"id":5,"recording_type":"call","duration":470}]"#),
    (1170, r#"{"id":"c-77","selfUri":"/api/v2/externalcontacts/contacts/c-77"}"#), (1171, r#""human""#),
    (1172, "true"), (1180, r#""Example Net""#),
    (1181, r#"{"family":"Firefox","version":"134","lang":"en","isMobile":false}"#),
    (1182, r#"{"category":"desktop","type":"PC","isMobile":false,"osFamily":"Linux","osVersion":"6","manufacturer":"None"}"#),
    (1183, r#"{"country":"NO","locality":"Oslo","latitude":59.91,"longitude":10.75}"#),
    (1184, r#"{"name":"Shop","namespace":"com.shop","version":"7.1","buildNumber":"712"}"#),
    (1185, r#"{"name":"journey-sdk","version":"2.0"}"#),
    (1186, r#"{"carrier":"T","bluetoothEnabled":true,"cellularEnabled":false,"wifiEnabled":true}"#),
    (1187, r#""Checkout""#), (1188, r#"{"x-caller":"<sip:penny@example.com>"}"#), (1189, "59.91"), (1190, "10.75"),
    (1200, r#""+12223335555""#), (1201, r#""Refund line""#), (1202, r#""I want a refund""#),
    (1203, r#"{"id":6205,"name":"Refunds"}"#), (1204, r#"["Main","Refunds"]"#), (1205, r#"["2420","6205"]"#),
    (1206, "3"), (1207, r#"[{"id":71,"type":"agent","user_id":17}]"#),
    (1208, r#"[{"id":61,"status":"transferred","created_at":"2026-01-05T10:04:00.000+00:00"}]"#),
    (1209, r#"{"verification":true,"photos":1,"videos":0,"texts":0}"#), (1210, r#"[{"id":1,"body":"photo"}]"#),
    (1211, r#"[{"id":2,"body":"You are next"}]"#), (1212, r#""T-771""#), (1213, r#""https://crm.example.com/t/771""#),
    (1214, r#"{"caseEntity":{"id":"k-1","selfUri":"/k/1"},"caseStatus":"Open"}"#), (1215, r#"{"mos":4.31}"#),
    (1220, r#"{"cart":{"dataType":"Integer","value":"3"}}"#),
    (1221, r#"{"skus":{"dataType":"String","values":["A","B"]}}"#),
];

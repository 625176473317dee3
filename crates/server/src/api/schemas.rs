//! The JSON schemas that the OpenAPI document names.
use serde_json::{Value, json};
use sessionary_core::{
    channel::{Channel, SessionType},
    dictionary::{FIELDS, Field, FieldType, PiiClass, Required},
    parcel::{ParcelStatus, Trigger},
    session::Status,
};
use sessionary_deliver::Kind;
use sessionary_dialects::Format;

use super::App;
use crate::routes::Routes;

/// Names every schema.
pub(super) fn name(routes: Routes<App>) -> Routes<App> {
    let routes = writing(routes);
    let routes = reading(routes);
    let routes = asking(routes);
    running(routes)
}

fn writing(routes: Routes<App>) -> Routes<App> {
    routes
        .schema("Signal", signal())
        .schema("SignalBatch", json!({ "oneOf": [
            { "$ref": "#/components/schemas/Signal" },
            { "type": "array", "items": { "$ref": "#/components/schemas/Signal" } },
        ]}))
        .schema("SignalResults", object(&[
            ("accepted", json!({ "type": "integer" })),
            ("duplicates", json!({ "type": "integer" })),
            ("conflicts", json!({ "type": "integer" })),
            ("quarantined", json!({ "type": "integer" })),
            ("results", json!({ "type": "array", "items": {
                "type": "object",
                "required": ["id", "status", "session_id"],
                "properties": {
                    "id": { "type": ["string", "null"] },
                    "status": { "enum": ["accepted", "duplicate", "conflict", "quarantined"] },
                    "session_id": { "type": ["string", "null"] },
                    "quarantine_id": { "type": "string" },
                    "code": { "type": "string" },
                    "detail": { "type": "string" },
                    "field": { "type": ["string", "null"] },
                },
            }})),
        ]))
        .schema("CcaiEvents", json!({ "description": "A status event of CCAI Platform, a list of them, \
            or the platform's own envelope; any member of a metadata file is taken.", "type": "object",
            "required": ["id"], "properties": {
                "id": { "type": ["integer", "string"] },
                "event_id": { "type": "string" },
                "session_type": { "type": "string" },
                "status": { "type": ["string", "integer"] },
                "occurred_at": { "type": "string", "format": "date-time" },
            },
        }))
        .schema("CcaiMetadata", json!({ "description": "A session metadata file of CCAI Platform.",
            "type": "object", "required": ["id"], "properties": {
                "id": { "type": ["integer", "string"] },
                "session_type_v2": { "type": "string" },
                "status": { "type": ["string", "integer"] },
                "updated_at": { "type": "string", "format": "date-time" },
            },
        }))
        .schema("Disposition", disposition())
        .schema("DispositionReply", json!({
            "type": "object",
            "required": ["session", "warnings"],
            "properties": {
                "session": object(&[("id", text()), ("status", statuses())]),
                "warnings": { "type": "array", "items": { "type": "string" } },
                "api_trackingid": { "type": "string" },
                "api_result_code": { "type": "string" },
                "ActionResult": { "type": "object" },
            },
        }))
        .schema("Begun", json!({
            "type": "object",
            "required": ["session_id", "short_id"],
            "properties": {
                "session_id": text(),
                "short_id": { "type": ["integer", "null"] },
                "session": { "$ref": "#/components/schemas/Session" },
                "earlier": { "type": "array", "items": { "type": "object" } },
            },
        }))
        .schema("Clock", json!({
            "type": "object",
            "required": ["clock"],
            "properties": {
                "clock": { "enum": ["wall", "watermark", "mark"] },
                "lateness_ms": { "type": "integer", "minimum": 0 },
            },
        }))
        .schema("Mark", json!({
            "type": "object",
            "properties": { "through": { "type": "string", "format": "date-time" } },
        }))
        .schema("Decision", json!({
            "type": "object",
            "required": ["into"],
            "properties": { "into": { "type": ["string", "null"] } },
        }))
}

fn reading(routes: Routes<App>) -> Routes<App> {
    let page = |of: &str| {
        let items = json!({ "$ref": format!("#/components/schemas/{of}") });
        object(&[
            ("entities", json!({ "type": "array", "items": items })),
            ("next_cursor", json!({ "type": ["string", "null"] })),
        ])
    };
    routes
        .schema("Session", session())
        .schema("SessionPage", page("Session"))
        .schema("StoredSignal", signal())
        .schema("SignalPage", page("StoredSignal"))
        .schema("Claims", page("Claim"))
        .schema(
            "Claim",
            json!({ "type": "object", "properties": {
                "code": { "type": "integer" },
                "name": { "type": "string" },
                "author": { "enum": ["business", "agent", "rule", "model", "timeout"] },
                "at": { "type": "string", "format": "date-time" },
                "signal": { "type": "string" },
                "wins": { "type": "boolean" },
            }}),
        )
        .schema("Explanation", json!({ "type": "object" }))
        .schema("Source", json!({ "type": "object", "properties": { "source": text() } }))
        .schema("SourceList", page("Source"))
        .schema("ReviewList", json!({ "type": "object" }))
        .schema(
            "Person",
            object(&[
                ("identities", json!({ "type": "array", "items": identity() })),
                ("edges", json!({ "type": "array", "items": { "type": "object" } })),
                ("sessions", json!({ "type": "array", "items": { "type": "string" } })),
                ("too_wide", json!({ "type": "boolean" })),
            ]),
        )
}

fn asking(routes: Routes<App>) -> Routes<App> {
    let column = object(&[("name", text()), ("type", text())]);
    let freshness = json!({
        "type": "object", "required": ["through", "files", "live_rows"],
        "properties": {
            "through": { "type": "string", "format": "date-time",
                "description": "Everything acknowledged up to here is included." },
            "files": { "type": "integer", "description": "Files of the lake that sessions were read from." },
            "live_rows": { "type": "integer", "description": "Sessions that are not in them." },
        },
    });
    routes
        .schema(
            "Query",
            json!({ "type": "object", "required": ["sql"], "properties": {
                "sql": { "type": "string", "description": "One query." },
                "limit": { "type": "integer", "description": "Rows after which the answer ends." },
            }}),
        )
        .schema(
            "QueryAnswer",
            object(&[
                ("columns", json!({ "type": "array", "items": column })),
                ("rows", json!({ "type": "array", "items": { "type": "object" } })),
                ("elapsed_ms", json!({ "type": "integer" })),
                ("freshness", freshness),
            ]),
        )
}

fn running(routes: Routes<App>) -> Routes<App> {
    let key = || {
        json!({ "type": "object", "properties": {
            "number": { "type": "integer" },
            "kind": { "enum": ["secret", "publishable"] },
            "display": { "type": "string" },
            "scopes": { "type": "array", "items": { "type": "string" } },
        }})
    };
    routes
        .schema(
            "NewKey",
            json!({ "type": "object", "required": ["kind"], "properties": {
                "kind": { "enum": ["secret", "publishable"] },
                "scopes": { "type": "array", "items": { "type": "string" } },
                "origins": { "type": "array", "items": { "type": "string" } },
                "strict": { "type": "boolean" },
                "currency": { "type": ["string", "null"] },
                "country": { "type": ["string", "null"] },
                "timezone": {
                    "type": ["string", "null"],
                    "description": "IANA name of the zone of times that a contact centre sends \
                                    without an offset",
                },
                "source": { "type": ["string", "null"] },
                "label": { "type": "string" },
                "expires_at": { "type": ["string", "null"], "format": "date-time" },
            }}),
        )
        .schema("Key", key())
        .schema(
            "IssuedKey",
            json!({ "allOf": [
                { "$ref": "#/components/schemas/Key" },
                { "type": "object", "required": ["key"], "properties": { "key": text() } },
            ]}),
        )
        .schema("KeyList", json!({ "type": "object" }))
        .schema(
            "Rotation",
            json!({ "type": "object", "properties": {
                "overlap_ms": { "type": "integer", "minimum": 0 },
            }}),
        )
        .schema(
            "NewActionKey",
            json!({ "type": "object", "required": ["action_type"], "properties": {
                "action_type": { "type": "string" },
                "channel": { "enum": Channel::ALL.map(Channel::word) },
                "label": { "type": "string" },
                "policy": { "enum": ["last", "first"] },
                "aliases": { "type": "array", "items": { "type": "string" } },
            }}),
        )
        .schema("ActionKey", json!({ "type": "object" }))
        .schema("ActionKeyList", json!({ "type": "object" }))
        .schema("QuarantinePage", json!({ "type": "object" }))
        .schema("QuarantineItem", json!({ "type": "object" }))
        .schema("Replayed", json!({ "type": "object" }))
        .schema("NewDestination", new_destination())
        .schema("Destination", destination())
        .schema("DestinationList", json!({ "type": "object" }))
        .schema(
            "Tested",
            object(&[
                ("status", json!({ "enum": ["sent", "failed"] })),
                ("answer", json!({ "type": ["integer", "null"] })),
                ("reason", json!({ "type": ["string", "null"] })),
                ("detail", json!({ "type": ["string", "null"] })),
                ("note", json!({ "type": ["string", "null"] })),
            ]),
        )
        .schema("Parcel", parcel())
        .schema(
            "ParcelPage",
            object(&[
                (
                    "entities",
                    json!({ "type": "array", "items": { "$ref": "#/components/schemas/Parcel" } }),
                ),
                ("next_cursor", json!({ "type": ["string", "null"] })),
            ]),
        )
        .schema("Redelivery", redelivery())
        .schema("Redelivered", object(&[("ordered", json!({ "type": "integer" }))]))
        .schema("Health", health())
        .schema("ReportList", report_list())
        .schema("Report", report())
}

fn report_list() -> Value {
    let text = || json!({ "type": "string" });
    let parameter = object(&[("name", text()), ("about", text())]);
    let one = object(&[
        ("name", text()),
        ("about", text()),
        ("by", json!({ "type": "array", "items": text() })),
        ("parameters", json!({ "type": "array", "items": parameter })),
    ]);
    object(&[
        ("entities", json!({ "type": "array", "items": one })),
        ("next_cursor", json!({ "type": "null" })),
    ])
}

fn report() -> Value {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    let count = || json!({ "type": "integer" });
    let texts = || json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let row = || {
        json!({
            "description": "A member for each column: words, numbers, amounts of money as text, or \
                null where nothing is known.",
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "null"] },
        })
    };
    let left_out = object(&[
        ("bots", count()),
        ("filtered", count()),
        ("outside", count()),
        ("merged", count()),
    ]);
    let frame = object(&[
        ("from", maybe()),
        ("to", maybe()),
        ("zone", text()),
        ("filters", texts()),
        ("options", texts()),
        ("bots", json!({ "enum": ["leave_out", "include"] })),
        ("sessions_looked_at", count()),
        ("sessions_counted", count()),
        ("left_out", left_out),
        ("earliest", maybe()),
        ("latest", maybe()),
        ("read_at", text()),
        ("latest_cut", maybe()),
        ("notes", json!({ "type": "array", "items": text() })),
    ]);
    object(&[
        ("report", text()),
        (
            "columns",
            json!({ "type": "array", "items": object(&[
                ("name", text()),
                ("unit", json!({ "description": "What its numbers count: sessions, ms, share (0 to 1), \
                    a currency, and so on; empty where it holds words.", "type": "string" })),
            ])}),
        ),
        ("rows", json!({ "type": "array", "items": row() })),
        ("totals", json!({ "oneOf": [row(), { "type": "null" }] })),
        ("bar", maybe()),
        ("frame", frame),
    ])
}

/// The members that a destination has and that somebody may set.
fn of_destination() -> Vec<(&'static str, Value)> {
    let list =
        |items: Value| json!({ "oneOf": [items.clone(), { "type": "array", "items": items }] });
    vec![
        ("name", text()),
        ("kind", json!({ "enum": Kind::ALL.map(Kind::word) })),
        ("url", text()),
        (
            "format",
            json!({ "enum": Format::ALL.iter().map(|format| format.word()).collect::<Vec<_>>() }),
        ),
        ("when", json!({ "enum": Trigger::ALL.map(Trigger::word) })),
        (
            "after_ms",
            json!({ "type": ["integer", "null"], "minimum": 0, "description":
            "From the instant a session was declared ended; never before its record is final." }),
        ),
        (
            "filter",
            json!({ "type": "object", "properties": {
                "type": list(text()),
                "channel": list(json!({ "enum": Channel::ALL.map(Channel::word) })),
                "disposition_class": list(text()),
                "disposition_code": list(json!({ "type": "integer" })),
                "source": list(text()),
            }}),
        ),
        (
            "withhold",
            json!({ "type": "array", "items": { "enum": PiiClass::ALL.map(PiiClass::word) },
            "description": "Classes of personal data that are left out; free text if not said." }),
        ),
        ("options", json!({ "type": "object" })),
        ("enabled", json!({ "type": "boolean" })),
        ("version", json!({ "type": "integer" })),
    ]
}

fn new_destination() -> Value {
    let mut members: serde_json::Map<String, Value> =
        of_destination().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    members.insert("secret".to_owned(), json!({ "type": ["string", "null"] }));
    json!({ "type": "object", "properties": members })
}

fn destination() -> Value {
    let mut members = of_destination();
    members.push(("id", text()));
    members.push(("has_secret", json!({ "type": "boolean" })));
    members.push(("disabled_because", json!({ "type": ["string", "null"] })));
    members.push(("created_at", json!({ "type": "string", "format": "date-time" })));
    members.push(("modified_at", json!({ "type": "string", "format": "date-time" })));
    object(&members)
}

fn parcel() -> Value {
    let time = || json!({ "type": ["string", "null"], "format": "date-time" });
    let text_or_null = || json!({ "type": ["string", "null"] });
    object(&[
        ("id", text()),
        ("session_id", text()),
        ("destination", text()),
        ("trigger", json!({ "enum": Trigger::ALL.map(Trigger::word) })),
        ("revision", json!({ "type": ["integer", "null"] })),
        ("became", text_or_null()),
        ("send", json!({ "type": "integer" })),
        ("status", json!({ "enum": ParcelStatus::ALL.map(ParcelStatus::word) })),
        ("due_at", time()),
        ("sent_at", time()),
        ("parked_at", time()),
        ("created_at", time()),
        ("attempts", json!({ "type": "integer" })),
        ("attempted_at", time()),
        ("answer", json!({ "type": ["integer", "null"] })),
        ("reason", text_or_null()),
        ("detail", text_or_null()),
        ("digest", text_or_null()),
        ("note", text_or_null()),
    ])
}

fn redelivery() -> Value {
    let ids = || json!({ "oneOf": [text(), { "type": "array", "items": text() }] });
    json!({ "type": "object", "properties": {
        "destination": text(),
        "to_destination": text(),
        "filter": { "type": "object" },
        "from": { "type": "string", "format": "date-time" },
        "to": { "type": "string", "format": "date-time" },
        "session_id": ids(),
        "parcel_id": ids(),
        "status": { "enum": ParcelStatus::ALL.map(ParcelStatus::word) },
    }})
}

fn health() -> Value {
    let number = |what: &str| json!({ "type": "integer", "description": what });
    let or_null = |kind: &str, what: &str| json!({ "type": [kind, "null"], "description": what });
    object(&[
        ("now", json!({ "type": "string", "format": "date-time" })),
        (
            "clock_alarm_ms",
            or_null("integer", "How far the machine's clock runs ahead of the journal's."),
        ),
        ("journal_next", number("Position that the next entry of the journal gets.")),
        ("trouble", or_null("string", "What keeps the server from writing; null while it writes.")),
        ("lanes_in_memory", number("Lanes whose sessions are in memory.")),
        ("lane_bytes", number("Memory that those lanes take, about; bounded by store.hot_bytes.")),
        ("timers", number("Timers in memory; those that are far off lie on disk alone.")),
        ("free_bytes", or_null("integer", "Free space of the volume; null if it is not told.")),
        ("min_free_bytes", number("Below so much free space new signals are refused.")),
        ("disk_bytes", number("What the data directory takes.")),
        (
            "private_destinations",
            json!({ "type": "boolean", "description":
                "Whether destinations may be on private addresses." }),
        ),
    ])
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn statuses() -> Value {
    let all = [Status::Open, Status::Settling, Status::Final, Status::Amended, Status::Merged];
    json!({ "enum": all.map(Status::word) })
}

fn object(members: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    let properties: serde_json::Map<String, Value> =
        members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    json!({ "type": "object", "required": names, "properties": properties })
}

fn identity() -> Value {
    object(&[("type", text()), ("value", text())])
}

/// A signal: its own members, and those that dictionary rows name.
fn signal() -> Value {
    let mut schema = json!({
        "type": "object",
        "required": ["type"],
        "properties": {
            "id": { "type": "string", "maxLength": 255 },
            "type": { "type": "string", "maxLength": 128 },
            "occurred_at": { "type": "string", "format": "date-time" },
            "sent_at": { "type": "string", "format": "date-time" },
            "sequence": { "type": "integer", "minimum": 0 },
            "channel": { "enum": Channel::ALL.map(Channel::word) },
            "session_type": { "type": "string" },
            "source": { "type": "string" },
            "session_id": { "type": "string" },
            "identities": { "type": "array", "items": identity() },
            "user_id": { "type": "string", "description": "Adds an identity of this type." },
            "anonymous_id": { "type": "string", "description": "Adds an identity of this type." },
            "disposition": { "type": "object", "properties": {
                "code": { "type": "integer", "minimum": 0 },
                "author": { "enum": ["business", "agent", "rule", "model", "timeout"] },
            }},
        },
    });
    for row in FIELDS {
        put(&mut schema, row.member, of_field(row));
    }
    schema
}

/// A session: what is always there, and what dictionary rows put into the record.
fn session() -> Value {
    let mut schema = json!({
        "type": "object",
        "required": ["id", "type", "channel", "status", "revision", "started_at", "ended_at"],
        "properties": {
            "id": text(),
            "external_id": { "type": ["string", "null"] },
            "type": { "enum": session_types() },
            "channel": { "enum": Channel::ALL.map(Channel::word) },
            "status": statuses(),
            "revision": { "type": "integer" },
            "split_cause": { "type": "string" },
            "started_at": { "type": "string", "format": "date-time" },
            "ended_at": { "type": "string", "format": "date-time" },
            "duration_ms": { "type": "integer" },
            "event_count": { "type": "integer" },
            "pageview_count": { "type": "integer" },
            "disposition": object(&[
                ("code", json!({ "type": "integer" })),
                ("name", text()),
                ("class", text()),
                ("author", text()),
                ("derived", json!({ "type": "boolean" })),
            ]),
            "identities": { "type": "array", "items": identity() },
            "bot_class": { "type": ["string", "null"] },
        },
    });
    for row in FIELDS.iter().filter(|row| !row.record.is_empty()) {
        put(&mut schema, row.record, of_field(row));
    }
    schema
}

fn session_types() -> Vec<&'static str> {
    [
        SessionType::PhoneCall,
        SessionType::WebVisit,
        SessionType::MobileMessage,
        SessionType::AppVisit,
        SessionType::KioskVisit,
        SessionType::Pos,
        SessionType::Ecommerce,
        SessionType::Chat,
        SessionType::Other,
    ]
    .map(SessionType::word)
    .to_vec()
}

/// A disposition in its flat form: the fields as the source prints them.
fn disposition() -> Value {
    let printed = FIELDS.iter().filter(|row| !row.signal_name.is_empty() || row.number < 1_010);
    let properties: serde_json::Map<String, Value> =
        printed.map(|row| (row.name.to_owned(), of_field(row))).collect();
    let hard = FIELDS.iter().filter(|row| row.required == Required::Hard);
    let required: Vec<&str> = hard.map(|row| row.name).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn of_field(row: &Field) -> Value {
    let mut schema = match row.kind {
        FieldType::Text => json!({ "type": "string" }),
        FieldType::Number => json!({ "type": ["integer", "string"] }),
        FieldType::Decimal => json!({ "type": ["string", "number"] }),
        FieldType::Instant => json!({ "type": "string", "format": "date-time" }),
        FieldType::Flag => json!({ "type": "boolean" }),
        FieldType::Texts => json!({ "type": ["array", "string"] }),
        FieldType::Json => json!({}),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(row.about));
    }
    schema
}

/// Puts a schema at a dotted path; what stands there already stays.
fn put(schema: &mut Value, path: &str, value: Value) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    let Some(object) = schema.as_object_mut().filter(|_| !first.is_empty()) else { return };
    object.entry("type").or_insert_with(|| json!("object"));
    let properties = object.entry("properties").or_insert_with(|| json!({}));
    let Some(properties) = properties.as_object_mut() else { return };
    match rest {
        None => {
            properties.entry(first).or_insert(value);
        }
        Some(rest) => put(properties.entry(first).or_insert_with(|| json!({})), rest, value),
    }
}

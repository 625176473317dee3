//! Encoding: a signal in our own form, as `GET /v1/signals` shows it.
use serde_json::{Map, Value as Json};
use sessionary_core::{
    dictionary::{Member, by_member, by_number},
    disposition::ClaimPolicy,
    identity::Identity,
    signal::Signal,
    value::Value,
};

/// The signal as JSON. Decoding it again gives the same signal.
pub fn encode(signal: &Signal) -> Json {
    let mut members = Map::new();
    let mut put = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    put("id", Some(Json::from(&*signal.key)));
    put("type", Some(Json::from(&*signal.kind)));
    put("occurred_at", signal.occurred_at.clone().map(|at| value_to_json(&Value::Instant(at))));
    put("sent_at", signal.sent_at.map(|at| Json::from(at.to_string())));
    put("sequence", (signal.sequence > 0).then(|| Json::from(signal.sequence)));
    put("channel", signal.channel.map(|channel| Json::from(channel.word())));
    put("session_type", signal.session_type.map(|kind| Json::from(kind.word())));
    put("source", (!signal.source.is_empty()).then(|| Json::from(&*signal.source)));
    put("session_id", signal.session.as_deref().map(Json::from));
    put("identities", (!signal.identities.is_empty()).then(|| identities(signal)));
    put("warnings", (!signal.warnings.is_empty()).then(|| texts(&signal.warnings)));
    if let Some(claim) = &signal.claim {
        insert(&mut members, "disposition.code", Json::from(claim.code));
        insert(&mut members, "disposition.author", Json::from(claim.author.word()));
        if claim.policy == ClaimPolicy::First {
            insert(&mut members, "disposition.policy", Json::from("first"));
        }
    }
    let mut unregistered = Map::new();
    for (number, value) in &signal.fields {
        match by_number(*number) {
            Some(row) => insert(&mut members, row.member, value_to_json(value)),
            None => drop(unregistered.insert(number.0.to_string(), value_to_json(value))),
        }
    }
    if !unregistered.is_empty() {
        members.insert("signals".to_owned(), Json::Object(unregistered));
    }
    for (path, raw) in &signal.attributes {
        insert(&mut members, path, raw.to_json());
    }
    Json::Object(members)
}

fn identities(signal: &Signal) -> Json {
    let one = |identity: &Identity| {
        let Identity { kind, value, original } = identity;
        let mut one = serde_json::json!({"type": &**kind, "value": &**value});
        if let (Some(original), Json::Object(one)) = (original, &mut one) {
            one.insert("original".to_owned(), Json::from(&**original));
        }
        one
    };
    signal.identities.iter().map(one).collect()
}

fn texts(texts: &[Box<str>]) -> Json {
    texts.iter().map(|text| Json::from(&**text)).collect()
}

/// As [`Value::to_json`], but an instant in its sender's spelling.
fn value_to_json(value: &Value) -> Json {
    match value {
        Value::Instant(instant) => Json::from(
            instant.text.as_deref().map_or_else(|| instant.at.to_string(), str::to_owned),
        ),
        value => value.to_json(),
    }
}

/// Puts a value at a dotted path, going into the objects that the dictionary knows and no others:
/// so a member that was sent with a dot in its name keeps it.
fn insert(members: &mut Map<String, Json>, path: &str, value: Json) {
    insert_into(members, "", path, value);
}

fn insert_into(members: &mut Map<String, Json>, group: &str, rest: &str, value: Json) {
    if let Some((name, deeper)) = rest.split_once('.') {
        let path = if group.is_empty() { name.to_owned() } else { format!("{group}.{name}") };
        if matches!(by_member(&path), Some(Member::Group)) {
            let inner = members.entry(name).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                return insert_into(inner, &path, deeper, value);
            }
        }
    }
    members.insert(rest.to_owned(), value);
}

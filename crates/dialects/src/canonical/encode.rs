//! Encoding: a signal in our own form, as `GET /v1/signals` shows it.
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{
    Value as Json,
    value::{RawValue, to_raw_value},
};
use sessionary_core::{
    dictionary::{Member, by_member, by_number},
    disposition::ClaimPolicy,
    identity::Identity,
    signal::Signal,
    value::{RawJson, Value},
};

/// The signal as the text of a JSON object, unknown members in it as they were sent, down to the
/// digits and spaces. Decoding it gives the same signal.
///
/// # Panics
/// Never: every part of a signal is JSON.
pub fn encode_raw(signal: &Signal) -> Box<RawValue> {
    to_raw_value(&tree(signal)).expect("every leaf of the tree is JSON")
}

/// The same as a value to look into; numbers in unknown members are then what `serde_json` makes of
/// them.
pub fn encode(signal: &Signal) -> Json {
    tree(signal).to_json()
}

/// An object on its way out.
#[derive(Default)]
struct Object(BTreeMap<Box<str>, Node>);

enum Node {
    Object(Object),
    Leaf(Json),
    AsSent(RawJson),
}

impl Object {
    fn put(&mut self, name: &str, value: Option<Json>) {
        if let Some(value) = value {
            self.0.insert(name.into(), Node::Leaf(value));
        }
    }

    /// Puts a node at a dotted path, going into the objects that the dictionary knows and no others:
    /// so a member that was sent with a dot in its name keeps it.
    fn put_at(&mut self, path: &str, node: Node) {
        self.put_under("", path, node);
    }

    fn put_under(&mut self, group: &str, rest: &str, node: Node) {
        if let Some((name, deeper)) = rest.split_once('.') {
            let path = if group.is_empty() { name.to_owned() } else { format!("{group}.{name}") };
            if matches!(by_member(&path), Some(Member::Group)) {
                let inner = || Node::Object(Object::default());
                if let Node::Object(inner) = self.0.entry(name.into()).or_insert_with(inner) {
                    return inner.put_under(&path, deeper, node);
                }
            }
        }
        self.0.insert(rest.into(), node);
    }

    fn to_json(&self) -> Json {
        let members = self.0.iter().map(|(name, node)| (name.to_string(), node.to_json()));
        Json::Object(members.collect())
    }
}

impl Node {
    fn of(value: &Value) -> Node {
        match value {
            Value::Json(raw) => Node::AsSent(raw.clone()),
            Value::Instant(instant) => {
                let text = instant.text.as_deref();
                Node::Leaf(text.map_or_else(|| instant.at.to_string(), str::to_owned).into())
            }
            value => Node::Leaf(value.to_json()),
        }
    }

    fn to_json(&self) -> Json {
        match self {
            Node::Object(object) => object.to_json(),
            Node::Leaf(json) => json.clone(),
            Node::AsSent(raw) => raw.to_json(),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Object(object) => object.serialize(serializer),
            Node::Leaf(json) => json.serialize(serializer),
            Node::AsSent(raw) => match serde_json::from_str::<&RawValue>(raw.text()) {
                Ok(json) => json.serialize(serializer),
                Err(_) => raw.text().serialize(serializer),
            },
        }
    }
}

fn tree(signal: &Signal) -> Object {
    let mut tree = Object::default();
    tree.put("id", Some(Json::from(&*signal.key)));
    tree.put("type", Some(Json::from(&*signal.kind)));
    if let Some(at) = &signal.occurred_at {
        tree.put_at("occurred_at", Node::of(&Value::Instant(at.clone())));
    }
    tree.put("sent_at", signal.sent_at.map(|at| Json::from(at.to_string())));
    tree.put("sequence", (signal.sequence > 0).then(|| Json::from(signal.sequence)));
    tree.put("channel", signal.channel.map(|channel| Json::from(channel.word())));
    tree.put("session_type", signal.session_type.map(|kind| Json::from(kind.word())));
    tree.put("source", (!signal.source.is_empty()).then(|| Json::from(&*signal.source)));
    tree.put("session_id", signal.session.as_deref().map(Json::from));
    let identities = || signal.identities.iter().map(identity).collect();
    tree.put("identities", (!signal.identities.is_empty()).then(identities));
    let warnings = || signal.warnings.iter().map(|code| Json::from(&**code)).collect();
    tree.put("warnings", (!signal.warnings.is_empty()).then(warnings));
    if let Some(claim) = &signal.claim {
        tree.put_at("disposition.code", Node::Leaf(claim.code.into()));
        tree.put_at("disposition.author", Node::Leaf(claim.author.word().into()));
        if claim.policy == ClaimPolicy::First {
            tree.put_at("disposition.policy", Node::Leaf("first".into()));
        }
    }
    let mut unregistered = Object::default();
    for (number, value) in &signal.fields {
        match by_number(*number) {
            Some(row) => tree.put_at(row.member, Node::of(value)),
            None => drop(unregistered.0.insert(number.0.to_string().into(), Node::of(value))),
        }
    }
    if !unregistered.0.is_empty() {
        tree.0.insert("signals".into(), Node::Object(unregistered));
    }
    for (path, raw) in &signal.attributes {
        tree.put_at(path, Node::AsSent(raw.clone()));
    }
    tree
}

fn identity(identity: &Identity) -> Json {
    let Identity { kind, value, original } = identity;
    let mut json = serde_json::json!({"type": &**kind, "value": &**value});
    if let (Some(original), Json::Object(members)) = (original, &mut json) {
        members.insert("original".to_owned(), Json::from(&**original));
    }
    json
}

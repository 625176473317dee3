//! A definition in the platform's models `Outcome` and `JourneySegment`.
use serde_json::{Map, Value as Json, json};
use sessionary_core::goal::{
    Condition, ContextPattern, Definition, GoalKind, Pattern, Stream, ValueType,
};

use super::path_of;

/// The colour of a segment that was given none.
const COLOR: &str = "#008000";

/// The definition as its model; what it does not have is left out.
pub fn tell(definition: &Definition) -> Json {
    let Definition { kind, conditions, .. } = definition;
    let context: Vec<Json> = conditions.context.iter().map(context_pattern).collect();
    let journey: Vec<Json> = conditions.journey.iter().map(journey_pattern).collect();
    let mut told = Map::new();
    let common = [
        ("id", json!(definition.id)),
        ("isActive", json!(definition.active)),
        ("displayName", json!(definition.name)),
        ("version", json!(definition.version)),
        ("description", json!(definition.description)),
        ("context", json!({ "patterns": context })),
        ("journey", json!({ "patterns": journey })),
        ("selfUri", json!(format!("{}/{}", path_of(*kind), definition.id))),
        ("createdDate", json!(definition.created_at.to_string())),
        ("modifiedDate", json!(definition.modified_at.to_string())),
    ];
    let own = match kind {
        GoalKind::Outcome => of_outcome(definition),
        GoalKind::Segment => of_segment(definition),
    };
    let all = common.into_iter().chain(own).filter(|(_, value)| !value.is_null());
    told.extend(all.map(|(name, value)| (name.to_owned(), value)));
    Json::Object(told)
}

fn of_outcome(definition: &Definition) -> Vec<(&'static str, Json)> {
    let value = definition.value.as_ref().map(|field| {
        let number = match field.number {
            ValueType::Number => "Number",
            ValueType::Integer => "Integer",
        };
        json!({ "dataType": number, "name": field.key })
    });
    vec![("isPositive", json!(definition.positive)), ("associatedValueField", json!(value))]
}

fn of_segment(definition: &Definition) -> Vec<(&'static str, Json)> {
    let external = definition.external.as_ref();
    let scope = if external.is_some() { "Customer" } else { "Session" };
    let external = external.map(
        |external| json!({ "id": external.id, "name": external.name, "source": external.source }),
    );
    vec![
        ("color", json!(definition.color.as_deref().unwrap_or(COLOR))),
        ("scope", json!(scope)),
        ("shouldDisplayToAgent", json!(definition.shown_to_agents)),
        ("externalSegment", json!(external)),
        ("assignmentExpirationDays", json!(definition.expires_after_days)),
    ]
}

fn criterion(condition: &Condition) -> Json {
    json!({
        "key": condition.key,
        "values": condition.values,
        "shouldIgnoreCase": condition.ignore_case,
        "operator": condition.operator,
    })
}

fn context_pattern(pattern: &ContextPattern) -> Json {
    let criteria = pattern.criteria.iter().map(|condition| {
        let mut json = criterion(condition);
        if let Some(object) = json.as_object_mut() {
            object.insert("entityType".to_owned(), json!("visit"));
        }
        json
    });
    json!({ "criteria": criteria.collect::<Vec<_>>() })
}

fn journey_pattern(pattern: &Pattern) -> Json {
    let stream = match pattern.stream {
        Stream::Web => "Web",
        Stream::App => "App",
        Stream::Conversation => "Conversation",
        Stream::Custom => "Custom",
    };
    let criteria: Vec<Json> = pattern.criteria.iter().map(criterion).collect();
    let mut told = json!({
        "criteria": criteria,
        "count": pattern.count,
        "streamType": stream,
        "sessionType": pattern.session_type,
    });
    if let (Some(name), Some(object)) = (&pattern.event_name, told.as_object_mut()) {
        object.insert("eventName".to_owned(), json!(name));
    }
    told
}

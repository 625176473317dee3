//! The rows of outcomes and segments in the route table, and the schemas that they name.
use serde_json::{Value, json};
use sessionary_engine::keys::Scope;

use crate::{
    api::{
        App,
        answers::{integer, json as answer, text},
        genesys::errors::error_body,
    },
    body::BodySize,
    problem::Code,
    routes::{Access, Answer, Method, Parameter, Route, Routes, Takes},
};

const OUTCOMES: &str = "/api/v2/journey/outcomes";
const OUTCOME: &str = "/api/v2/journey/outcomes/{outcomeId}";
const SEGMENTS: &str = "/api/v2/journey/segments";
const SEGMENT: &str = "/api/v2/journey/segments/{segmentId}";

const GONE: Answer = Answer { status: 204, summary: "It is removed", media: "", schema: "" };

const BASE: Route = Route {
    tag: "run",
    access: Access::Key(Scope::ConfigWrite),
    refuses_as: Some(error_body),
    ..Route::PLAIN
};
const READING: Route = Route { access: Access::Key(Scope::SessionsRead), ..BASE };
const WRITING: Route = Route {
    problems: &[
        Code::DefinitionChanged,
        Code::DiskFull,
        Code::NotFound,
        Code::StoreUnavailable,
        Code::Unprocessable,
    ],
    ..BASE
};

const fn takes(schema: &'static str) -> Takes {
    Takes { size: BodySize::Single, media: &["application/json"], schema }
}

const CONDITIONS: &str = "The patterns of `journey` are matched one after the other, each by `count` signals; \
    then one pattern of `context` must hold of the session. Holds for signals that come from then on.";

pub(super) const MAKE_OUTCOME: Route = Route {
    method: Method::Post,
    path: OUTCOMES,
    summary: "Define an outcome",
    detail: CONDITIONS,
    takes: Some(takes("GenesysOutcome")),
    answers: &[answer(201, "The outcome", "GenesysOutcome")],
    ..WRITING
};
pub(super) const MAKE_SEGMENT: Route = Route {
    method: Method::Post,
    path: SEGMENTS,
    summary: "Define a segment",
    detail: CONDITIONS,
    takes: Some(takes("GenesysSegment")),
    answers: &[answer(201, "The segment", "GenesysSegment")],
    ..WRITING
};
pub(super) const LIST_OUTCOMES: Route = Route {
    path: OUTCOMES,
    summary: "The outcomes that are defined",
    query: &[
        PAGE_NUMBER,
        PAGE_SIZE,
        SORT_BY,
        text("outcomeIds", "Only these; repeated or separated by commas"),
        QUERY_FIELDS,
        QUERY_VALUE,
    ],
    answers: &[answer(200, "A page of them", "GenesysOutcomeList")],
    problems: &[Code::InvalidParameter],
    ..READING
};
pub(super) const LIST_SEGMENTS: Route = Route {
    path: SEGMENTS,
    summary: "The segments that are defined",
    query: &[
        PAGE_NUMBER,
        PAGE_SIZE,
        SORT_BY,
        Parameter { name: "isActive", summary: "Only those that are, or are not", kind: "boolean" },
        text("segmentIds", "Only these; repeated or separated by commas"),
        QUERY_FIELDS,
        QUERY_VALUE,
    ],
    answers: &[answer(200, "A page of them", "GenesysSegmentList")],
    problems: &[Code::InvalidParameter],
    ..READING
};
pub(super) const READ_OUTCOME: Route = Route {
    path: OUTCOME,
    summary: "An outcome's definition",
    answers: &[answer(200, "The outcome", "GenesysOutcome")],
    problems: &[Code::NotFound],
    ..READING
};
pub(super) const READ_SEGMENT: Route = Route {
    path: SEGMENT,
    summary: "A segment's definition",
    answers: &[answer(200, "The segment", "GenesysSegment")],
    problems: &[Code::NotFound],
    ..READING
};
pub(super) const CHANGE_OUTCOME: Route = Route {
    method: Method::Patch,
    path: OUTCOME,
    summary: "Change an outcome; `version` is the one that was read",
    takes: Some(takes("GenesysOutcome")),
    answers: &[answer(200, "The outcome", "GenesysOutcome")],
    ..WRITING
};
pub(super) const CHANGE_SEGMENT: Route = Route {
    method: Method::Patch,
    path: SEGMENT,
    summary: "Change a segment; `version` is the one that was read",
    takes: Some(takes("GenesysSegment")),
    answers: &[answer(200, "The segment", "GenesysSegment")],
    ..WRITING
};
pub(super) const REMOVE_OUTCOME: Route = Route {
    method: Method::Delete,
    path: OUTCOME,
    summary: "Remove an outcome; sessions that reached it keep it",
    answers: &[GONE],
    ..WRITING
};
pub(super) const REMOVE_SEGMENT: Route = Route {
    method: Method::Delete,
    path: SEGMENT,
    summary: "Remove a segment; sessions that are in it stay in it",
    answers: &[GONE],
    ..WRITING
};

const PAGE_NUMBER: Parameter = integer("pageNumber", "From 1, default 1");
const PAGE_SIZE: Parameter = integer("pageSize", "1 to 200, default 25");
const SORT_BY: Parameter = text("sortBy", "Members separated by commas, `-` in front for falling");
const QUERY_FIELDS: Parameter = text("queryFields", "displayName, description; default both");
const QUERY_VALUE: Parameter = text("queryValue", "Only those with this text in such a field");

pub(super) fn schemas(routes: Routes<App>) -> Routes<App> {
    let list = |of: &str| {
        let entity = json!({ "$ref": format!("#/components/schemas/{of}") });
        json!({ "type": "object", "properties": {
            "entities": { "type": "array", "items": entity },
            "total": { "type": "integer" },
            "pageSize": { "type": "integer" },
            "pageNumber": { "type": "integer" },
            "pageCount": { "type": "integer" },
        } })
    };
    routes
        .schema(
            "GenesysOutcome",
            definition_schema(&json!({
                "isPositive": { "type": "boolean" },
                "associatedValueField": { "type": "object" },
            })),
        )
        .schema(
            "GenesysSegment",
            definition_schema(&json!({
                "color": { "type": "string" },
                "shouldDisplayToAgent": { "type": "boolean" },
                "assignmentExpirationDays": { "type": "integer" },
                "externalSegment": { "type": "object" },
            })),
        )
        .schema("GenesysOutcomeList", list("GenesysOutcome"))
        .schema("GenesysSegmentList", list("GenesysSegment"))
}

fn definition_schema(own: &Value) -> Value {
    let mut properties = json!({
        "id": { "type": "string", "readOnly": true },
        "displayName": { "type": "string" },
        "description": { "type": "string" },
        "isActive": { "type": "boolean" },
        "version": { "type": "integer" },
        "context": { "type": "object" },
        "journey": { "type": "object" },
        "selfUri": { "type": "string", "readOnly": true },
        "createdDate": { "type": "string", "format": "date-time", "readOnly": true },
        "modifiedDate": { "type": "string", "format": "date-time", "readOnly": true },
    });
    if let (Some(all), Some(own)) = (properties.as_object_mut(), own.as_object()) {
        all.extend(own.clone());
    }
    json!({ "type": "object", "properties": properties })
}

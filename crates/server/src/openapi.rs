//! The OpenAPI 3.1 document, written from the route table and the table of problems.
//!
//! `openapi.json` at the root of the repository is this document; a test compares them, and writes
//! the file anew when run as `UPDATE_EXPECT=1 cargo test -p sessionary-server openapi`.
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    body::BodySizes,
    problem::Code,
    routes::{Access, Answer, Parameter, Route, Routes, Takes},
};

/// The document for these routes.
pub fn document<S: Clone + Send + Sync + 'static>(routes: &Routes<S>) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for row in routes.rows() {
        let path = row.path.replace("{*", "{");
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = methods {
            methods.insert(
                row.method.word().to_ascii_lowercase(),
                operation(row, routes.body_sizes()),
            );
        }
    }
    let mut schemas: Map<String, Value> =
        routes.schemas().iter().map(|(name, schema)| ((*name).into(), schema.clone())).collect();
    schemas.insert("Problem".into(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sessionary",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Every session, from first signal to final outcome.",
            "license": {"name": "Apache-2.0 OR MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer",
                    "description": "An API key, `sny_sk_…` or `sny_pk_…`.",
                },
                "basic": {
                    "type": "http", "scheme": "basic",
                    "description": "An API key as the user name, with an empty password.",
                },
                "write_key": {
                    "type": "apiKey", "in": "query", "name": "write_key",
                    "description": "A publishable key, `sny_pk_…`.",
                },
            },
        },
    })
}

/// The document as the file `openapi.json` holds it.
pub fn text<S: Clone + Send + Sync + 'static>(routes: &Routes<S>) -> String {
    format!("{:#}\n", document(routes))
}

fn operation(row: &Route, sizes: BodySizes) -> Value {
    let mut operation = json!({
        "operationId": operation_id(row),
        "summary": row.summary,
        "tags": [row.tag],
        "responses": responses(row),
    });
    let Value::Object(members) = &mut operation else { return operation };
    if !row.detail.is_empty() {
        members.insert("description".into(), row.detail.into());
    }
    let parameters: Vec<Value> =
        path_parameters(row.path).chain(row.query.iter().map(query_parameter)).collect();
    if !parameters.is_empty() {
        members.insert("parameters".into(), parameters.into());
    }
    if let Some(takes) = row.takes {
        members.insert("requestBody".into(), request_body(&takes, sizes));
    }
    members.insert("security".into(), security(row));
    if let Some(scope) = row.access.scope() {
        members.insert("x-scope".into(), scope.word().into());
    }
    operation
}

/// `GET /v1/sessions/{id}` is `get_v1_sessions_id`.
fn operation_id(row: &Route) -> String {
    let words = row.path.split(|at: char| !at.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!("{}_{}", row.method.word().to_ascii_lowercase(), words.join("_"))
}

/// The parameters of a path, in order.
pub(crate) fn path_parameter_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .map(|(name, _)| name.trim_start_matches('*'))
}

fn path_parameters(path: &str) -> impl Iterator<Item = Value> {
    path_parameter_names(path).map(
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
    )
}

fn query_parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name, "in": "query", "description": parameter.summary,
        "schema": {"type": parameter.kind},
    })
}

fn request_body(takes: &Takes, sizes: BodySizes) -> Value {
    let content: Map<String, Value> =
        takes.media.iter().map(|media| ((*media).into(), media_type(takes.schema))).collect();
    json!({
        "required": true,
        "description": format!(
            "At most {0} bytes as sent, {0} unpacked; gzip and zstd are taken.",
            sizes.of(takes.size).0,
        ),
        "content": content,
    })
}

fn media_type(schema: &str) -> Value {
    if schema.is_empty() {
        return json!({});
    }
    json!({"schema": {"$ref": format!("#/components/schemas/{schema}")}})
}

fn responses(row: &Route) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for answer in row.answers {
        let mut told = success(answer);
        let before = responses.get(&answer.status.to_string()).and_then(|it| it.get("content"));
        if let (Some(Value::Object(before)), Some(content)) =
            (before, told.get_mut("content").and_then(Value::as_object_mut))
        {
            content.extend(before.clone());
        }
        responses.insert(answer.status.to_string(), told);
    }
    let mut by_status: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    for code in row.all_problems() {
        by_status.entry(code.row().status).or_default().push(code.word());
    }
    for (status, words) in by_status {
        responses.insert(
            status.to_string(),
            json!({
                "description": words.join(", "),
                "content": {"application/problem+json": media_type("Problem")},
            }),
        );
    }
    responses.into()
}

fn success(answer: &Answer) -> Value {
    let mut response = json!({"description": answer.summary});
    if let (false, Value::Object(members)) = (answer.media.is_empty(), &mut response) {
        members.insert("content".into(), json!({answer.media: media_type(answer.schema)}));
    }
    response
}

fn security(row: &Route) -> Value {
    match row.access {
        // Where the key is part of the path it is no header's.
        Access::Open | Access::KeyInPathAlone(..) => json!([]),
        _ if row.is_for_pages() => json!([{"bearer": []}, {"basic": []}, {"write_key": []}]),
        _ => json!([{"bearer": []}, {"basic": []}]),
    }
}

fn problem_schema() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    json!({
        "type": "object",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": {"type": "string", "description": "Where the code is explained."},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": codes},
            "detail": {"type": "string", "description": "About this occurrence."},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": {
                        "pointer": {"type": "string", "description": "JSON pointer or parameter."},
                        "detail": {"type": "string"},
                    },
                },
            },
            "retry_after": {"type": "integer", "description": "Seconds."},
            "quarantine_id": {"type": "string", "description": "Where the payload was put aside."},
        },
    })
}

//! The body of one request, filled in.
use std::fmt::Write;

use bytes::Bytes;
use serde_json::{Map, Number, Value};
use url::form_urlencoded;

use super::recipe::{Body, Json};
use crate::{template::Template, values::Values};

/// What is sent, and what it is called.
pub(super) struct Filled {
    pub(super) bytes: Bytes,
    pub(super) media: Option<String>,
}

/// Fills a body in.
pub(super) fn fill(body: &Body, values: &Values<'_>) -> Filled {
    match body {
        Body::None => Filled { bytes: Bytes::new(), media: None },
        Body::Json(json) => {
            let filled = filled(json, values).unwrap_or(Value::Null);
            labelled(filled.to_string(), "application/json")
        }
        Body::Form(pairs) => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, template) in pairs {
                form.append_pair(name, &template.fill(values));
            }
            labelled(form.finish(), "application/x-www-form-urlencoded")
        }
        Body::File => labelled(values.parcel.body.get().to_owned(), "application/json"),
        Body::Multipart(parts) => multipart(parts, values),
    }
}

/// `None` for a text that comes out empty, so that its member can be left out.
fn filled(json: &Json, values: &Values<'_>) -> Option<Value> {
    Some(match json {
        Json::Plain(value) => value.clone(),
        Json::Text(template) => {
            let text = template.fill(values);
            if text.is_empty() {
                return None;
            }
            let number = template.is_number().then(|| text.parse::<Number>().ok()).flatten();
            number.map_or(Value::String(text), Value::Number)
        }
        Json::List(items) => items.iter().filter_map(|item| filled(item, values)).collect(),
        Json::Object(members) => {
            let members = members
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), filled(value, values)?)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    })
}

/// `multipart/form-data`. The boundary is made of the parts, so that none of them can hold it.
fn multipart(parts: &[(String, Option<Template>)], values: &Values<'_>) -> Filled {
    let file = values.parcel.body.get();
    let filled: Vec<_> = parts
        .iter()
        .map(|(name, value)| (name, value.as_ref().map(|template| template.fill(values))))
        .collect();
    let mut hash = blake3::Hasher::new();
    for (_, value) in &filled {
        hash.update(value.as_deref().unwrap_or(file).as_bytes());
    }
    let boundary = format!("sessionary-{}", hash.finalize().to_hex());
    let mut text = String::new();
    for (name, value) in filled {
        let _ = write!(text, "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
        if let Some(value) = value {
            let _ = write!(text, "\r\n\r\n{value}\r\n");
        } else {
            let name = values.parcel.file_name().replace(['"', '\r', '\n', '\\'], "-");
            let _ = write!(text, "; filename=\"{name}\"\r\nContent-Type: application/json");
            let _ = write!(text, "\r\n\r\n{file}\r\n");
        }
    }
    let _ = write!(text, "--{boundary}--\r\n");
    labelled(text, &format!("multipart/form-data; boundary={boundary}"))
}

fn labelled(text: String, media: &str) -> Filled {
    Filled { bytes: Bytes::from(text), media: Some(media.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::tests::{with_record, with_sample};
    use expect_test::expect;

    fn json(text: &str) -> Json {
        Json::Text(Template::parse(text).unwrap())
    }

    #[test]
    fn a_value_is_escaped_and_an_empty_member_left_out() {
        let body = Body::Json(Json::Object(vec![
            ("notes".to_owned(), json("{disposition.notes}")),
            ("fax".to_owned(), json("{person.fax}")),
            ("public".to_owned(), Json::Plain(false.into())),
            ("uploads".to_owned(), Json::List(vec![json("{person.fax}"), json("{id}")])),
        ]));
        let filled = with_sample(|values| fill(&body, values));
        expect![[r#"{"notes":"she said \"yes\" <ok>\nbye","public":false,"uploads":["prc_01"]}"#]]
            .assert_eq(std::str::from_utf8(&filled.bytes).unwrap());
    }

    #[test]
    fn the_record_is_a_part_of_a_form() {
        let parts = vec![
            ("file".to_owned(), None),
            ("folderPath".to_owned(), Some(Template::parse("/sessionary/{date}").unwrap())),
        ];
        let record = serde_json::json!({"a": 1});
        let filled = with_record(&record, |values| fill(&Body::Multipart(parts), values));
        let media = filled.media.unwrap();
        let (_, boundary) = media.split_once("boundary=").unwrap();
        let text = std::str::from_utf8(&filled.bytes).unwrap();
        expect![[r#"
            --BOUNDARY
            Content-Disposition: form-data; name="file"; filename="0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67.r2.json"
            Content-Type: application/json

            {"a":1}
            --BOUNDARY
            Content-Disposition: form-data; name="folderPath"

            /sessionary/2025-06-30
            --BOUNDARY--
        "#]].assert_eq(&text.replace(boundary, "BOUNDARY").replace("\r\n", "\n"));
    }
}

//! Hostile bodies to every route of the table that reads one: an answer in its clients' own words,
//! never a failure of ours. A route that is added is tried as well.
use std::{io::Write as _, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use sessionary_server::routes::Route;

use crate::world::World;

/// An answer takes no longer than this even on a busy machine; reached only when something hangs.
const FOREVER: Duration = Duration::from_secs(30);

/// Names that decoders look for, so that what is wrong stands where they look.
const NAMES: [&str; 14] = [
    "batch",
    "session",
    "result",
    "events",
    "id",
    "type",
    "status",
    "eventName",
    "properties",
    "occurred_at",
    "Action",
    "messageId",
    "context",
    "displayName",
];

fn bodies() -> Vec<(String, Vec<u8>)> {
    let mut bodies: Vec<(String, Vec<u8>)> = vec![
        ("nothing".into(), Vec::new()),
        ("no text".into(), vec![0xff, 0xfe, 0x00, 0x80]),
        ("zeros".into(), vec![0; 4_096]),
        ("a lone quote".into(), b"\"".to_vec()),
        ("cut short".into(), br#"{"batch":[{"type":"track","event":"x""#.to_vec()),
        ("a lone surrogate".into(), br#"{"id":"\ud800","type":"\udfff"}"#.to_vec()),
        ("lists in lists".into(), vec![b'['; 400_000]),
        ("objects in objects".into(), br#"{"a":"#.repeat(100_000)),
        (
            "a long text".into(),
            json!({ "id": "x".repeat(900_000), "type": "t" }).to_string().into(),
        ),
        ("a great number".into(), br#"{"id":1e999999,"timestamp":-1e400,"type":"t"}"#.to_vec()),
        ("digits".into(), format!("{{\"id\":{}}}", "9".repeat(100_000)).into_bytes()),
        ("many members".into(), many_members(60_000)),
        ("a name twice".into(), br#"{"type":"a","type":{},"id":"1","id":[2]}"#.to_vec()),
        ("half a gzip".into(), gzip(&[b' '; 64]).into_iter().take(20).collect()),
        ("a bomb".into(), gzip(&vec![b'['; 40 << 20])),
    ];
    for value in
        [json!(null), json!(true), json!(1.5), json!("x"), json!([]), json!({}), json!([[]])]
    {
        bodies.push((format!("{value}"), value.to_string().into()));
        for name in NAMES {
            let mut object = serde_json::Map::new();
            object.insert(name.to_owned(), value.clone());
            let object = Value::Object(object);
            bodies.push((object.to_string(), object.to_string().into()));
            bodies.push((format!("[{object}]"), json!([object]).to_string().into()));
        }
    }
    bodies
}

fn many_members(count: u32) -> Vec<u8> {
    let members: Vec<String> = (0..count).map(|number| format!("\"m{number}\":0")).collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The row's path with something in place of each parameter: a key where keys stand.
fn path_of(row: &Route, world: &World) -> String {
    let part = |part: &str| {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        match name {
            None => part.to_owned(),
            Some("api_key") => world.secret.clone(),
            Some(name) if name.starts_with('*') => "rest".to_owned(),
            Some(name) if name.contains("key") || name.contains("deployment") => {
                world.publishable.clone()
            }
            Some(_) => "00000000-0000-7000-8000-000000000000".to_owned(),
        }
    };
    row.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn method_of(row: &Route) -> Method {
    row.method.word().parse().unwrap()
}

#[tokio::test]
async fn every_route_answers_every_hostile_body() {
    let world = World::start().await;
    let bodies = bodies();
    let rows: Vec<_> = world.rows.iter().filter(|row| row.takes.is_some()).collect();
    assert!(rows.len() > 5, "{} routes read a body", rows.len());
    for row in rows {
        let path = path_of(row, &world);
        for (name, body) in &bodies {
            let asked = world.ask(method_of(row), &path, &world.secret, &[], body.clone());
            let Ok(reply) = tokio::time::timeout(FOREVER, asked).await else {
                panic!("{} {} hangs on {name}", row.method.word(), row.path);
            };
            let told = format!(
                "{} {} answers {name} with {}: {}",
                row.method.word(),
                row.path,
                reply.status,
                reply.body
            );
            let status = reply.status.as_u16();
            assert!((200..500).contains(&status), "{told}");
            if status >= 400 {
                assert!(reply.body.is_object(), "{told}");
                let media = reply.headers.get("content-type").map(|media| media.to_str().unwrap());
                let own = row.refuses_as.map_or("application/problem+json", |_| "application/json");
                assert!(media.is_some_and(|media| media.starts_with(own)), "{told} as {media:?}");
            }
        }
    }
}

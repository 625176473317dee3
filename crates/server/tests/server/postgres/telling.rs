//! Values on the wire, in text and in binary.
use tokio_postgres::types::{FromSql, Type};

use super::*;

const TABLES: [&str; 10] = [
    "sessions",
    "sessions_all",
    "touches",
    "legs",
    "orders",
    "identities",
    "signals",
    "claims",
    "parcels",
    "people",
];

/// Bytes of a value as they came.
struct Raw(Vec<u8>);

impl FromSql<'_> for Raw {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Raw, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A value in binary as the text would be.
fn as_text(kind: &Type, Raw(raw): &Raw) -> Option<String> {
    let long = || i64::from_be_bytes(raw.as_slice().try_into().unwrap());
    Some(match *kind {
        Type::TEXT => String::from_utf8(raw.clone()).unwrap(),
        Type::INT8 => long().to_string(),
        Type::BOOL => if raw[0] == 1 { "t" } else { "f" }.to_owned(),
        Type::JSONB => {
            assert_eq!(raw[0], 1, "the version of jsonb");
            String::from_utf8(raw[1..].to_vec()).unwrap()
        }
        Type::TIMESTAMPTZ => {
            let at = sessionary_core::time::UnixMillis((long() + 946_684_800_000_000) / 1_000);
            at.to_string().replace('T', " ").replace('Z', "+00")
        }
        // Told by tests of their own.
        Type::NUMERIC | Type::TEXT_ARRAY | Type::FLOAT8 => return None,
        ref other => panic!("no column is {other}"),
    })
}

#[tokio::test]
async fn every_column_of_every_table_comes_in_text_and_in_binary() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    let (mut told, mut compared) = (0, 0);
    for table in TABLES {
        let text = format!("SELECT * FROM {table}");
        let in_text = rows(&client, &text).await;
        let in_binary = client.query(&text, &[]).await.unwrap();
        assert_eq!(in_text.len(), in_binary.len(), "{table}");
        for (text, binary) in in_text.iter().zip(&in_binary) {
            for (at, column) in binary.columns().iter().enumerate() {
                let (name, kind) = (column.name(), column.type_());
                let raw: Option<Raw> = binary.get(at);
                told += usize::from(raw.is_some());
                assert_eq!(raw.is_some(), text[at].is_some(), "{table}.{name}");
                if let Some(other) = raw.and_then(|raw| as_text(kind, &raw)) {
                    compared += 1;
                    // Zeros at the end of a second are not told.
                    let trimmed = |text: &str| match text.strip_suffix("+00") {
                        Some(at) if at.contains('.') => {
                            at.trim_end_matches('0').trim_end_matches('.').to_owned()
                        }
                        Some(at) => at.to_owned(),
                        None => text.to_owned(),
                    };
                    assert_eq!(
                        trimmed(text[at].as_ref().unwrap()),
                        trimmed(&other),
                        "{table}.{name}"
                    );
                }
            }
        }
    }
    assert!(told > 60 && compared > 50, "{told} told, {compared} compared");
}

#[tokio::test]
async fn the_catalog_tells_the_types_that_come() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    for table in TABLES {
        let statement = client.prepare(&format!("SELECT * FROM {table}")).await.unwrap();
        let come: Vec<(String, u32)> =
            statement.columns().iter().map(|it| (it.name().to_owned(), it.type_().oid())).collect();
        let of_catalog = client
            .query(
                "SELECT a.attname, a.atttypid FROM pg_catalog.pg_attribute a \
                 JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
                 WHERE c.relname = $1 AND a.attnum > 0 ORDER BY a.attnum",
                &[&table],
            )
            .await
            .unwrap();
        let raw = |row: &tokio_postgres::Row| {
            let number: Raw = row.get(1);
            (row.get(0), u32::from_be_bytes(number.0.try_into().unwrap()))
        };
        assert_eq!(of_catalog.iter().map(raw).collect::<Vec<_>>(), come, "{table}");
        let schema = format!(
            "SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' \
             ORDER BY ordinal_position"
        );
        let named: Vec<String> =
            rows(&client, &schema).await.into_iter().map(|row| row[0].clone().unwrap()).collect();
        assert_eq!(named, come.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), "{table}");
    }
}

#[tokio::test]
async fn values_go_in_by_their_types_or_as_text() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    let began = std::time::UNIX_EPOCH + Duration::from_millis(1_767_607_200_123);
    let row = client
        .query_one(
            "SELECT count(*) FROM sessions WHERE channel = $1 AND event_count >= $2 AND started_at = $3",
            &[&"web", &1_i64, &began],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
    let hash = cell(&client, "SELECT hash FROM identities LIMIT 1").await;
    assert_eq!(hash.len(), 32, "digits, as over HTTP");
    let row = client
        .query_one("SELECT count(*) FROM identities WHERE hash = $1", &[&hash])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
    let none: Option<&str> = None;
    let row = client.query_one("SELECT $1::text, $2::float8", &[&none, &1.5_f64]).await.unwrap();
    assert_eq!((row.get::<_, Option<String>>(0), row.get::<_, f64>(1)), (None, 1.5));
    let limited =
        client.query("SELECT value FROM generate_series(1, 9) LIMIT $1", &[&3_i64]).await.unwrap();
    assert_eq!(limited.len(), 3);
}

#[tokio::test]
async fn text_is_as_clients_expect_it() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    for (text, expected) in [
        ("SELECT started_at FROM sessions", "2026-01-05 10:00:00.123+00"),
        ("SELECT total FROM orders", "24.600000000"),
        ("SELECT sum(total) * 1000000000 FROM orders", "24600000000.000000000"),
        ("SELECT true", "t"),
        ("SELECT ARRAY['a b', 'c']", "{\"a b\",c}"),
        ("SELECT null", "nothing"),
        ("SELECT date '2026-01-05'", "2026-01-05"),
        ("SELECT '{\"a\": 1}'::jsonb", "{\"a\": 1}"),
        ("SELECT 1.5::float8", "1.5"),
        ("SELECT count(*) FROM touches", "1"),
    ] {
        assert_eq!(cell(&client, text).await, expected, "{text}");
    }
    let touches = cell(&client, "SELECT touches FROM sessions").await;
    let touches: Value = serde_json::from_str(&touches).unwrap();
    assert_eq!(touches[0]["source"], "newsletter");
}

#[tokio::test]
async fn columns_have_the_names_that_clients_look_for() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    let statement = client
        .prepare("SELECT count(*), count(*), 1, 2, now(), current_user, session_user FROM sessions")
        .await
        .unwrap();
    let names: Vec<&str> = statement.columns().iter().map(tokio_postgres::Column::name).collect();
    assert_eq!(names[..5], ["count", "count", "?column?", "?column?", "now"]);
    let statement = client.prepare("SELECT *, id FROM sessions").await.unwrap();
    assert_eq!(statement.columns().last().unwrap().name(), "id");
}

use std::fmt::Write;

use arrow::json::ArrayWriter;
use expect_test::{expect, expect_file};
use serde_json::{Map, json};

use super::*;

const TENANT: TenantId = TenantId(1);

fn secret() -> HashSecret {
    HashSecret([7; 32])
}

fn rows(records: &[Value]) -> RecordBatch {
    let mut rows = SessionRows::new();
    for record in records {
        rows.push(record, TENANT, &secret()).unwrap();
    }
    assert_eq!(rows.len(), records.len());
    rows.finish().unwrap()
}

/// The cells of a row that are not null, as JSON.
fn told(batch: &RecordBatch) -> Vec<Value> {
    let mut writer = ArrayWriter::new(Vec::new());
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    serde_json::from_slice(&writer.into_inner()).unwrap()
}

fn put(record: &mut Value, path: &str, value: Value) {
    match path.split_once('.') {
        None => record[path] = value,
        Some((first, rest)) => {
            if !record[first].is_object() {
                record[first] = json!({});
            }
            put(&mut record[first], rest, value);
        }
    }
}

fn call() -> Value {
    json!({
        "id": "0198c1f2-0000-7000-8000-000000000001", "revision": 2, "status": "amended",
        "type": "call", "channel": "voice", "source": "ccai", "alias": "9007199254740993",
        "started_at": "2026-01-05T10:00:00.000Z", "duration_ms": 61000, "event_count": 7,
        "engaged": true, "wait_ms": null, "external_id": "",
        "disposition": { "code": 10, "name": "Converted", "derived": false, "notes": "secret note",
            "evidence": ["k1", "k2"] },
        "person": { "email": "ada@shop.example", "name": { "full": "Ada" } },
        "identities": [{ "type": "email", "value": "ada@shop.example" }],
        "commerce": { "total": "24.60", "currency": "EUR", "items": { "sku": ["A", null] } },
        "legs": [{ "kind": "queue", "queue": "orders", "wait_ms": 12000 }, { "kind": "agent" }],
        "orders": [{ "order_id": "o1", "total": "24.60", "refunded": null }],
        "touches": [], "warnings": ["late"],
        "technical": { "ip": "192.0.2.7", "device": { "category": "other" } },
    })
}

#[test]
fn a_record_becomes_a_row() {
    let told = told(&rows(&[call()]));
    expect![[r#"
        [
          {
            "alias": 9007199254740993,
            "channel": "voice",
            "commerce_currency": "EUR",
            "commerce_items_sku": [
              "A",
              null
            ],
            "commerce_total": 24.6,
            "disposition_code": 10,
            "disposition_derived": false,
            "disposition_evidence": [
              "k1",
              "k2"
            ],
            "disposition_name": "Converted",
            "duration_ms": 61000,
            "engaged": true,
            "event_count": 7,
            "id": "0198c1f2-0000-7000-8000-000000000001",
            "identities": [
              {
                "hash": "86b98a285fcb4adb48f68ea5e699f6a8",
                "type": "email"
              }
            ],
            "legs": [
              {
                "kind": "queue",
                "queue": "orders",
                "wait_ms": 12000
              },
              {
                "kind": "agent"
              }
            ],
            "orders": [
              {
                "order_id": "o1",
                "total": 24.6
              }
            ],
            "revision": 2,
            "source": "ccai",
            "started_at": "2026-01-05T10:00:00Z",
            "status": "amended",
            "technical_device_category": "other",
            "touches": [],
            "type": "call",
            "warnings": [
              "late"
            ]
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&told).unwrap());
}

#[test]
fn a_redirect_is_a_row_that_tells_where_it_leads_and_no_more() {
    let redirect = json!({
        "id": "0198c1f2-0000-7000-8000-000000000001", "status": "merged", "revision": 2,
        "merged_into": "0198c1f2-0000-7000-8000-000000000002",
    });
    expect![[r#"[{"id":"0198c1f2-0000-7000-8000-000000000001","merged_into":"0198c1f2-0000-7000-8000-000000000002","revision":2,"status":"merged"}]"#]]
        .assert_eq(&Value::from(told(&rows(&[redirect]))).to_string());
}

/// A record in which every field of the dictionary says its own number.
#[test]
fn what_identifies_a_person_is_in_no_cell() {
    let mut record = json!({
        "id": "a", "revision": 1,
        "identities": [{ "type": "phone", "value": "mark-identity", "original": "mark-original" }],
    });
    for row in FIELDS.iter().filter(|row| !row.record.is_empty()) {
        put(&mut record, row.record, Value::from(format!("mark-{}.", row.number)));
    }
    let all = Value::from(told(&rows(&[record.clone()]))).to_string();
    assert!(!all.contains("mark-identity") && !all.contains("mark-original"), "{all}");
    let own: Vec<&str> = ALWAYS.iter().chain(&OWN).map(|(record, ..)| *record).collect();
    let mut open = 0;
    for row in FIELDS.iter().filter(|row| matches!(row.kind, FieldType::Text)) {
        let mark = format!("mark-{}.", row.number);
        let stands = row::at(&record, row.record).and_then(Value::as_str) == Some(&mark);
        if !may_lie_open(row.class) && !own.contains(&row.record) {
            assert!(!all.contains(&mark), "{} is of class {:?}", row.name, row.class);
        } else if stands {
            assert!(all.contains(&mark), "{} is missing", row.name);
            open += 1;
        }
    }
    assert!(open > 30, "{open}");
}

#[test]
fn the_same_person_has_the_same_hash_and_no_two_have() {
    let of = |value: &str| json!({ "id": "a", "revision": 1, "identities": [{ "type": "email", "value": value }] });
    let told = told(&rows(&[of("a@x.example"), of("b@x.example"), of("a@x.example")]));
    let hash = |at: usize| told[at]["identities"][0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(hash(0), hash(2));
    assert_ne!(hash(0), hash(1));
    assert_eq!(hash(0).len(), 32);
}

#[test]
fn no_two_columns_have_one_name() {
    let names: BTreeSet<String> = columns().into_iter().map(|column| column.name).collect();
    assert_eq!(names.len(), columns().len());
    let schema = SessionRows::new().schema();
    assert!(
        schema.fields().iter().map(|field| field.name()).eq(columns().iter().map(|it| &it.name))
    );
}

/// docs/reference/lake.md is written by this test: `UPDATE_EXPECT=1 cargo test -p sessionary-lake`.
#[test]
fn the_reference_page_tells_every_column() {
    let mut page = "# Columns of the lake\n\nThe table `sessions`: one row a cut record. A column is named by \
        its place in the record, with `_` between the steps. `tenant` and `dt`, the UTC day in the id, \
        are in the names of the folders.\n\nSQL ([sql.md](../sql.md)) has the open sessions, too, and the \
        tables below `sessions`.\n"
        .to_owned();
    for table in crate::sql::described().into_iter().filter(|table| table.name != "sessions_all") {
        let _ = write!(
            page,
            "\n## `{}`: {}\n\n| column | holds | meaning |\n|---|---|---|\n",
            table.name, table.about
        );
        for (name, kind, about) in table.columns {
            let _ = writeln!(page, "| `{name}` | {kind} | {about} |");
        }
    }
    expect_file!["../../../../docs/reference/lake.md"].assert_eq(&page);
}

#[test]
fn a_value_of_another_kind_is_nothing_and_breaks_nothing() {
    let odd = json!([true, 1.5, "x", [], {}, [1], { "a": [] }]);
    for value in odd.as_array().unwrap() {
        let paths = columns().into_iter().map(|column| column.record);
        let mut record = json!({});
        paths.for_each(|path| put(&mut record, path, value.clone()));
        record["id"] = json!("a");
        record["revision"] = json!(1);
        assert_eq!(rows(&[record]).num_rows(), 1);
    }
    let none: Map<String, Value> = Map::new();
    let mut rows = SessionRows::new();
    rows.push(&json!({ "id": "a", "revision": 1, "x": none }), TENANT, &secret()).unwrap();
    assert!(!rows.is_empty());
}

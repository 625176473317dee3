//! What an answer says, in every shape, and what is said when there is none.
use arrow::{array::AsArray, datatypes::Decimal128Type, ipc::reader::StreamReader};
use expect_test::expect;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

fn shop() -> Asks {
    let mut world = World::new();
    let call = record(
        id(0, 1),
        1,
        json!({
            "channel": "voice", "commerce": { "total": "24.60" }, "engaged": true,
            "duration_ms": 61_000, "touches": [
                { "at": "2026-01-01T00:00:00.001Z", "source": "google", "rule": "stated" },
                { "at": "2026-01-01T00:01:00.000Z", "source": "a,\"b\"", "rule": "referrer" },
            ],
            "legs": [{ "kind": "queue", "started_at": "2026-01-01T00:00:01.000Z", "wait_ms": 12 }],
            "identities": [{ "type": "email", "value": "ada@shop.example" }],
        }),
    );
    world.file(SHOP, "00000", &[call]);
    world.ahead(&record(id(1, 2), 0, json!({ "status": "open", "channel": "web" })));
    let signal = json!({
        "session_id": id(1, 2).to_string(), "key": "k1", "type": "page_viewed",
        "at": "2026-01-02T00:00:00.002Z", "note": false,
    });
    world.beside.signals.push(signal.as_object().unwrap().clone());
    world.asks()
}

const ASKED: &str = "SELECT channel, commerce_total AS total, duration_ms, started_at, engaged, touches \
                     FROM sessions ORDER BY id";

#[test]
fn an_answer_in_json() {
    let mut answer = shop().answer(ASKED).unwrap();
    answer["elapsed_ms"] = json!(0);
    expect![[r#"
        {
          "columns": [
            {
              "name": "channel",
              "type": "text"
            },
            {
              "name": "total",
              "type": "decimal(38, 9)"
            },
            {
              "name": "duration_ms",
              "type": "number"
            },
            {
              "name": "started_at",
              "type": "instant"
            },
            {
              "name": "engaged",
              "type": "flag"
            },
            {
              "name": "touches",
              "type": "list of (at instant, rule text, source text, medium text, campaign_id text, campaign_name text, content text, term text, click_id text)"
            }
          ],
          "elapsed_ms": 0,
          "freshness": {
            "files": 1,
            "live_rows": 1,
            "through": "2026-01-01T00:00:00.000Z"
          },
          "rows": [
            {
              "channel": "voice",
              "duration_ms": 61000,
              "engaged": true,
              "started_at": "2026-01-01T00:00:00.001Z",
              "total": "24.600000000",
              "touches": [
                {
                  "at": "2026-01-01T00:00:00.001Z",
                  "campaign_id": null,
                  "campaign_name": null,
                  "click_id": null,
                  "content": null,
                  "medium": null,
                  "rule": "stated",
                  "source": "google",
                  "term": null
                },
                {
                  "at": "2026-01-01T00:01:00.000Z",
                  "campaign_id": null,
                  "campaign_name": null,
                  "click_id": null,
                  "content": null,
                  "medium": null,
                  "rule": "referrer",
                  "source": "a,\"b\"",
                  "term": null
                }
              ]
            },
            {
              "channel": "web",
              "duration_ms": null,
              "engaged": null,
              "started_at": "2026-01-02T00:00:00.002Z",
              "total": null,
              "touches": null
            }
          ]
        }"#]]
    .assert_eq(&format!("{answer:#}"));
}

#[test]
fn every_shape_says_the_same() {
    let asks = shop();
    let rows = asks.rows(ASKED);
    let lines = String::from_utf8(asks.bytes(ASKED, Shape::Ndjson).unwrap()).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, rows);

    let csv = asks.bytes(ASKED, Shape::Csv).unwrap();
    let mut reader = csv::Reader::from_reader(&csv[..]);
    let heads: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(heads, ["channel", "total", "duration_ms", "started_at", "engaged", "touches"]);
    let cells: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    assert_eq!(
        &cells[0][..5],
        ["voice", "24.600000000", "61000", "2026-01-01T00:00:00.001Z", "true"]
    );
    assert_eq!(serde_json::from_str::<Value>(&cells[0][5]).unwrap(), rows[0]["touches"]);
    assert_eq!(cells[1][1], "");

    let check = |batches: Vec<RecordBatch>| {
        let all = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
        assert_eq!(all.num_rows(), 2);
        let total = all.column_by_name("total").unwrap().as_primitive::<Decimal128Type>();
        assert_eq!(total.value_as_string(0), rows[0]["total"].as_str().unwrap());
        let touches = all.column_by_name("touches").unwrap();
        assert_eq!(cells::json(&**touches, 0).unwrap(), rows[0]["touches"]);
    };
    let arrow = asks.bytes(ASKED, Shape::Arrow).unwrap();
    check(StreamReader::try_new(&arrow[..], None).unwrap().map(Result::unwrap).collect());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), asks.bytes(ASKED, Shape::Parquet).unwrap()).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.reopen().unwrap()).unwrap();
    check(reader.build().unwrap().map(Result::unwrap).collect());
}

#[test]
fn an_empty_answer_has_its_columns_in_every_shape() {
    let asks = shop();
    let none = "SELECT id, duration_ms FROM sessions WHERE channel = 'fax'";
    let answer = asks.answer(none).unwrap();
    assert_eq!(
        (answer["rows"].clone(), &answer["columns"][1]["type"]),
        (json!([]), &json!("number"))
    );
    assert_eq!(asks.bytes(none, Shape::Csv).unwrap(), b"id,duration_ms\n");
    assert!(asks.bytes(none, Shape::Ndjson).unwrap().is_empty());
    let arrow = asks.bytes(none, Shape::Arrow).unwrap();
    assert_eq!(StreamReader::try_new(&arrow[..], None).unwrap().schema().fields().len(), 2);
    assert!(asks.bytes(none, Shape::Parquet).unwrap().starts_with(b"PAR1"));
}

#[test]
fn lists_are_tables_of_their_own() {
    let asks = shop();
    let touches = asks.rows("SELECT session_id, ordinal, source, at FROM touches ORDER BY ordinal");
    let session = id(0, 1).to_string();
    assert_eq!(
        touches,
        [
            json!({ "session_id": session, "ordinal": 1, "source": "google", "at": "2026-01-01T00:00:00.001Z" }),
            json!({ "session_id": session, "ordinal": 2, "source": "a,\"b\"", "at": "2026-01-01T00:01:00.000Z" }),
        ]
    );
    let legs = asks.rows("SELECT session_started_at, started_at, kind, wait_ms FROM legs");
    assert_eq!(
        legs,
        [json!({
            "session_started_at": "2026-01-01T00:00:00.001Z", "started_at": "2026-01-01T00:00:01.000Z",
            "kind": "queue", "wait_ms": 12,
        })]
    );
    let hashes =
        asks.rows("SELECT i.hash FROM identities i JOIN sessions s ON s.id = i.session_id");
    assert_eq!(hashes[0]["hash"].as_str().unwrap().len(), 32);
}

#[test]
fn a_signal_is_found_by_its_session() {
    let asks = shop();
    let of = |id: SessionId| format!("SELECT key, type, at FROM signals WHERE session_id = '{id}'");
    let told = json!({ "key": "k1", "type": "page_viewed", "at": "2026-01-02T00:00:00.002Z" });
    assert_eq!(asks.rows(&of(id(1, 2))), [told]);
    assert!(asks.rows(&of(id(0, 1))).is_empty());
}

#[test]
fn numbers_that_json_would_bend_are_texts() {
    let asks = shop();
    let rows = asks.rows(
        "SELECT 9007199254740993 AS big, a.small, CAST('0.10' AS DECIMAL(10, 2)) AS exact, \
         CAST('NaN' AS DOUBLE) AS none, DATE '2026-01-31' AS day, b.small \
         FROM (SELECT 7 AS small) a CROSS JOIN (SELECT 1 AS small) b",
    );
    let told = json!({
        "big": "9007199254740993", "small": 7, "exact": "0.10", "none": null,
        "day": "2026-01-31", "small_2": 1,
    });
    assert_eq!(rows, [told]);
}

#[test]
fn a_table_that_is_named_twice_is_one() {
    let asks = shop();
    let rows = asks.rows("SELECT count(*) AS n FROM sessions a JOIN sessions b ON a.id = b.id");
    assert_eq!(rows[0]["n"], 2);
}

#[test]
fn every_column_that_is_described_is_there_and_no_other() {
    let asks = shop();
    for table in described() {
        let name = &table.name;
        let columns = asks.rows(&format!(
            "SELECT column_name AS n FROM information_schema.columns WHERE table_name = '{name}' \
             ORDER BY ordinal_position"
        ));
        let told: Vec<Value> =
            table.columns.iter().map(|(name, ..)| json!({ "n": name })).collect();
        assert_eq!(columns, told, "{name}");
        let answer = asks.answer(&format!("SELECT * FROM {name} LIMIT 1")).unwrap();
        let kinds = answer["columns"].as_array().unwrap().iter();
        for (kind, (column, told, _)) in kinds.zip(&table.columns) {
            assert_eq!(kind["type"], **told, "{name}.{column}");
        }
    }
}

#[test]
fn an_error_says_what_to_do() {
    let asks = shop();
    let said = [
        "SELECT chanel FROM sessions",
        "SELECT s.nothing_like_it\nFROM sessions s",
        "SELECT * FROM session",
        "SELECT * FROM elsewhere.sessions",
        "SELECT FROM WHERE",
        "SELECT 1; SELECT 2",
        "",
        "SELECT duration_ms / 0 FROM sessions WHERE channel = 'voice'",
        "SELECT CAST('voice' AS INT)",
        "SELECT frobnicate(id) FROM sessions",
        "SELECT channel, count(*) FROM sessions",
        "UPDATE sessions SET channel = 'web'",
    ];
    let said: Vec<String> = said
        .iter()
        .map(|sql| format!("{}\n  {}\n", sql.replace('\n', " "), asks.says(sql)))
        .collect();
    expect![[r#"
        SELECT chanel FROM sessions
          there is no column `chanel` (line 1, column 8); did you mean `channel`?
        SELECT s.nothing_like_it FROM sessions s
          there is no column `nothing_like_it` (line 1, column 8); information_schema.columns lists those there are
        SELECT * FROM session
          there is no table `session` (line 1, column 15); did you mean `sessions`?
        SELECT * FROM elsewhere.sessions
          there is no table `sessionary.elsewhere.sessions` (line 1, column 15); there are: sessions, sessions_all, touches, legs, orders, identities, signals, claims, parcels, people
        SELECT FROM WHERE
          there is no table `where` (line 1, column 13); there are: sessions, sessions_all, touches, legs, orders, identities, signals, claims, parcels, people
        SELECT 1; SELECT 2
          send one query, and nothing else

          send one query, and nothing else
        SELECT duration_ms / 0 FROM sessions WHERE channel = 'voice'
          Divide by zero error
        SELECT CAST('voice' AS INT)
          Cast error: Cannot cast string 'voice' to value of Int32 type
        SELECT frobnicate(id) FROM sessions
          Invalid function 'frobnicate'. (line 1, column 8)
        SELECT channel, count(*) FROM sessions
          Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column "sessions.channel" must appear in the GROUP BY clause or must be part of an aggregate function, currently only "count(Int64(1))" appears in the SELECT clause satisfies this requirement (line 1, column 8)
        UPDATE sessions SET channel = 'web'
          UPDATE is not answered here: send a query (SELECT, WITH, VALUES), DESCRIBE, SHOW TABLES or SHOW COLUMNS; nothing can be changed by SQL
    "#]].assert_eq(&said.concat());
}

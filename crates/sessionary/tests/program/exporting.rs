//! `sessionary export`: the bundled log as Parquet, against answers that were computed without our
//! code.
use std::{collections::BTreeMap, fs::File, path::Path};

use arrow::{array::AsArray, compute::concat_batches, datatypes::Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::program::{bundled, run, said};

/// Rows and the sum of their facts.
fn read(path: &Path) -> (u64, i64) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().unwrap().collect::<Result<_, _>>().unwrap();
    let rows = concat_batches(&schema, &batches).unwrap();
    let events = rows.column_by_name("event_count").unwrap().as_primitive::<Int64Type>();
    (rows.num_rows() as u64, events.iter().flatten().sum())
}

#[test]
fn the_sessions_of_a_log_lie_in_a_folder_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("out");
    let log = bundled("access-log/access.log.gz").display().to_string();
    said(&format!("import --format access-log --data-dir {{}}/data {log}"), dir.path());
    let flags = "export sessions --data-dir {}/data --to {}/out --json";
    let told: Value = serde_json::from_str(&said(flags, dir.path())).unwrap();

    let (mut days, mut events) = (BTreeMap::new(), 0);
    for file in told["files"].as_array().unwrap() {
        let path = Path::new(file["path"].as_str().unwrap());
        let (rows, facts) = read(path);
        assert_eq!(json!(rows), file["rows"], "{}", path.display());
        let folder = path.parent().unwrap();
        assert!(folder.starts_with(to.join("sessions/tenant=default")), "{}", folder.display());
        let day = folder.file_name().unwrap().to_str().unwrap().trim_start_matches("dt=");
        days.insert(day.to_owned(), json!(rows));
        events += facts;
    }
    let text = std::fs::read_to_string(bundled("access-log/expected.json")).unwrap();
    let expected = &serde_json::from_str::<Value>(&text).unwrap()["sessions"]["ip_ua_1800"];
    assert_eq!(told["rows"], expected["sessions"]);
    assert_eq!(json!(events), expected["events"]);
    assert_eq!(json!(days), expected["sessions_per_utc_day"]);

    // A second export into the same folder would double every row.
    let again = run(flags, dir.path());
    let error = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(73), "{error}");
    assert!(error.contains("--to"), "{error}");
}

#[test]
fn without_a_final_session_it_says_what_to_wait_for() {
    let dir = tempfile::tempdir().unwrap();
    said("keys create --data-dir {}/data --kind secret", dir.path());
    let told = said("export sessions --data-dir {}/data --to {}/out", dir.path());
    assert!(told.contains("No session is final yet"), "{told}");
    let refused = run("export sessions --data-dir {}/data --to {}/out --tenant shop", dir.path());
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(error.contains("there is no tenant \"shop\""), "{error}");
}

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use arrow::array::RecordBatch;
use serde_json::{Map, Value, json};
use sessionary_core::{id::SessionId, lane::HashSecret, signal::TenantId, time::UnixMillis};
use tempfile::TempDir;

use super::*;
use crate::{
    LakeError,
    export::folder,
    files::LakeFiles,
    parquet_file::ParquetFile,
    sessions::SessionRows,
    tables::{Table, TableRows},
};

mod answers;
mod budgets;
mod closed;
mod functions;
mod revisions;

const SHOP: &str = "shop";

/// One desk for all tests: its threads are as many as its budget says.
static DESK: LazyLock<Desk> =
    LazyLock::new(|| Desk::new(Budget { concurrent: 64, ..Budget::default() }).unwrap());

/// Rows beside the files, in memory.
#[derive(Default)]
struct Beside {
    live: Vec<LiveSession>,
    records: BTreeMap<SessionId, Value>,
    signals: Vec<Map<String, Value>>,
    /// What a page panics with.
    panic: Option<&'static str>,
}

fn batch(records: &[Value]) -> RecordBatch {
    let mut rows = SessionRows::new();
    for record in records {
        rows.push(record, TenantId(1), &HashSecret([7; 32])).unwrap();
    }
    rows.finish().unwrap()
}

impl Tables for Beside {
    fn now(&self) -> UnixMillis {
        UnixMillis(1_767_225_600_000)
    }

    fn live(&self) -> Result<Vec<LiveSession>, LakeError> {
        Ok(self.live.clone())
    }

    fn live_session(&self, id: SessionId) -> Result<Option<LiveSession>, LakeError> {
        Ok(self.live.iter().copied().find(|session| session.id == id))
    }

    fn sessions(&self, ids: &[SessionId]) -> Result<RecordBatch, LakeError> {
        let records: Vec<Value> =
            ids.iter().filter_map(|id| self.records.get(id)).cloned().collect();
        Ok(batch(&records))
    }

    fn page(
        &self,
        table: Table,
        only: Option<SessionId>,
        _: Option<SessionId>,
    ) -> Result<Page, LakeError> {
        if let Some(message) = self.panic {
            panic!("{message}");
        }
        let mut rows = TableRows::new(table);
        let of_table = self.signals.iter().filter(|_| table == Table::Signals);
        let only = only.map(|only| only.to_string());
        for row in of_table.filter(|row| {
            only.as_deref().is_none_or(|only| row.get("session_id") == Some(&json!(only)))
        }) {
            rows.push(row).unwrap();
        }
        Ok(Page { rows: rows.finish().unwrap(), next: None })
    }
}

/// A lake, and what is beside it.
struct World {
    dir: TempDir,
    beside: Beside,
}

impl World {
    fn new() -> World {
        World { dir: tempfile::tempdir().unwrap(), beside: Beside::default() }
    }

    /// Writes the records of one day as one file.
    fn file(&self, tenant: &str, name: &str, records: &[Value]) {
        self.columns_of_file(tenant, name, &batch(records));
    }

    fn columns_of_file(&self, tenant: &str, name: &str, rows: &RecordBatch) {
        use arrow::array::AsArray;
        let first = rows.column_by_name("id").unwrap().as_string::<i32>().value(0).to_owned();
        let folder = folder(tenant, SessionId::parse(&first).unwrap());
        let name = format!("sessions/{folder}/{name}.parquet");
        let files = LakeFiles::folder(self.dir.path());
        let mut file = ParquetFile::create(files.place(), &name, rows.schema()).unwrap();
        file.write(rows).unwrap();
        file.finish().unwrap();
    }

    /// A session beside the files, with more than was cut last.
    fn ahead(&mut self, record: &Value) {
        let id = SessionId::parse(record["id"].as_str().unwrap()).unwrap();
        let revision = u32::try_from(record["revision"].as_u64().unwrap()).unwrap();
        self.beside.live.push(LiveSession { id, revision, is_cut: false });
        self.beside.records.insert(id, record.clone());
    }

    /// A session beside the files, just as it was cut last.
    fn as_cut(&mut self, record: &Value) {
        self.ahead(record);
        self.beside.live.last_mut().unwrap().is_cut = true;
    }

    fn asks(self) -> Asks {
        let (root, beside) = (self.dir.path().to_owned(), Arc::new(self.beside));
        Asks { source: source(&root, SHOP, beside), dir: self.dir }
    }
}

fn source(root: &Path, tenant: &str, tables: Arc<dyn Tables>) -> Source {
    let files = Arc::new(LakeFiles::folder(root));
    Source { files, tenant: tenant.to_owned(), tables }
}

/// A source that is asked.
struct Asks {
    source: Source,
    dir: TempDir,
}

impl Asks {
    fn bytes(&self, sql: &str, shape: Shape) -> Result<Vec<u8>, String> {
        bytes(&DESK, &self.source, sql, shape)
    }

    fn answer(&self, sql: &str) -> Result<Value, String> {
        let bytes = self.bytes(sql, Shape::Json)?;
        Ok(serde_json::from_slice(&bytes).expect("an answer is JSON"))
    }

    fn rows(&self, sql: &str) -> Vec<Value> {
        self.answer(sql).unwrap()["rows"].as_array().unwrap().clone()
    }

    fn says(&self, sql: &str) -> String {
        self.answer(sql).map_or_else(|said| said, |answer| format!("answered: {answer}"))
    }
}

fn bytes(desk: &Desk, source: &Source, sql: &str, shape: Shape) -> Result<Vec<u8>, String> {
    let question = Question { sql: sql.to_owned(), limit: None, shape };
    let mut answer = desk.ask(source.clone(), question).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    while let Some(piece) = answer.next_blocking() {
        bytes.append(&mut piece.map_err(|error| error.to_string())?);
    }
    Ok(bytes)
}

/// The id of a session: its day, and its number in it.
fn id(day: u8, number: u8) -> SessionId {
    let at = UnixMillis(1_767_225_600_000 + i64::from(day) * 86_400_000 + i64::from(number));
    SessionId::mint(at, 0, [number; 16])
}

fn record(id: SessionId, revision: u32, more: Value) -> Value {
    let mut record = json!({
        "id": id.to_string(), "revision": revision, "status": "final",
        "started_at": id.at().to_string(),
    });
    let Value::Object(more) = more else { panic!("an object") };
    record.as_object_mut().unwrap().extend(more);
    record
}

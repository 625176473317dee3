//! Of any spread of revisions over files and rows beside them, the highest of each id holds.
use proptest::{collection::vec, prelude::*};

use super::*;

/// A row: which session, which revision, and where it is.
#[derive(Clone, Debug)]
struct Row {
    session: u8,
    revision: u32,
    place: Spot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    File(u8),
    /// Beside the files, with more than was cut, or just as it was cut.
    Live {
        is_cut: bool,
    },
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let place = prop_oneof![
        4 => (0..3_u8).prop_map(Spot::File),
        1 => any::<bool>().prop_map(|is_cut| Spot::Live { is_cut }),
    ];
    let row = (0..6_u8, 0..4_u32, place);
    vec(row.prop_map(|(session, revision, place)| Row { session, revision, place }), 0..16)
}

/// Sessions 0 to 2 are of one day, the others of the next.
fn id_of(session: u8) -> SessionId {
    id(session / 3, session)
}

fn rank(place: Spot) -> u8 {
    match place {
        Spot::Live { is_cut: true } => 0,
        Spot::File(_) => 1,
        Spot::Live { is_cut: false } => 2,
    }
}

fn mark(row: &Row) -> String {
    match row.place {
        Spot::File(_) => "file".to_owned(),
        Spot::Live { is_cut } => format!("live {is_cut}"),
    }
}

fn as_record(row: &Row) -> Value {
    record(id_of(row.session), row.revision, json!({ "external_id": mark(row) }))
}

/// A file has one row an id, and so have those beside; the first of several is taken.
fn possible(rows: Vec<Row>) -> Vec<Row> {
    let mut met = Vec::new();
    let is_file = |place: Spot| matches!(place, Spot::File(_)).then_some(place);
    rows.into_iter()
        .filter(|row| {
            let key = (row.session, is_file(row.place));
            let is_new = !met.contains(&key);
            met.push(key);
            is_new
        })
        .collect()
}

fn laid_out(rows: &[Row]) -> Asks {
    let mut world = World::new();
    for day in 0..2 {
        for file in 0..3 {
            let of_file: Vec<Value> = rows
                .iter()
                .filter(|row| row.session / 3 == day && row.place == Spot::File(file))
                .map(as_record)
                .collect();
            if !of_file.is_empty() {
                world.file(SHOP, &format!("{file:05}"), &of_file);
            }
        }
    }
    for row in rows {
        match row.place {
            Spot::File(_) => {}
            Spot::Live { is_cut: true } => world.as_cut(&as_record(row)),
            Spot::Live { is_cut: false } => world.ahead(&as_record(row)),
        }
    }
    world.asks()
}

fn holding(rows: &[Row]) -> Vec<Value> {
    let mut best: BTreeMap<u8, &Row> = BTreeMap::new();
    for row in rows {
        let key = |row: &Row| (row.revision, rank(row.place));
        let known = best.entry(row.session).or_insert(row);
        if key(row) > key(known) {
            *known = row;
        }
    }
    let told = |row: &&Row| json!({ "id": id_of(row.session).to_string(), "revision": row.revision, "external_id": mark(row) });
    best.values().map(told).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_highest_revision_of_each_id_holds(rows in rows()) {
        let rows = possible(rows);
        let (asks, holding) = (laid_out(&rows), holding(&rows));
        let told = asks.rows("SELECT id, revision, external_id FROM sessions_all ORDER BY id");
        prop_assert_eq!(&told, &holding);
        // Whatever is handed down to the scan.
        let high = |row: &&Value| row["revision"].as_u64() >= Some(2);
        let told = asks.rows("SELECT id, revision, external_id FROM sessions WHERE revision >= 2 ORDER BY id");
        prop_assert_eq!(told, holding.iter().filter(high).cloned().collect::<Vec<_>>());
        let told = asks.rows("SELECT id FROM sessions_all LIMIT 3");
        prop_assert_eq!(told.len(), holding.len().min(3));
        let told = asks.rows("SELECT count(*) AS n FROM sessions");
        prop_assert_eq!(&told[0]["n"], &json!(holding.len()));
        // One by one, also where there is none.
        for session in [0, 4, 6] {
            let id = id_of(session).to_string();
            let told = asks.rows(&format!("SELECT id, revision, external_id FROM sessions WHERE id = '{id}'"));
            let held: Vec<Value> = holding.iter().filter(|row| row["id"] == id).cloned().collect();
            prop_assert_eq!(told, held);
        }
    }
}

#[test]
fn a_redirect_hides_what_it_redirects() {
    let mut world = World::new();
    let there = record(id(0, 1), 1, json!({}));
    world.file(SHOP, "00000", &[there, record(id(0, 2), 1, json!({}))]);
    world.as_cut(&json!({ "id": id(0, 1).to_string(), "revision": 2, "status": "merged" }));
    let asks = world.asks();
    let rows = asks.rows("SELECT id FROM sessions");
    assert_eq!(rows, [json!({ "id": id(0, 2).to_string() })]);
    assert_eq!(asks.rows("SELECT count(*) AS n FROM sessions_all")[0]["n"], 2);
}

#[test]
fn a_file_of_an_earlier_release_lacks_columns_and_is_read() {
    let world = World::new();
    let rows = batch(&[record(id(0, 1), 1, json!({ "channel": "web" }))]);
    let older: Vec<usize> = (0..rows.num_columns() - 3).collect();
    world.columns_of_file(SHOP, "00000", &rows.project(&older).unwrap());
    world.file(SHOP, "00001", &[record(id(0, 2), 1, json!({ "orders": [{ "order_id": "o" }] }))]);
    let asks = world.asks();
    let rows = asks.rows("SELECT channel, orders FROM sessions ORDER BY id");
    assert_eq!((&rows[0]["channel"], &rows[0]["orders"]), (&json!("web"), &json!(null)));
    assert_eq!(rows[1]["orders"][0]["order_id"], "o");
    assert_eq!(asks.rows("SELECT order_id FROM orders"), [json!({ "order_id": "o" })]);
}

#[cfg(unix)]
#[test]
fn a_file_that_is_gone_when_it_is_read_is_a_reason_to_ask_again() {
    let world = World::new();
    world.file(SHOP, "00000", &[record(id(0, 1), 1, json!({}))]);
    let folder = world.dir.path().join("sessions").join(folder(SHOP, id(0, 1)));
    std::os::unix::fs::symlink("gone", folder.join("00001.parquet")).unwrap();
    let asks = world.asks();
    assert!(asks.says("SELECT id FROM sessions").contains("was replaced"));
    assert_eq!(asks.rows("SELECT 1 AS one"), [json!({ "one": 1 })]);
}

#[test]
fn what_is_no_file_of_the_lake_is_not_looked_at() {
    let world = World::new();
    world.file(SHOP, "00000", &[record(id(0, 1), 1, json!({}))]);
    let folder = world.dir.path().join("sessions").join(folder(SHOP, id(0, 1)));
    std::fs::write(folder.join("00001.parquet.part"), "half a file").unwrap();
    std::fs::write(folder.parent().unwrap().join("notes.txt"), "no day").unwrap();
    assert_eq!(world.asks().rows("SELECT count(*) AS n FROM sessions")[0]["n"], 1);
}

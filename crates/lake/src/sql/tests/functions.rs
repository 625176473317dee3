//! The product's own questions in SQL.
use super::*;

fn ask(sql: &str) -> Vec<Value> {
    World::new().asks().rows(sql)
}

fn says(sql: &str) -> String {
    World::new().asks().says(sql)
}

/// Ada sees, puts into the cart and orders; Bea orders before she sees; Cy puts on the list and orders
/// after more than a week.
const EVENTS: &str = "SELECT who, to_timestamp_millis(day * 86400000), what FROM (VALUES \
     (''ada'', 0, ''view''), (''ada'', 1, ''cart''), (''ada'', 2, ''order''), \
     (''bea'', 0, ''order''), (''bea'', 1, ''view''), \
     (''cy'', 0, ''view''), (''cy'', 1, ''wish''), (''cy'', 9, ''order'')) AS t(who, day, what)";

#[test]
fn a_funnel_counts_who_gets_how_far_within_the_window() {
    let steps = "'7d', 'view', 'cart|wish', 'order'";
    let rows = ask(&format!("SELECT step, keys FROM funnel('{EVENTS}', {steps}) ORDER BY step"));
    let keys: Vec<i64> = rows.iter().map(|row| row["keys"].as_i64().unwrap()).collect();
    assert_eq!(keys, [3, 2, 1]);
    let share = ask(&format!(
        "SELECT max(keys) FILTER (WHERE step = 3) * 1.0 / max(keys) AS share FROM funnel('{EVENTS}', {steps})"
    ));
    assert!(share[0]["share"].to_string().contains("0.333"), "{share:?}");
}

#[test]
fn paths_retention_and_sessions_are_those_of_the_operators() {
    let rows = ask(&format!("SELECT * FROM paths('{EVENTS}', 2, 3)"));
    assert_eq!(rows[0], json!({ "path": "cart > order", "count": 1 }));
    assert_eq!(rows.len(), 3);
    let rows = ask(&format!(
        "SELECT * FROM retention('SELECT who, at FROM ({EVENTS}) AS e(who, at, what)', '7d') WHERE later > 0"
    ));
    let cohort = "1969-12-29T00:00:00.000Z";
    assert_eq!(rows, [json!({ "cohort": cohort, "later": 1, "persons": 1 })]);
    let events = "SELECT * FROM (VALUES (1, 0), (1, 1799999), (1, 4000000), (2, 0)) AS t";
    let rows = ask(&format!(
        "SELECT count(*) AS sessions, max(events) AS most FROM sessionize('{events}', '30m')"
    ));
    assert_eq!(rows, [json!({ "sessions": 3, "most": 2 })]);
}

#[test]
fn conversions_are_credited_and_counted_as_chains() {
    let touches = "SELECT who, day * 86400000, channel, converted, value, id FROM (VALUES \
         (1, 0, ''email'', false, NULL, ''a''), (1, 1, ''direct'', true, 12.50, ''b''), \
         (2, 0, ''search'', true, 2.25, ''c''), (3, 5, ''email'', false, NULL, ''d'')) \
         AS t(who, day, channel, converted, value, id)";
    let rows = ask(&format!(
        "SELECT * FROM attribution('{touches}', 'last_non_direct', '30d') WHERE conversions > 0 ORDER BY channel"
    ));
    assert_eq!(
        rows,
        [
            json!({ "channel": "email", "conversions": 1.0, "revenue": 12.5 }),
            json!({ "channel": "search", "conversions": 1.0, "revenue": 2.25 }),
        ]
    );
    let rows =
        ask("SELECT * FROM transitions('SELECT column1, column2, column3, column4 FROM (VALUES \
         (1, 0, ''email'', false), (1, 1, ''direct'', true))') ORDER BY \"from\"");
    let moves: Vec<String> =
        rows.iter().map(|row| format!("{} {} {}", row["from"], row["to"], row["count"])).collect();
    assert_eq!(
        moves,
        [r#""(start)" "email" 1"#, r#""direct" "(converted)" 1"#, r#""email" "direct" 1"#]
    );
}

#[test]
fn sessions_and_signals_of_the_tenant_are_what_they_read() {
    let mut world = World::new();
    world.file(SHOP, "00000", &[record(id(0, 1), 1, json!({ "channel": "web" }))]);
    world.as_cut(&record(id(0, 2), 1, json!({ "channel": "voice" })));
    world.file("other", "00000", &[record(id(0, 3), 1, json!({ "channel": "web" }))]);
    let asks = world.asks();
    let sql = "SELECT keys FROM funnel('SELECT channel, started_at, ''came'' FROM sessions', '1d', 'came')";
    assert_eq!(asks.rows(sql), [json!({ "keys": 2 })]);
    let twice = format!("SELECT (SELECT count(*) FROM sessions) AS n, f.keys FROM ({sql}) AS f");
    assert_eq!(asks.rows(&twice), [json!({ "n": 2, "keys": 2 })]);
}

#[test]
fn what_is_wrong_with_a_call_is_said_with_its_form() {
    for (sql, word) in [
        ("SELECT * FROM funnel('SELECT 1, 2', '7d', 'a')", "3 columns, and this has 2"),
        ("SELECT * FROM funnel('SELECT 1, 2, 3', 'soon', 'a')", "30m, 12h or 7d"),
        ("SELECT * FROM funnel('SELECT 1, 2, 3')", "funnel('SELECT who, when, what FROM …'"),
        ("SELECT * FROM paths('SELECT 1, 2, 3', 9, 5)", "from 1 to 8"),
        ("SELECT * FROM retention(7, '7d')", "a query as text first"),
        ("SELECT * FROM attribution('SELECT 1, 2, 3, true, 4', 'best', '7d')", "last_non_direct"),
        ("SELECT * FROM sessionize('SELECT 1, ''noon''', '30m')", "moments"),
        ("SELECT * FROM transitions('SELECT * FROM sesions')", "did you mean `sessions`"),
        ("SELECT * FROM transitions('DROP TABLE sessions')", "nothing can be changed"),
        ("SELECT * FROM transitions('SELECT 1; SELECT 2')", "send one query"),
        (
            "SELECT * FROM transitions('SELECT * FROM information_schema.df_settings')",
            "df_settings",
        ),
    ] {
        let said = says(sql);
        assert!(said.contains(word), "{sql}: {said}");
    }
}

#[test]
fn rows_that_they_keep_count_as_memory() {
    let desk = Desk::new(Budget { memory_bytes: 1 << 20, ..Budget::default() }).unwrap();
    let asks = World::new().asks();
    let sql = "SELECT count(*) FROM sessionize('SELECT value AS who, value AS at FROM generate_series(1, 1000000)', '1s')";
    let said = bytes(&desk, &asks.source, sql, Shape::Json).unwrap_err();
    assert!(said.contains("memory"), "{said}");
}

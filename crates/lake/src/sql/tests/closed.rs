//! No text reaches another tenant's rows, a file, or anything that could be changed.
use proptest::{prelude::*, sample::select};

use super::*;

/// In every cell of the other tenant, and nowhere else.
const SECRET: &str = "belongs-to-the-bank";

/// Two tenants in one lake. The shop is asked.
fn two() -> Asks {
    let world = World::new();
    let marked = |text: &str| record(id(0, 1), 1, json!({ "external_id": text, "channel": text }));
    world.file(SHOP, "00000", &[marked("the shop's own")]);
    world.file("bank", "00000", &[marked(SECRET)]);
    world.asks()
}

/// Texts that have opened doors elsewhere. `{file}` is the other tenant's file, `{dir}` its folder.
const TEXTS: [&str; 44] = [
    "SELECT * FROM '{file}'",
    "SELECT * FROM \"{file}\"",
    "SELECT * FROM `{file}`",
    "SELECT * FROM read_parquet('{file}')",
    "SELECT * FROM parquet_scan('{file}')",
    "SELECT * FROM parquet_metadata('{file}')",
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM 'file://{file}'",
    "SELECT * FROM '{dir}/*.parquet'",
    "SELECT * FROM bank.sessions",
    "SELECT * FROM bank.public.sessions",
    "SELECT * FROM datafusion.public.sessions",
    "SELECT * FROM sessionary.bank.sessions",
    "SELECT * FROM sessionary.public.\"tenant=bank\"",
    "SELECT * FROM \"sessions/tenant=bank\"",
    "SELECT * FROM \"../tenant=bank\"",
    "SELECT * FROM sessions WHERE tenant = 'bank'",
    "SELECT * FROM sessions_all WHERE 1 = 1 OR true",
    "SELECT * FROM sessions UNION ALL SELECT * FROM '{file}'",
    "WITH x AS (SELECT * FROM '{file}') SELECT * FROM x",
    "SELECT (SELECT channel FROM '{file}' LIMIT 1)",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM information_schema.views",
    "SELECT * FROM information_schema.columns",
    "SELECT * FROM information_schema.schemata",
    "SELECT * FROM information_schema.df_settings",
    "SHOW ALL",
    "SHOW TABLES",
    "SHOW FUNCTIONS",
    "EXPLAIN SELECT * FROM sessions",
    "EXPLAIN ANALYZE VERBOSE SELECT * FROM sessions",
    "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{file}'",
    "CREATE TABLE t AS SELECT * FROM sessions",
    "CREATE VIEW v AS SELECT * FROM '{file}'",
    "CREATE DATABASE bank",
    "COPY sessions TO '{dir}/stolen.parquet'",
    "COPY (SELECT 1) TO '{dir}/stolen.csv' STORED AS CSV",
    "INSERT INTO sessions SELECT * FROM sessions",
    "DELETE FROM sessions",
    "DROP VIEW sessions",
    "SET datafusion.catalog.location = '{dir}'",
    "RESET datafusion.catalog.location",
    "PREPARE p AS SELECT * FROM sessions",
    "SELECT 1; SELECT * FROM '{file}'",
];

fn files(root: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.append(&mut files(&path)) } else { found.push(path) }
    }
    found
}

fn asked(asks: &Asks, text: &str) -> String {
    let root = asks.dir.path();
    let dir = root.join("sessions").join(folder("bank", id(0, 1)));
    let file = dir.join("00000.parquet");
    assert!(file.exists());
    let text = text.replace("{file}", &file.display().to_string());
    asks.says(&text.replace("{dir}", &dir.display().to_string()))
}

#[test]
fn each_text_is_refused_or_tells_of_its_own_tenant_only() {
    let asks = two();
    let before = files(asks.dir.path());
    let mut own = 0;
    for text in TEXTS {
        let said = asked(&asks, text);
        assert!(!said.contains(SECRET), "{text}: {said}");
        own += usize::from(said.contains("the shop's own"));
        let reads = said.starts_with("answered");
        let changes =
            ["CREATE", "COPY", "INSERT", "DELETE", "DROP", "SET", "RESET", "PREPARE", "EXPLAIN"];
        assert!(!(reads && changes.iter().any(|word| text.starts_with(word))), "{text}: {said}");
        let root = asks.dir.path().display().to_string();
        assert!(!(reads && said.contains(&root)), "{text} tells where the files lie: {said}");
    }
    assert_eq!(own, 1, "the condition that is always true");
    assert_eq!(before, files(asks.dir.path()));
    assert_eq!(asks.rows("SELECT channel FROM sessions"), [json!({ "channel": "the shop's own" })]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// The same texts within one another and in other spellings.
    #[test]
    fn no_text_tells_of_another_tenant(
        text in select(&TEXTS[..]),
        outer in select(vec![
            "{}", "SELECT * FROM ({}) AS x", "WITH x AS ({}) SELECT * FROM x", "({})", "{};", "-- {}\n{}",
            "SELECT * FROM sessions WHERE EXISTS ({})", "SELECT * FROM sessions_all UNION ALL {}",
            "SELECT * FROM sessions, LATERAL ({}) AS x", "/* */ {} /* ", "EXPLAIN {}",
        ]),
        upper in any::<bool>(),
        noise in "[ \\t\\n'\";%-]{0,3}",
    ) {
        let asks = two();
        let text = outer.replace("{}", text);
        let text = if upper { text.replace("select", "SELECT") } else { text.replace("SELECT", "select") };
        let said = asked(&asks, &format!("{text}{noise}"));
        prop_assert!(!said.contains(SECRET), "{}: {}", text, said);
    }
}

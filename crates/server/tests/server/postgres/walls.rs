//! No text, and no table of the system, tells of another tenant, of a file or of the machine.
use super::*;

/// In every text of the other tenant, and nowhere else.
const SECRET: &str = "belongs-to-the-bank";

async fn two() -> (World, String) {
    let world = world().await;
    let key = key_of(&world, "bank", &[Scope::Export, Scope::SignalsWrite]);
    let signal = json!([{
        "id": SECRET, "type": "page_viewed", "channel": "web", "occurred_at": "2026-01-05T10:00:00Z",
        "anonymous_id": SECRET, "page": { "url": format!("https://example.com/{SECRET}") },
        "source": SECRET,
    }]);
    let sent = world.ask(reqwest::Method::POST, "/v1/signals", &key, &[], signal.to_string()).await;
    assert!(sent.status.is_success(), "{}", sent.body);
    (world, key)
}

fn told(said: &Result<Vec<SimpleQueryMessage>, Error>) -> String {
    let Ok(messages) = said else { return format!("{said:?}") };
    let row = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            (0..row.len()).filter_map(|at| row.get(at)).collect::<Vec<_>>().join("|")
        }
        other => format!("{other:?}"),
    };
    messages.iter().map(row).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn each_tenant_sees_itself() {
    let (world, key) = two().await;
    let wire = Wire::beside(&world);
    let bank = wire.try_connect("bank", &key).await.unwrap();
    let said = told(&bank.simple_query("SELECT page_url FROM signals").await);
    assert!(said.contains(SECRET), "{said}");
    let shop = wire.connect(&world).await;
    let said = told(&shop.simple_query("SELECT * FROM signals").await);
    assert!(!said.contains(SECRET) && said.contains("newsletter"), "{said}");
}

#[tokio::test]
async fn no_table_of_the_system_tells_of_another_tenant_or_of_the_machine() {
    let (world, _) = two().await;
    let client = Wire::beside(&world).connect(&world).await;
    let named = "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";
    let mut tables: Vec<String> =
        rows(&client, named).await.into_iter().map(|row| row[0].clone().unwrap()).collect();
    for name in ["tables", "columns", "schemata", "views", "df_settings", "routines"] {
        tables.push(format!("information_schema.{name}"));
    }
    assert!(tables.len() > 60, "{tables:?}");
    let folder = std::env::current_dir().unwrap().display().to_string();
    for table in tables {
        let said = told(&client.simple_query(&format!("SELECT * FROM {table}")).await);
        for hidden in [SECRET, "bank", &folder, "no-lake"] {
            assert!(!said.contains(hidden), "{table} tells of {hidden}");
        }
    }
}

#[tokio::test]
async fn no_text_reaches_behind_the_tables() {
    let (world, _) = two().await;
    let client = Wire::beside(&world).connect(&world).await;
    for text in [
        "SELECT * FROM bank.sessions",
        "SELECT * FROM bank.public.sessions",
        "SELECT * FROM \"bank\".\"sessions\"",
        "SELECT * FROM sessionary.bank.sessions",
        "SELECT * FROM postgres.public.sessions",
        "SELECT * FROM datafusion.public.sessions",
        "SET search_path = bank; SELECT * FROM sessions",
        "SET ROLE bank; SELECT * FROM sessions",
        "SET SESSION AUTHORIZATION bank; SELECT * FROM sessions",
        "SELECT set_config('search_path', 'bank', false); SELECT * FROM sessions",
        "SELECT * FROM sessions WHERE 1 = 1 OR true",
        "SELECT * FROM \"tenant=bank\"",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT * FROM read_parquet('/etc/passwd')",
        "SELECT dblink('x', 'y')",
        "SELECT * FROM pg_catalog.pg_file_settings",
        "SELECT * FROM pg_catalog.pg_hba_file_rules",
        "SELECT * FROM pg_catalog.pg_authid",
        "SELECT * FROM pg_catalog.pg_stat_activity",
        "SELECT rolname FROM pg_roles",
        "SELECT current_setting('data_directory')",
        "SELECT current_setting('config_file')",
        "SHOW data_directory",
        "SHOW ALL",
        "SELECT inet_server_addr()",
        "SELECT repeat('x', 2000000000)",
        "SELECT lpad('x', 2000000000)",
    ] {
        let said = told(&client.simple_query(text).await);
        assert!(!said.contains(SECRET) && !said.contains("root:"), "{text}: {said}");
        assert!(said.len() < 1_000_000, "{text}");
    }
    assert_eq!(cell(&client, "SELECT count(*) FROM sessions").await, "1");
}

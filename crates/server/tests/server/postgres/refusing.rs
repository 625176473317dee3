//! What is refused, with which code, and that the connection goes on.
use super::*;

#[tokio::test]
async fn nothing_is_changed() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    for text in [
        "INSERT INTO sessions VALUES (1)",
        "UPDATE sessions SET id = 'x'",
        "DELETE FROM sessions",
        "TRUNCATE sessions",
        "DROP TABLE sessions",
        "CREATE TABLE x (a int)",
        "CREATE TABLE x AS SELECT 1",
        "CREATE VIEW x AS SELECT 1",
        "CREATE TEMP TABLE x (a int)",
        "CREATE SCHEMA x",
        "CREATE FUNCTION f() RETURNS int AS 'x' LANGUAGE c",
        "CREATE EXTENSION x",
        "ALTER TABLE sessions ADD COLUMN x int",
        "GRANT ALL ON sessions TO x",
        "COPY sessions TO STDOUT",
        "COPY sessions FROM STDIN",
        "COPY (SELECT 1) TO '/tmp/x'",
        "COPY sessions TO PROGRAM 'cat'",
        "VACUUM",
        "CALL f()",
        "LOCK TABLE sessions",
        "MERGE INTO sessions USING sessions s ON true WHEN MATCHED THEN DELETE",
        "WITH x AS (INSERT INTO sessions VALUES (1) RETURNING *) SELECT * FROM x",
        "SELECT * INTO x FROM sessions",
    ] {
        let code = refused(&client, text).await;
        assert!(["25006", "0A000", "42601", "42000"].contains(&&*code), "{text}: {code}");
    }
    for text in
        ["INSERT INTO sessions VALUES (1)", "DROP TABLE sessions", "COPY sessions TO STDOUT"]
    {
        assert_eq!(refused(&client, text).await, "25006", "{text}");
        let error = client.prepare(text).await.err().unwrap();
        assert_eq!(code(&error), "25006", "{text}, prepared");
    }
    assert_eq!(refused(&client, "DO $$ BEGIN END $$").await, "42601");
    assert_eq!(refused(&client, "EXPLAIN SELECT 1").await, "0A000");
    assert_eq!(cell(&client, "SELECT count(*) FROM sessions").await, "1");
}

#[tokio::test]
async fn what_is_wrong_has_its_code_and_a_hint() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    for (text, expected) in [
        ("SELEC 1", "42601"),
        ("SELECT * FROM nothing", "42P01"),
        ("SELECT nothing FROM sessions", "42703"),
        ("SELECT nothing(1)", "42883"),
        ("SELECT 1 / 0", "22012"),
        ("SELECT 'a'::int", "22P02"),
    ] {
        assert_eq!(refused(&client, text).await, expected, "{text}");
    }
    let error = client.simple_query("SELECT chanel FROM sessions").await.unwrap_err();
    let told = error.as_db_error().unwrap();
    assert_eq!(told.message(), "there is no column `chanel`");
    assert_eq!(told.hint(), Some("did you mean `channel`?"));
}

#[tokio::test]
async fn no_answer_takes_more_than_it_may() {
    let world = world().await;
    let budget =
        Budget { rows_max: 100, memory_bytes: 1 << 20, concurrent: 2, ..Budget::default() };
    let client = Wire::with(&world, budget, Settings::default()).connect(&world).await;
    assert_eq!(rows(&client, "SELECT value FROM generate_series(1, 100)").await.len(), 100);
    assert_eq!(refused(&client, "SELECT value FROM generate_series(1, 101)").await, "54000");
    let many = "SELECT count(*) FROM (SELECT DISTINCT value FROM generate_series(1, 3000000)) AS x";
    assert_eq!(refused(&client, many).await, "53200");
    let long = format!("SELECT 1{}", "+1".repeat(2_000));
    assert_eq!(refused(&client, &long).await, "54000");
    let large = format!("SELECT '{}'", "x".repeat(100_000));
    assert_eq!(refused(&client, &large).await, "54000");
    assert_eq!(cell(&client, "SELECT 1").await, "1");
}

#[tokio::test]
async fn a_query_for_which_no_turn_comes_is_told_so() {
    let world = world().await;
    let budget = Budget { concurrent: 1, ..Budget::default() };
    let wire = Wire::with(&world, budget, Settings::default());
    let client = Arc::new(wire.connect(&world).await);
    let (token, asking) = (client.cancel_token(), Arc::clone(&client));
    let asked = tokio::spawn(async move { refused(&asking, ENDLESS).await });
    let other = wire.connect(&world).await;
    // Answered while the first is still on its way to the seat.
    while other.simple_query("SELECT 1").await.is_ok() {}
    assert_eq!(refused(&other, "SELECT 1").await, "53300");
    token.cancel_query(NoTls).await.unwrap();
    assert_eq!(asked.await.unwrap(), "57014");
    assert_eq!(cell(&other, "SELECT 1").await, "1");
}

#[tokio::test]
async fn values_that_are_none_of_their_type_are_refused() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    let error = client.query("SELECT id FROM people_are_not_here", &[]).await.unwrap_err();
    assert_eq!(code(&error), "42P01");
    let by_hash = "SELECT count(*) FROM identities WHERE hash = $1";
    let error = client.query(by_hash, &[&"not hex"]).await.unwrap_err();
    assert_eq!(code(&error), "22P02");
}

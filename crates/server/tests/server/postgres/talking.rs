//! Transactions, cursors, settings, and ending what takes too long.
use tokio_postgres::{CancelToken, types::Type};

use super::*;

#[tokio::test]
async fn a_transaction_that_failed_has_one_way_on() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    client.simple_query("BEGIN").await.unwrap();
    assert_eq!(refused(&client, "SELECT * FROM nothing").await, "42P01");
    assert_eq!(refused(&client, "SELECT 1").await, "25P02");
    client.simple_query("COMMIT").await.unwrap();
    assert_eq!(cell(&client, "SELECT 1").await, "1");
}

#[tokio::test]
async fn settings_are_taken_shown_and_taken_back() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    for text in [
        "SET extra_float_digits = 3",
        "SET application_name TO 'dashboards'",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET TIME ZONE 'Europe/Berlin'",
        "SET search_path = bank, public",
        "SET client_encoding TO 'UTF8'",
        "SET NAMES 'utf8'",
        "SET LOCAL statement_timeout = '5s'",
        "RESET extra_float_digits",
        "SAVEPOINT a; RELEASE SAVEPOINT a",
        "DISCARD ALL",
        "DEALLOCATE ALL",
        "CLOSE ALL",
        "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED READ ONLY; COMMIT",
        "START TRANSACTION; ROLLBACK",
        "END",
        "",
        ";",
        "-- nothing",
    ] {
        let said = client.simple_query(text).await;
        assert!(said.is_ok(), "{text}: {said:?}");
    }
    assert_eq!(cell(&client, "SHOW TimeZone").await, "UTC");
    assert_eq!(cell(&client, "SHOW search_path").await, "public");
    assert_eq!(cell(&client, "SHOW transaction isolation level").await, "read committed");
    assert_eq!(cell(&client, "SELECT current_setting('server_version_num')").await, "160006");
    assert_eq!(refused(&client, "SHOW nonsense").await, "42704");
    assert_eq!(refused(&client, "SET client_encoding TO 'LATIN1'").await, "22023");
}

#[tokio::test]
async fn several_statements_are_answered_in_their_order_up_to_the_first_that_fails() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    let all = rows(&client, "SELECT 1; SHOW search_path; SELECT 2").await;
    let told: Vec<&str> = all.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(told, ["1", "public", "2"]);
    assert_eq!(refused(&client, "SELECT 1; SELECT nothing; SELECT 2").await, "42703");
}

#[tokio::test]
async fn a_portal_gives_some_rows_at_a_time() {
    let world = world().await;
    let mut client = Wire::beside(&world).connect(&world).await;
    let transaction = client.transaction().await.unwrap();
    let statement =
        transaction.prepare("SELECT value FROM generate_series(1, 1000) ORDER BY 1").await.unwrap();
    let portal = transaction.bind(&statement, &[]).await.unwrap();
    let mut counts = Vec::new();
    loop {
        let some = transaction.query_portal(&portal, 300).await.unwrap();
        counts.push(some.len());
        if some.len() < 300 {
            assert_eq!(some.last().unwrap().get::<_, i64>(0), 1000);
            break;
        }
    }
    assert_eq!(counts, [300, 300, 300, 100]);
}

#[tokio::test]
async fn a_cursor_walks_forward_in_its_transaction() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    let declare = "DECLARE c CURSOR FOR SELECT value FROM generate_series(1, 5) ORDER BY 1";
    assert_eq!(refused(&client, declare).await, "25P01");
    client.simple_query(&format!("BEGIN; {declare}")).await.unwrap();
    assert_eq!(rows(&client, "FETCH 2 FROM c").await.len(), 2);
    assert_eq!(cell(&client, "FETCH NEXT FROM c").await, "3");
    assert_eq!(rows(&client, "FETCH ALL FROM c").await.len(), 2);
    assert_eq!(rows(&client, "FETCH ALL FROM c").await.len(), 0);
    client.simple_query("CLOSE c; COMMIT; BEGIN").await.unwrap();
    assert_eq!(refused(&client, "FETCH 1 FROM c").await, "34000");
}

async fn cancelled(token: &CancelToken, mut asked: JoinHandle<String>) -> String {
    // A request that comes before the query cancels nothing, so it is sent until it does.
    loop {
        token.cancel_query(NoTls).await.unwrap();
        if let Ok(said) = tokio::time::timeout(Duration::from_millis(100), &mut asked).await {
            return said.unwrap();
        }
    }
}

#[tokio::test]
async fn a_query_is_cancelled_from_beside_and_the_connection_goes_on() {
    let world = world().await;
    let client = Arc::new(Wire::beside(&world).connect(&world).await);
    let (token, asking) = (client.cancel_token(), Arc::clone(&client));
    let asked = tokio::spawn(async move { refused(&asking, ENDLESS).await });
    assert_eq!(cancelled(&token, asked).await, "57014");
    assert_eq!(cell(&client, "SELECT 1").await, "1");
}

#[tokio::test]
async fn a_client_is_as_patient_as_it_says() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    client.simple_query("SET statement_timeout = '200ms'").await.unwrap();
    assert_eq!(refused(&client, ENDLESS).await, "57014");
    client.simple_query("RESET statement_timeout").await.unwrap();
    assert_eq!(cell(&client, "SELECT 1").await, "1");
}

/// One seat: it is free again when the client is gone.
#[tokio::test]
async fn a_client_that_goes_ends_its_query() {
    let world = world().await;
    let budget = Budget { concurrent: 1, time: 60 * SECOND, ..Budget::default() };
    let wire = Wire::with(&world, budget, Settings::default());
    let (client, connection) = wire.config("default", &world.secret).connect(NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let asked = tokio::spawn(async move { client.simple_query(ENDLESS).await.is_err() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    connection.abort();
    assert!(asked.await.unwrap());
    // Within the time that a query waits for its turn, far below the time that it may take.
    assert_eq!(cell(&wire.connect(&world).await, "SELECT 1").await, "1");
}

#[tokio::test]
async fn statements_are_prepared_once_and_forgotten_when_asked() {
    let world = world().await;
    let client = Wire::beside(&world).connect(&world).await;
    let statement = client.prepare("SELECT $1::bigint + 1").await.unwrap();
    assert_eq!(statement.params(), [Type::INT8]);
    for number in 0_i64..3 {
        let row = client.query_one(&statement, &[&number]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), number + 1);
    }
    client.simple_query("DEALLOCATE ALL").await.unwrap();
    let error = client.query_one(&statement, &[&1_i64]).await.unwrap_err();
    assert_eq!(code(&error), "26000");
}

//! Who may connect, how many, and for how long.
use super::*;

#[tokio::test]
async fn the_user_is_the_tenant_and_the_password_a_key() {
    let world = world().await;
    let wire = Wire::beside(&world);
    let client = wire.connect(&world).await;
    assert_eq!(cell(&client, "SELECT current_user").await, "default");
    assert_eq!(cell(&client, "SELECT current_database()").await, "sessionary");
    assert_eq!(cell(&client, "SELECT current_schema()").await, "public");
    assert!(cell(&client, "SELECT version()").await.starts_with("PostgreSQL 16"));
}

#[tokio::test]
async fn each_way_of_not_being_let_in_has_its_code() {
    let world = world().await;
    let wire = Wire::beside(&world);
    let bank = key_of(&world, "bank", &[Scope::Export]);
    let reads = key_of(&world, "default", &[Scope::SessionsRead]);
    let expired = world.key(NewKey {
        expires_at: Some(sessionary_core::time::UnixMillis(1)),
        ..NewKey::new(KeyKind::Secret, "default")
    });
    for (user, key, expected) in [
        ("default", "", "28P01"),
        ("default", "wrong", "28P01"),
        ("default", &*bank, "28P01"),
        ("bank", &*world.secret, "28P01"),
        ("nobody", &*world.secret, "28P01"),
        ("default", &*expired, "28P01"),
        ("default", &*reads, "42501"),
        ("default", &*world.publishable, "42501"),
    ] {
        let Err(error) = wire.try_connect(user, key).await else { panic!("{user} got in") };
        assert_eq!(code(&error), expected, "{user} {error:?}");
    }
    assert!(wire.try_connect("bank", &bank).await.is_ok());
}

#[tokio::test]
async fn a_key_that_is_revoked_asks_no_more() {
    let world = world().await;
    let wire = Wire::beside(&world);
    let key = key_of(&world, "default", &[Scope::Export]);
    let client = wire.try_connect("default", &key).await.unwrap();
    assert_eq!(cell(&client, "SELECT 1").await, "1");
    let record = world.registry.keys().list().last().cloned().unwrap();
    world.registry.revoke(record.tenant, record.number, world.engine.now()).unwrap();
    assert_eq!(refused(&client, "SELECT 1").await, "28P01");
    assert!(client.simple_query("SELECT 1").await.is_err(), "it is over");
}

#[tokio::test]
async fn whoever_may_ask_without_a_key_over_http_may_here() {
    let world = world().await;
    let wire = Wire::beside(&world);
    let number = world.registry.keys().list()[0].number;
    assert!(wire.try_connect("default", "").await.is_err());
    wire.gate.open_to_this_machine(number);
    let client = wire.try_connect("default", "").await.unwrap();
    assert_eq!(cell(&client, "SELECT count(*) FROM sessions").await, "1");
    assert!(wire.try_connect("bank", "").await.is_err(), "as its own tenant only");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let world = world().await;
    let settings = Settings { connections_max: 2, ..Settings::default() };
    let wire = Wire::with(&world, Budget::default(), settings);
    let first = wire.connect(&world).await;
    let _second = wire.connect(&world).await;
    let error = wire.try_connect("default", &world.secret).await.err().unwrap();
    assert_eq!(code(&error), "53300");
    drop(first);
    while wire.try_connect("default", &world.secret).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_connection_that_rests_too_long_is_closed() {
    let world = world().await;
    let settings = Settings { idle: Duration::from_millis(100), ..Settings::default() };
    let wire = Wire::with(&world, Budget::default(), settings);
    let (client, connection) = wire.config("default", &world.secret).connect(NoTls).await.unwrap();
    let ended = connection.await.unwrap_err();
    assert_eq!(code(&ended), "57P05");
    drop(client);
}

#[tokio::test]
async fn a_stop_ends_those_who_rest_and_lets_a_query_finish() {
    let world = world().await;
    let wire = Wire::beside(&world);
    let (resting, connection) = wire.config("default", &world.secret).connect(NoTls).await.unwrap();
    let busy = wire.connect(&world).await;
    let asked = tokio::spawn(async move {
        cell(&busy, "SELECT count(*) FROM generate_series(1, 20000000)").await
    });
    // Long enough for the question to be on its way; an answer that is there before is no harm.
    tokio::time::sleep(Duration::from_millis(50)).await;
    wire.stop.cancel();
    assert_eq!(code(&connection.await.unwrap_err()), "57P01");
    assert_eq!(asked.await.unwrap(), "20000000");
    assert_eq!(wire.serving.await.unwrap(), Drained::Clean);
    drop(resting);
}

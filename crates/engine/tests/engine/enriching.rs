//! What is looked up as signals come in.
use sessionary_core::{dictionary::field, signal::Signal, value::Value};
use sessionary_dialects::enrich::{Places, place::Database};
use sessionary_engine::{Engine, VerdictStatus};

use crate::harness::{config, minute, session, signal, start, submit};

const CITY: &[u8] = include_bytes!("../../../../data/golden/places/city.mmdb");
const ASN: &[u8] = include_bytes!("../../../../data/golden/places/asn.mmdb");

fn database(bytes: &[u8]) -> Database {
    Database::open(bytes.to_vec()).unwrap()
}

fn from(address: &str) -> Signal {
    let mut signal = signal("a", "page_viewed", &minute(0));
    signal.fields.insert(field::REMOTE_IP, Value::Text(address.into()));
    signal
}

fn technical(engine: &Engine, session_of: &Signal) -> String {
    let verdict = submit(engine, vec![session_of.clone()]).verdicts[0];
    let session = session(engine, verdict.session);
    engine.reader_blocking().unwrap().record(&session)["technical"].to_string()
}

#[test]
fn the_place_of_an_address_is_kept_with_its_signal() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config())
        .with_places(Places::new(Some(database(CITY)), Some(database(ASN))));
    let told = technical(&engine, &from("2001:db8::1"));
    expect_test::expect![[r#"{"geolocation":{"country":"NO","country_name":"Norway","source":"Sessionary-City-Test"},"ip":"2001:db8::1","ip_organization":"Documentation, Inc."}"#]]
        .assert_eq(&told);
    engine.shutdown();
}

/// The same signal, tried again after the databases were changed, is the same signal; what was
/// looked up first stays.
#[test]
fn a_retry_after_a_change_of_databases_is_a_duplicate() {
    let dir = tempfile::tempdir().unwrap();
    let signal = from("203.0.113.7");
    let engine = start(dir.path(), config()).with_places(Places::new(Some(database(CITY)), None));
    let before = technical(&engine, &signal);
    engine.shutdown();
    drop(engine);

    for places in [Places::new(None, Some(database(ASN))), Places::default()] {
        let engine = start(dir.path(), config()).with_places(places);
        let again = submit(&engine, vec![signal.clone()]).verdicts[0];
        assert_eq!(again.status, VerdictStatus::Duplicate);
        assert_eq!(technical(&engine, &signal), before);
        let other = submit(&engine, vec![from("203.0.113.8")]).verdicts[0];
        assert_eq!(other.status, VerdictStatus::Conflict);
        engine.shutdown();
    }
}

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;

mod database;

const CITY: &[u8] = include_bytes!("../../../../../data/golden/places/city.mmdb");
const ASN: &[u8] = include_bytes!("../../../../../data/golden/places/asn.mmdb");

fn places() -> Places {
    let open = |bytes: &[u8]| Some(Database::open(bytes.to_vec()).unwrap());
    Places::new(open(CITY), open(ASN))
}

fn check(address: &str, expected: &Expect) {
    let places = places();
    let address = address.parse().unwrap();
    let place = places.place(address).map(|place| serde_json::to_string(&place).unwrap());
    let owner = places.organization(address).map(str::to_owned);
    let told = [place, owner].map(|part| part.unwrap_or_else(|| "-".to_owned()));
    expected.assert_eq(&told.join("\n"));
}

#[test]
fn an_address_has_a_place_and_an_owner() {
    check(
        "203.0.113.7",
        &expect![[r#"
        {"country":"GB","country_name":"United Kingdom","region":"ENG","region_name":"England","city":"Boxford","postal_code":"OX1","latitude":51.75,"longitude":-1.25,"timezone":"Europe/London","source":"Sessionary-City-Test"}
        Example Networks"#]],
    );
    check(
        "::ffff:203.0.113.7",
        &expect![[r#"
        {"country":"GB","country_name":"United Kingdom","region":"ENG","region_name":"England","city":"Boxford","postal_code":"OX1","latitude":51.75,"longitude":-1.25,"timezone":"Europe/London","source":"Sessionary-City-Test"}
        Example Networks"#]],
    );
    check(
        "2001:db8::1",
        &expect![[r#"
        {"country":"NO","country_name":"Norway","source":"Sessionary-City-Test"}
        Documentation, Inc."#]],
    );
    check(
        "198.51.100.1",
        &expect![[r#"
        {"country":"JP","source":"Sessionary-City-Test"}
        Flat ISP"#]],
    );
    check(
        "192.0.2.1",
        &expect![[r"
        -
        -"]],
    );
    check(
        "8.8.8.8",
        &expect![[r"
        -
        -"]],
    );
}

#[test]
fn private_addresses_have_none() {
    check(
        "10.0.0.1",
        &expect![[r"
        -
        -"]],
    );
    for address in ["10.0.0.1", "127.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1"] {
        assert_eq!(outside(address.parse().unwrap()), None, "{address}");
    }
}

/// The databases of the tests of other crates are those that the writer makes.
#[test]
fn the_golden_databases_are_what_the_writer_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/places");
    for (name, made) in [("city.mmdb", database::city()), ("asn.mmdb", database::asn())] {
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(folder.join(name), &made).unwrap();
        }
        assert!(std::fs::read(folder.join(name)).unwrap() == made, "{name}");
    }
}

fn signal(fields: &[(sessionary_core::signal::FieldNumber, Value)]) -> Signal {
    Signal {
        key: "k".into(),
        kind: "page_viewed".into(),
        occurred_at: None,
        sent_at: None,
        sequence: 0,
        channel: None,
        session_type: None,
        source: "".into(),
        session: None,
        identities: Vec::new(),
        claim: None,
        fields: fields.iter().cloned().collect(),
        attributes: sessionary_core::signal::Attributes::default(),
        warnings: Vec::new(),
    }
}

#[test]
fn what_a_signal_says_itself_stays() {
    let address = (field::REMOTE_IP, Value::Text("203.0.113.7".into()));
    let mut found = signal(std::slice::from_ref(&address));
    places().enrich(&mut found);
    assert_eq!(found.text(field::IP_ORGANIZATION), Some("Example Networks"));
    assert!(found.fields.contains_key(&field::GEOLOCATION));

    let own = (field::GEOLOCATION, Value::Json(RawJson::of(&json!({ "country": "XX" }))));
    let mut said = signal(&[address.clone(), own.clone()]);
    places().enrich(&mut said);
    assert_eq!(said.fields.get(&own.0), Some(&own.1));

    for text in ["", "nowhere", "203.0.113.7:80", "10.0.0.1"] {
        let mut unknown = signal(&[(field::REMOTE_IP, Value::Text(text.into()))]);
        let before = unknown.clone();
        places().enrich(&mut unknown);
        assert_eq!(unknown, before, "{text}");
    }
    let mut nothing_configured = signal(&[address]);
    Places::default().enrich(&mut nothing_configured);
    assert_eq!(nothing_configured.fields.len(), 1);
}

#[test]
fn what_is_no_database_is_refused_in_words() {
    let error = |bytes: &[u8]| Database::open(bytes.to_vec()).unwrap_err().to_string();
    let why = "could not find MaxMind DB metadata in file";
    let message = format!(
        "it is no sound database in the MaxMind format (invalid database: {why}); fetch it again"
    );
    for other in [&b""[..], b"<html>404</html>", &CITY[..CITY.len() / 2]] {
        assert_eq!(error(other), message);
    }
}

/// Opens bytes that may be broken, and looks into all that opens: on a thread of its own, so that
/// what never ends fails the test.
fn use_all(name: &str, bytes: Vec<u8>) -> bool {
    let (done, ended) = mpsc::channel();
    let work = std::thread::spawn(move || {
        let opened = Database::open(bytes);
        let sound = opened.is_ok();
        if let Ok(database) = opened {
            let places = Places { asn: None, city: Some(database) };
            for address in ["1.1.1.1", "203.0.113.7", "::1.1.1.1", "2001:db8::1", "ffff::1"] {
                let address = address.parse().unwrap();
                std::hint::black_box(places.place(address));
            }
        }
        done.send(sound).unwrap();
    });
    let sound = ended.recv_timeout(Duration::from_mins(1));
    let sound = sound.unwrap_or_else(|error| panic!("{name}: {error}"));
    work.join().unwrap();
    sound
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_damage_makes_it_panic(at in 0..CITY.len(), byte: u8, cut in 0..CITY.len() * 4) {
        let mut bytes = CITY.to_vec();
        bytes[at] = byte;
        bytes.truncate(cut);
        use_all("damaged", bytes);
    }
}

fn shared() -> Option<PathBuf> {
    let shared = std::env::var_os("SESSIONARY_SHARED").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = shared.unwrap_or(beside).join("data/geoip");
    if !folder.is_dir() {
        eprintln!("left out: {} is not there", folder.display());
    }
    folder.is_dir().then_some(folder)
}

/// The test databases of `MaxMind`, where the workplace has them.
#[test]
fn look_ups_are_those_of_the_reference_reader() {
    let Some(folder) = shared() else { return };
    let expected = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let open = |name: &str| {
        let path = folder.join("test-data").join(format!("{name}.mmdb"));
        Database::open(std::fs::read(path).unwrap()).unwrap()
    };
    for (name, about) in expected["databases"].as_object().unwrap() {
        let database = open(name);
        assert_eq!(database.kind(), about["type"]);
        let networks = database.reader.networks(maxminddb::WithinOptions::default()).unwrap();
        assert_eq!(json!(networks.count()), about["networks"], "{name}");
    }
    let places =
        Places { city: Some(open("GeoLite2-City-Test")), asn: Some(open("GeoLite2-ASN-Test")) };
    for (address, wanted) in expected["city_lookups"].as_object().unwrap() {
        let place = places.place(address.parse().unwrap());
        let got = place.map(|place| {
            json!({
                "country": place.country, "city": place.city, "subdivision": place.region,
                "time_zone": place.timezone, "latitude": place.latitude, "longitude": place.longitude,
            })
        });
        assert_eq!(json!(got), *wanted, "{address}");
    }
    for (address, wanted) in expected["asn_lookups"].as_object().unwrap() {
        let got = places.organization(address.parse().unwrap());
        let wanted = &wanted["autonomous_system_organization"];
        assert_eq!(json!(got), *wanted, "{address}");
    }
}

/// The databases that were broken on purpose.
#[test]
fn broken_databases_are_refused_or_say_nothing() {
    let Some(folder) = shared() else { return };
    let mut told = Vec::new();
    for entry in std::fs::read_dir(folder.join("bad-data")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let sound = use_all(&name, std::fs::read(&path).unwrap());
        told.push(format!("{name}: {}", if sound { "opens" } else { "refused" }));
    }
    told.sort();
    expect![[r"
        bad-unicode-in-map-key.mmdb: refused
        cyclic-data-structure.mmdb: refused
        invalid-bytes-length.mmdb: refused
        invalid-data-record-offset.mmdb: refused
        invalid-map-key-length.mmdb: refused
        invalid-string-length.mmdb: refused
        libmaxminddb-corrupt-search-tree.mmdb: refused
        libmaxminddb-deep-array-nesting.mmdb: refused
        libmaxminddb-deep-nesting.mmdb: refused
        libmaxminddb-empty-array-last-in-metadata.mmdb: refused
        libmaxminddb-empty-map-last-in-metadata.mmdb: refused
        libmaxminddb-metadata-marker-only.mmdb: refused
        libmaxminddb-offset-integer-overflow.mmdb: refused
        libmaxminddb-oversized-array.mmdb: refused
        libmaxminddb-oversized-map.mmdb: refused
        libmaxminddb-separator-record-max-left.mmdb: refused
        libmaxminddb-separator-record-min-left.mmdb: refused
        libmaxminddb-separator-record-min-right.mmdb: refused
        libmaxminddb-uint64-max-epoch.mmdb: refused
        metadata-is-an-uint128.mmdb: refused
        unexpected-bytes.mmdb: refused"]]
    .assert_eq(&told.join("\n"));
}

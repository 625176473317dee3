//! Reports over HTTP: a click and a call of one person in one path, refusals by name, CSV, and an end
//! when nobody waits.
use std::{collections::BTreeMap, sync::atomic::AtomicBool};

use reqwest::Method;
use serde_json::{Value, json};
use sessionary_core::{signal::TenantId, time::UnixMillis};
use sessionary_engine::{registry::Tenant, reports};
use sessionary_lake::{
    LakeError,
    reports::{Asked, Kind},
};

use crate::world::World;

const PHONE: &str = "+4930901820001";

fn signal(id: &str, kind: &str, channel: &str, at: &str, more: &Value) -> Value {
    let mut signal = json!({ "id": id, "type": kind, "channel": channel, "occurred_at": at });
    signal.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    signal
}

/// Somebody clicks an advertisement and leaves a number, and orders by phone the day after.
async fn clicked_and_called(world: &World) {
    let page = json!({
        "identities": [{ "type": "cookie", "value": "c1" }, { "type": "phone", "value": PHONE }],
        "page": { "url": "https://shop.example/?utm_source=google&utm_medium=cpc&utm_campaign=spring" },
    });
    let phone = json!({ "identities": [{ "type": "phone", "value": PHONE }] });
    let order = json!({
        "identities": [{ "type": "phone", "value": PHONE }],
        "commerce": { "order_id": "A1", "total": "120.00", "currency": "EUR" },
    });
    let visit =
        world.signals(signal("w1", "page_viewed", "web", "2026-03-23T08:00:00Z", &page)).await;
    let call = world
        .signals(json!([
            signal("v1", "call_started", "voice", "2026-03-24T13:00:00.000Z", &phone),
            signal("v2", "call_answered", "voice", "2026-03-24T13:00:00.010Z", &phone),
            signal("v3", "order_completed", "voice", "2026-03-24T13:00:00.020Z", &order),
            signal("v4", "call_ended", "voice", "2026-03-24T13:00:00.030Z", &phone),
        ]))
        .await;
    assert_ne!(visit, call);
    world.once(&visit, "final").await;
    world.once(&call, "final").await;
}

fn cells(report: &Value, names: &[&str]) -> Vec<String> {
    let rows = report["rows"].as_array().unwrap().iter();
    let row = |row: &Value| {
        let cells = names.iter().map(|name| match &row[*name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        cells.collect::<Vec<_>>().join(" ")
    };
    rows.map(row).collect()
}

#[tokio::test]
async fn a_call_and_a_click_of_one_person_stand_in_one_path_that_converts() {
    let world = World::quick().await;
    clicked_and_called(&world).await;

    let report = world.get("/v1/reports/attribution?model=all").await;
    assert_eq!(
        cells(&report, &["model", "source", "conversions", "revenue_EUR"]),
        [
            "first google 1.0 120",
            "last phone 1.0 120",
            "last_non_direct phone 1.0 120",
            "linear google 0.5 60",
            "linear phone 0.5 60",
            "position google 0.5 60",
            "position phone 0.5 60",
            // A day and five hours before counts a little less.
            "time_decay phone 0.529876966 63.585236",
            "time_decay google 0.470123034 56.414764",
            "markov google 0.5 60",
            "markov phone 0.5 60",
        ]
    );
    let by_channel = world.get("/v1/reports/attribution?model=linear&by=channel").await;
    assert_eq!(cells(&by_channel, &["channel", "conversions"]), ["voice 0.5", "web 0.5"]);
    let short = world.get("/v1/reports/attribution?model=first&lookback=1d").await;
    assert_eq!(cells(&short, &["source"]), ["phone"]);
    let paths = world.get("/v1/reports/paths?length=2&by=medium").await;
    assert_eq!(cells(&paths, &["journey", "path", "times"]), ["converted cpc > voice 1"]);
    let funnel = world.get("/v1/reports/funnel?steps=channel:web,channel:voice,order").await;
    assert_eq!(cells(&funnel, &["persons", "median_time"]), ["1 null", "1 104400000", "1 20"]);
    let retention = world.get("/v1/reports/retention?zone=Europe/Berlin").await;
    assert_eq!(cells(&retention, &["cohort", "weeks_later", "persons"]), ["2026-W13 0 1"]);
    let served = world.get("/v1/reports/performance?by=channel&zone=Europe/Berlin").await;
    let served = cells(&served, &["channel", "contacts", "answered", "conversions", "revenue_EUR"]);
    assert_eq!(served, ["voice 1 1 1 120"]);
    let health = world.get("/v1/reports/health").await;
    assert_eq!(health["rows"][0]["count"], 2);
}

#[tokio::test]
async fn a_report_says_what_it_looked_at_and_is_refused_by_name() {
    let world = World::quick().await;
    let empty = world.get("/v1/reports/dispositions").await;
    assert_eq!(empty["rows"], json!([]));
    let note = empty["frame"]["notes"][0].as_str().unwrap();
    assert!(note.starts_with("There is no finished session yet"), "{note}");

    clicked_and_called(&world).await;
    let report =
        world.get("/v1/reports/dispositions?by=channel&zone=Europe/Berlin&from=2026-03-24").await;
    assert_eq!(
        (&report["frame"]["from"], &report["frame"]["sessions_looked_at"]),
        (&json!("2026-03-24T00:00:00+01:00"), &json!(2))
    );
    assert_eq!(
        report["frame"]["left_out"],
        json!({
            "bots": 0, "filtered": 0, "outside": 1, "merged": 0,
        })
    );
    let csv = world
        .ask(
            Method::GET,
            "/v1/reports/dispositions?by=channel&from=2026-03-24",
            &world.secret,
            &[("accept", "text/csv")],
            "",
        )
        .await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        csv.body,
        "channel,code,disposition,class,sessions,share,revenue_EUR\nvoice,10,Convert,conversion,1,1,120\n"
    );
    let some = world.get("/v1/reports/health?limit=3").await;
    assert_eq!(some["rows"].as_array().unwrap().len(), 3);
    assert!(some["frame"]["notes"].to_string().contains("The first 3 of"), "{some}");

    for (path, status, word) in [
        ("/v1/reports/profit", 404, "there are: dispositions, performance"),
        ("/v1/reports/dispositions?by=mood", 400, "send one of: campaign, source"),
        ("/v1/reports/dispositions?color=red", 400, "it has: from, to, zone"),
        ("/v1/reports/funnel?steps=arrived,happy", 400, "is no step"),
        ("/v1/reports/health?limit=0", 400, "1 to 1000000"),
        ("/v1/reports/health?format=xml", 406, "json or csv"),
    ] {
        let reply = world.ask(Method::GET, path, &world.secret, &[], "").await;
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        assert!(reply.body.to_string().contains(word), "{path}: {}", reply.body);
    }
    let page = world.ask(Method::GET, "/v1/reports/health", &world.publishable, &[], "").await;
    assert_eq!(page.status, 403);

    let list = world.get("/v1/reports").await;
    let names: Vec<&str> = list["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, Kind::all().map(Kind::word).collect::<Vec<_>>());
    for name in names {
        world.get(&format!("/v1/reports/{name}")).await;
    }
}

#[tokio::test]
async fn a_report_that_nobody_waits_for_ends() {
    let world = World::quick().await;
    clicked_and_called(&world).await;
    let engine = world.engine.clone();
    let asked = Asked::parse(Kind::Dispositions, &BTreeMap::new()).unwrap();
    let tenant = Tenant { number: TenantId(1), name: "default".into(), created_at: UnixMillis(0) };
    let ended = tokio::task::spawn_blocking(move || {
        reports::report(&engine, None, &tenant, &asked, &AtomicBool::new(true)).map(|_| ())
    });
    assert!(matches!(ended.await.unwrap(), Err(LakeError::Cancelled)));
}

//! The examples of `docs/destinations.md` are settings that hold.
use serde_json::{Value, json};
use sessionary_deliver::{Guard, Kind, Secret, Settings, Target, new_webhook_secret};

const PAGE: &str = include_str!("../../../../docs/destinations.md");

/// The blocks of JSON on the page.
fn blocks() -> Vec<Value> {
    let blocks = PAGE.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(|block| serde_json::from_str(block).expect(block)).collect()
}

#[test]
fn every_example_can_be_opened() {
    let guard = Guard::new(false);
    let mut kinds = Vec::new();
    for block in blocks() {
        let (settings, secret) = if block.get("steps").is_some() {
            let url = "https://example.com";
            (json!({"kind": "crm", "url": url, "options": {"recipe": block}}), None)
        } else {
            let options = block.get("options").cloned().unwrap_or(json!({}));
            let settings = json!({"kind": block["kind"], "url": block["url"], "options": options});
            (settings, block["secret"].as_str().map(str::to_owned))
        };
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let secret = match settings.kind {
            Kind::Webhook => Some(new_webhook_secret()),
            _ => secret,
        };
        kinds.push(settings.kind.word());
        let opened = Target::open(&settings, secret.map(Secret::new).as_ref(), &guard);
        assert!(opened.is_ok(), "{settings:?}: {}", opened.unwrap_err());
    }
    assert_eq!(kinds, ["object_store", "webhook", "email", "crm", "crm"]);
}

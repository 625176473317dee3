//! What the user agent of a session tells, in the words of a record: browser, device, and whether it
//! is a machine.
//!
//! In a record, what the sender said of browser and device stays as it is; only members that are
//! missing are added.
use serde_json::{Map, Value, json};

use super::{
    agent::{self, Agent},
    bots,
};

/// Adds `technical.browser` and `technical.device` to a record, as far as its user agent tells, and
/// the mark of a machine, which is null for all others.
pub fn add(record: &mut Value) {
    add_mark(record);
    let Some(technical) = record.get_mut("technical").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(text) = technical.get("user_agent").and_then(Value::as_str) else { return };
    let agent = agent::agent(text);
    fill(technical, "browser", browser(&agent));
    fill(technical, "device", device(&agent));
}

fn add_mark(record: &mut Value) {
    let text = record.pointer("/technical/user_agent").and_then(Value::as_str);
    let mark = text.and_then(bots::classify);
    // A redirect says only where it leads.
    let record = record.as_object_mut().filter(|record| !record.contains_key("merged_into"));
    let Some(record) = record else { return };
    record.insert("bot_class".to_owned(), json!(mark.map(|mark| mark.class.word())));
    record.insert("bot_reason".to_owned(), json!(mark.map(|mark| mark.reason)));
}

/// The browser that a user agent tells of: an object in the words of a record, or null.
pub(crate) fn browser_of(user_agent: &str) -> Value {
    object(&browser(&agent::agent(user_agent)))
}

/// The device that a user agent tells of: an object in the words of a record, or null.
pub(crate) fn device_of(user_agent: &str) -> Value {
    object(&device(&agent::agent(user_agent)))
}

fn object(members: &[Member]) -> Value {
    if members.is_empty() {
        return Value::Null;
    }
    members.iter().map(|(name, _, value)| (*name, value.clone())).collect()
}

/// A member, what it depends on, and its value: a version is that of its family, and says nothing
/// beside the family of somebody else.
type Member = (&'static str, Option<&'static str>, Value);

fn browser(agent: &Agent) -> Vec<Member> {
    let Some(browser) = &agent.browser else { return Vec::new() };
    let mut members = vec![("family", None, json!(browser.family))];
    members.extend(version("version", "family", &browser.version_text()));
    members
}

fn device(agent: &Agent) -> Vec<Member> {
    let (system, device) = (&agent.system, &agent.device);
    if system.is_none() && device.is_none() {
        return Vec::new();
    }
    let category = agent.category;
    let mut members = vec![
        ("category", None, json!(category.word())),
        ("is_mobile", None, json!(category.is_mobile())),
    ];
    if let Some(system) = system {
        members.push(("os_family", None, json!(system.family)));
        members.extend(version("os_version", "os_family", &system.version_text()));
    }
    if let Some(device) = device {
        members.push(("type", None, json!(device.family)));
        // The rules mark crawlers and phones of no known make by brands of their own.
        let made = device
            .brand
            .as_ref()
            .filter(|brand| &***brand != "Spider" && !brand.starts_with("Generic"));
        if let Some(brand) = made {
            members.push(("brand", None, json!(brand)));
            members
                .extend(device.model.as_ref().map(|model| ("model", Some("brand"), json!(model))));
        }
    }
    members
}

fn version(name: &'static str, of: &'static str, text: &str) -> Option<Member> {
    (!text.is_empty()).then(|| (name, Some(of), json!(text)))
}

fn fill(technical: &mut Map<String, Value>, part: &str, members: Vec<Member>) {
    if members.is_empty() {
        return;
    }
    let object = technical.entry(part).or_insert_with(|| json!({}));
    // A sender's text where we have an object stays.
    let Some(object) = object.as_object_mut() else { return };
    let ours = self::object(&members);
    let said = object.clone();
    for (name, of, value) in members {
        let other = |of| said_of(&said, of).is_some_and(|said| ours.get(of) != Some(said));
        if said_of(&said, name).is_none() && !of.is_some_and(other) {
            object.insert(name.to_owned(), value);
        }
    }
}

/// What the sender said in a member, under our spelling or as Genesys writes it.
fn said_of<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        let mut words = name.split('_');
        let mut camel = words.next().unwrap_or_default().to_owned();
        for word in words {
            let (first, rest) = word.split_at_checked(1)?;
            camel += &first.to_ascii_uppercase();
            camel += rest;
        }
        object.get(&camel)
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";

    fn check(technical: &Value, expected: &Expect) {
        let mut record = json!({ "technical": technical });
        add(&mut record);
        let technical = record["technical"].as_object_mut().unwrap();
        technical.remove("user_agent");
        expected.assert_eq(&Value::Object(technical.clone()).to_string());
    }

    #[test]
    fn what_the_agent_says_is_added() {
        check(
            &json!({ "user_agent": PHONE }),
            &expect![[
                r#"{"browser":{"family":"Mobile Safari","version":"17.5"},"device":{"brand":"Apple","category":"mobile","is_mobile":true,"model":"iPhone","os_family":"iOS","os_version":"17.5.1","type":"iPhone"}}"#
            ]],
        );
        let crawler = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
        check(
            &json!({ "user_agent": crawler }),
            &expect![[
                r#"{"browser":{"family":"Googlebot","version":"2.1"},"device":{"category":"other","is_mobile":false,"type":"Spider"}}"#
            ]],
        );
        check(&json!({ "user_agent": "nobody knows" }), &expect!["{}"]);
    }

    #[test]
    fn what_the_sender_said_stays() {
        let browser = json!({ "family": "Our App", "lang": "en" });
        let device = json!({ "osFamily": "iOS", "type": "kiosk", "brand": "Acme" });
        check(
            &json!({ "user_agent": PHONE, "browser": browser, "device": device }),
            &expect![[
                r#"{"browser":{"family":"Our App","lang":"en"},"device":{"brand":"Acme","category":"mobile","is_mobile":true,"osFamily":"iOS","os_version":"17.5.1","type":"kiosk"}}"#
            ]],
        );
        check(
            &json!({ "user_agent": PHONE, "browser": "mine", "device": null }),
            &expect![[r#"{"browser":"mine","device":null}"#]],
        );
    }

    #[test]
    fn a_record_without_an_agent_has_no_mark_and_is_left_alone() {
        for technical in [json!({}), json!({ "lang": "en" }), json!(1)] {
            let mut told = json!({ "technical": technical });
            add(&mut told);
            let unmarked = json!({ "technical": technical, "bot_class": null, "bot_reason": null });
            assert_eq!(told, unmarked);
        }
        for record in [json!([1]), json!({ "id": "a", "merged_into": "b" })] {
            let mut told = record.clone();
            add(&mut told);
            assert_eq!(told, record);
        }
    }

    #[test]
    fn a_machine_is_marked_with_the_pattern_that_says_so() {
        let mut told =
            json!({ "technical": { "user_agent": "Mozilla/5.0 (compatible; UptimeRobot/2.0)" } });
        add(&mut told);
        assert_eq!(
            (&told["bot_class"], &told["bot_reason"]),
            (&json!("monitor"), &json!("UptimeRobot"))
        );
    }
}

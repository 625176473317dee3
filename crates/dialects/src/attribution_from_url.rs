//! Attribution that a URL carries: `utm_*` parameters and the click ids of advertising networks.
use std::borrow::Cow;

use sessionary_core::{
    dictionary::field,
    signal::{FieldNumber, Fields},
    value::Value,
};

/// Parameters that name a campaign, and the fields they fill.
const CAMPAIGN: [(&str, FieldNumber); 9] = [
    ("utm_id", field::CAMPAIGN_ID),
    ("utm_campaign", field::CAMPAIGN_NAME),
    ("utm_source", field::TRACKING_SOURCE),
    ("utm_medium", field::TRACKING_MEDIUM),
    ("utm_content", field::TRACKING_CONTENT),
    ("utm_term", field::TRACKING_TERM),
    ("utm_source_platform", field::SOURCE_PLATFORM),
    ("utm_creative_format", field::CREATIVE_FORMAT),
    ("utm_marketing_tactic", field::MARKETING_TACTIC),
];

/// Parameters that hold a click id, and the network that sets them; the first one present counts.
const CLICKS: [(&str, &str); 14] = [
    ("gclid", "google"),
    ("gbraid", "google"),
    ("wbraid", "google"),
    ("dclid", "google"),
    ("fbclid", "meta"),
    ("msclkid", "microsoft"),
    ("ttclid", "tiktok"),
    ("twclid", "x"),
    ("li_fat_id", "linkedin"),
    ("yclid", "yandex"),
    ("epik", "pinterest"),
    ("sccid", "snapchat"),
    ("rdt_cid", "reddit"),
    ("irclickid", "impact"),
];

/// What `url` says of where the visitor came from, one value for each field: of a parameter that
/// comes twice the first that is not empty.
pub fn attribution_from_url(url: &str) -> Vec<(FieldNumber, Value)> {
    let Some((_, query)) = url.split_once('?') else { return Vec::new() };
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    let mut found: Vec<(FieldNumber, Value)> = Vec::new();
    // The place in the list of networks, and the id.
    let mut click: Option<(usize, Value)> = None;
    let text = |value: Cow<'_, str>| Value::Text(value.into());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.trim().is_empty() {
            continue;
        }
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if let Some((_, number)) = CAMPAIGN.iter().find(|(known, _)| is(known)) {
            if found.iter().all(|(known, _)| known != number) {
                found.push((*number, text(value)));
            }
        } else if let Some(place) = CLICKS.iter().position(|(known, _)| is(known))
            && click.as_ref().is_none_or(|(before, _)| place < *before)
        {
            click = Some((place, text(value)));
        }
    }
    if let Some((place, id)) = click
        && let Some((_, network)) = CLICKS.get(place)
    {
        found.push((field::CLICK_ID, id));
        found.push((field::CLICK_NETWORK, Value::Text((*network).into())));
    }
    found
}

/// Fills what `fields` do not state from the page, or else the first page, that they name.
pub fn fill(fields: &mut Fields) {
    let url = [field::PAGE_URL, field::LANDING_URL].iter().find_map(|number| fields.get(number));
    let Some(url) = url.and_then(Value::as_text) else { return };
    let found = attribution_from_url(url);
    // A click id and its network belong together.
    let has_click = fields.contains_key(&field::CLICK_ID);
    for (number, value) in found {
        if !(has_click && number == field::CLICK_NETWORK) {
            fields.entry(number).or_insert(value);
        }
    }
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "the form that expect-test writes")]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(url: &str, stated: &[(FieldNumber, &str)], expected: &Expect) {
        let mut fields: Fields =
            stated.iter().map(|(number, text)| (*number, Value::Text((*text).into()))).collect();
        fields.insert(field::PAGE_URL, Value::Text(url.into()));
        fill(&mut fields);
        fields.remove(&field::PAGE_URL);
        let lines: Vec<String> = fields
            .iter()
            .map(|(number, value)| format!("{} {}", number.0, value.as_text().unwrap()))
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn campaigns_are_read_from_utm_parameters() {
        check(
            "https://example.com/?utm_source=google&utm_medium=cpc&utm_campaign=Spring+Sale\
             &utm_id=S24&utm_content=hero%2Da&utm_term=a%20b&utm_source_platform=Ads\
             &utm_creative_format=image&utm_marketing_tactic=retargeting#utm_source=no",
            &[],
            &expect![[r#"
                406 S24
                407 Spring Sale
                408 google
                409 cpc
                410 hero-a
                411 a b
                412 Ads
                413 image
                414 retargeting"#]],
        );
    }

    #[test]
    fn what_the_signal_states_is_left_alone() {
        check(
            "/?utm_source=a&utm_medium=b",
            &[(field::TRACKING_SOURCE, "stated")],
            &expect![[r#"
            408 stated
            409 b"#]],
        );
        check("/?gclid=G1", &[(field::CLICK_ID, "other")], &expect!["1022 other"]);
    }

    #[test]
    fn click_ids_bring_their_network() {
        check(
            "https://example.com/?fbclid=F1&gclid=",
            &[],
            &expect![[r#"
            1022 F1
            1023 meta"#]],
        );
        check(
            "https://example.com/?GCLID=G1&fbclid=F1",
            &[],
            &expect![[r#"
            1022 G1
            1023 google"#]],
        );
        check("https://example.com/", &[], &expect![""]);
    }
}

use std::{collections::BTreeSet, io::Read, path::Path};

use expect_test::{Expect, expect};
use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;

fn said(log: &mut AccessLog, line: &[u8]) -> String {
    match log.decode(7, line) {
        Err(error) => error.to_string(),
        Ok(None) => "nothing".into(),
        Ok(Some(signal)) => {
            let at = signal.occurred_at.as_ref().unwrap().at;
            let text = |number| signal.text(number).unwrap_or("-").to_owned();
            let attributes: Vec<_> = signal
                .attributes
                .iter()
                .map(|(path, raw)| format!("{path}={}", raw.text()))
                .collect();
            format!(
                "{} {at} {} {} from {} by {} [{}]",
                signal.kind,
                text(field::REMOTE_IP),
                text(field::PAGE_URL),
                text(field::REFERRER),
                text(field::USER_AGENT),
                attributes.join(" "),
            )
        }
    }
}

fn check(line: &str, expected: &Expect) {
    expected.assert_eq(&said(&mut AccessLog::default(), line.as_bytes()));
}

fn bundled() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/access-log/access.log.gz");
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn decoded<'a>(settings: AccessLogSettings, lines: impl Iterator<Item = &'a str>) -> Vec<Signal> {
    let mut log = AccessLog::new(settings);
    (1..).zip(lines).map(|(at, line)| log.decode(at, line.as_bytes()).unwrap().unwrap()).collect()
}

#[test]
fn lines_of_both_formats_are_read() {
    check(
        r#"198.18.0.1 - - [17/May/2015:10:05:03 +0200] "GET /a/?q=1 HTTP/1.1" 200 203 "http://x.test/" "Mozilla/5.0 (X11)""#,
        &expect![
            "page_viewed 2015-05-17T08:05:03.000Z 198.18.0.1 /a/?q=1 from http://x.test/ by Mozilla/5.0 (X11) [request.bytes=203 request.method=\"GET\" request.protocol=\"HTTP/1.1\" request.status=200]"
        ],
    );
    check(
        r#"2001:DB8:0::1 - frank [01/Jan/2024:00:00:00 -0530] "POST /a.png?v=2 HTTP/2.0" 304 -"#,
        &expect![
            "request_made 2024-01-01T05:30:00.000Z 2001:db8::1 /a.png?v=2 from - by - [request.method=\"POST\" request.protocol=\"HTTP/2.0\" request.status=304 request.user=\"frank\"]"
        ],
    );
}

#[test]
fn strange_lines_are_still_lines() {
    check(
        r#"198.18.0.1 - - [17/May/2015:10:05:03 +0000] "\x16\x03\x01" 400 226 "-" "-""#,
        &expect![
            "request_made 2015-05-17T10:05:03.000Z 198.18.0.1 - from - by - [request.bytes=226 request.line=\"\\u0016\\u0003\\u0001\" request.status=400]"
        ],
    );
    check(
        r#"198.18.0.1 - - [17/May/2015:10:05:03 +0000] "-" 408 - "-" "-""#,
        &expect![
            "request_made 2015-05-17T10:05:03.000Z 198.18.0.1 - from - by - [request.line=\"-\" request.status=408]"
        ],
    );
    check(
        r#"host.test - - [17/May/2015:10:05:03 +0000] "GET /a b HTTP/1.1" 200 1 "-" "say \"hi\" \\o/" "203.0.113.9""#,
        &expect![
            "page_viewed 2015-05-17T10:05:03.000Z host.test /a b from - by say \"hi\" \\o/ [request.bytes=1 request.method=\"GET\" request.protocol=\"HTTP/1.1\" request.rest=\"\\\"203.0.113.9\\\"\" request.status=200]"
        ],
    );
    check(
        r#"198.18.0.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0 (compa"#,
        &expect![
            "page_viewed 2015-05-17T10:05:03.000Z 198.18.0.1 / from - by - [request.agent_cut_short=\"Mozilla/5.0 (compa\" request.bytes=1 request.method=\"GET\" request.protocol=\"HTTP/1.1\" request.status=200]"
        ],
    );
    check("\r\n", &expect!["nothing"]);
}

#[test]
fn what_is_no_line_says_why() {
    check(
        "hello",
        &expect![[r#"line 7: expected a time such as [17/May/2015:10:05:03 +0000]; got "hello""#]],
    );
    check(
        r#"198.18.0.1 - - [31/Feb/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1"#,
        &expect![[
            r#"line 7: expected a time such as [17/May/2015:10:05:03 +0000]; got "198.18.0.1 - - [31/Feb/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1""#
        ]],
    );
    check(
        r#"198.18.0.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" ok 1"#,
        &expect![[
            r#"line 7: expected a status of three digits after the request; got "198.18.0.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" ok 1""#
        ]],
    );
}

#[test]
fn a_site_completes_paths_and_an_address_can_be_a_device() {
    let settings = AccessLogSettings {
        site: Some("https://blog.test/".into()),
        visitor: Visitor::Address,
        ..AccessLogSettings::default()
    };
    let line = r#"198.18.0.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 1"#;
    let signals = decoded(settings, [line].into_iter());
    assert_eq!(signals[0].text(field::PAGE_URL), Some("https://blog.test/a"));
    assert_eq!(signals[0].identities, [Identity::new("device", "198.18.0.1")]);
}

#[test]
fn the_bundled_log_agrees_with_its_reference_answers() {
    let text = bundled();
    let signals = decoded(AccessLogSettings::default(), text.lines());
    assert_eq!(signals.len(), 10_000);

    let address = |signal: &Signal| signal.text(field::REMOTE_IP).map(str::to_owned);
    let agent = |signal: &Signal| signal.text(field::USER_AGENT).map(str::to_owned);
    let visitors: BTreeSet<_> = signals.iter().map(|s| (address(s), agent(s))).collect();
    let addresses: BTreeSet<_> = signals.iter().map(address).collect();
    assert_eq!((addresses.len(), visitors.len()), (1_753, 1_862));

    let whole = |path: &'static str| {
        signals.iter().filter_map(move |s| s.attributes.get(path)?.to_json().as_u64())
    };
    assert_eq!(whole("request.bytes").sum::<u64>(), 2_747_282_740);
    assert_eq!(whole("request.status").filter(|status| *status == 304).count(), 445);
    assert_eq!(signals.iter().filter(|s| s.text(field::REFERRER).is_none()).count(), 4_073);

    let count = |only: &str, signals: &[Signal]| {
        let only: Only = only.parse().unwrap();
        signals.iter().filter(|signal| only.keeps(signal)).count()
    };
    assert_eq!((count("humans", &signals), count("humans,pages", &signals)), (8_045, 2_493));
    // The reference's `humans_pages_only` asks for no status.
    let page = PageRule::any_status();
    let any = decoded(AccessLogSettings { page, ..AccessLogSettings::default() }, text.lines());
    assert_eq!(count("humans,pages", &any), 2_748);
}

#[test]
fn keys_are_the_same_set_in_any_order() {
    let text = bundled();
    let keys = |lines: &mut dyn Iterator<Item = &str>| -> BTreeSet<Box<str>> {
        decoded(AccessLogSettings::default(), lines).into_iter().map(|signal| signal.key).collect()
    };
    let forward = keys(&mut text.lines());
    assert_eq!(forward.len(), 10_000);
    assert_eq!(forward, keys(&mut text.lines().rev()));
}

proptest! {
    #[test]
    fn no_line_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = said(&mut AccessLog::default(), &bytes);
    }

    #[test]
    fn nearly_a_line_is_no_panic(
        line in r#"[-a1:. ]{0,9}\[?(17/May/2015:10:05:03 \+0000|[0-9/:+ é]{0,9})\]? ?"?[A-Z/ "\\xé]{0,9}"? [2-5]{2,4} [-0-9]{0,22} "?[a"\\é]{0,5}"? ?"?[a"\\é]{0,5}"#
    ) {
        let _ = said(&mut AccessLog::default(), line.as_bytes());
    }
}

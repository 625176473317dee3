use expect_test::{Expect, expect};
use proptest::prelude::*;
use sessionary_dialects::Limits;
use sessionary_server::body::BodySizes;

use super::{kind::SourceClock, *};

fn given(file: &str, variables: &[(&str, &str)]) -> Result<Config, Refused> {
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    read(Some(("s.toml", file)), variables)
}

fn check(file: &str, variables: &[(&str, &str)], expected: &Expect) {
    let said =
        given(file, variables).map_or_else(|error| error.0.join("\n"), |_| "accepted".into());
    expected.assert_eq(&said);
}

#[test]
fn a_variable_goes_before_the_file_and_the_file_before_the_default() {
    let file = "[boundary]\nweb_gap_ms = 60_000\napp_gap_ms = 0x10\nsplit_midnight = true\n";
    let config = given(
        file,
        &[
            ("SESSIONARY_BOUNDARY__WEB_GAP_MS", "5000"),
            ("SESSIONARY_BOUNDARY__MAX_AGE_MS", "0"),
            ("SESSIONARY_LIFECYCLE__SETTLE_MS", "2000"),
            ("SESSIONARY_SOURCES__CLOCKS", "bank-calls=mark, x = watermark"),
            ("SESSIONARY_DATA_DIR", "/elsewhere"),
        ],
    )
    .unwrap();
    let boundary = config.boundary;
    assert_eq!((boundary.web_gap_ms, boundary.app_gap_ms, boundary.max_age_ms), (5_000, 16, 0));
    assert_eq!((boundary.split_midnight, boundary.kiosk_gap_ms), (true, 120_000));
    assert_eq!(config.lifecycle.settle_ms, 2_000);
    assert_eq!(config.sources.clocks.0.get("bank-calls"), Some(&SourceClock::Mark));
}

#[test]
fn every_fault_is_told_with_its_place() {
    check(
        "[boundary]\nweb_gpa_ms = 1\nweb_gap_ms = \"30 min\"\nmax_signals = 0\n\n[bondary]\n[server]\nlisten = \"8080\"\n",
        &[
            ("SESSIONARY_STORE__MIN_FREE_BYTE", "1"),
            ("SESSIONARY_ENGAGEMENT__VIEWS", "two"),
            ("SESSIONARY_X__Y", ""),
        ],
        &expect![[r#"
            s.toml:6: [bondary] is not a setting; did you mean [boundary]?
            s.toml:2: [boundary] web_gpa_ms is not a setting; did you mean web_gap_ms?
            SESSIONARY_STORE__MIN_FREE_BYTE is not a setting; did you mean SESSIONARY_STORE__MIN_FREE_BYTES?
            SESSIONARY_X__Y is not a setting; `sessionary config` prints all there are
            s.toml:8: [server] listen is "8080"; send an address and a port such as 127.0.0.1:8080 or [::]:8080 (default "127.0.0.1:8080")
            s.toml:3: [boundary] web_gap_ms is "30 min"; send a whole number of ms from 1 to 2592000000 (default 1800000)
            s.toml:4: [boundary] max_signals is 0; send a whole number from 1 to 1000000 (default 10000)
            SESSIONARY_ENGAGEMENT__VIEWS is "two"; send a whole number from 1 to 1000 (default 2)"#]],
    );
    check(
        "[lifecycle]\nsettle_ms = 700_000_000\n",
        &[],
        &expect![
            "[lifecycle] settle_ms is 700000000 and seal_ms is 604800000; settle_ms must not be the greater"
        ],
    );
    check("boundary = 3\n", &[], &expect!["s.toml:1: `boundary` is a section; write [boundary]"]);
    check(
        "[sources]\nclocks = { a = \"mrak\" }\n",
        &[],
        &expect![[
            r#"s.toml:2: [sources] clocks is { a = "mrak" }; send { source = "wall", "watermark" or "mark", … }; in a variable source=mark,other=wall (default {})"#
        ]],
    );
    check(
        "[boundary\n",
        &[],
        &expect![[r"
        s.toml: TOML parse error at line 1, column 10
          |
        1 | [boundary
          |          ^
        unclosed table, expected `]`"]],
    );
    check("", &[], &expect!["accepted"]);
}

#[test]
fn limits_reach_the_server() {
    let file = "[limits]\nbody_bytes = 2048\nbatch_bytes = 4096\nbatch_signals = 7\ndepth = 5\nmembers = 9\ntext_bytes = 300\n";
    let settings = given(file, &[]).unwrap().server_settings();
    let sizes = settings.body_sizes;
    assert_eq!((sizes.single_bytes_max, sizes.batch_bytes_max), (2_048, 4_096));
    let items = Limits { items: 7, item: 2_048, depth: 5, members: 9, text: 300 };
    assert_eq!(settings.items, items);
    let defaults = given("", &[]).unwrap().server_settings();
    assert_eq!(defaults.items, Limits::default());
    assert_eq!(defaults.body_sizes, BodySizes::default());
}

#[test]
fn the_application_behind_tropo_is_a_web_address() {
    let address = |text: &str| {
        let config = given("", &[("SESSIONARY_TROPO__RELAY_URL", text)]);
        config.map(|config| config.server_settings().tropo.relay_url.map(|url| url.to_string()))
    };
    assert_eq!(address("").unwrap(), None);
    let local = "http://127.0.0.1:7290/";
    assert_eq!(address(local).unwrap().as_deref(), Some(local));
    assert_eq!(
        address("https://a.example/x?y=1").unwrap().as_deref(),
        Some("https://a.example/x?y=1")
    );
    for wrong in
        ["app.example", "file:///etc/passwd", "ftp://a.example", "http://a.example/#x", "http://"]
    {
        assert!(address(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_printed_file_is_the_default_configuration() {
    let printed = documented();
    assert_eq!(given(&printed, &[]), given("", &[]));
    let head: Vec<_> = printed.lines().take(12).collect();
    expect![[r#"
        # The configuration of Sessionary, with the defaults. What is left out has its default.
        # A variable goes before the file: SESSIONARY_BOUNDARY__WEB_GAP_MS=600000

        # Connections and requests.
        [server]

        # Address and port to listen on. Beyond 127.0.0.1, put a proxy with TLS in front.
        # Takes an address and a port such as 127.0.0.1:8080 or [::]:8080.
        listen = "127.0.0.1:8080"

        # Connections at one time; further ones wait.
        # Takes a whole number from 1 to 1000000."#]]
    .assert_eq(&head.join("\n"));
}

proptest! {
    #[test]
    fn no_file_is_a_panic(file in "(\\[[a-z]{1,9}\\]\n|boundary\\.|[a-z_]{1,9} = [\"{}0-9a-zé=]{0,9}\n){0,6}", value in ".{0,9}") {
        let _ = given(&file, &[("SESSIONARY_BOUNDARY__WEB_GAP_MS", &value), ("SESSIONARY_SOURCES__CLOCKS", &value)]);
    }
}

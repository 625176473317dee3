//! `sessionary report`: what docs/reports.md shows is what the program prints, from a directory and
//! through a server.
use std::path::Path;

use expect_test::expect;

use crate::program::{Server, bundled, command, key, run, said};

/// The examples of the page: a command line, and what it prints.
fn examples(page: &str) -> Vec<(String, String)> {
    let blocks = page.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let example = |block: &str| {
        let (line, printed) = block.split_once('\n').unwrap();
        (line.strip_prefix("$ sessionary ").unwrap().to_owned(), printed.to_owned())
    };
    blocks.map(example).collect()
}

/// The last line says when it was printed.
fn timeless(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("As of "));
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn printed(flags: &str, dir: &Path) -> String {
    let output = command(flags, dir).env("COLUMNS", "100").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{flags}: {error}");
    timeless(&String::from_utf8(output.stdout).unwrap())
}

fn shop(dir: &Path) {
    let file = bundled("golden/reports/shop.ndjson").display().to_string();
    said(&format!("import --format ndjson --data-dir {{}}/shop {file}"), dir);
}

#[test]
fn the_page_shows_what_the_program_prints() {
    let dir = tempfile::tempdir().unwrap();
    shop(dir.path());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reports.md");
    let mut page = std::fs::read_to_string(&path).unwrap();
    let examples = examples(&page);
    assert!(examples.len() >= 7, "an example for each report");
    for (line, shown) in examples {
        let flags = line.replace("shop-data", "{}/shop");
        let printed = printed(&flags, dir.path());
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            page = page.replace(&format!("{line}\n{shown}"), &format!("{line}\n{printed}\n"));
        } else {
            assert_eq!(timeless(&shown), printed, "{line}; UPDATE_EXPECT=1 writes the page anew");
        }
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, page).unwrap();
    }
}

#[test]
fn a_server_gives_the_same_tables() {
    let dir = tempfile::tempdir().unwrap();
    shop(dir.path());
    let flags = "report attribution --data-dir {}/shop model=all --by medium";
    let offline = printed(flags, dir.path());
    let secret = key(&dir.path().join("shop"));
    let server = Server::start(&dir.path().join("shop"));
    let url = format!("--url {} --key {secret}", server.url);
    let online = printed(&format!("report attribution {url} model=all --by medium"), dir.path());
    assert_eq!(offline, online);
    let csv = said(&format!("report dispositions {url} --format csv --by channel"), dir.path());
    assert!(csv.starts_with("channel,code,disposition,class,sessions,share,revenue_EUR"), "{csv}");
    let busy = run("report health --data-dir {}/shop", dir.path());
    let error = String::from_utf8_lossy(&busy.stderr).into_owned();
    assert!(error.contains("with --url and --key"), "{error}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn the_bundled_log_by_weekday() {
    let dir = tempfile::tempdir().unwrap();
    let log = bundled("access-log/access.log.gz").display().to_string();
    said(&format!("import --format access-log --data-dir {{}}/log {log}"), dir.path());
    let flags = "report dispositions --data-dir {}/log --by weekday --zone Europe/Berlin";
    expect![[r"
        dispositions: How sessions ended: outcomes, their shares, and revenue.

        weekday  code  disposition    class    sessions   share
        1 Mon       2  Bounce         abandon       501  80.5 %  ██████████████████████████████
        1 Mon       3  Visit Abandon  abandon       121  19.5 %  ███████▎
        2 Tue       2  Bounce         abandon       486  79.5 %  █████████████████████████████▏
        2 Tue       3  Visit Abandon  abandon       125  20.5 %  ███████▌
        3 Wed       2  Bounce         abandon       489  83.6 %  █████████████████████████████▎
        3 Wed       3  Visit Abandon  abandon        96  16.4 %  █████▊
        7 Sun       2  Bounce         abandon       221  78.9 %  █████████████▎
        7 Sun       3  Visit Abandon  abandon        59  21.1 %  ███▌
        all                                       2,098

        From the beginning to now, Europe/Berlin. With by=weekday.
        2,098 sessions of 3,224 that are final; left out: 1,126 bots."]]
    .assert_eq(&printed(flags, dir.path()));
    expect![[r"
        performance: How contacts were served: answered, abandoned, waits, service level, ratings, conversions.

        No rows.
        From the beginning to now, UTC. With by=channel threshold=20s.
        2,098 sessions of 3,224 that are final; left out: 1,126 bots.
        None of the sessions is a contact: none has a leg, and none is a call, a chat or a message."]].assert_eq(&printed("report performance --data-dir {}/log", dir.path()));
    let refused = run("report dispositions --data-dir {}/log by=mood", dir.path());
    expect![[r#"
        sessionary: `by`: "mood" is no breakdown of this report; send one of: campaign, source, medium, channel, type, queue, agent, variant, country, device, integration, derived, author, hour, weekday, day, week, month
    "#]].assert_eq(&String::from_utf8_lossy(&refused.stderr));
    let json = said("report health --data-dir {}/log --format json", dir.path());
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let text = std::fs::read_to_string(bundled("access-log/expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["rows"][0]["count"], expected["sessions"]["ip_ua_1800"]["sessions"]);
}

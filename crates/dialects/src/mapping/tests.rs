use std::{collections::BTreeMap, fs::File, path::Path};

use expect_test::{Expect, expect};
use flate2::read::GzDecoder;
use proptest::prelude::*;
use sessionary_core::{dictionary::field, signal::Signal};

use super::*;

fn lines(mapping: &str, table: &str) -> String {
    let rows = match Mapping::parse(mapping).and_then(|mapping| mapping.read(table.as_bytes())) {
        Ok(rows) => rows,
        Err(error) => return error.to_string(),
    };
    let mut text = String::new();
    for row in rows {
        match row {
            Ok(row) => row.signals.iter().for_each(|signal| text.push_str(&one_line(signal))),
            Err(error) => text.extend([error.to_string(), "\n".into()]),
        }
    }
    text
}

fn one_line(signal: &Signal) -> String {
    let at = signal.occurred_at.as_ref().map_or("on arrival".into(), |at| at.at.to_string());
    let fields: Vec<_> = signal
        .fields
        .iter()
        .map(|(number, value)| format!("{}={}", number.0, value.to_json()))
        .collect();
    let attributes: Vec<_> =
        signal.attributes.iter().map(|(path, raw)| format!("{path}={}", raw.text())).collect();
    let claim = signal
        .claim
        .as_ref()
        .map(|claim| format!(" claims {} as {}", claim.code, claim.author.word()));
    let who: Vec<_> =
        signal.identities.iter().map(|who| format!(" {}:{}", who.kind, who.value)).collect();
    let session = signal.session.as_deref().unwrap_or("-");
    format!(
        "{} {session} {} {at}{}{} {fields:?} {attributes:?}\n",
        signal.key,
        signal.kind,
        claim.unwrap_or_default(),
        who.concat(),
    )
    .replace('"', "'")
}

fn check(mapping: &str, table: &str, expected: &Expect) {
    expected.assert_eq(&lines(mapping, table));
}

const SHOP: &str = r#"
    delimiter = ";"
    source = "shop"
    channel = "web"
    [row]
    session_id = "v-{id}"
    key = "{id}"
    identities = [{ type = "email", value = "{mail}" }]
    [occurred_at]
    column = "when"
    format = "%d.%m.%Y %H:%M"
    precision = "min"
    [[signal]]
    kind = "page_viewed"
    fields = { "page.url" = "https://shop.test/{page}", duration_ms = { columns = ["a", "b"], times = 1000 } }
    attributes = ["grade"]
    [[signal]]
    kind = "order_completed"
    when = [{ column = "grade", one_of = ["1", "2"] }, { columns = ["a", "b"], above = 1, below = 9.5 }]
    after_ms = { column = "a", times = 1000 }
    claim = { code = 10, author = "business" }
"#;

#[test]
fn a_row_makes_several_signals() {
    check(
        SHOP,
        "id;mail;when;page;a;b;grade\n7;A@x.test;01.02.2024 03:04;p;1.5;0.0004;1\n8;;01.02.2024 03:04;\"q;r\";;;007\n",
        &expect![[r"
            7.1 v-7 page_viewed 2024-02-01T03:04:00.000Z email:a@x.test ['401=1500', '1010=\'https://shop.test/p\'', '1040=\'min\''] ['grade=1']
            7.2 v-7 order_completed 2024-02-01T03:04:01.500Z claims 10 as business email:a@x.test ['1040=\'min\''] []
            8.1 v-8 page_viewed 2024-02-01T03:04:00.000Z ['1010=\'https://shop.test/q;r\'', '1040=\'min\''] ['grade=\'007\'']
        "]],
    );
}

#[test]
fn a_row_that_cannot_be_read_says_why_and_the_next_is_read() {
    check(
        SHOP,
        "id;mail;when;page;a;b;grade\n7;;1 May;p;1;1;1\n8;;01.02.2024 03:04;p;x;1;1\n9;;01.02.2024 03:04\n;;01.02.2024 03:04;p;;;\n10;;01.02.2024 03:04;p;;;3\n",
        &expect![[r#"
            row 1: column `when` is "1 May", which the mapping's `occurred_at` cannot read
            row 2: column `a` is "x"; a number is needed
            row 3: CSV error: record 3 (line: 4, byte: 73): found record with 3 fields, but the previous record has 7 fields
            row 4: the key is ""; 1 to 200 characters are needed
            10.1 v-10 page_viewed 2024-02-01T03:04:00.000Z ['1010=\'https://shop.test/p\'', '1040=\'min\''] ['grade=3']
        "#]],
    );
}

#[test]
fn ndjson_members_are_columns_by_their_paths() {
    let mapping = r#"
        format = "ndjson"
        source = "calls"
        occurred_at = { column = "at.start", format = "unix_s" }
        signal = [{ kind = "call_started", fields = { "call.id" = "{id}" }, attributes = ["at", "ok", "none"] }]
    "#;
    check(
        mapping,
        "{\"id\":\"c\\\"1\",\"at\":{\"start\":1700000000.5},\"ok\":true,\"none\":null}\n\n[1]\n",
        &expect![[r"
            1.1 - call_started 2023-11-14T22:13:20.500Z ['1046=\'c\\\'1\''] ['at={\'start\':1700000000.5}', 'ok=true']
            row 2: no JSON object: invalid type: sequence, expected a map at line 1 column 0
        "]],
    );
}

#[test]
fn months_in_the_order_of_the_file_step_through_the_years() {
    let mapping = r#"
        source = "x"
        occurred_at = { month_column = "m", file_order_from = "2008-11" }
        signal = [{ kind = "call_started" }]
    "#;
    check(
        mapping,
        "m\nnov\nDecember\njan\njan\nMAR\nfeb\n13\n",
        &expect![[r#"
            1.1 - call_started 2008-11-01T00:00:00.001Z ['1040=\'month\''] []
            2.1 - call_started 2008-12-01T00:00:00.002Z ['1040=\'month\''] []
            3.1 - call_started 2009-01-01T00:00:00.003Z ['1040=\'month\''] []
            4.1 - call_started 2009-01-01T00:00:00.004Z ['1040=\'month\''] []
            5.1 - call_started 2009-03-01T00:00:00.005Z ['1040=\'month\''] []
            6.1 - call_started 2010-02-01T00:00:00.006Z ['1040=\'month\''] []
            row 7: column `m` is "13", which the mapping's `occurred_at` cannot read
        "#]],
    );
}

#[test]
fn a_mapping_is_right_before_the_first_row() {
    let check = |mapping: &str, expected: Expect| expected.assert_eq(&lines(mapping, "a,b\n1,2\n"));
    let one = |signal: &str| format!("source = \"x\"\nsignal = [{{ kind = \"k\", {signal} }}]");
    check(
        "source = \"x\"",
        expect![[r#"`signal` is ""; write at least one [[signal]] with a `kind`"#]],
    );
    check(
        "source = \"x\"\nsorce = 1\n",
        expect![[r"
            TOML parse error at line 2, column 1
              |
            2 | sorce = 1
              | ^^^^^
            unknown field `sorce`, expected one of `format`, `delimiter`, `source`, `channel`, `session_type`, `row`, `occurred_at`, `signal`"]],
    );
    check(
        &one("attributes = [\"c\"]"),
        expect!["the mapping speaks of column `c`; the file has a, b"],
    );
    check(
        &one("fields = { \"page.uri\" = \"{a}\" }"),
        expect![[
            r#"`signal 1: fields` is "page.uri"; use a member of a signal such as page.url or duration_ms, in quotes where it has a dot; other columns belong into `attributes`"#
        ]],
    );
    check(
        &one("fields = { \"page.url\" = \"{a\" }"),
        expect![[r#"`signal 1: page.url` is "{a"; write each column's name in braces, as {Name}"#]],
    );
    check(
        &one("when = { column = \"a\" }"),
        expect![[
            r#"`signal 1: when` is "not a condition"; name a `column` and one of `equals`, `not`, `one_of`, or `above` and `below`"#
        ]],
    );
    check(
        &format!("occurred_at = {{ month_column = \"a\" }}\n{}", one("")),
        expect![[
            r#"`occurred_at` is "month_column"; give either `year`, 1970 to 9998, or `file_order_from`"#
        ]],
    );
}

fn bundled(folder: &str, file: &str) -> Vec<MappedRow> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(folder);
    let mapping = std::fs::read_to_string(data.join("mapping.toml")).unwrap();
    let table = GzDecoder::new(File::open(data.join(file)).unwrap());
    let rows = Mapping::parse(&mapping).unwrap().read(table).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn claims(rows: &[MappedRow]) -> BTreeMap<u32, usize> {
    let mut claims = BTreeMap::new();
    for claim in rows.iter().flat_map(|row| &row.signals).filter_map(|signal| signal.claim.as_ref())
    {
        *claims.entry(claim.code).or_default() += 1;
    }
    claims
}

#[test]
fn visits_of_the_shop() {
    let rows = bundled("online-shoppers", "online_shoppers_intention.csv.gz");
    assert_eq!((rows.len(), claims(&rows)), (12_330, BTreeMap::from([(10, 1_908)])));
    assert!(rows.iter().flat_map(|row| &row.signals).all(|signal| {
        signal.text(field::OCCURRED_PRECISION) == Some("month") && signal.session.is_some()
    }));
    let text: String = rows[29].signals.iter().map(one_line).collect();
    expect![[r"
        30.1 30 session_started 2017-02-01T00:00:00.030Z ['1040=\'month\''] ['Administrative=1', 'BounceRates=0.043478261', 'Browser=2', 'ExitRates=0.050821256', 'Informational=1', 'Month=\'Feb\'', 'OperatingSystems=3', 'PageValues=54.17976426', 'ProductRelated=45', 'Region=1', 'SpecialDay=0.4', 'TrafficType=1', 'VisitorType=\'Returning_Visitor\'', 'Weekend=\'FALSE\'']
        30.2 30 page_viewed 2017-02-01T00:00:00.030Z ['1011=\'Administrative\'', '1040=\'month\''] []
        30.4 30 page_viewed 2017-02-01T00:00:00.030Z ['1011=\'Informational\'', '1040=\'month\''] []
        30.6 30 product_viewed 2017-02-01T00:00:00.030Z ['1040=\'month\''] []
        30.7 30 product_viewed 2017-02-01T00:00:00.030Z ['1040=\'month\''] []
        30.8 30 heartbeat 2017-02-01T00:26:28.780Z ['1038=1588750', '1040=\'month\''] []
        30.10 30 session_ended 2017-02-01T00:26:28.780Z ['401=1588750', '1040=\'month\''] []
    "]].assert_eq(&text);
}

#[test]
fn calls_of_the_bank() {
    let rows = bundled("bank-calls", "bank-additional-full.csv.gz");
    assert_eq!((rows.len(), claims(&rows)), (41_188, BTreeMap::from([(9, 4_640)])));
    let at = |row: &MappedRow| row.signals[0].occurred_at.as_ref().unwrap().at;
    assert!(rows.is_sorted_by_key(at));
    expect!["2008-05-01T00:00:00.001Z"].assert_eq(&at(&rows[0]).to_string());
    expect!["2010-11-01T00:00:41.188Z"].assert_eq(&at(&rows[41_187]).to_string());
    let unanswered =
        |row: &&MappedRow| row.signals.iter().all(|signal| &*signal.kind != "call_answered");
    assert_eq!(rows.iter().filter(unanswered).count(), 4);
    let text: String = rows[0].signals.iter().map(one_line).collect();
    expect![[r"
        1.1 1 call_started 2008-05-01T00:00:00.001Z ['1030=\'outbound\'', '1040=\'month\''] ['age=56', 'campaign=1', 'cons.conf.idx=-36.4', 'cons.price.idx=93.994', 'contact=\'telephone\'', 'day_of_week=\'mon\'', 'default=\'no\'', 'education=\'basic.4y\'', 'emp.var.rate=1.1', 'euribor3m=4.857', 'housing=\'no\'', 'job=\'housemaid\'', 'loan=\'no\'', 'marital=\'married\'', 'month=\'may\'', 'nr.employed=5191', 'pdays=999', 'poutcome=\'nonexistent\'', 'previous=0']
        1.2 1 call_answered 2008-05-01T00:00:00.001Z ['1040=\'month\''] []
        1.4 1 call_ended 2008-05-01T00:04:21.001Z ['401=261000', '1040=\'month\''] []
    "]].assert_eq(&text);
}

proptest! {
    #[test]
    fn no_table_is_a_panic(table in "[a-z;,\"\n0-9.éE-]{0,80}") {
        lines(SHOP, &format!("id;mail;when;page;a;b;grade\n{table}"));
    }

    #[test]
    fn no_mapping_is_a_panic(mapping in "(source = \"x\"\n|signal = \\[\\{ kind = \"k\" \\}\\]\n|[a-z_]{1,12} = [\"{}0-9a-z]{1,9}\n){0,5}") {
        lines(&mapping, "a,b\n1,2\n");
    }
}

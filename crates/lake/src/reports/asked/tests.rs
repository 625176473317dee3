use expect_test::{Expect, expect};

use super::*;

/// A report and its parameters, `name=value` with spaces between; what is wrong, or how it is told.
#[expect(clippy::needless_pass_by_value, reason = "a case is one line")]
fn check(report: &str, parameters: &str, expected: Expect) {
    let pairs = parameters.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let told = match Asked::parse(Kind::from_word(report).unwrap(), &pairs) {
        Ok(asked) => {
            let told = asked.told().into_iter().map(|(name, value)| format!("{name}={value}"));
            let filters =
                asked.filters.iter().map(|(by, value)| format!("only {}={value}", by.word()));
            let range =
                [asked.from, asked.to].map(|at| at.map_or("-".to_owned(), |at| at.to_string()));
            let parts = told.chain(filters).chain([range.join(" to ")]);
            parts.collect::<Vec<_>>().join(" ")
        }
        Err(refusal) => refusal.to_string(),
    };
    expected.assert_eq(&told);
}

#[test]
fn what_is_asked_is_told() {
    check("dispositions", "", expect!["- to -"]);
    check(
        "dispositions",
        "by=day,source zone=Europe/Berlin from=2026-03-29 to=2026-03-30 channel=web",
        expect![
            "by=day,source only channel=web 2026-03-28T23:00:00.000Z to 2026-03-29T22:00:00.000Z"
        ],
    );
    check("attribution", "", expect!["by=source model=last_non_direct lookback=30d - to -"]);
    check(
        "attribution",
        "model=time_decay,first,first lookback=2w half_life=36h by=campaign",
        expect!["by=campaign model=time_decay,first lookback=14d half_life=36h - to -"],
    );
    check(
        "funnel",
        "steps=channel:web,channel:voice,code:10 window=1d per=session order=adjacent",
        expect![
            "steps=channel:web,channel:voice,code:10 window=1d order=adjacent per=session - to -"
        ],
    );
    check("paths", "node=direct length=", expect!["by=source node=direct - to -"]);
}

#[test]
fn a_refusal_says_what_to_send() {
    check(
        "retention",
        "by=day",
        expect![
            "`by`: `retention` has no such parameter; it has: from, to, zone, bots, campaign, source, medium, channel, type, queue, agent, variant, country, device, integration, derived, author, class"
        ],
    );
    check(
        "attribution",
        "by=hour",
        expect![[
            r#"`by`: "hour" is no breakdown of this report; send one of: source, medium, campaign, channel"#
        ]],
    );
    check(
        "dispositions",
        "by=day,hour,source,medium",
        expect!["`by`: at most 3 at a time; 4 came"],
    );
    check(
        "dispositions",
        "zone=Mars",
        expect![[r#"`zone`: "Mars" came; send an IANA name such as Europe/Berlin"#]],
    );
    check(
        "dispositions",
        "from=2026-01-05 to=2026-01-05",
        expect!["`to`: it is not after `from`; `to` itself is left out"],
    );
    check(
        "dispositions",
        "from=soon",
        expect![[
            r#"`from`: "soon" came; send a day such as 2026-01-05, or a time such as 2026-01-05T10:00:00Z"#
        ]],
    );
    check(
        "dispositions",
        "bots=yes",
        expect![[r#"`bots`: "yes" came; send `leave_out` or `include`"#]],
    );
    check(
        "performance",
        "threshold=0s",
        expect![[
            r#"`threshold`: "0s" came; send a length of time such as 30d, 12h, 20s or 500ms"#
        ]],
    );
    check("paths", "length=9", expect![[r#"`length`: "9" came; send a number from 1 to 8"#]]);
    check("funnel", "steps=order", expect!["`steps`: a funnel has 2 to 10 steps; 1 came"]);
    check(
        "funnel",
        "steps=arrived,love",
        expect![[
            r#"`steps`: "love" is no step; send arrived, engaged, searched, category, product, cart, checkout, order, subscription, conversion, service, abandon, failure, junk, channel:NAME, code:NUMBER or achieved:NAME"#
        ]],
    );
    check(
        "attribution",
        "model=magic",
        expect![[
            r#"`model`: "magic" came; send some of first, last, last_non_direct, linear, position, time_decay, markov, with commas between, or all"#
        ]],
    );
}

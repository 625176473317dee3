//! Explain: why a session begins and ends where it does, why this source, why this disposition.
//!
//! Every sentence names its rule, the setting behind it and the signals it rests on.
use serde::Serialize;

use crate::{
    content::{Content, SplitCause, Stage},
    dictionary::field,
    disposition::Author,
    lane::LaneKind,
    outcome, record,
    rules::Rules,
    session::{EndRule, Session, Status},
    stamp::Marks,
    time::UnixMillis,
    touch::TouchRule,
    value::Value,
};

/// One answer of an explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Because {
    /// The rule's name, such as `inactivity` or `rule:deepest_stage`.
    pub rule: String,
    /// The setting that decides it, with its value, such as `boundary.web_gap_ms=1800000`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// The signals it rests on, by id.
    pub signals: Vec<String>,
    /// One sentence for a person.
    pub sentence: String,
}

/// Why a session is as it is.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The session.
    pub id: String,
    /// Its lane's rule: how its signals found each other.
    pub lane: Because,
    /// Why it begins here.
    pub begins: Because,
    /// Why it ends here, or why it has not ended.
    pub ends: Because,
    /// Why this source.
    pub source: Because,
    /// Why this disposition.
    pub disposition: Because,
    /// Every claim, with the one that wins marked.
    pub ledger: Vec<serde_json::Value>,
    /// Whether it counts as engaged, and by what.
    pub engagement: Because,
    /// What was assumed, repaired or left out.
    pub remarks: Vec<String>,
}

/// Explains a session. `before` is the session before it in its lane, `now` the server's time.
pub fn explain(
    session: &Session,
    before: Option<&Session>,
    rules: &Rules,
    now: UnixMillis,
) -> Explanation {
    let content = &session.content;
    let outcome = outcome::of(content, rules);
    let winner = outcome::winner(content).map(|claim| claim.signal.clone());
    let ledger = content.claims.iter().map(|claim| {
        let mut line = record::claim(claim);
        if let Some(line) = line.as_object_mut() {
            line.insert("wins".to_owned(), (winner.as_ref() == Some(&claim.signal)).into());
        }
        line
    });
    Explanation {
        id: session.envelope.id.to_string(),
        lane: lane(session),
        begins: begins(content, before, rules),
        ends: ends(session, rules, now),
        source: source(content),
        ledger: ledger.collect(),
        engagement: engagement(content, rules),
        remarks: remarks(session),
        disposition: Because {
            rule: outcome.author.clone(),
            setting: None,
            signals: outcome.evidence.clone(),
            sentence: format!("{} ({}): {}", outcome.name, outcome.code, outcome.reason),
        },
    }
}

fn because(rule: &str, setting: Option<String>, signals: &[&str], sentence: String) -> Because {
    let signals = signals.iter().map(|signal| (*signal).to_owned()).collect();
    Because { rule: rule.to_owned(), setting, signals, sentence }
}

fn lane(session: &Session) -> Because {
    let first = &*session.content.first.key;
    let (rule, sentence) = match session.envelope.lane_kind {
        LaneKind::Sender => ("sender", "the sender names the session, so it is exactly one"),
        LaneKind::Device => ("device", "its signals share a device"),
        LaneKind::Person => ("person", "its signals name only a person and no device"),
        LaneKind::Alone => ("alone", "its first signal names nobody, so it stands alone"),
    };
    because(rule, None, &[first], sentence.to_owned())
}

fn begins(content: &Content, before: Option<&Session>, rules: &Rules) -> Because {
    let cause = content.split_cause;
    let first = &*content.first.key;
    let channel = before.map_or(content, |before| &before.content).channel_or_other();
    let (gap, gap_name) = rules.boundary.gap(channel);
    let last = before.map(|before| before.content.last.clone());
    let silence = last.as_ref().map_or(0, |last| content.first.at.since(last.at).0);
    let mut signals = vec![first];
    signals.extend(last.as_ref().map(|last| &*last.key));
    let (setting, sentence) = match cause {
        SplitCause::First => (None, "it is the first of its lane".to_owned()),
        SplitCause::Inactivity => (
            Some(format!("{gap_name}={}", gap.0)),
            format!("{silence} ms of silence before it are more than {} ms", gap.0),
        ),
        SplitCause::UserChanged => {
            (None, "its first signal names another known user than the session before".to_owned())
        }
        SplitCause::MaxAge => (
            rules.boundary.max_age(channel).map(|limit| format!("boundary.max_age_ms={}", limit.0)),
            "the session before it had reached the longest age".to_owned(),
        ),
        SplitCause::Explicit => (None, "the sender ended the one before or began this".to_owned()),
        SplitCause::Midnight => {
            (Some("boundary.split_midnight=true".to_owned()), "midnight UTC passed".to_owned())
        }
        SplitCause::Campaign => (
            Some("boundary.split_campaign=true".to_owned()),
            "its first signal states another campaign than the session before".to_owned(),
        ),
        SplitCause::Referrer => (
            Some("boundary.split_referrer=true".to_owned()),
            "its first signal comes from another site than the session before".to_owned(),
        ),
    };
    because(cause.word(), setting, &signals, sentence)
}

fn ends(session: &Session, rules: &Rules, now: UnixMillis) -> Because {
    let content = &session.content;
    let (gap, gap_name) = rules.boundary.gap(content.channel_or_other());
    let last = &*content.last.key;
    let setting = Some(format!("{gap_name}={}", gap.0));
    let Some(rule) = session.envelope.end_rule else {
        let silence = now.since(session.envelope.last_received_at).0.max(0);
        let sentence = format!(
            "it is open: its last signal came {silence} ms ago, and it ends after {} ms",
            gap.0
        );
        return because("open", setting, &[last], sentence);
    };
    let (setting, sentence) = match rule {
        EndRule::Inactivity => (setting, format!("no signal came for {} ms after the last", gap.0)),
        EndRule::SessionEnded => (None, "the sender said that it ended".to_owned()),
        EndRule::HungUp => (None, "the call was hung up".to_owned()),
        EndRule::Disposition => {
            let claims = content.claims.iter().rev();
            let by_business = claims.map(|claim| (claim.author, &*claim.signal));
            let stated = by_business.filter(|(author, _)| *author == Author::Business);
            let signals: Vec<&str> = stated.take(1).map(|(_, signal)| signal).collect();
            let sentence = "the business stated its outcome".to_owned();
            return because(rule.word(), None, &signals, sentence);
        }
        EndRule::Watermark => {
            (setting, "the time of its source passed its end by the gap".to_owned())
        }
        EndRule::Mark => (None, "its source said that it is complete".to_owned()),
    };
    because(rule.word(), setting, &[last], sentence)
}

fn source(content: &Content) -> Because {
    let touch = content.touches.iter().find(|touch| touch.rule != TouchRule::Direct);
    let Some(touch) = touch else {
        let first = &*content.first.key;
        let sentence = "no signal states a source and no other site referred".to_owned();
        return because("direct", None, &[first], sentence);
    };
    let source = touch.source.as_deref().unwrap_or("(none)");
    let medium = touch.medium.as_deref().unwrap_or("(none)");
    let (rule, how) = match touch.rule {
        TouchRule::Stated => ("stated", "the signal or its URL states it"),
        TouchRule::Referrer => ("referrer", "the referrer is another site"),
        TouchRule::Direct => ("direct", "nothing says more"),
    };
    let others = content.touches.len() - 1;
    let sentence = format!(
        "{source} / {medium}: {how}; it is the first of the session's touches that is not direct, \
         and {others} more are kept"
    );
    because(rule, None, &[&touch.signal], sentence)
}

fn engagement(content: &Content, rules: &Rules) -> Because {
    let setting = Some(format!(
        "engagement.foreground_ms={} engagement.views={}",
        rules.engagement.foreground_ms.0, rules.engagement.views
    ));
    let views = content.counts.pageviews.saturating_add(content.counts.screenviews);
    let deepest = content.stage.as_ref().filter(|(stage, _)| *stage > Stage::Visit);
    let mut signals: Vec<&str> = Vec::new();
    signals.extend(deepest.map(|(_, signal)| &**signal));
    signals.extend(content.answered.as_deref());
    let sentence = format!(
        "{} ms in the foreground, {views} views, {} key action, {} messages in and {} out, {}",
        content.engaged_ms.0,
        if deepest.is_some() { "a" } else { "no" },
        content.counts.messages_received,
        content.counts.messages_sent,
        if content.answered.is_some() { "answered" } else { "no answer to a call" },
    );
    let rule = if outcome::is_engaged(content, rules) { "engaged" } else { "not_engaged" };
    because(rule, setting, &signals, sentence)
}

fn remarks(session: &Session) -> Vec<String> {
    let content = &session.content;
    let mut remarks: Vec<String> =
        content.warnings.iter().map(|code| format!("warning: {code}")).collect();
    if let Some(Value::Text(precision)) = content.fields.get(&field::OCCURRED_PRECISION) {
        remarks.push(format!("its times are assumed: the source knows the {precision} only"));
    }
    let count = |mark| session.members.iter().filter(|m| m.marks.has(mark)).count();
    for (mark, what) in [
        (Marks::PLACED, "placed here from a session of their own"),
        (Marks::AMENDMENT, "amendments after sealing"),
        (Marks::ORPHAN, "kept but too late to join"),
        (Marks::NOTE, "notes, which change nothing"),
        (Marks::ORDER_SEEN, "orders that were counted elsewhere"),
    ] {
        let count = count(mark);
        if count > 0 {
            remarks.push(format!("{count} of its signals are {what}"));
        }
    }
    if !session.envelope.merged_ids.is_empty() {
        let ids: Vec<String> =
            session.envelope.merged_ids.iter().map(ToString::to_string).collect();
        remarks.push(format!("it took in {}", ids.join(", ")));
    }
    if session.envelope.status == Status::Amended {
        let revision = session.envelope.revision;
        remarks.push(format!("it changed after it was final: this is revision {revision}"));
    }
    remarks
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "session {}", self.id)?;
        let parts = [
            ("lane", &self.lane),
            ("begins", &self.begins),
            ("ends", &self.ends),
            ("source", &self.source),
            ("engagement", &self.engagement),
            ("disposition", &self.disposition),
        ];
        for (name, because) in parts {
            writeln!(f, "{name:>12}  {} ({})", because.sentence, because.rule)?;
            if let Some(setting) = &because.setting {
                writeln!(f, "{:>12}  setting {setting}", "")?;
            }
            if !because.signals.is_empty() {
                writeln!(f, "{:>12}  signals {}", "", because.signals.join(", "))?;
            }
        }
        for line in &self.ledger {
            let text = |name: &str| line.get(name).map(ToString::to_string).unwrap_or_default();
            let wins = if line.get("wins") == Some(&true.into()) { "wins" } else { "" };
            writeln!(
                f,
                "{:>12}  {} by {} at {} {wins}",
                "claim",
                text("code"),
                text("author"),
                text("at")
            )?;
        }
        for remark in &self.remarks {
            writeln!(f, "{:>12}  {remark}", "remark")?;
        }
        Ok(())
    }
}

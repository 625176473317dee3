//! The outcome: the claim that wins, the derived one when nobody spoke, and the three axes.
//!
//! Precedence and derivation order: docs/definitions.md "Outcome", CORE.md 14. Computed from content when a
//! record is made, so that a change of these rules needs no refold.
use serde::{Deserialize, Serialize};

use crate::{
    channel::Channel,
    content::{Claim, Content, EndMark, Evidence, Stage},
    dictionary::field,
    disposition::{self, Author, DispositionClass, code},
    goal,
    rules::Rules,
    time::UnixMillis,
    value::Value,
};

/// The disposition that holds, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The code.
    pub code: u32,
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: DispositionClass,
    /// Who says so; `rule:<id>` for a derived one.
    pub author: String,
    /// Whether it was derived because nobody posted one.
    pub derived: bool,
    /// The signals it rests on, by id.
    pub evidence: Vec<String>,
    /// One sentence for a person.
    pub reason: String,
    /// When it was stated; the end of the session for a derived one.
    pub at: UnixMillis,
}

/// The technical end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedHow {
    /// It came to its natural end.
    Completed,
    /// It broke.
    Failed,
    /// The person left.
    Abandoned,
    /// Silence ended it.
    Timeout,
    /// It was passed on to somewhere else.
    TransferredOut,
    /// Not known.
    Unknown,
}

/// The three axes beside the headline code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axes {
    /// Technical.
    pub ended_how: EndedHow,
    /// Business; several are possible.
    pub achieved: Vec<String>,
    /// human, virtual, machine, nobody, unknown.
    pub answered_by: String,
    /// Asked not to be contacted; no outcome hides it.
    pub do_not_contact: bool,
}

/// The claim that wins the ledger: the highest author; of one author the later, or the earlier
/// where the action key says that the first holds. Ties by signal key.
pub fn winner(content: &Content) -> Option<&Claim> {
    let author = content.claims.iter().map(|claim| claim.author).max()?;
    let mut rivals = content.claims.iter().filter(|claim| claim.author == author);
    let first_wins = rivals.clone().any(|claim| claim.first_wins);
    if first_wins { rivals.next() } else { rivals.next_back() }
}

/// The disposition of a session; every session has one.
pub fn of(content: &Content, rules: &Rules) -> Outcome {
    match winner(content) {
        Some(claim) => Outcome {
            code: claim.code,
            name: disposition::name_of(claim.code),
            class: disposition::class_of(claim.code),
            author: claim.author.word().to_owned(),
            derived: false,
            evidence: vec![claim.signal.to_string()],
            reason: claimed_reason(content, claim),
            at: claim.at,
        },
        None => derived(content, rules),
    }
}

fn claimed_reason(content: &Content, claim: &Claim) -> String {
    let author = claim.author.word();
    let others = content.claims.len() - 1;
    let order = if claim.first_wins { "first" } else { "last" };
    match others {
        0 => format!("the only claim, by {author}"),
        _ => format!("the {order} claim by {author}, the highest author among {}", others + 1),
    }
}

fn derived(content: &Content, rules: &Rules) -> Outcome {
    let (rule, code, evidence, reason) = derivation(content, rules);
    Outcome {
        code,
        name: disposition::name_of(code),
        class: disposition::class_of(code),
        author: format!("{}:{rule}", Author::Rule.word()),
        derived: true,
        evidence: evidence.into_iter().map(str::to_owned).collect(),
        reason: reason.to_owned(),
        at: content.ended_at(),
    }
}

type Derivation<'a> = (&'static str, u32, Option<&'a str>, &'static str);

fn derivation<'a>(content: &'a Content, rules: &Rules) -> Derivation<'a> {
    let first = Some(&*content.first.key);
    if let Some(key) = &content.converted {
        return ("order", code::CONVERT, Some(key), "an order was completed");
    }
    if let Some(key) = &content.subscribed {
        return ("subscription", code::SUBSCRIBE, Some(key), "the person subscribed");
    }
    if let Some((evidence, key)) = &content.evidence {
        let (rule, code, reason) = match evidence {
            Evidence::Failed => ("failed", code::SESSION_FAILURE, "the interaction failed"),
            Evidence::NotAnswered => ("not_answered", code::SESSION_FAILURE, "nobody answered"),
            Evidence::DeadAir => ("dead_air", code::DEAD_AIR, "nobody spoke"),
            Evidence::WrongNumber => ("wrong_number", code::WRONG_NUMBER, "it was a wrong number"),
            Evidence::Spam => ("spam", code::SPAM, "it was spam"),
        };
        return (rule, code, Some(key), reason);
    }
    if content.channel_or_other() == Channel::Voice {
        return call(content);
    }
    if !is_engaged(content, rules) {
        return ("not_engaged", code::BOUNCE, first, "the session was not engaged");
    }
    let stage = content.stage.as_ref();
    let key = stage.map(|(_, key)| &**key).or(first);
    match stage.map_or(Stage::Visit, |(stage, _)| *stage) {
        Stage::Checkout => {
            ("deepest_stage", code::CHECKOUT_ABANDON, key, "the checkout was the deepest stage")
        }
        Stage::Cart => ("deepest_stage", code::CART_ABANDON, key, "a cart was the deepest stage"),
        Stage::Product => {
            ("deepest_stage", code::PRODUCT_ABANDON, key, "a product was the deepest stage")
        }
        Stage::Category => {
            ("deepest_stage", code::CATEGORY_ABANDON, key, "a category was the deepest stage")
        }
        Stage::Search => {
            ("deepest_stage", code::SEARCH_ABANDON, key, "a search was the deepest stage")
        }
        Stage::Visit => {
            ("deepest_stage", code::VISIT_ABANDON, key, "it was engaged and reached no stage")
        }
    }
}

/// Calls without a claim: not answered, answered inbound, answered outbound or by campaign.
fn call(content: &Content) -> Derivation<'_> {
    let Some(answer) = content.answered.as_deref() else {
        let first = Some(&*content.first.key);
        return ("call_not_answered", code::SESSION_FAILURE, first, "the call was not answered");
    };
    let direction = content.fields.get(&field::DIRECTION).and_then(Value::as_text);
    let outbound = direction.is_some_and(|word| word.eq_ignore_ascii_case("outbound"))
        || content.fields.contains_key(&field::CAMPAIGN_ID)
        || content.fields.contains_key(&field::CAMPAIGN_NAME);
    if outbound {
        let reason = "an outbound or campaign call was answered and nothing came of it";
        return ("outbound_call_answered", code::VISIT_ABANDON, Some(answer), reason);
    }
    let reason = "an inbound call was answered";
    ("inbound_call_answered", code::CUSTOMER_SERVICE, Some(answer), reason)
}

/// Engaged: enough foreground time, enough views, a key action, two-way messages or an answer.
/// Engaged and bounce make up all sessions.
pub fn is_engaged(content: &Content, rules: &Rules) -> bool {
    let views = content.counts.pageviews.saturating_add(content.counts.screenviews);
    let key_action = content.stage.as_ref().is_some_and(|(stage, _)| *stage > Stage::Visit)
        || content.converted.is_some()
        || content.subscribed.is_some();
    let two_way = content.counts.messages_received > 0 && content.counts.messages_sent > 0;
    content.engaged_ms >= rules.engagement.foreground_ms
        || views >= rules.engagement.views
        || key_action
        || two_way
        || content.answered.is_some()
}

/// The axes of a session whose disposition is `outcome`.
pub fn axes(content: &Content, outcome: &Outcome) -> Axes {
    let text = |number| content.fields.get(&number).and_then(Value::as_text);
    let flag = |number| matches!(content.fields.get(&number), Some(Value::Flag(true)));
    Axes {
        ended_how: ended_how(content, outcome, text(field::ENDED_HOW)),
        achieved: achieved(content, outcome),
        answered_by: answered_by(content, text(field::ANSWERED_BY)).to_owned(),
        do_not_contact: flag(field::DO_NOT_CONTACT),
    }
}

#[expect(clippy::match_same_arms, reason = "one line a rule, in their order")]
fn ended_how(content: &Content, outcome: &Outcome, stated: Option<&str>) -> EndedHow {
    match stated {
        Some("completed") => return EndedHow::Completed,
        Some("failed") => return EndedHow::Failed,
        Some("abandoned") => return EndedHow::Abandoned,
        Some("timeout") => return EndedHow::Timeout,
        Some("transferred_out") => return EndedHow::TransferredOut,
        _ => {}
    }
    match (outcome.class, content.end_mark) {
        (DispositionClass::Failure, _) => EndedHow::Failed,
        (DispositionClass::Conversion | DispositionClass::Service, _) => EndedHow::Completed,
        (_, Some(EndMark::HungUp)) if content.answered.is_some() => EndedHow::Completed,
        (_, Some(EndMark::SessionEnded)) => EndedHow::Completed,
        (DispositionClass::Abandon, Some(_)) => EndedHow::Abandoned,
        (DispositionClass::Abandon, None) => EndedHow::Timeout,
        _ => EndedHow::Unknown,
    }
}

fn achieved(content: &Content, outcome: &Outcome) -> Vec<String> {
    let codes: Vec<u32> = content.claims.iter().map(|claim| claim.code).collect();
    let mut achieved = Vec::new();
    if content.converted.is_some() || codes.contains(&code::CONVERT) {
        achieved.push("order".to_owned());
    }
    if content.subscribed.is_some() || codes.contains(&code::SUBSCRIBE) {
        achieved.push("subscription".to_owned());
    }
    if outcome.code == code::CUSTOMER_SERVICE {
        achieved.push("service".to_owned());
    }
    for name in goal::achieved_names(content) {
        if !achieved.iter().any(|known| known == name) {
            achieved.push(name.to_owned());
        }
    }
    achieved
}

fn answered_by<'a>(content: &'a Content, stated: Option<&'a str>) -> &'a str {
    let leg = content.legs.iter().rev().find_map(|leg| leg.answered_by.as_deref());
    match stated.or(leg) {
        Some(word) => word,
        None if content.answered.is_some() => "human",
        None if content.channel == Some(Channel::Voice) && !content.legs.is_empty() => "nobody",
        None => "unknown",
    }
}

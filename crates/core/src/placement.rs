//! Placement: how well a session of its own fits another one (CORE.md 5).
use crate::{
    channel::Family,
    content::Content,
    dictionary::field,
    identity::IdentityClass,
    rules::Rules,
    session::{Session, Status},
    time::Millis,
    value::Value,
};

/// A placement needs at least this score.
pub const LEAST: f64 = 0.75;
/// And to be this much better than the second best.
pub const AHEAD: f64 = 0.15;
/// Starts further apart than this have nothing to do with each other.
const NEAR: Millis = Millis::from_mins(15);
/// An exact sender's id under another source counts fully within this.
const SAME_EXTERNAL: Millis = Millis::from_hours(24);

/// A session that another might be placed into, with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate<'a> {
    /// The candidate.
    pub session: &'a Session,
    /// 0 to 1.
    pub score: f64,
}

/// What the matcher proposes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Proposal<'a> {
    /// Place it there, by this rule.
    Place(Candidate<'a>, &'static str),
    /// There are candidates, none good enough: a person should look.
    Doubtful,
    /// Nobody fits.
    Nobody,
}

/// Half for the start, three tenths for the identity, two tenths for the duration.
pub fn score(own: &Session, candidate: &Session, rules: &Rules) -> f64 {
    if same_external_id(own, candidate, rules) {
        return 1.0;
    }
    let apart = start(&own.content, rules) - start(&candidate.content, rules);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of minutes fit a float")]
    let near = (1.0 - apart.abs() as f64 / NEAR.0 as f64).max(0.0);
    0.5 * near
        + 0.3 * identity(&own.content, &candidate.content)
        + 0.2 * duration(&own.content, &candidate.content)
}

fn same_external_id(own: &Session, candidate: &Session, rules: &Rules) -> bool {
    let same = own.envelope.external_id.is_some()
        && own.envelope.external_id == candidate.envelope.external_id
        && own.envelope.source != candidate.envelope.source;
    let apart = start(&own.content, rules) - start(&candidate.content, rules);
    same && apart.abs() <= SAME_EXTERNAL.0
}

fn start(content: &Content, rules: &Rules) -> i64 {
    content.started_at(rules).0
}

fn identity(own: &Content, candidate: &Content) -> f64 {
    let shared = own.identities.iter().filter(|identity| {
        let same = |other: &&crate::identity::Identity| {
            other.kind == identity.kind && other.value == identity.value
        };
        candidate.identities.iter().any(|other| same(&other))
    });
    let weight = |class| match class {
        IdentityClass::User | IdentityClass::Contact => 1.0,
        IdentityClass::Device => 0.8,
        IdentityClass::Weak => 0.0,
    };
    shared.map(|identity| weight(identity.class())).fold(0.0, f64::max)
}

fn duration(own: &Content, candidate: &Content) -> f64 {
    match (length(own), length(candidate)) {
        (Some(own), Some(other)) => {
            let apart = own.abs_diff(other);
            if apart <= 5_000 || apart.saturating_mul(10) <= own.max(other).unsigned_abs() {
                1.0
            } else {
                0.0
            }
        }
        _ => 0.5,
    }
}

/// The length in milliseconds: as claimed, else as seen; unknown when there is one instant only.
fn length(content: &Content) -> Option<i64> {
    let claimed = content.fields.get(&field::SESSION_DURATION).and_then(Value::as_number);
    let seen = content.ended_at().since(content.first.at).0;
    claimed.and_then(|length| i64::try_from(length).ok()).or((seen > 0).then_some(seen))
}

/// The best of the candidates, when it is good enough and clear enough, or when the person has
/// exactly one session in the family that is not final.
pub fn propose<'a>(
    own: &Session,
    candidates: impl Iterator<Item = &'a Session>,
    rules: &Rules,
) -> Proposal<'a> {
    let candidate = |session: &'a Session| Candidate { session, score: score(own, session, rules) };
    let mut ranked: Vec<Candidate<'a>> = candidates.map(candidate).collect();
    ranked.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then(a.session.envelope.id.cmp(&b.session.envelope.id))
    });
    let Some(best) = ranked.first().copied() else { return Proposal::Nobody };
    let second = ranked.get(1).map_or(0.0, |second| second.score);
    if best.score >= LEAST && best.score - second >= AHEAD {
        let rule = if same_external_id(own, best.session, rules) { "external_id" } else { "score" };
        return Proposal::Place(best, rule);
    }
    let family = own.content.channel.map(crate::channel::Channel::family);
    let mut open = ranked.iter().filter(|candidate| {
        let content = &candidate.session.content;
        let of_person = identity(&own.content, content) > 0.0;
        let not_final =
            matches!(candidate.session.envelope.status, Status::Open | Status::Settling);
        let in_family = family.is_none_or(|family| {
            family == Family::Other || content.channel_or_other().family() == family
        });
        of_person && not_final && in_family
    });
    match (open.next(), open.next()) {
        (Some(only), None) => Proposal::Place(*only, "only_candidate"),
        _ => Proposal::Doubtful,
    }
}

//! Boundaries: whether the next fact of a lane still belongs to the session before it.
use crate::{
    content::{Content, EndMark, SplitCause, known_users},
    lane::{LaneKind, channel_of},
    rules::Rules,
    signal::kind,
    stamp::Stamped,
    time::UnixMillis,
    touch::{self, TouchRule},
};

/// The cause that splits `next` from the session before it, or `None` when it belongs to it.
///
/// A session that a sender named never splits (CORE.md 4); a note never splits. Of several causes
/// the one that says most about intent is named: the sender's word, the user, silence, age, midnight,
/// another campaign or site.
pub fn between(
    lane: LaneKind,
    before: &Content,
    next: &Stamped,
    rules: &Rules,
) -> Option<SplitCause> {
    if lane == LaneKind::Sender || !next.is_bounding_fact() || !before.bounded {
        return None;
    }
    if is_explicit(before, next) {
        return Some(SplitCause::Explicit);
    }
    if user_changed(before, next) {
        return Some(SplitCause::UserChanged);
    }
    let channel = before
        .channel
        .or_else(|| channel_of(&next.signal))
        .unwrap_or_else(|| before.channel_or_other());
    let (gap, _) = rules.boundary.gap(channel);
    if next.at.since(not_before_booked(before, before.last.at)) > gap {
        return Some(SplitCause::Inactivity);
    }
    let aged = rules
        .boundary
        .max_age(channel)
        .is_some_and(|limit| next.at.since(not_before_booked(before, before.first.at)) > limit);
    if aged {
        return Some(SplitCause::MaxAge);
    }
    let other_day = next.at.utc_day() != before.last.at.utc_day();
    if rules.boundary.split_midnight && other_day {
        return Some(SplitCause::Midnight);
    }
    arrives_anew(before, next, rules)
}

/// Another campaign or another site than the session came from, under rules that split there.
fn arrives_anew(before: &Content, next: &Stamped, rules: &Rules) -> Option<SplitCause> {
    let boundary = &rules.boundary;
    if !boundary.split_campaign && !boundary.split_referrer {
        return None;
    }
    match touch::arrival(&before.touches, next)?.rule {
        TouchRule::Stated if boundary.split_campaign => Some(SplitCause::Campaign),
        TouchRule::Referrer if boundary.split_referrer => Some(SplitCause::Referrer),
        _ => None,
    }
}

/// The sender ended the session before or begins one here; a call that begins after a hang-up is
/// another call.
fn is_explicit(before: &Content, next: &Stamped) -> bool {
    let word = &*next.signal.kind;
    match before.end_mark {
        Some(EndMark::SessionEnded) => !next.signal.is_amendment(),
        Some(EndMark::HungUp) if word == kind::CALL_STARTED => true,
        _ => word == kind::SESSION_STARTED,
    }
}

/// Ids of one kind decide; one of another kind is another name, not another user.
fn user_changed(before: &Content, next: &Stamped) -> bool {
    known_users(&next.signal)
        .any(|(kind, user)| before.users.get(kind).is_some_and(|known| **known != *user))
}

/// An interaction that is booked for later is not silent until then (CORE.md 14).
fn not_before_booked(before: &Content, at: UnixMillis) -> UnixMillis {
    before.booked.map_or(at, |booked| at.max(booked))
}

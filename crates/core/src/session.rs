//! A session: content, envelope and the references to its signals.
use serde::{Deserialize, Serialize};

use crate::{
    content::{Content, EndMark},
    dictionary::field,
    id::SessionId,
    lane::{LaneKey, LaneKind},
    rules::{Rules, SourceClock},
    signal::TenantId,
    stamp::{Marks, Stamped},
    time::{Millis, UnixMillis},
    value::Value,
};

/// The state of a session. Ended is the step from `Open` to `Settling`, not a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Signals may still come.
    Open,
    /// Declared ended; what comes now still belongs to revision 1.
    Settling,
    /// Revision 1 is cut.
    Final,
    /// A later revision is cut.
    Amended,
    /// A redirect to another session.
    Merged,
}

impl Status {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::Settling => "settling",
            Status::Final => "final",
            Status::Amended => "amended",
            Status::Merged => "merged",
        }
    }

    /// Reads the word of the wire.
    pub fn from_word(word: &str) -> Option<Status> {
        [Status::Open, Status::Settling, Status::Final, Status::Amended, Status::Merged]
            .into_iter()
            .find(|status| status.word() == word)
    }
}

/// By which rule a session was declared ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndRule {
    /// No signal for longer than the channel's gap.
    Inactivity,
    /// `session_ended`.
    SessionEnded,
    /// `call_ended`.
    HungUp,
    /// A business disposition.
    Disposition,
    /// The source's watermark passed.
    Watermark,
    /// The source said that it is complete.
    Mark,
}

impl EndRule {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            EndRule::Inactivity => "inactivity",
            EndRule::SessionEnded => "session_ended",
            EndRule::HungUp => "hung_up",
            EndRule::Disposition => "disposition",
            EndRule::Watermark => "watermark",
            EndRule::Mark => "mark",
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What is a function of the journal: ids, revisions, instants of the lifecycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Its id; in the key of its row, not in the row.
    #[serde(skip)]
    pub id: SessionId,
    /// Whose it is; in the key as well.
    #[serde(skip)]
    pub tenant: TenantId,
    /// Its lane.
    #[serde(rename = "l")]
    pub lane: LaneKey,
    /// The lane's rule.
    #[serde(rename = "k")]
    pub lane_kind: LaneKind,
    /// The source of the signal that opened it.
    #[serde(rename = "s", default, skip_serializing_if = "str::is_empty")]
    pub source: Box<str>,
    /// The sender's own name for it.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Box<str>>,
    /// Its state.
    #[serde(rename = "st")]
    pub status: Status,
    /// The number of cut records.
    #[serde(rename = "r", default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// The number of folded changes.
    #[serde(rename = "v", default)]
    pub version: u64,
    /// When the signal that opened it came.
    #[serde(rename = "o")]
    pub opened_at: UnixMillis,
    /// When its last fact came.
    #[serde(rename = "lr")]
    pub last_received_at: UnixMillis,
    /// When it was declared ended.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<UnixMillis>,
    /// By which rule.
    #[serde(rename = "er", default, skip_serializing_if = "Option::is_none")]
    pub end_rule: Option<EndRule>,
    /// When revision 1 was cut.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub final_at: Option<UnixMillis>,
    /// When the latest revision was cut.
    #[serde(rename = "ra", default, skip_serializing_if = "Option::is_none")]
    pub revised_at: Option<UnixMillis>,
    /// The first change since the latest revision: arms the settle timer.
    #[serde(rename = "ca", default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<UnixMillis>,
    /// The survivor, when this is a redirect.
    #[serde(rename = "mi", default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<SessionId>,
    /// Redirects that lead here.
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub merged_ids: Vec<SessionId>,
    /// Six digits, unique among open sessions; absent when the partition has none free.
    #[serde(rename = "sh", default, skip_serializing_if = "Option::is_none")]
    pub short_id: Option<u32>,
    /// An integer for formats that want one (CCAI), unique in the tenant.
    #[serde(rename = "al", default)]
    pub alias: u64,
    /// When its timer is due by the server's clock, as its last change armed it.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub due: Option<UnixMillis>,
    /// When it is due in the event time of its source, for a source whose clock is not the wall's.
    #[serde(rename = "de", default, skip_serializing_if = "Option::is_none")]
    pub event_due: Option<UnixMillis>,
    /// The state that destinations were last told of, where one wants to know each.
    #[serde(rename = "to", default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Box<str>>,
}

/// A reference to one signal of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where it lies in the journal.
    #[serde(rename = "p")]
    pub position: u64,
    /// The first eight bytes of the hash of its key.
    #[serde(rename = "h")]
    pub key_hash: u64,
    /// Its stamped time.
    #[serde(rename = "a")]
    pub at: UnixMillis,
    /// Its marks.
    #[serde(rename = "m", default)]
    pub marks: Marks,
    /// The lane it came from, when it was placed; few were.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Box<LaneKey>>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Function of the journal.
    pub envelope: Envelope,
    /// Function of the set of its signals.
    pub content: Content,
    /// Its signals, in order of arrival.
    pub members: Vec<Member>,
}

/// What a timer did to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fired {
    /// Nothing was due.
    Nothing,
    /// It was declared ended.
    Ended,
    /// A revision was cut: its record is to be kept and delivered.
    Cut,
}

/// What a change did to the end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It stands where it stood.
    Same,
    /// It is another.
    Moved,
}

impl End {
    /// [`End::Moved`] if it is.
    pub(crate) fn moved_if(moved: impl FnOnce() -> bool) -> End {
        if moved() { End::Moved } else { End::Same }
    }
}

impl Session {
    /// Takes note of a signal that was folded in: the envelope's part of it.
    pub(crate) fn note_folded(&mut self, stamped: &Stamped, end: End, now: UnixMillis) {
        let envelope = &mut self.envelope;
        envelope.version += 1;
        if stamped.marks.has(Marks::NOTE) {
            return;
        }
        envelope.last_received_at = envelope.last_received_at.max(stamped.received_at);
        self.note_changed(end, now);
    }

    /// What a change of content means for the lifecycle.
    pub(crate) fn note_changed(&mut self, end: End, now: UnixMillis) {
        let moved = end == End::Moved;
        let envelope = &mut self.envelope;
        match (envelope.status, end_rule(self.content.end_mark)) {
            (Status::Open, Some(rule)) => envelope.end(rule, now),
            // The settle time is armed again only by what moves the end (C12).
            (Status::Settling, Some(rule)) if moved => envelope.end(rule, now),
            (Status::Settling, None) if moved => {
                envelope.status = Status::Open;
                envelope.closed_at = None;
                envelope.end_rule = None;
            }
            (Status::Final | Status::Amended, _) => {
                envelope.changed_at.get_or_insert(now);
            }
            _ => {}
        }
    }

    /// The instant of the session's one live timer, by the server's clock; `None` when nothing is
    /// due until another signal comes.
    pub fn due(&self, clock: SourceClock, rules: &Rules) -> Option<UnixMillis> {
        let envelope = &self.envelope;
        let settle = rules.lifecycle.settle_ms;
        match envelope.status {
            Status::Open | Status::Settling if clock != SourceClock::Wall => {
                // It waits for its source, and for a silent source not for ever.
                let patience = rules.lifecycle.mark_timeout_ms.max(self.gap(rules));
                let since = envelope.closed_at.unwrap_or(envelope.last_received_at);
                Some(since.max(envelope.last_received_at).plus(patience))
            }
            Status::Open => Some(self.closes_at(rules)),
            Status::Settling => envelope.closed_at.map(|closed| closed.plus(settle)),
            Status::Final | Status::Amended | Status::Merged => {
                let patience = match clock {
                    SourceClock::Mark => rules.lifecycle.mark_timeout_ms.max(settle),
                    SourceClock::Wall | SourceClock::Watermark { .. } => settle,
                };
                envelope.changed_at.map(|changed| changed.plus(patience))
            }
        }
    }

    /// The instant in event time at which a watermark or mark closes it or makes it final.
    pub fn due_in_event_time(&self, clock: SourceClock, rules: &Rules) -> Option<UnixMillis> {
        let end = self.content.ended_at().plus(self.gap(rules));
        match self.envelope.status {
            Status::Open => Some(end),
            Status::Settling => Some(end.plus(rules.lifecycle.settle_ms)),
            // Changes of an ordered stream's sessions settle; those of an import end with it.
            _ if clock == SourceClock::Mark => self.envelope.changed_at.map(|_| end),
            _ => None,
        }
    }

    fn gap(&self, rules: &Rules) -> Millis {
        rules.boundary.gap(self.content.channel_or_other()).0
    }

    fn closes_at(&self, rules: &Rules) -> UnixMillis {
        let booked = self.content.booked.unwrap_or(self.envelope.last_received_at);
        // One millisecond past the gap: a signal exactly at the gap still belongs (CORE.md, laws).
        self.envelope.last_received_at.max(booked).plus(self.gap(rules)).plus(Millis(1))
    }

    /// Lets the timer act at `due`. The instants it writes are the instants that were due, so that
    /// a record does not depend on how long the server slept.
    pub fn fire(&mut self, due: UnixMillis, rule: EndRule) -> Fired {
        let envelope = &mut self.envelope;
        match envelope.status {
            Status::Open => {
                envelope.end(rule, due);
                envelope.version += 1;
                Fired::Ended
            }
            Status::Settling => {
                envelope.status = Status::Final;
                envelope.final_at = Some(due);
                envelope.cut(due);
                Fired::Cut
            }
            Status::Final | Status::Amended if envelope.changed_at.is_some() => {
                envelope.status = Status::Amended;
                envelope.cut(due);
                Fired::Cut
            }
            Status::Merged if envelope.changed_at.is_some() => {
                envelope.cut(due);
                Fired::Cut
            }
            _ => Fired::Nothing,
        }
    }

    /// Its state, and behind a slash what its source says of it, where it says something.
    pub fn state_text(&self) -> Box<str> {
        let own = self.envelope.status.word();
        let of_source = self.content.fields.get(&field::SOURCE_STATUS).and_then(Value::as_text);
        of_source.map_or_else(|| own.into(), |source| format!("{own}/{source}").into())
    }

    /// Whether its boundaries can no longer move (CORE.md 8).
    pub fn is_sealed(&self, now: UnixMillis, rules: &Rules) -> bool {
        self.is_past(now, rules.lifecycle.seal_ms)
    }

    /// Whether not even an amendment is taken any more.
    pub fn is_beyond_amendment(&self, now: UnixMillis, rules: &Rules) -> bool {
        self.is_past(now, rules.lifecycle.amend_ms)
    }

    fn is_past(&self, now: UnixMillis, length: Millis) -> bool {
        let settled = matches!(self.envelope.status, Status::Final | Status::Amended);
        settled && self.envelope.closed_at.is_some_and(|closed| now.since(closed) > length)
    }

    /// Makes it a redirect to `survivor`. It is revised once more if anybody was told of it.
    pub fn redirect_to(&mut self, survivor: SessionId, now: UnixMillis) {
        let envelope = &mut self.envelope;
        envelope.status = Status::Merged;
        envelope.merged_into = Some(survivor);
        envelope.version += 1;
        envelope.changed_at = (envelope.revision > 0).then_some(now);
    }
}

impl Envelope {
    fn end(&mut self, rule: EndRule, at: UnixMillis) {
        self.status = Status::Settling;
        self.closed_at = Some(at);
        self.end_rule = Some(rule);
    }

    fn cut(&mut self, at: UnixMillis) {
        self.revision += 1;
        self.version += 1;
        self.revised_at = Some(at);
        self.changed_at = None;
    }
}

fn end_rule(mark: Option<EndMark>) -> Option<EndRule> {
    mark.map(|mark| match mark {
        EndMark::SessionEnded => EndRule::SessionEnded,
        EndMark::HungUp => EndRule::HungUp,
        EndMark::Disposition => EndRule::Disposition,
    })
}

//! The content of a session: what is a pure function of the set of its signals.
//!
//! [`Content::add`] takes the signals in event order, one by one; the fold calls it for each signal
//! that arrives in order and begins anew for a run in which one did not.
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    channel::{Channel, SessionType},
    dictionary::field,
    disposition::{Author, ClaimPolicy},
    goal,
    identity::{Identity, IdentityClass},
    lane::channel_of,
    leg::{self, Leg},
    rules::Rules,
    signal::{Attributes, Fields, Signal, kind},
    sorted_map::SortedMap,
    sorted_set::SortedSet,
    stamp::{Marks, Order, Stamped},
    time::{Millis, UnixMillis},
    touch::{self, Touch},
    value::Value,
};

mod evidence;
mod keep;
mod report;
pub use evidence::Evidence;

/// Why a session begins where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SplitCause {
    /// It is the first of its lane.
    #[serde(rename = "first")]
    First,
    /// Silence longer than the channel's limit.
    #[serde(rename = "inactivity")]
    Inactivity,
    /// Another known user than before.
    #[serde(rename = "user_changed")]
    UserChanged,
    /// The session before it had reached the longest age.
    #[serde(rename = "max_age")]
    MaxAge,
    /// The sender said so.
    #[serde(rename = "explicit")]
    Explicit,
    /// Midnight, under a profile that splits there.
    #[serde(rename = "profile:midnight")]
    Midnight,
    /// Another campaign, under a profile that splits there.
    #[serde(rename = "profile:campaign")]
    Campaign,
    /// Another referring site, under a profile that splits there.
    #[serde(rename = "profile:referrer")]
    Referrer,
}

impl SplitCause {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            SplitCause::First => "first",
            SplitCause::Inactivity => "inactivity",
            SplitCause::UserChanged => "user_changed",
            SplitCause::MaxAge => "max_age",
            SplitCause::Explicit => "explicit",
            SplitCause::Midnight => "profile:midnight",
            SplitCause::Campaign => "profile:campaign",
            SplitCause::Referrer => "profile:referrer",
        }
    }
}

/// How far into the funnel a session came, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Something was looked at.
    Visit,
    /// A search.
    Search,
    /// A category.
    Category,
    /// A product.
    Product,
    /// A cart.
    Cart,
    /// The checkout.
    Checkout,
}

/// What brought a session to an explicit end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndMark {
    /// `session_ended`.
    SessionEnded,
    /// `call_ended`.
    HungUp,
    /// A business disposition.
    Disposition,
}

/// One statement of the outcome, as it stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claim {
    /// When it was stated, in event time.
    #[serde(rename = "at")]
    pub at: UnixMillis,
    /// The signal that states it.
    #[serde(rename = "k")]
    pub signal: Box<str>,
    /// The code.
    #[serde(rename = "c")]
    pub code: u32,
    /// Who says so.
    #[serde(rename = "a")]
    pub author: Author,
    /// Whether the earliest or the latest claim of the author holds.
    #[serde(rename = "f", default, skip_serializing_if = "is_last")]
    pub first_wins: bool,
    /// Notes that came with it.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Box<str>>,
    /// The agent or operator.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Box<str>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_last(first_wins: &bool) -> bool {
    !first_wins
}

/// An order placed in the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedOrder {
    /// Total as the sender says; `None` when it says none (never zero, never recomputed: D15).
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Decimal>,
    /// ISO 4217.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Box<str>>,
    /// When it was placed; a refund alone has none.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub at: Option<UnixMillis>,
    /// Refunds with their own times.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<(UnixMillis, Decimal)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Counters over distinct facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Facts.
    #[serde(rename = "e", skip_serializing_if = "is_zero")]
    pub events: u32,
    /// Pages.
    #[serde(rename = "p", skip_serializing_if = "is_zero")]
    pub pageviews: u32,
    /// Screens.
    #[serde(rename = "s", skip_serializing_if = "is_zero")]
    pub screenviews: u32,
    /// Messages from the person.
    #[serde(rename = "mi", skip_serializing_if = "is_zero")]
    pub messages_received: u32,
    /// Messages to the person.
    #[serde(rename = "mo", skip_serializing_if = "is_zero")]
    pub messages_sent: u32,
    /// Facts that state an outcome; the rest is what the session itself was.
    #[serde(rename = "c", skip_serializing_if = "is_zero")]
    pub claims: u32,
}

/// The content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Why it begins here.
    #[serde(rename = "sc")]
    pub split_cause: SplitCause,
    /// Whether a bounding fact is in it; without one it stands for notes or placed signals only.
    #[serde(rename = "b", default)]
    pub bounded: bool,
    /// The greatest order of any folded signal: one that comes below it needs a refold.
    #[serde(rename = "h")]
    pub high: Order,
    /// The first bounding fact (or the note that stands for a session without facts).
    #[serde(rename = "f")]
    pub first: Order,
    /// The last.
    #[serde(rename = "l")]
    pub last: Order,
    /// The channel of the first fact that has one.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The type that a signal states; else it follows from the channel.
    #[serde(rename = "st", default, skip_serializing_if = "Option::is_none")]
    pub stated_type: Option<SessionType>,
    /// The earliest start that an outcome claims.
    #[serde(rename = "cs", default, skip_serializing_if = "Option::is_none")]
    pub claimed_start: Option<UnixMillis>,
    /// The latest end that a business disposition claims.
    #[serde(rename = "ce", default, skip_serializing_if = "Option::is_none")]
    pub claimed_end: Option<UnixMillis>,
    /// What ended it, unless a later fact took it up again.
    #[serde(rename = "em", default, skip_serializing_if = "Option::is_none")]
    pub end_mark: Option<EndMark>,
    /// Counters.
    #[serde(rename = "n", default)]
    pub counts: Counts,
    /// Foreground time.
    #[serde(rename = "e", default, skip_serializing_if = "Millis::is_zero")]
    pub engaged_ms: Millis,
    /// Deepest stage and the first signal that reached it.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<(Stage, Box<str>)>,
    /// The first order.
    #[serde(rename = "co", default, skip_serializing_if = "Option::is_none")]
    pub converted: Option<Box<str>>,
    /// The first subscription.
    #[serde(rename = "su", default, skip_serializing_if = "Option::is_none")]
    pub subscribed: Option<Box<str>>,
    /// The first answer to a call.
    #[serde(rename = "an", default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Box<str>>,
    /// The first evidence of failure or junk: (reason, signal).
    #[serde(rename = "ev", default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<(Evidence, Box<str>)>,
    /// The first known user of each kind of user id, by kind; what bounding facts say.
    #[serde(rename = "u", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<Box<str>, Box<str>>,
    /// The ledger, in event order.
    #[serde(rename = "k", default, skip_serializing_if = "SortedSet::is_empty")]
    pub claims: SortedSet<Claim>,
    /// Arrivals.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<Touch>,
    /// Legs.
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<Leg>,
    /// Orders by order id.
    #[serde(rename = "o", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub orders: BTreeMap<Box<str>, PlacedOrder>,
    /// Who was seen.
    #[serde(rename = "i", default, skip_serializing_if = "SortedSet::is_empty")]
    pub identities: SortedSet<Identity>,
    /// What the dictionary knows.
    #[serde(rename = "d", default, skip_serializing_if = "Fields::is_empty")]
    pub fields: Fields,
    /// The instant that it is booked for (`scheduled_at` among the fields), at hand for boundaries.
    #[serde(rename = "bk", default, skip_serializing_if = "Option::is_none")]
    pub booked: Option<UnixMillis>,
    /// What it does not: the last value of each.
    #[serde(rename = "a", default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// Repairs and oddities, by code.
    #[serde(rename = "w", default, skip_serializing_if = "SortedSet::is_empty")]
    pub warnings: SortedSet<Box<str>>,
    /// How far it has come towards the outcomes and segments of its tenant, by definition.
    #[serde(rename = "gl", default, skip_serializing_if = "SortedMap::is_empty")]
    pub goals: SortedMap<Box<str>, goal::Standing>,
}

/// Identities, attributes and warnings that one session keeps of each; more is noise or an attack.
const MEMBERS_MAX: usize = 1_000;

impl Content {
    /// The content of a session that begins with this signal.
    pub fn begin(first: &Stamped, cause: SplitCause, rules: &Rules) -> Content {
        let order = first.order();
        let mut content = Content {
            split_cause: cause,
            bounded: false,
            high: order.clone(),
            first: order.clone(),
            last: order,
            channel: None,
            stated_type: None,
            claimed_start: None,
            claimed_end: None,
            end_mark: None,
            counts: Counts::default(),
            engaged_ms: Millis(0),
            stage: None,
            converted: None,
            subscribed: None,
            answered: None,
            evidence: None,
            users: BTreeMap::new(),
            claims: SortedSet::new(),
            touches: Vec::new(),
            legs: Vec::new(),
            orders: BTreeMap::new(),
            identities: SortedSet::new(),
            fields: Fields::new(),
            booked: None,
            attributes: Attributes::new(),
            warnings: SortedSet::new(),
            goals: SortedMap::new(),
        };
        content.add(first, rules);
        content
    }

    /// Adds the next signal in event order.
    ///
    /// A note and an orphan change nothing. A placed signal or an amendment adds to what is known; only a
    /// bounding fact moves start and end. Past `boundary.max_signals` the counts, the end and the
    /// claims go on and the rest is left unfolded.
    pub fn add(&mut self, stamped: &Stamped, rules: &Rules) {
        if stamped.marks.has(Marks::NOTE | Marks::ORPHAN) {
            return;
        }
        let signal = &stamped.signal;
        let order = stamped.order();
        if order > self.high {
            self.high = order.clone();
        }
        let business = signal.claim.as_ref().is_some_and(|claim| claim.author == Author::Business);
        if stamped.is_bounding_fact() {
            self.move_end(stamped, order, rules);
        } else if business {
            // A business disposition ends the session on every channel, also one placed into it.
            self.end_mark.get_or_insert(EndMark::Disposition);
        }
        self.counts.add(signal);
        self.add_claim(stamped);
        if self.counts.events > rules.boundary.max_signals {
            self.warn("runaway");
            return;
        }
        self.add_meaning(stamped);
        self.add_order(stamped);
        self.add_people(signal);
        self.add_fields(stamped);
        self.add_warnings(stamped);
        touch::add(&mut self.touches, stamped);
        leg::add(&mut self.legs, stamped.at, signal);
    }

    fn move_end(&mut self, stamped: &Stamped, order: Order, rules: &Rules) {
        let signal = &stamped.signal;
        if !self.bounded {
            self.bounded = true;
            self.first = order.clone();
            self.last = order.clone();
        }
        if &*signal.kind == kind::HEARTBEAT && !signal.fields.contains_key(&field::FOREGROUND_MS) {
            let since = stamped.at.since(self.last.at);
            let length = since.min(rules.engagement.heartbeat_max_ms);
            self.engaged_ms = Millis(self.engaged_ms.0.saturating_add(length.0.max(0)));
        }
        self.last = order;
        self.end_mark = match &*signal.kind {
            kind::SESSION_ENDED => Some(EndMark::SessionEnded),
            kind::CALL_ENDED => Some(EndMark::HungUp),
            _ if signal.claim.as_ref().is_some_and(|claim| claim.author == Author::Business) => {
                Some(self.end_mark.unwrap_or(EndMark::Disposition))
            }
            // What is said about a session that is over does not take it up again.
            _ if signal.is_amendment() => self.end_mark,
            _ => None,
        };
        if self.channel.is_none() {
            self.channel = channel_of(signal);
        }
        for (kind, user) in known_users(signal) {
            self.users.entry(kind.into()).or_insert_with(|| user.into());
        }
        if self.stated_type.is_none() {
            self.stated_type =
                signal.session_type.filter(|stated| *stated != SessionType::Disposition);
        }
    }

    fn add_meaning(&mut self, stamped: &Stamped) {
        let signal = &stamped.signal;
        let key = || signal.key.clone();
        let stage = match &*signal.kind {
            kind::PAGE_VIEWED | kind::SCREEN_VIEWED => Some(Stage::Visit),
            kind::SEARCH_PERFORMED => Some(Stage::Search),
            kind::CATEGORY_VIEWED => Some(Stage::Category),
            kind::PRODUCT_VIEWED => Some(Stage::Product),
            kind::PRODUCT_ADDED | kind::CART_VIEWED => Some(Stage::Cart),
            kind::CHECKOUT_STARTED => Some(Stage::Checkout),
            _ => None,
        };
        if let Some(stage) = stage
            && self.stage.as_ref().is_none_or(|(deepest, _)| stage > *deepest)
        {
            self.stage = Some((stage, key()));
        }
        match &*signal.kind {
            kind::ORDER_COMPLETED => {
                self.converted.get_or_insert_with(key);
            }
            kind::SUBSCRIBED => {
                self.subscribed.get_or_insert_with(key);
            }
            kind::CALL_ANSWERED => {
                self.answered.get_or_insert_with(key);
            }
            _ => {}
        }
        let reason = signal.text(field::DISCONNECT_REASON);
        let stated = signal.text(field::ENDED_HOW);
        // What ended well after all, as at a second try, did not fail.
        if stated == Some("completed")
            && self.evidence.as_ref().is_some_and(|(known, _)| *known == Evidence::Failed)
        {
            self.evidence = None;
        }
        let found = [reason, stated].into_iter().flatten().find_map(evidence::evidence_of);
        if let Some(evidence) = found
            && self.evidence.is_none()
        {
            self.evidence = Some((evidence, key()));
        }
    }

    fn add_claim(&mut self, stamped: &Stamped) {
        let signal = &stamped.signal;
        let Some(claim) = &signal.claim else { return };
        let claimed = Claim {
            at: stamped.at,
            signal: signal.key.clone(),
            code: claim.code,
            author: claim.author,
            first_wins: claim.policy == ClaimPolicy::First,
            notes: signal.text(field::INTEGRATION_NOTES).map(Into::into),
            agent: signal.text(field::INTEGRATION_AGENT_ID).map(Into::into),
        };
        if !self.is_repeated(&claimed, signal) {
            self.claims.insert(claimed);
        }
        let start = match signal.fields.get(&field::SESSION_START) {
            Some(Value::Instant(start)) => Some(start.at),
            _ => None,
        };
        if let Some(start) = start {
            self.claimed_start = Some(self.claimed_start.map_or(start, |known| known.min(start)));
        }
        if claim.author == Author::Business
            && let Some(start) = start
            && let Some(length) = signal.number(field::SESSION_DURATION)
        {
            let end = start.plus(Millis(i64::try_from(length).unwrap_or(i64::MAX)));
            self.claimed_end = Some(self.claimed_end.map_or(end, |known| known.max(end)));
        }
    }

    fn add_order(&mut self, stamped: &Stamped) {
        let signal = &stamped.signal;
        let placed = &*signal.kind == kind::ORDER_COMPLETED;
        let refunded = &*signal.kind == kind::ORDER_REFUNDED;
        let claimed = signal.claim.is_some() && signal.fields.contains_key(&field::ORDER_TOTAL);
        if !placed && !refunded && !claimed {
            return;
        }
        if stamped.marks.has(Marks::ORDER_SEEN) && !refunded {
            self.warn("duplicate_order_id");
            return;
        }
        // A disposition that repeats the total of the session's only order is that order.
        let anonymous = || match self.orders.first_key_value() {
            Some((id, _)) if claimed => id.clone(),
            _ => signal.key.clone(),
        };
        let id = signal.text(field::ORDER_ID).map_or_else(anonymous, Into::into);
        if self.orders.len() >= MEMBERS_MAX && !self.orders.contains_key(&id) {
            return;
        }
        let amount = signal.fields.get(&field::ORDER_TOTAL).and_then(Value::as_decimal);
        let order = self.orders.entry(id).or_insert(PlacedOrder {
            total: None,
            currency: None,
            at: None,
            refunds: Vec::new(),
        });
        if refunded {
            order.refunds.extend(amount.map(|amount| (stamped.at, amount)));
            order.refunds.sort_unstable();
        } else {
            order.at = Some(order.at.map_or(stamped.at, |known| known.min(stamped.at)));
            order.total = order.total.or(amount);
        }
        let currency = signal.text(field::CURRENCY).map(Into::into);
        order.currency = order.currency.take().or(currency);
    }

    fn add_people(&mut self, signal: &Signal) {
        for identity in &signal.identities {
            let same =
                |known: &Identity| known.kind == identity.kind && known.value == identity.value;
            if self.identities.len() < MEMBERS_MAX && !self.identities.iter().any(same) {
                self.identities.insert(identity.clone());
            }
        }
    }

    fn add_fields(&mut self, stamped: &Stamped) {
        let signal = &stamped.signal;
        self.note_status(signal);
        if !self.add_report(signal) {
            self.add_said(signal);
        }
        self.withhold_recordings(signal);
        if let Some(Value::Instant(booked)) = self.fields.get(&field::SCHEDULED_AT) {
            self.booked = Some(booked.at);
        }
        if let Some(length) = signal.number(field::FOREGROUND_MS) {
            let length = i64::try_from(length).unwrap_or(i64::MAX);
            self.engaged_ms = Millis(self.engaged_ms.0.saturating_add(length));
        }
        if !matches!(&*signal.kind, kind::SESSION_ENDED | kind::SESSION_UPDATED) {
            self.note_landing(signal);
        }
    }

    /// The first page is where the session began; what is said of a session at its end, or as it
    /// stands, names the page that it came to.
    fn note_landing(&mut self, signal: &Signal) {
        for (page, landing) in
            [(field::PAGE_URL, field::LANDING_URL), (field::PAGE_TITLE, field::LANDING_TITLE)]
        {
            if let Some(value) = signal.fields.get(&page) {
                self.fields.entry(landing).or_insert_with(|| value.clone());
            }
        }
    }

    fn add_said(&mut self, signal: &Signal) {
        for (number, value) in &signal.fields {
            keep::keep(&mut self.fields, *number, value);
        }
        for (name, value) in &signal.attributes {
            if self.attributes.len() < MEMBERS_MAX || self.attributes.contains_key(name) {
                self.attributes.insert(name.clone(), value.clone());
            }
        }
    }

    fn add_warnings(&mut self, stamped: &Stamped) {
        for warning in &stamped.signal.warnings {
            self.warn(warning);
        }
        for (mark, warning) in
            [(Marks::CLOCK_FUTURE, "clock_future"), (Marks::SKEW_CORRECTED, "clock_skew_corrected")]
        {
            if stamped.marks.has(mark) {
                self.warn(warning);
            }
        }
    }

    fn warn(&mut self, warning: &str) {
        if self.warnings.len() < MEMBERS_MAX {
            self.warnings.insert(warning.into());
        }
    }

    /// The channel, `other` when no signal said or implied one.
    pub fn channel_or_other(&self) -> Channel {
        self.channel.unwrap_or(Channel::Other)
    }

    /// The type of the session.
    pub fn session_type(&self) -> SessionType {
        self.stated_type.unwrap_or_else(|| SessionType::of_channel(self.channel_or_other()))
    }

    /// When it started: its first fact, or the start that its outcome claims when that lies within
    /// the channel's gap before, or when outcomes are all there is.
    pub fn started_at(&self, rules: &Rules) -> UnixMillis {
        let first = self.first.at;
        let Some(claimed) = self.claimed_start.filter(|claimed| *claimed < first) else {
            return first;
        };
        let (gap, _) = rules.boundary.gap(self.channel_or_other());
        let outcomes_only = self.counts.claims == self.counts.events;
        if outcomes_only || first.since(claimed) <= gap { claimed } else { first }
    }

    /// When it ended: its last fact, or start plus duration of a business disposition when that is
    /// later; the last activity so far while it is open.
    pub fn ended_at(&self) -> UnixMillis {
        self.claimed_end.map_or(self.last.at, |claimed| claimed.max(self.last.at))
    }
}

impl Counts {
    fn add(&mut self, signal: &Signal) {
        self.events = self.events.saturating_add(1);
        let counter = match &*signal.kind {
            kind::PAGE_VIEWED => &mut self.pageviews,
            kind::SCREEN_VIEWED => &mut self.screenviews,
            kind::MESSAGE_RECEIVED => &mut self.messages_received,
            kind::MESSAGE_SENT => &mut self.messages_sent,
            _ if signal.claim.is_some() => &mut self.claims,
            _ => return,
        };
        *counter = counter.saturating_add(1);
    }
}

/// A user is known by a user id of the sender or an authenticated login, never by e-mail, phone or
/// name (CORE.md 14). Gives (kind of id, id); ids of two kinds say nothing of each other.
pub fn known_users(signal: &Signal) -> impl Iterator<Item = (&str, &str)> {
    let users = signal.identities.iter().filter(|i| i.class() == IdentityClass::User);
    users.map(|identity| (&*identity.kind, &*identity.value))
}

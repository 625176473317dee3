//! The laws of the fold as properties, over lanes with ties, exact gaps, late joins and splits.
use std::collections::{BTreeSet, HashMap};

use expect_test::expect;
use proptest::{collection::vec, prelude::*};

use super::{Fetch, Lane, Setting, Step};
use crate::{
    channel::Channel,
    content::Content,
    dictionary::field,
    disposition::{Author, ClaimPolicy},
    goal::{
        Condition, Conditions, ContextPattern, Definition, GoalKind, Goals, Operator, Pattern,
        Standing, Stream,
    },
    identity::Identity,
    lane::{HashSecret, LaneKey, LaneKind},
    rules::{Rules, SourceClock},
    session::{EndRule, Fired, Member, Status},
    signal::{ClaimBody, Signal, TenantId, kind},
    stamp::{Marks, Stamped},
    time::{Millis, UnixMillis},
    value::Value,
};

const SECRET: HashSecret = HashSecret([7; 32]);
const START: i64 = 1_700_000_000_000;

/// Everything that was ever folded, by position: what the journal is to the engine.
#[derive(Default)]
pub(super) struct Journal(pub(super) HashMap<u64, Stamped>);

impl Fetch for Journal {
    type Error = std::convert::Infallible;
    fn fetch(&mut self, members: &[Member]) -> Result<Vec<Stamped>, Self::Error> {
        let stamped = |member: &Member| {
            let stored = self.0.get(&member.position).expect("it was folded");
            Stamped { marks: member.marks, at: member.at, ..stored.clone() }
        };
        Ok(members.iter().map(stamped).collect())
    }
}

/// A signal as `minute word key`, e.g. `30 page_viewed a`; `user=A` makes it known.
fn signal(minute: i64, word: &str, key: &str) -> Stamped {
    let mut signal = Signal {
        key: key.into(),
        kind: word.into(),
        occurred_at: None,
        sent_at: None,
        sequence: 0,
        channel: Some(Channel::Web),
        session_type: None,
        source: "".into(),
        session: None,
        identities: Vec::new(),
        claim: None,
        fields: crate::sorted_map::SortedMap::new(),
        attributes: crate::sorted_map::SortedMap::new(),
        warnings: Vec::new(),
    };
    if word == kind::PAGE_VIEWED {
        let url = format!("https://shop.example/{}", minute % 3);
        signal.fields.insert(field::PAGE_URL, Value::Text(url.into()));
    }
    if let Some(user) = word.strip_prefix("user=") {
        signal.kind = kind::IDENTIFIED.into();
        signal.identities.push(Identity::new("user_id", user));
    }
    if let Some(code) = word.strip_prefix("claim=") {
        signal.kind = kind::DISPOSITION_POSTED.into();
        let code = code.parse().unwrap();
        signal.claim =
            Some(ClaimBody { code, author: Author::Business, policy: ClaimPolicy::Last });
    }
    let marks = match signal.nature() {
        crate::signal::Nature::Note => Marks(Marks::NOTE),
        crate::signal::Nature::Fact => Marks::default(),
    };
    let at = UnixMillis(START).plus(Millis::from_mins(minute));
    let key_hash = SECRET.key_hash(TenantId(1), key);
    let signal = Box::new(signal);
    Stamped { position: 0, at, received_at: UnixMillis(START), marks, key_hash, signal }
}

/// Two pages and then a product; and a segment of sessions with several heartbeats or claims that
/// saw one certain page.
fn goals() -> Goals {
    let step = |event: &str, count| Pattern {
        criteria: Vec::new(),
        count,
        stream: Stream::Web,
        session_type: "web".into(),
        event_name: Some(event.into()),
    };
    let asked = |key: &str, operator, value: &str| Condition {
        key: key.into(),
        values: vec![value.into()],
        operator,
        ignore_case: false,
    };
    let definition = |id: &str, kind, conditions| Definition {
        id: id.into(),
        kind,
        name: id.into(),
        description: None,
        active: true,
        version: 1,
        conditions_version: 1,
        created_at: UnixMillis(START),
        modified_at: UnixMillis(START),
        conditions,
        positive: true,
        value: None,
        expires_after_days: None,
        color: None,
        shown_to_agents: false,
        external: None,
    };
    let journey = vec![step("page_viewed", 2), step("product_added", 1)];
    let bought = Conditions { journey, context: Vec::new() };
    let saw = vec![asked("page.pathname", Operator::Equal, "/1")];
    let long = vec![asked("eventCount", Operator::GreaterThan, "3")];
    let context = [saw, long].map(|criteria| ContextPattern { criteria }).to_vec();
    let waited = Conditions { journey: vec![step("heartbeat", 2)], context };
    Goals::of([
        &definition("bought", GoalKind::Outcome, bought),
        &definition("waited", GoalKind::Segment, waited),
    ])
}

fn lane(kind: LaneKind) -> Lane {
    Lane::new(LaneKey([3; 16]), TenantId(1), kind)
}

/// Folds groups of signals, giving them positions as they come; checks what must hold after each.
fn fold(lane: &mut Lane, groups: &[Vec<Stamped>], journal: &mut Journal) -> Step {
    let rules = Rules::default();
    let setting =
        Setting { rules: &rules, goals: &goals(), now: UnixMillis(START), secret: &SECRET };
    let mut all = Step::default();
    for group in groups {
        let mut arrived = Vec::new();
        for stamped in group {
            let position = journal.0.len() as u64 + 1;
            let stamped = Stamped { position, ..stamped.clone() };
            journal.0.insert(position, stamped.clone());
            arrived.push(stamped);
        }
        let step = lane.fold(arrived, setting, journal).unwrap();
        assert_eq!(step.fates.len(), group.len(), "each signal has one fate");
        for (_, session, _) in &step.fates {
            assert!(lane.session(*session).is_some(), "a fate names a session of the lane");
        }
        all.changed.extend(step.changed);
        all.opened.extend(step.opened);
    }
    assert_whole(lane, journal);
    all
}

/// Every signal is in exactly one session, ids are unique, sessions are in order.
fn assert_whole(lane: &Lane, journal: &Journal) {
    let members = lane.sessions.iter().flat_map(|s| s.members.iter().map(|m| m.position));
    let mut members: Vec<u64> = members.collect();
    members.sort_unstable();
    assert_eq!(members, (1..=journal.0.len() as u64).collect::<Vec<_>>());
    let all = lane.sessions.iter().chain(&lane.redirects);
    let ids: Vec<_> = all.map(|session| session.envelope.id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert!(lane.sessions.is_sorted_by_key(|session| session.content.first.clone()));
    for redirect in &lane.redirects {
        assert_eq!(redirect.envelope.status, Status::Merged);
        assert!(lane.session(redirect.envelope.merged_into.unwrap()).is_some());
    }
}

fn contents(lane: &Lane) -> Vec<Content> {
    lane.sessions.iter().filter(|s| s.content.bounded).map(|s| s.content.clone()).collect()
}

fn draw(lane: &Lane) -> String {
    let mut lines = Vec::new();
    for session in &lane.sessions {
        let content = &session.content;
        let minute = |at: UnixMillis| at.since(UnixMillis(START)).0 / 60_000;
        let (start, end) = (minute(content.first.at), minute(content.last.at));
        let (cause, events) = (content.split_cause.word(), content.counts.events);
        lines.push(format!("{start}..{end} {cause} {events}\n"));
    }
    for redirect in &lane.redirects {
        let into = redirect.envelope.merged_into;
        let known = lane.sessions.iter().position(|s| Some(s.envelope.id) == into).unwrap();
        lines.push(format!("redirect to session {known}\n"));
    }
    lines.concat()
}

/// Lines of `minute word key`, each a group of its own.
fn story(lines: &str) -> (Lane, String) {
    let mut lane = lane(LaneKind::Device);
    let mut journal = Journal::default();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let [minute, word, key] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        fold(&mut lane, &[vec![signal(minute.parse().unwrap(), word, key)]], &mut journal);
    }
    let drawn = draw(&lane);
    (lane, drawn)
}

#[test]
fn a_gap_of_exactly_the_limit_stays_and_one_beyond_it_splits() {
    let (_, drawn) = story("0 page_viewed a\n30 page_viewed b\n61 page_viewed c");
    expect![[r"
        0..30 first 2
        61..61 inactivity 1
    "]]
    .assert_eq(&drawn);
}

#[test]
fn a_late_signal_joins_two_sessions_and_the_earlier_id_lives() {
    let (lane, drawn) = story("0 page_viewed a\n50 page_viewed b\n25 page_viewed c");
    expect![[r"
        0..50 first 3
        redirect to session 0
    "]]
    .assert_eq(&drawn);
    assert_eq!(lane.sessions[0].envelope.merged_ids, [lane.redirects[0].envelope.id]);
}

#[test]
fn a_late_signal_splits_and_a_redirect_lives_again() {
    // `b` opens a session, is merged by `c`, and opens one again when the late user is another.
    let (lane, drawn) = story("0 user=A a\n50 user=A b\n25 page_viewed c\n40 session_ended d");
    expect![[r"
        0..40 first 3
        50..50 explicit 1
    "]]
    .assert_eq(&drawn);
    assert!(lane.sessions[0].envelope.merged_ids.is_empty());
}

#[test]
fn another_known_user_splits_at_its_first_signal() {
    let (_, drawn) =
        story("0 page_viewed a\n1 user=A b\n2 page_viewed c\n3 user=B d\n4 page_viewed e");
    expect![[r"
        0..2 first 3
        3..4 user_changed 2
    "]]
    .assert_eq(&drawn);
}

#[test]
fn a_lane_named_by_its_sender_never_splits() {
    let mut lane = lane(LaneKind::Sender);
    let group = vec![signal(0, "page_viewed", "a"), signal(9_000, "user=B", "b")];
    fold(&mut lane, &[vec![signal(100, "user=A", "c")], group], &mut Journal::default());
    expect![[r"
        0..9000 first 3
    "]]
    .assert_eq(&draw(&lane));
}

#[test]
fn a_note_opens_nothing_moves_nothing_and_stays_with_its_session() {
    let (lane, drawn) = story("0 page_viewed a\n500 score_given n\n20 page_viewed b");
    expect![[r"
        0..20 first 2
    "]]
    .assert_eq(&drawn);
    assert_eq!(lane.sessions[0].members.len(), 3);
}

#[test]
fn a_late_signal_completes_a_journey_and_the_signal_that_was_its_end_reached_it() {
    let reached = |lines| {
        let (lane, _) = story(lines);
        match lane.sessions[0].content.goals.get("bought") {
            Some(Standing::Reached(reached)) => Some(reached.signal.to_string()),
            _ => None,
        }
    };
    assert_eq!(reached("0 page_viewed a\n2 product_added c"), None);
    assert_eq!(reached("0 page_viewed a\n2 product_added c\n1 page_viewed b").unwrap(), "c");
    assert_eq!(reached("1 page_viewed b\n2 product_added c\n0 page_viewed a").unwrap(), "c");
    assert_eq!(reached("0 page_viewed a\n2 page_viewed b\n1 product_added c"), None);
}

fn words() -> impl Strategy<Value = (i64, String, u8)> {
    let word = prop_oneof![
        6 => Just("page_viewed".to_owned()),
        1 => Just("user=A".to_owned()),
        1 => Just("user=B".to_owned()),
        1 => Just("session_ended".to_owned()),
        1 => Just("session_started".to_owned()),
        1 => Just("score_given".to_owned()),
        2 => Just("heartbeat".to_owned()),
        2 => Just("product_added".to_owned()),
        1 => Just("rating_given".to_owned()),
        1 => Just("claim=10".to_owned()),
        1 => Just("claim=7".to_owned()),
    ];
    // Ties and gaps of exactly the limit are common: few minutes, multiples of ten.
    (prop_oneof![(0_i64..20).prop_map(|ten| ten * 10), 0_i64..2_000], word, any::<u8>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Law 1 of CORE.md: content is a function of the set, whatever the order and the grouping.
    #[test]
    fn order_and_grouping_do_not_matter(
        words in vec(words(), 1..24),
        shuffle in vec(any::<u32>(), 24),
        cuts in vec(1_usize..6, 24),
        kind in prop_oneof![Just(LaneKind::Device), Just(LaneKind::Sender)],
    ) {
        let signals: Vec<Stamped> = words
            .iter()
            .enumerate()
            .map(|(n, (minute, word, tie))| signal(*minute, word, &format!("{tie}-{n}")))
            .collect();
        let mut sorted = signals.clone();
        sorted.sort_by_key(Stamped::order);
        let mut straight = lane(kind);
        fold(&mut straight, &[sorted], &mut Journal::default());

        let mut shuffled: Vec<_> = signals.into_iter().zip(&shuffle).collect();
        shuffled.sort_by_key(|(_, rank)| **rank);
        let mut groups: Vec<Vec<Stamped>> = Vec::new();
        let mut cuts = cuts.into_iter();
        let mut left = shuffled.into_iter().map(|(stamped, _)| stamped).peekable();
        while left.peek().is_some() {
            groups.push(left.by_ref().take(cuts.next().unwrap_or(1)).collect());
        }
        let mut other = lane(kind);
        fold(&mut other, &groups, &mut Journal::default());
        prop_assert_eq!(contents(&straight), contents(&other));
    }

    /// Law 2: the same groups give the same lane, envelopes and ids included.
    #[test]
    fn a_replay_gives_the_same_envelopes(groups in vec(vec(words(), 1..5), 1..8)) {
        let groups: Vec<Vec<Stamped>> = groups
            .iter()
            .enumerate()
            .map(|(g, words)| {
                let of = |(n, (minute, word, tie)): (usize, &(i64, String, u8))| {
                    signal(*minute, word, &format!("{tie}-{g}-{n}"))
                };
                words.iter().enumerate().map(of).collect()
            })
            .collect();
        let mut first = lane(LaneKind::Device);
        let mut second = lane(LaneKind::Device);
        fold(&mut first, &groups, &mut Journal::default());
        fold(&mut second, &groups, &mut Journal::default());
        prop_assert_eq!(first, second);
    }

    /// Every session ends, and becomes final with a disposition, if nothing further comes.
    #[test]
    fn every_session_becomes_final(words in vec(words(), 1..12)) {
        let rules = Rules::default();
        let group = words
            .iter()
            .enumerate()
            .map(|(n, (minute, word, tie))| signal(*minute, word, &format!("{tie}-{n}")))
            .collect();
        let mut lane = lane(LaneKind::Device);
        fold(&mut lane, &[group], &mut Journal::default());
        for session in &mut lane.sessions {
            while let Some(due) = session.due(SourceClock::Wall, &rules) {
                prop_assert_ne!(session.fire(due, EndRule::Inactivity), Fired::Nothing);
            }
            prop_assert_eq!(session.envelope.status, Status::Final);
            prop_assert_eq!(session.envelope.revision, 1);
            let outcome = crate::outcome::of(&session.content, &rules);
            prop_assert!(outcome.code > 0);
            prop_assert!(session.content.ended_at() >= session.content.started_at(&rules));
        }
    }
}

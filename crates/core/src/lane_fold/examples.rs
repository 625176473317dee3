//! Every rule of a session as an executable example: a story in, sessions out.
//!
//! A line is `time type [name=value …]`; times are `10:30`, `10:30:05` or, days later, `2d10:30`.
use std::fmt::Write;

use expect_test::{Expect, expect};

use super::{Fate, Lane, Setting, laws::Journal};
use crate::{
    channel::Channel,
    dictionary::field,
    disposition::{Author, ClaimPolicy},
    goal::NO_GOALS,
    identity::Identity,
    lane::{HashSecret, LaneKey, LaneKind},
    outcome,
    rules::{Rules, SourceClock},
    session::EndRule,
    signal::{ClaimBody, Signal, TenantId},
    stamp::{Marks, Stamped},
    time::{Millis, UnixMillis},
    value::Value,
};

/// 2026-01-05T00:00:00Z.
const DAY: UnixMillis = UnixMillis(1_767_571_200_000);
const SECRET: HashSecret = HashSecret([1; 32]);

struct Story {
    lane: Lane,
    journal: Journal,
    rules: Rules,
    channel: Channel,
    now: UnixMillis,
    fates: Vec<Fate>,
}

impl Story {
    fn on(channel: Channel) -> Story {
        let lane = Lane::new(LaneKey([0; 16]), TenantId(1), LaneKind::Device);
        let (journal, rules) = (Journal::default(), Rules::default());
        Story { lane, journal, rules, channel, now: DAY, fates: Vec::new() }
    }

    /// Folds lines one by one, each received when it happened or, after [`Story::at`], then.
    fn tell(mut self, lines: &str) -> Story {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut stamped = self.signal(line);
            stamped.position = self.journal.0.len() as u64 + 1;
            self.now = self.now.max(stamped.at);
            stamped.received_at = self.now;
            self.journal.0.insert(stamped.position, stamped.clone());
            let setting =
                Setting { rules: &self.rules, goals: &NO_GOALS, now: self.now, secret: &SECRET };
            let step = self.lane.fold(vec![stamped], setting, &mut self.journal).unwrap();
            self.fates.extend(step.fates.iter().map(|(_, _, fate)| *fate));
        }
        self
    }

    /// The server's clock says so much, and every timer has fired until then.
    fn at(mut self, time: &str) -> Story {
        self.now = moment(time);
        for session in &mut self.lane.sessions {
            while let Some(due) = session.due(SourceClock::Wall, &self.rules) {
                if due > self.now {
                    break;
                }
                session.fire(due, EndRule::Inactivity);
            }
        }
        self
    }

    fn signal(&self, line: &str) -> Stamped {
        let mut words = line.split(' ');
        let at = moment(words.next().unwrap());
        let kind = words.next().unwrap();
        let mut signal = Signal {
            key: line.into(),
            kind: kind.into(),
            occurred_at: None,
            sent_at: None,
            sequence: 0,
            channel: Some(self.channel),
            session_type: None,
            source: "".into(),
            session: None,
            identities: Vec::new(),
            claim: None,
            fields: crate::sorted_map::SortedMap::new(),
            attributes: crate::sorted_map::SortedMap::new(),
            warnings: Vec::new(),
        };
        for word in words {
            let (name, value) = word.split_once('=').unwrap();
            let number = match name {
                "user" => {
                    signal.identities.push(Identity::new("user_id", value));
                    continue;
                }
                "customer" => {
                    signal.identities.push(Identity::new("customer_id", value));
                    continue;
                }
                "booked" => {
                    let booked = Value::Instant(crate::time::Instant::at(moment(value)));
                    signal.fields.insert(field::SCHEDULED_AT, booked);
                    continue;
                }
                "code" | "first" => {
                    let policy =
                        if name == "first" { ClaimPolicy::First } else { ClaimPolicy::Last };
                    let code = value.parse().unwrap();
                    signal.claim = Some(ClaimBody { code, author: Author::Business, policy });
                    continue;
                }
                "source" => field::TRACKING_SOURCE,
                "campaign" => field::CAMPAIGN_NAME,
                "referrer" => field::REFERRER,
                "page" => field::PAGE_URL,
                "agent" => field::AGENT_NAME,
                "queue" => field::QUEUE,
                "order" => field::ORDER_ID,
                _ => panic!("{name} means nothing here"),
            };
            signal.fields.insert(number, Value::Text(value.into()));
        }
        let marks = match signal.nature() {
            crate::signal::Nature::Note => Marks(Marks::NOTE),
            crate::signal::Nature::Fact => Marks::default(),
        };
        let key_hash = SECRET.key_hash(TenantId(1), line);
        let signal = Box::new(signal);
        Stamped { position: 0, at, received_at: at, marks, key_hash, signal }
    }

    fn check(self, expected: &Expect) -> Story {
        let mut drawn = String::new();
        for session in &self.lane.sessions {
            let content = &session.content;
            let time = |at: UnixMillis| {
                let text = at.to_string();
                text.get(8..19).unwrap().replace('T', " ")
            };
            let outcome = outcome::of(content, &self.rules);
            let _ = writeln!(
                drawn,
                "{}..{} {} {} {} code {}",
                time(content.started_at(&self.rules)),
                time(content.ended_at()),
                content.split_cause.word(),
                session.envelope.status.word(),
                content.counts.events,
                outcome.code,
            );
        }
        expected.assert_eq(&drawn);
        self
    }
}

fn moment(text: &str) -> UnixMillis {
    let (days, time) = text.split_once('d').unwrap_or(("0", text));
    let mut parts = time.split(':').map(|part| part.parse::<i64>().unwrap());
    let mut next = || parts.next().unwrap_or(0);
    let seconds = next() * 3_600 + next() * 60 + next();
    DAY.plus(Millis::from_days(days.parse().unwrap())).plus(Millis::from_secs(seconds))
}

/// A signal exactly at the gap belongs; a second later another session begins.
fn gap(channel: Channel, inside: &str, beyond: &str, expected: &Expect) {
    let lines = format!("0:00 seen\n{inside} seen\n{beyond} seen");
    Story::on(channel).tell(&lines).check(expected);
}

#[test]
fn boundary_web_gap_ms() {
    gap(
        Channel::Web,
        "0:30",
        "1:00:01",
        &expect![[r"
        05 00:00:00..05 00:30:00 first open 2 code 2
        05 01:00:01..05 01:00:01 inactivity open 1 code 2
    "]],
    );
}

#[test]
fn boundary_app_gap_ms() {
    gap(
        Channel::App,
        "0:30",
        "1:00:01",
        &expect![[r"
        05 00:00:00..05 00:30:00 first open 2 code 2
        05 01:00:01..05 01:00:01 inactivity open 1 code 2
    "]],
    );
}

#[test]
fn boundary_chat_gap_ms() {
    gap(
        Channel::Chat,
        "0:30",
        "1:00:01",
        &expect![[r"
        05 00:00:00..05 00:30:00 first open 2 code 2
        05 01:00:01..05 01:00:01 inactivity open 1 code 2
    "]],
    );
}

#[test]
fn boundary_messaging_gap_ms() {
    gap(
        Channel::Messaging,
        "1d0:00",
        "2d0:00:01",
        &expect![[r"
        05 00:00:00..06 00:00:00 first open 2 code 2
        07 00:00:01..07 00:00:01 inactivity open 1 code 2
    "]],
    );
}

#[test]
fn boundary_kiosk_gap_ms() {
    gap(
        Channel::Kiosk,
        "0:02",
        "0:04:01",
        &expect![[r"
        05 00:00:00..05 00:02:00 first open 2 code 2
        05 00:04:01..05 00:04:01 inactivity open 1 code 2
    "]],
    );
}

#[test]
fn boundary_voice_deadman_ms() {
    gap(
        Channel::Voice,
        "4:00",
        "8:00:01",
        &expect![[r"
        05 00:00:00..05 04:00:00 first open 2 code 1
        05 08:00:01..05 08:00:01 inactivity open 1 code 1
    "]],
    );
}

#[test]
fn boundary_pos_deadman_ms() {
    gap(
        Channel::PointOfSale,
        "0:15",
        "0:30:01",
        &expect![[r"
        05 00:00:00..05 00:15:00 first open 2 code 2
        05 00:30:01..05 00:30:01 inactivity open 1 code 2
    "]],
    );
}

#[test]
fn boundary_other_gap_ms() {
    gap(
        Channel::Other,
        "0:30",
        "1:00:01",
        &expect![[r"
        05 00:00:00..05 00:30:00 first open 2 code 2
        05 01:00:01..05 01:00:01 inactivity open 1 code 2
    "]],
    );
}

#[test]
fn boundary_max_age_ms_splits_what_never_falls_silent() {
    let line = |n| format!("{}d{}:{}0 seen", n / 48, n / 2 % 24, n % 2 * 3);
    let lines = (0..60).map(line).collect::<Vec<_>>().join(
        "
",
    );
    Story::on(Channel::Web).tell(&lines).check(&expect![[r"
        05 00:00:00..06 00:00:00 first open 49 code 2
        06 00:30:00..06 05:30:00 max_age open 11 code 2
    "]]);
    let mut story = Story::on(Channel::Web);
    story.rules.boundary.max_age_ms = Millis(0);
    story.tell(&lines).check(&expect![[r"
        05 00:00:00..06 05:30:00 first open 60 code 2
    "]]);
}

#[test]
fn boundary_split_midnight_is_off_unless_a_profile_asks() {
    let lines = "23:50 seen\n1d0:10 seen";
    Story::on(Channel::Web).tell(lines).check(&expect![[r"
        05 23:50:00..06 00:10:00 first open 2 code 2
    "]]);
    let mut story = Story::on(Channel::Web);
    story.rules.boundary.split_midnight = true;
    story.tell(lines).check(&expect![[r"
        05 23:50:00..05 23:50:00 first open 1 code 2
        06 00:10:00..06 00:10:00 profile:midnight open 1 code 2
    "]]);
}

#[test]
fn boundary_split_campaign_and_split_referrer_are_off_unless_a_profile_asks() {
    let lines = "0:00 page_viewed page=https://shop.example/
        0:01 page_viewed page=https://shop.example/a referrer=https://shop.example/
        0:02 page_viewed source=news campaign=spring
        0:03 page_viewed source=news campaign=spring
        0:04 page_viewed page=https://shop.example/b referrer=https://www.google.com/
        0:05 claimed code=7";
    let told = |set: fn(&mut Rules), expected: Expect| {
        let mut story = Story::on(Channel::Web);
        set(&mut story.rules);
        story.tell(lines).check(&expected);
    };
    told(
        |_| {},
        expect![[r"
        05 00:00:00..05 00:05:00 first settling 6 code 7
    "]],
    );
    told(
        |rules| rules.boundary.split_campaign = true,
        expect![[r"
        05 00:00:00..05 00:01:00 first open 2 code 3
        05 00:02:00..05 00:05:00 profile:campaign settling 4 code 7
    "]],
    );
    told(
        |rules| rules.boundary.split_referrer = true,
        expect![[r"
        05 00:00:00..05 00:03:00 first open 4 code 3
        05 00:04:00..05 00:05:00 profile:referrer settling 2 code 7
    "]],
    );
}

#[test]
fn boundary_max_signals_flags_and_never_splits() {
    let mut story = Story::on(Channel::Web);
    story.rules.boundary.max_signals = 3;
    let story =
        story.tell("0:00 page_viewed\n0:01 a\n0:02 b\n0:03 product_added\n0:04 claimed code=7");
    let story = story.check(&expect![[r"
        05 00:00:00..05 00:04:00 first settling 5 code 7
    "]]);
    let content = &story.lane.sessions[0].content;
    assert!(content.warnings.iter().any(|known| &**known == "runaway"));
    assert_eq!(content.stage.as_ref().unwrap().1, "0:00 page_viewed".into());
}

#[test]
fn anonymous_to_known_does_not_split_and_known_to_another_does() {
    let lines = "0:00 seen\n0:01 identified user=A\n0:02 seen\n0:03 identified user=B\n0:04 seen";
    Story::on(Channel::Web).tell(lines).check(&expect![[r"
        05 00:00:00..05 00:02:00 first open 3 code 2
        05 00:03:00..05 00:04:00 user_changed open 2 code 2
    "]]);
}

#[test]
fn a_sender_may_begin_and_end_sessions() {
    let lines = "0:00 seen\n0:01 session_started\n0:02 seen\n0:03 session_ended\n0:04 seen";
    Story::on(Channel::Web).tell(lines).check(&expect![[r"
        05 00:00:00..05 00:00:00 first open 1 code 2
        05 00:01:00..05 00:03:00 explicit settling 3 code 2
        05 00:04:00..05 00:04:00 explicit open 1 code 2
    "]]);
}

#[test]
fn a_new_source_is_a_new_touch_and_no_split() {
    let lines = "0:00 page_viewed page=https://shop.example/ referrer=https://www.google.com/
        0:01 page_viewed page=https://shop.example/a
        0:02 page_viewed source=news campaign=spring
        0:03 page_viewed page=https://shop.example/b referrer=https://shop.example/a
        0:04 page_viewed source=news campaign=spring";
    let story = Story::on(Channel::Web).tell(lines).check(&expect![[r"
        05 00:00:00..05 00:04:00 first open 5 code 3
    "]]);
    let touches = &story.lane.sessions[0].content.touches;
    let sources: Vec<_> = touches.iter().map(|touch| touch.source.as_deref()).collect();
    assert_eq!(sources, [Some("google.com"), Some("news")]);
}

#[test]
fn a_call_ends_by_hang_up_and_the_next_call_is_another_session() {
    let lines = "0:00 call_started queue=sales
        0:01 call_answered agent=Ann
        0:02 call_held
        0:04 call_resumed
        0:05 call_transferred queue=billing
        0:06 call_answered agent=Bob
        0:09 call_ended
        0:10 rating_given
        0:20 call_started";
    let story = Story::on(Channel::Voice).tell(lines).check(&expect![[r"
        05 00:00:00..05 00:10:00 first settling 8 code 11
        05 00:20:00..05 00:20:00 explicit open 1 code 1
    "]]);
    let legs = &story.lane.sessions[0].content.legs;
    let drawn: Vec<String> = legs
        .iter()
        .map(|leg| {
            let (agent, queue) = (leg.agent.as_deref(), leg.queue.as_deref());
            let parts = (leg.wait_ms().unwrap().0, leg.hold_ms.0, leg.handle_ms().unwrap().0);
            format!("{agent:?} {queue:?} {parts:?}")
        })
        .collect();
    expect![[r#"
        Some("Ann") Some("sales") (60000, 120000, 240000)
        Some("Bob") Some("billing") (60000, 0, 180000)"#]]
    .assert_eq(&drawn.join("\n"));
}

#[test]
fn a_business_outcome_ends_a_session_and_a_fact_within_the_gap_takes_it_up_again() {
    let story = Story::on(Channel::Web).tell("0:00 page_viewed\n0:01 outcome code=10");
    let story = story.check(&expect![[r"
        05 00:00:00..05 00:01:00 first settling 2 code 10
    "]]);
    story.tell("0:02 page_viewed").check(&expect![[r"
        05 00:00:00..05 00:02:00 first open 3 code 10
    "]]);
}

#[test]
fn lifecycle_settle_ms_is_armed_again_only_by_what_moves_the_end() {
    let story = Story::on(Channel::Web).tell("0:00 page_viewed\n0:10 outcome code=10");
    // A view from before the end does not move it: final 15 minutes after the outcome.
    story.tell("0:05 page_viewed").at("0:25").check(&expect![[r"
        05 00:00:00..05 00:10:00 first final 3 code 10
    "]]);
}

#[test]
fn an_outcome_after_final_is_a_revision_cut_by_the_settle_timer() {
    let story = Story::on(Channel::Web).tell("0:00 page_viewed").at("0:50");
    let story = story.check(&expect![[r"
        05 00:00:00..05 00:00:00 first final 1 code 2
    "]]);
    let story = story.tell("0:01 outcome code=10").at("1:10").check(&expect![[r"
        05 00:00:00..05 00:01:00 first amended 2 code 10
    "]]);
    assert_eq!(story.lane.sessions[0].envelope.revision, 2);
}

#[test]
fn lifecycle_seal_ms_and_amend_ms() {
    let story = Story::on(Channel::Web).tell("0:00 page_viewed\n0:01 page_viewed").at("9d0:00");
    // Sealed: a view is only kept, an outcome still amends, and a far later view opens a session.
    let story = story.tell("0:02 page_viewed\n0:03 outcome code=10\n8d23:00 page_viewed");
    let story = story.check(&expect![[r"
        05 00:00:00..05 00:01:00 first final 3 code 10
        13 23:00:00..13 23:00:00 inactivity open 1 code 2
    "]]);
    assert_eq!(story.fates[2..], [Fate::Orphaned, Fate::Amended, Fate::Folded]);
    let story = story.at("95d0:00").tell("0:04 outcome code=7");
    assert_eq!(story.fates.last(), Some(&Fate::Orphaned));
}

#[test]
fn the_later_claim_of_one_author_holds_unless_the_first_shall() {
    Story::on(Channel::Web).tell("0:01 outcome code=7\n0:02 outcome code=10").check(&expect![[r"
        05 00:01:00..05 00:02:00 first settling 2 code 10
    "]]);
    Story::on(Channel::Web).tell("0:01 outcome first=7\n0:02 outcome code=10").check(&expect![[
        r"
            05 00:01:00..05 00:02:00 first settling 2 code 7
        "
    ]]);
}

#[test]
fn heartbeats_make_engaged_time() {
    let beats = "0:00:00 page_viewed\n0:00:05 heartbeat\n0:00:09 heartbeat";
    let story = Story::on(Channel::Web).tell(beats).check(&expect![[r"
        05 00:00:00..05 00:00:09 first open 3 code 2
    "]]);
    assert_eq!(story.lane.sessions[0].content.engaged_ms, Millis(9_000));
    // One second more, and it is engaged; a long silence counts as 30 seconds at most.
    let story = story.tell("0:20:00 heartbeat").check(&expect![[r"
        05 00:00:00..05 00:20:00 first open 4 code 3
    "]]);
    assert_eq!(story.lane.sessions[0].content.engaged_ms, Millis(39_000));
}

#[test]
fn two_way_messages_engage_and_one_way_messages_do_not() {
    Story::on(Channel::Chat).tell("0:00 message_received").check(&expect![[r"
        05 00:00:00..05 00:00:00 first open 1 code 2
    "]]);
    Story::on(Channel::Chat).tell("0:00 message_received\n0:01 message_sent").check(&expect![[r"
        05 00:00:00..05 00:01:00 first open 2 code 3
    "]]);
}

#[test]
fn ids_of_two_kinds_are_two_names_and_not_two_users() {
    let lines = "0:00 identified user=A\n0:01 order customer=C-1\n0:02 seen user=A";
    Story::on(Channel::Web).tell(lines).check(&expect![[r"
        05 00:00:00..05 00:02:00 first open 3 code 2
    "]]);
}

#[test]
fn a_booked_call_is_not_silent_until_it_takes_place() {
    let lines = "0:00 call_booked booked=3d10:00\n3d10:01 call_started";
    Story::on(Channel::Voice).tell(lines).check(&expect![[r"
        05 00:00:00..08 10:01:00 first open 2 code 1
    "]]);
}

#[test]
fn what_is_only_kept_makes_no_revision() {
    let story = Story::on(Channel::Web).tell("0:00 page_viewed").at("9d0:00");
    let story = story.tell("0:01 page_viewed").at("9d1:00").check(&expect![[r"
        05 00:00:00..05 00:00:00 first final 1 code 2
    "]]);
    assert_eq!(story.fates.last(), Some(&Fate::Orphaned));
    assert_eq!(story.lane.sessions[0].envelope.revision, 1);
}

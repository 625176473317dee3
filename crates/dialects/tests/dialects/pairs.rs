//! Any to any: what came in one shape is read out in another, and read again; every field that both
//! know is equal, but those of which the table of losses says that they cannot be.
#![expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod samples;

use std::collections::BTreeSet;

use serde_json::Value as Json;
use sessionary_core::{
    channel::Channel,
    dictionary::{FIELDS, Field, Keep, by_number, field},
    disposition::{Author, ClaimPolicy},
    identity::Identity,
    outcome,
    signal::{Attributes, ClaimBody, Fields, Signal, kind},
    time::{Instant, UnixMillis, parse_instant},
    value::Value,
};
use sessionary_dialects::{
    Context, Format,
    ccai::decode_metadata,
    format::pairs::{FOREIGN, LOST, fields, why_lost},
    genesys::decode_sessions,
    handshake::{self, PostingContext},
    segment, tropo,
};

use crate::folded::{self, Folded};

/// 2026-01-06T00:00:00Z.
const NOW: UnixMillis = UnixMillis(1_767_657_600_000);

fn context() -> Context<'static> {
    Context { country: Some("US"), ..Context::default() }
}

/// The signals of a body in a shape.
fn read(format: Format, text: &str) -> Vec<Signal> {
    let context = context();
    let bytes = text.as_bytes();
    match format {
        Format::Canonical => panic!("no stranger's shape"),
        Format::Handshake => {
            let posting = handshake::read("", bytes, &context.limits).unwrap();
            let context = PostingContext { key: context, ..PostingContext::default() };
            vec![posting.decode(&context).unwrap().signal]
        }
        Format::Genesys => {
            let sessions = decode_sessions(bytes, &context).unwrap();
            sessions.into_iter().flat_map(|(_, signals)| signals.unwrap()).collect()
        }
        Format::Ccai => decode_metadata(bytes, &context).unwrap().remove(0).unwrap(),
        Format::Tropo => tropo::read(text, &context).unwrap().signals,
        Format::Segment => {
            let posting = segment::read(bytes, &context.limits).unwrap();
            posting.decode(None, &context).into_iter().map(Result::unwrap).collect()
        }
    }
}

/// A session written in a shape, and read again.
fn through(format: Format, session: &Folded) -> Folded {
    let text = format.text(&session.view());
    folded::fold(read(format, text.get()), NOW)
}

/// A session in a shape with a value in every field that the shape knows.
fn full(format: Format, channel: Channel) -> Folded {
    through(format, &folded::fold(signals(format, channel), NOW))
}

/// When things are said: each in the signal that suits it, one a minute.
const STEPS: [&str; 8] = [
    kind::CALL_STARTED,
    kind::IDENTIFIED,
    kind::PAGE_VIEWED,
    kind::SEARCH_PERFORMED,
    kind::SCREEN_VIEWED,
    kind::ORDER_COMPLETED,
    kind::RATING_GIVEN,
    kind::DISPOSITION_POSTED,
];

fn step_of(row: &Field) -> &'static str {
    match row.number {
        43 | 46 | 47 | 103..=119 => kind::IDENTIFIED,
        418 | 1010 | 1011 => kind::PAGE_VIEWED,
        1012 => kind::SEARCH_PERFORMED,
        1187 => kind::SCREEN_VIEWED,
        200..=214 | 1020 | 1021 => kind::ORDER_COMPLETED,
        1036 | 1037 => kind::RATING_GIVEN,
        406..=417 | 1022 | 1023 | 1030..=1035 | 1043 | 1046 | 1047 | 1182..=1190 => {
            kind::CALL_STARTED
        }
        _ => kind::DISPOSITION_POSTED,
    }
}

/// The signals of a session of every field that a shape knows; it ends at 10:09.
fn signals(format: Format, channel: Channel) -> Vec<Signal> {
    let known = |row: &&'static Field| {
        let is_elsewhere = [field::DISPOSITION_CODE, field::SESSION_ID, field::SESSION_TYPE]
            .contains(&row.number());
        row.keep != Keep::Signal && format.knows(row) && !is_elsewhere
    };
    let start = parse_instant("2026-01-05T10:00:00Z").unwrap().at;
    let moments = STEPS.iter().zip(0..).chain([(&kind::SESSION_ENDED, 9)]);
    let signal = |(step, minute): (&&str, i64)| Signal {
        key: format!("s-{minute}").into(),
        kind: (*step).into(),
        occurred_at: Some(Instant::at(UnixMillis(start.0 + minute * 60_000))),
        sent_at: None,
        sequence: 0,
        channel: Some(channel),
        session_type: None,
        source: "pbx".into(),
        session: Some("90211".into()),
        identities: vec![
            named("customer_id", "user_1001"),
            named("phone", "+16195550108"),
            named("email", "penny@example.com"),
        ],
        claim: (*step == kind::DISPOSITION_POSTED).then_some(ClaimBody {
            code: 11,
            author: Author::Agent,
            policy: ClaimPolicy::Last,
        }),
        fields: FIELDS
            .iter()
            .filter(known)
            .filter(|row| step_of(row) == *step)
            .map(|row| (row.number(), samples::of(row, format, channel)))
            .collect::<Fields>(),
        attributes: Attributes::new(),
        warnings: Vec::new(),
    };
    moments.map(signal).collect()
}

fn named(kind: &str, value: &str) -> Identity {
    Identity { kind: kind.into(), value: value.into(), original: None }
}

/// What a session says of a field: its value, or what stands for one.
fn said(of: &Folded, row: &Field) -> Option<Json> {
    let content = &of.session.content;
    let value = content.fields.get(&row.number());
    match row.number() {
        field::SESSION_ID => of.session.envelope.external_id.as_deref().map(Json::from),
        field::SESSION_TYPE => Some(content.session_type().word().into()),
        field::CHANNELS => Some(content.channel_or_other().word().into()),
        field::DISPOSITION_CODE => outcome::winner(content).map(|claim| claim.code.into()),
        field::USER_SIGNAL_VALUE if value.is_none() => {
            let kinds = ["user_id", "customer_id", "phone", "messaging_address"];
            let find = |kind| content.identities.iter().find(move |known| &*known.kind == kind);
            let identity = kinds.into_iter().find_map(find)?;
            Some(identity.original.as_deref().unwrap_or(&identity.value).into())
        }
        _ => value.map(plain),
    }
}

/// A value without its spelling.
fn plain(value: &Value) -> Json {
    match value {
        Value::Instant(instant) => instant.at.to_string().into(),
        Value::Decimal(decimal) => decimal.normalize().to_string().into(),
        value => value.to_json(),
    }
}

/// Whether all that was said is said again; an object may say more.
fn is_kept(sent: &Json, told: &Json) -> bool {
    match (sent, told) {
        (Json::Object(sent), Json::Object(told)) => {
            sent.iter().all(|(name, value)| told.get(name).is_some_and(|told| is_kept(value, told)))
        }
        (Json::Array(sent), Json::Array(told)) => {
            sent.len() == told.len()
                && sent.iter().zip(told).all(|(sent, told)| is_kept(sent, told))
        }
        _ => sent == told,
    }
}

/// Whether a session says that somebody is known by this.
fn knows_person(of: &Folded, by: &Json) -> bool {
    let is_it = |known: &Identity| {
        *by == *known.value || known.original.as_deref().is_some_and(|it| *by == *it)
    };
    of.session.content.identities.iter().any(is_it)
}

fn survives(before: &Folded, after: &Folded, row: &Field) -> bool {
    let Some(sent) = said(before, row) else { return false };
    let is_person = row.number() == field::USER_SIGNAL_VALUE && knows_person(after, &sent);
    is_person || said(after, row).is_some_and(|told| is_kept(&sent, &told))
}

/// A call, messages and a chat that came in a shape.
fn sessions(from: Format) -> [Folded; 3] {
    [Channel::Voice, Channel::Messaging, Channel::Chat].map(|channel| full(from, channel))
}

#[test]
fn every_field_that_both_know_is_equal() {
    let mut faults = Vec::new();
    for from in FOREIGN {
        let befores = sessions(from);
        for to in FOREIGN {
            let afters = befores.each_ref().map(|before| through(to, before));
            for row in fields(from, to) {
                let name = format!("{} to {}: {} {}", from.word(), to.word(), row.number, row.name);
                let pairs = befores.iter().zip(&afters);
                let pairs: Vec<_> =
                    pairs.filter(|(before, _)| said(before, row).is_some()).collect();
                if pairs.is_empty() {
                    faults.push(format!("{name} is not read by the first at all"));
                }
                let lost: Vec<String> = pairs
                    .into_iter()
                    .filter(|(before, after)| !survives(before, after, row))
                    .map(|(before, after)| {
                        format!("{:?} became {:?}", said(before, row), said(after, row))
                    })
                    .collect();
                match (lost.as_slice(), why_lost(from, to, row.number())) {
                    ([], Some(_)) => faults.push(format!("{name} survives, though listed as lost")),
                    ([_, ..], None) => faults.push(format!("{name}: {}", lost.join(", "))),
                    _ => {}
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn losses_are_of_fields_that_could_survive_and_come_once() {
    let mut seen = BTreeSet::new();
    for lost in LOST {
        assert!(lost.reason.ends_with('.') && !lost.reason.contains('|'), "{}", lost.reason);
        for (from, number) in
            lost.from.iter().flat_map(|from| lost.fields.iter().map(move |it| (from, it)))
        {
            let name = format!("{} to {}: {}", from.word(), lost.to.word(), number.0);
            assert!(fields(*from, lost.to).any(|row| row.number() == *number), "{name}");
            assert!(seen.insert((*from, lost.to, *number)), "{name} comes twice");
        }
    }
}

/// What the dictionary says of Segment's own places holds without the member that is ours.
#[test]
fn segment_has_the_places_that_the_dictionary_names() {
    let before = folded::fold(signals(Format::Segment, Channel::Voice), NOW);
    let mut batch = Format::Segment.encode(&before.view());
    for call in batch.get_mut("batch").unwrap().as_array_mut().unwrap() {
        let own = call.pointer_mut("/context/sessionary").unwrap().as_object_mut().unwrap();
        own.remove("fields");
    }
    let after = folded::fold(read(Format::Segment, &batch.to_string()), NOW);
    for row in FIELDS.iter().filter(|row| Format::Segment.knows(row)) {
        assert!(survives(&before, &after, row), "{} {:?}", row.name, said(&after, row));
    }
    let derived = [field::LANDING_URL, field::LANDING_TITLE];
    for number in after.session.content.fields.keys().filter(|it| !derived.contains(it)) {
        let row = by_number(*number).unwrap();
        assert!(
            Format::Segment.knows(row),
            "{} has a place that the dictionary does not name",
            row.name
        );
    }
}

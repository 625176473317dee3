//! Law 2 of CORE.md: a replay of the same journal gives byte-equal content and envelope.
//!
//! Two shards fold the same blocks. One never stops; the other checkpoints, forgets all it has in
//! memory and restores at random moments. In the end every table of both is the same, byte for byte.
use proptest::{collection::vec, prelude::*};
use sessionary_core::{
    channel::Channel,
    destination::{Destination, Filter},
    disposition::{Author, ClaimPolicy},
    goal::{Conditions, Definition, GoalKind, Pattern, Stream},
    id::SessionId,
    identity::Identity,
    lane::HashSecret,
    mask::Withheld,
    parcel::{DestinationId, Parcel, ParcelName, ParcelStatus, Trigger},
    rules::{Rules, SourceClock},
    signal::{Arrival, ClaimBody, Signal, TenantId},
    time::{Instant, Millis, UnixMillis},
};
use sessionary_store::{
    BlockHeader, Direction, Entry as StoredEntry, FiredThrough, Options, Read, Rows, Store, Table,
};

use crate::{
    Live, ShardConfig, VerdictStatus,
    catalogue::Catalogue,
    destinations::Destinations,
    entry::{
        AttemptEntry, ClockEntry, DestinationEntry, Entry, GoalEntry, MarkEntry, OrderEntry,
        RulesEntry,
    },
    gathered::Verdicts,
    parcels::DueAsk,
    shard::{SHARD, Shard},
};

const TENANT: TenantId = TenantId(1);
const START: UnixMillis = UnixMillis(1_767_607_200_000);

/// One thing that happens.
#[derive(Clone, Debug)]
enum Event {
    Signals(Vec<Drawn>),
    /// So many minutes pass, and what is due fires.
    Minutes(i64),
    /// Other rules hold: the web gap in minutes.
    Gap(i64),
    /// One of three goals is defined, changed or removed, perhaps for a version it does not have.
    Define(Defined),
    /// One of three destinations is set up, changed or removed.
    Destine(Destined),
    /// A parcel that is due is tried, and goes on waiting, is sent, or is parked.
    Try {
        which: u8,
        came_to: u8,
    },
    /// The parcels of what is known are asked for again.
    Order {
        destination: u8,
        send: u8,
    },
    /// The source `file` is complete.
    Mark,
    /// The second shard takes a whole checkpoint.
    Checkpoint,
    /// It begins a checkpoint, or goes on with one, by so many steps.
    Roll(u8),
    /// The second shard loses its memory.
    Crash,
}

/// A change of a goal, as numbers.
#[derive(Clone, Debug)]
struct Defined {
    goal: u8,
    /// How many signals of one kind reach it; 0: it is removed.
    count: u8,
    kind: u8,
    stale: bool,
}

/// A change of a destination, as numbers.
#[derive(Clone, Debug)]
struct Destined {
    destination: u8,
    when: u8,
    /// Minutes from the end; none: at once.
    after: Option<u8>,
    /// Of another channel than any signal has.
    of_nobody: bool,
    gone: bool,
    stale: bool,
}

/// A signal, as numbers.
#[derive(Clone, Debug)]
struct Drawn {
    key: u8,
    kind: u8,
    who: u8,
    minute: i64,
    body: u8,
    of_file: bool,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let drawn = (0_u8..40, 0_u8..8, 0_u8..6, 0_i64..120, 0_u8..4, any::<bool>()).prop_map(
        |(key, kind, who, minute, body, of_file)| Drawn {
            key,
            kind,
            who,
            minute: minute / 10 * 10,
            body,
            of_file,
        },
    );
    let event = prop_oneof![
        8 => vec(drawn, 1..6).prop_map(Event::Signals),
        3 => (0_i64..50).prop_map(Event::Minutes),
        1 => Just(Event::Minutes(60 * 24 * 8)),
        1 => prop_oneof![Just(10_i64), Just(30), Just(60)].prop_map(Event::Gap),
        2 => (0_u8..3, 0_u8..4, 0_u8..8, prop::bool::weighted(0.2)).prop_map(
            |(goal, count, kind, stale)| Event::Define(Defined { goal, count, kind, stale })
        ),
        3 => (0_u8..3, 0_u8..3, prop::option::of(0_u8..60), any::<[bool; 3]>()).prop_map(
            |(destination, when, after, [nobody, gone, stale])| Event::Destine(Destined {
                destination,
                when,
                after,
                of_nobody: nobody && stale,
                gone: gone && !nobody,
                stale: stale && gone,
            })
        ),
        4 => (any::<u8>(), 0_u8..3).prop_map(|(which, came_to)| Event::Try { which, came_to }),
        1 => (0_u8..3, 1_u8..4).prop_map(|(destination, send)| Event::Order { destination, send }),
        1 => Just(Event::Mark),
        1 => Just(Event::Checkpoint),
        4 => (1_u8..6).prop_map(Event::Roll),
        2 => Just(Event::Crash),
    ];
    vec(event, 1..40)
}

const KINDS: [&str; 8] = [
    "page_viewed",
    "product_added",
    "order_completed",
    "session_ended",
    "score_given",
    "rating_given",
    "disposition_posted",
    "heartbeat",
];

/// The change of a goal that some numbers say, where these are the definitions so far.
fn change(defined: &Defined, known: &Catalogue) -> Entry {
    let id: Box<str> = format!("g{}", defined.goal).into();
    let version = known.get(&id).map_or(0, |known| known.version);
    let was = if defined.stale { version + 1 } else { version };
    let pattern = Pattern {
        criteria: Vec::new(),
        count: defined.count.into(),
        stream: Stream::Custom,
        session_type: "".into(),
        event_name: Some(KINDS[usize::from(defined.kind)].into()),
    };
    let definition = Definition {
        id: id.clone(),
        kind: if defined.goal == 0 { GoalKind::Segment } else { GoalKind::Outcome },
        name: format!("Goal {}", defined.kind).into(),
        description: None,
        active: true,
        version: was + 1,
        conditions_version: was + 1,
        created_at: START,
        modified_at: START,
        conditions: Conditions { journey: vec![pattern], context: Vec::new() },
        positive: true,
        value: None,
        expires_after_days: None,
        color: None,
        shown_to_agents: false,
        external: None,
    };
    let definition = (defined.count > 0).then_some(definition);
    Entry::Goal(Box::new(GoalEntry { tenant: TENANT, id, was, definition }))
}

/// The change of a destination that some numbers say, where these are the destinations so far.
fn destine(destined: &Destined, known: &Destinations) -> Entry {
    let id = DestinationId(destined.destination.into());
    let version = known.get(id).map_or(0, |known| known.version);
    let was = if destined.stale { version + 1 } else { version };
    let filter = if destined.of_nobody {
        Filter { channel: vec![Channel::Kiosk], ..Filter::default() }
    } else {
        Filter::default()
    };
    let destination = Destination {
        id,
        name: format!("destination {id}").into(),
        kind: "webhook".into(),
        url: "https://example.com".into(),
        format: "canonical".into(),
        when: Trigger::ALL[usize::from(destined.when)],
        after: destined.after.map(|minutes| Millis::from_mins(minutes.into())),
        filter,
        withheld: Withheld::default(),
        options: "".into(),
        secret: Box::default(),
        enabled: true,
        disabled_because: None,
        version: was,
        created_at: START,
        modified_at: START,
    };
    let destination = (!destined.gone).then_some(destination);
    Entry::Destination(Box::new(DestinationEntry { tenant: TENANT, id, was, destination }))
}

/// The parcels of a twin, by name.
fn parcels(twin: &mut Twin) -> Vec<(ParcelName, Parcel)> {
    twin.shard.write_pending(0).unwrap();
    let rows = Read::scan_prefix(&twin.store, Table::Parcels, &[], Direction::Forward);
    rows.filter_map(|row| {
        let (key, row) = row.unwrap();
        let (_, name) = sessionary_store::keys::parse_parcel_key(&key)?;
        let parcel = crate::rows::decode("a parcel", &row).unwrap();
        Some((ParcelName::of_bytes(&name).unwrap(), parcel))
    })
    .collect()
}

/// What trying one of the due parcels came to.
fn tried(which: u8, came_to: u8, all: &[(ParcelName, Parcel)], now: UnixMillis) -> Vec<Entry> {
    let due: Vec<_> = all.iter().filter(|(_, one)| one.status == ParcelStatus::Due).collect();
    let Some((name, parcel)) = due.get(usize::from(which) % due.len().max(1)) else {
        return Vec::new();
    };
    let (status, at) = match came_to {
        0 => (ParcelStatus::Due, now.plus(Millis::from_mins(5))),
        1 => (ParcelStatus::Sent, now),
        _ => (ParcelStatus::Parked, now),
    };
    let was = (parcel.status, parcel.at);
    let parcel = Parcel { status, at, attempts: parcel.attempts + 1, ..parcel.clone() };
    vec![Entry::Attempt(Box::new(AttemptEntry { tenant: TENANT, name: *name, was, parcel }))]
}

/// The signal of some numbers; `known`: sessions that a reply has told of.
fn signal(drawn: &Drawn, known: &[SessionId]) -> Signal {
    let kind = KINDS[usize::from(drawn.kind)];
    let mut identities = match drawn.who {
        0 | 1 => vec![Identity::new("cookie", &format!("c{}", drawn.who))],
        2 => vec![Identity::new("cookie", "c0"), Identity::new("phone", "+1555")],
        3 => vec![Identity::new("cookie", "c1"), Identity::new("user_id", "u1")],
        4 => vec![Identity::new("phone", "+1555")],
        _ => vec![Identity::new("user_id", "u1")],
    };
    let claim = (kind == "disposition_posted").then_some(ClaimBody {
        code: 10 + u32::from(drawn.body),
        author: Author::Business,
        policy: ClaimPolicy::Last,
    });
    // A claim may name a session of ours, as its sender was told.
    let session = match (claim.is_some(), known.get(usize::from(drawn.key))) {
        (true, Some(id)) if drawn.body == 0 => Some(id.to_string().into()),
        _ if drawn.body == 3 => Some("named".into()),
        _ => None,
    };
    if claim.is_some() && drawn.who > 3 {
        identities.truncate(1);
    }
    let mut signal = Signal {
        key: format!("k{}", drawn.key).into(),
        kind: kind.into(),
        occurred_at: Some(Instant::at(START.plus(Millis::from_mins(drawn.minute)))),
        sent_at: None,
        sequence: u64::from(drawn.body),
        channel: (drawn.who < 4).then_some(Channel::Web),
        session_type: None,
        source: if drawn.of_file { "file".into() } else { "".into() },
        session,
        identities,
        claim,
        fields: sessionary_core::sorted_map::SortedMap::new(),
        attributes: sessionary_core::sorted_map::SortedMap::new(),
        warnings: Vec::new(),
    };
    if kind == "order_completed" {
        let order = format!("o{}", drawn.body);
        signal.fields.insert(
            sessionary_core::dictionary::field::ORDER_ID,
            sessionary_core::value::Value::Text(order.into()),
        );
    }
    signal
}

/// Table, key, value.
type Row = (&'static str, Vec<u8>, Vec<u8>);

struct Twin {
    store: Store,
    shard: Shard,
    _dir: tempfile::TempDir,
}

fn config() -> ShardConfig {
    ShardConfig {
        rules: Rules::default(),
        hot_bytes: 8_000,
        checkpoint_bytes: u64::MAX,
        checkpoint_signals: u64::MAX,
        checkpoint_lanes: usize::MAX,
        rewrite_after_ms: i64::MAX,
        rewrite_beyond_bytes: u64::MAX,
        lake: true,
    }
}

fn restored(store: &Store) -> Shard {
    Shard::restore(store.clone(), HashSecret([5; 32]), config(), Live::default()).unwrap()
}

/// In memory where the system has a place for that: the law is one of folding, and thousands of
/// syncs say nothing about it.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

impl Twin {
    fn new() -> Twin {
        let dir = folder();
        let options = Options {
            cache_bytes: 1 << 20,
            max_journaling_bytes: 64 << 20,
            min_free_bytes: Some(0),
        };
        let store = Store::open(dir.path(), &options).unwrap();
        Twin { shard: restored(&store), store, _dir: dir }
    }

    fn fold(&mut self, header: BlockHeader, entries: &[Entry]) -> Vec<SessionId> {
        self.verdicts(header, entries).iter().map(|verdict| verdict.session).collect()
    }

    fn verdicts(&mut self, header: BlockHeader, entries: &[Entry]) -> Verdicts {
        let bytes: Vec<Vec<u8>> = entries.iter().map(Entry::to_bytes).collect();
        let stored: Vec<StoredEntry<'_>> =
            bytes.iter().map(|bytes| StoredEntry { partition: 0, bytes }).collect();
        let first = self.store.append(SHARD, &header, &stored, Rows::new()).unwrap();
        let next = self.store.next_position(SHARD);
        self.shard.fold_block(first, next, &header, entries.to_vec()).unwrap()
    }

    fn tables(&mut self) -> Vec<Row> {
        self.shard.checkpoint().unwrap();
        let tables = [
            Table::Sessions,
            Table::Members,
            Table::Lanes,
            Table::Timers,
            Table::Index,
            Table::Records,
            Table::Parcels,
            Table::Edges,
            Table::Review,
            Table::Quarantine,
            Table::Lake,
        ];
        let rows = tables.into_iter().flat_map(|table| {
            let rows = Read::scan_prefix(&self.store, table, &[], Direction::Forward);
            rows.map(move |row| {
                let (key, value) = row.unwrap();
                (table.name(), key, value)
            })
        });
        rows.collect()
    }
}

fn header(shard: &mut Shard, now: UnixMillis) -> BlockHeader {
    let none = FiredThrough { due: i64::MIN, session: [0; 16] };
    let fired_through = shard.cursor(now, 4_096).unwrap().unwrap_or(none);
    BlockHeader { now: now.0, fired_through, rules: shard.rules_version }
}

fn run(events: &[Event]) -> (Twin, Twin) {
    let (mut steady, mut restless) = (Twin::new(), Twin::new());
    let mut now = START.plus(Millis::from_hours(3));
    let mut known: Vec<SessionId> = Vec::new();
    let mut batch = 0;
    let both = |steady: &mut Twin, restless: &mut Twin, now, entries: &[Entry]| {
        let header = header(&mut steady.shard, now);
        let told = steady.fold(header, entries);
        assert_eq!(restless.fold(header, entries), told, "replies are the same");
        told
    };
    let clock = ClockEntry { tenant: TENANT, source: "file".into(), clock: SourceClock::Mark };
    both(&mut steady, &mut restless, now, &[Entry::Clock(clock)]);
    for event in events {
        now = now.plus(Millis(7));
        let entries: Vec<Entry> = match event {
            Event::Signals(drawn) => {
                batch += 1;
                let arrival = |drawn| Arrival {
                    tenant: TENANT,
                    received_at: now,
                    batch,
                    signal: Box::new(signal(drawn, &known)),
                };
                drawn.iter().map(|drawn| Entry::Signal(arrival(drawn))).collect()
            }
            Event::Minutes(minutes) => {
                now = now.plus(Millis::from_mins(*minutes));
                Vec::new()
            }
            Event::Gap(minutes) => {
                let mut rules = Rules::clone(&steady.shard.rules);
                rules.boundary.web_gap_ms = Millis::from_mins(*minutes);
                let version = steady.shard.rules_version + 1;
                vec![Entry::Rules(Box::new(RulesEntry { version, rules }))]
            }
            Event::Define(defined) => vec![change(defined, &steady.shard.catalogues.of(TENANT))],
            Event::Destine(destined) => {
                vec![destine(destined, &steady.shard.destinations.of(TENANT))]
            }
            Event::Try { which, came_to } => {
                let known = parcels(&mut steady);
                assert_eq!(parcels(&mut restless), known, "what is due is the same");
                tried(*which, *came_to, &known, now)
            }
            Event::Order { destination, send } => {
                let name = |id: &SessionId| ParcelName {
                    session: *id,
                    destination: DestinationId((*destination).into()),
                    trigger: Trigger::Final,
                    n: 1,
                    send: (*send).into(),
                };
                let names = known.iter().take(2).map(name).collect();
                vec![Entry::Order(OrderEntry { tenant: TENANT, names })]
            }
            Event::Mark => {
                let source = "file".into();
                vec![Entry::Mark(MarkEntry { tenant: TENANT, source, through: None })]
            }
            Event::Checkpoint => {
                restless.shard.checkpoint().unwrap();
                continue;
            }
            Event::Roll(steps) => {
                let shard = &mut restless.shard;
                if !shard.is_checkpointing() && shard.is_dirty() {
                    shard.begin_checkpoint().unwrap();
                }
                for _ in 0..*steps {
                    shard.step_checkpoint().unwrap();
                }
                continue;
            }
            Event::Crash => {
                restless.shard = restored(&restless.store);
                continue;
            }
        };
        // What the matcher proposes is decided by one of them and read by both.
        let completing: Vec<crate::sources::SourceKey> = match event {
            Event::Mark => vec![(TENANT, "file".into())],
            _ => Vec::new(),
        };
        let placements = steady.shard.propose_placements(now, 4_096, &completing).unwrap();
        restless.shard.propose_placements(now, 4_096, &completing).unwrap();
        if !placements.is_empty() {
            let quiet = FiredThrough { due: i64::MIN, session: [0; 16] };
            let rules = steady.shard.rules_version;
            let header = BlockHeader { now: now.0, fired_through: quiet, rules };
            steady.fold(header, &placements);
            restless.fold(header, &placements);
        }
        known.extend(both(&mut steady, &mut restless, now, &entries));
    }
    (steady, restless)
}

/// A page of one visitor; each comes so many minutes after the one before.
fn page(number: usize, minutes: i64) -> Entry {
    let drawn = Drawn { key: 0, kind: 0, who: 0, minute: 0, body: 0, of_file: false };
    let at = START.plus(Millis::from_mins(minutes * i64::try_from(number).unwrap()));
    let signal = Signal {
        key: format!("page {number}").into(),
        occurred_at: Some(Instant::at(at)),
        ..signal(&drawn, &[])
    };
    let (tenant, batch) = (TENANT, 1);
    Entry::Signal(Arrival { tenant, received_at: START, batch, signal: Box::new(signal) })
}

/// Two who order the same at the same time give a parcel one name; it is due once all the same.
#[test]
fn what_is_ordered_twice_under_one_name_is_due_once() {
    let mut twin = Twin::new();
    let name = ParcelName {
        session: SessionId([7; 16]),
        destination: DestinationId(1),
        trigger: Trigger::Final,
        n: 1,
        send: 1,
    };
    let due = |twin: &mut Twin, now: UnixMillis| {
        let (tenant, destination) = (TENANT, name.destination);
        let ask = DueAsk { tenant, destination, behind: None, now, limit: 10 };
        twin.shard.due_parcels(&ask).unwrap().parcels
    };
    let later = |minutes| START.plus(Millis::from_mins(minutes));
    for minutes in [1, 2] {
        let header = header(&mut twin.shard, later(minutes));
        twin.fold(header, &[Entry::Order(OrderEntry { tenant: TENANT, names: vec![name] })]);
    }
    let found = due(&mut twin, later(3));
    assert_eq!(found.len(), 1);
    let sent = tried(0, 1, &found, later(4));
    let header = header(&mut twin.shard, later(4));
    twin.fold(header, &sent);
    assert_eq!(due(&mut twin, later(5)), []);
}

/// `PROPTEST_CASES` of them, or some seconds' worth.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_replay_gives_the_same_rows(events in events()) {
        let (mut steady, mut restless) = run(&events);
        let defined = |twin: &Twin| {
            let catalogue = twin.shard.catalogues.of(TENANT);
            catalogue.iter().map(|one| Definition::clone(one)).collect::<Vec<_>>()
        };
        prop_assert_eq!(defined(&steady), defined(&restless));
        let (steady, restless) = (steady.tables(), restless.tables());
        let differs = steady.iter().zip(&restless).find(|(a, b)| a != b);
        if let Some((a, b)) = differs {
            let shown = |row: &Row| match row.0 {
                "sessions" => {
                    let id = SessionId(*row.1.last_chunk().unwrap());
                    let session = crate::rows::session_of_row(TENANT, id, &row.2, &mut |_| Ok(None));
                    format!("{session:?}")
                }
                _ => format!("{:?}", row.2),
            };
            prop_assert!(false, "{} {:?}\n{}\n{}", a.0, a.1, shown(a), shown(b));
        }
        prop_assert_eq!(steady.len(), restless.len());
    }

    /// However blocks and lanes are cut: what was accepted once is a duplicate ever after.
    #[test]
    fn what_is_there_is_never_new(sizes in vec(1_usize..60, 1..5), minutes in 0_i64..40) {
        let mut twin = Twin::new();
        let entries: Vec<Entry> = (0..sizes.iter().sum()).map(|at| page(at, minutes)).collect();
        let mut rest = &entries[..];
        for size in sizes {
            let (block, behind) = rest.split_at(size);
            let header = header(&mut twin.shard, START);
            let verdicts = twin.verdicts(header, block);
            prop_assert!(verdicts.iter().all(|verdict| verdict.status == VerdictStatus::Accepted));
            rest = behind;
        }
        let header = header(&mut twin.shard, START);
        let verdicts = twin.verdicts(header, &entries);
        prop_assert!(verdicts.iter().all(|verdict| verdict.status == VerdictStatus::Duplicate));
    }
}

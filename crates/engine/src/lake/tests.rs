//! Whatever is sent, wherever a writer of the lake is cut off and whenever the server starts anew:
//! the lake says what the store says.
use std::{collections::BTreeMap, fs::File, path::Path};

use arrow::{array::AsArray, datatypes::Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::{collection::vec, prelude::*};
use sessionary_core::{
    channel::Channel,
    disposition::{Author, ClaimPolicy},
    identity::Identity,
    lane::HashSecret,
    rules::{Rules, SourceClock},
    signal::{ClaimBody, Signal, TenantId},
    sorted_map::SortedMap,
    time::{Instant, Millis, UnixMillis},
};
use sessionary_lake::{
    compact::files_of,
    export::SESSIONS,
    reports::{Asked, Kind, Report},
};
use sessionary_store::{Options, Store};

use super::*;
use crate::{
    ShardConfig, Submission,
    entry::{ClockEntry, Entry, MarkEntry},
    reports,
};

const START: UnixMillis = UnixMillis(1_767_607_200_000);
const SOURCE: &str = "file";

/// A server that can be started anew, and its lake.
struct World {
    dir: tempfile::TempDir,
    engine: Engine,
    registry: Registry,
    lake: Lake,
    tenant: TenantId,
    sent: u32,
}

fn started(dir: &Path) -> (Engine, Registry) {
    let options =
        Options { cache_bytes: 16 << 20, max_journaling_bytes: 64 << 20, min_free_bytes: Some(0) };
    let store = Store::open(dir, &options).unwrap();
    let registry = Registry::open(store.clone()).unwrap();
    let mut rules = Rules::default();
    rules.lifecycle.settle_ms = Millis(0);
    let config = ShardConfig {
        rules,
        hot_bytes: 64 << 20,
        checkpoint_bytes: 64 << 20,
        checkpoint_signals: 50,
        checkpoint_lanes: 40_000,
        rewrite_after_ms: Millis::from_hours(12).0,
        rewrite_beyond_bytes: 256 << 20,
        lake: true,
    };
    let secret = HashSecret(registry.secrets().identity_hash);
    (Engine::start(store, secret, config).unwrap(), registry)
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let (engine, registry) = started(&dir.path().join("data"));
        let tenant = registry.tenant("shop", engine.now()).unwrap();
        let clock = SourceClock::Mark;
        let clock = ClockEntry { tenant, source: SOURCE.into(), clock };
        engine.decide_blocking(Entry::Clock(clock)).unwrap();
        let lake = Lake::new(&dir.path().join("lake"));
        World { dir, engine, registry, lake, tenant, sent: 0 }
    }

    fn restart(self) -> World {
        let World { dir, engine, registry, lake, tenant, sent } = self;
        engine.shutdown();
        drop((engine, registry));
        let (engine, registry) = started(&dir.path().join("data"));
        World { dir, engine, registry, lake, tenant, sent }
    }

    /// Signals of these people on these days.
    fn visit(&mut self, visits: &[(u8, u8)], what: What) {
        let signals = visits.iter().map(|(person, day)| {
            self.sent += 1;
            let at = START.plus(Millis::from_hours(i64::from(*day) * 24));
            let claim = (what == What::Outcome).then(|| ClaimBody {
                code: self.sent % 14 + 1,
                author: Author::Business,
                policy: ClaimPolicy::Last,
            });
            Signal {
                key: format!("s{}", self.sent).into(),
                kind: match what {
                    What::Page => "page_viewed",
                    What::Outcome => "disposition_posted",
                }
                .into(),
                occurred_at: Some(Instant::at(at)),
                sent_at: None,
                sequence: 0,
                channel: Some(Channel::Web),
                session_type: None,
                source: SOURCE.into(),
                session: None,
                identities: vec![Identity::new("cookie", &format!("c{person}"))],
                claim,
                fields: SortedMap::new(),
                attributes: SortedMap::new(),
                warnings: Vec::new(),
            }
        });
        let signals = signals.collect();
        let tenant = self.tenant;
        let submission = Submission { tenant, signals, received_at: None, quarantine: Vec::new() };
        self.engine.submit_blocking(submission).unwrap();
    }

    /// The source is complete: what there is becomes final, or is revised.
    fn complete(&self) {
        let mark = MarkEntry { tenant: self.tenant, source: SOURCE.into(), through: None };
        self.engine.decide_blocking(Entry::Mark(mark)).unwrap();
    }

    /// Writes the lake; cut off after so many steps.
    fn write(&self, steps: u32, then: Then) -> Result<(), LakeFault> {
        let mut left = steps;
        let mut go_on = |_| {
            left = left.saturating_sub(1);
            left > 0
        };
        let mut writer = LakeWriter::open(
            &self.engine,
            &self.registry,
            &self.lake,
            Contents::WithSignals,
            &mut go_on,
        )?;
        while writer.append()? > 0 {}
        if then == Then::Compact {
            writer.compact_all()?;
        }
        Ok(())
    }

    /// Writes until everything that was sent is there: what changes a session that is final is cut a
    /// moment later. Compacted, each session has one row.
    fn write_all(&self, then: Then) {
        self.complete();
        for _ in 0..500 {
            self.write(u32::MAX, then).unwrap();
            let (told, stored) = (self.told(), self.stored());
            if told == stored && (then == Then::Rest || self.rows().len() == stored.len()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the lake says {:?} and the store {:?}", self.told(), self.stored());
    }

    /// Of each session that has a record: its revisions.
    fn stored(&self) -> BTreeMap<String, i64> {
        let reader = self.engine.reader_blocking().unwrap();
        let records = reader.latest_records(self.tenant).map(Result::unwrap);
        records.map(|one| (one.session.to_string(), i64::from(one.revision))).collect()
    }

    /// Of each row of the lake: id and revision.
    fn rows(&self) -> Vec<(String, i64)> {
        let _kept = self.lake.reading();
        let mut rows = Vec::new();
        for folder in folders::folders(&self.lake.root().join(SESSIONS)).unwrap() {
            for path in files_of(&folder.path).unwrap() {
                let file = File::open(&path).unwrap();
                let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
                for batch in batches.build().unwrap().map(Result::unwrap) {
                    let ids = batch.column_by_name("id").unwrap().as_string::<i32>();
                    let revisions = batch.column_by_name("revision").unwrap();
                    let revisions = revisions.as_primitive::<Int64Type>().values();
                    let ids = ids.iter().map(|id| id.unwrap().to_owned());
                    rows.extend(ids.zip(revisions.iter().copied()));
                }
            }
        }
        rows
    }

    /// What a reader says that takes, of each id, the row of the highest revision.
    fn told(&self) -> BTreeMap<String, i64> {
        let mut told: BTreeMap<String, i64> = BTreeMap::new();
        for (id, revision) in self.rows() {
            let highest = told.entry(id).or_insert(revision);
            *highest = (*highest).max(revision);
        }
        told
    }
}

/// What a report says, without the moment at which it was asked.
fn said(world: &World, lake: Option<&Lake>, kind: Kind) -> String {
    let asked = Asked::parse(kind, &BTreeMap::new()).unwrap();
    let number = world.tenant;
    let tenant = world.registry.tenants().into_iter().find(|one| one.number == number).unwrap();
    let go_on = AtomicBool::new(false);
    let Report { rows, totals, frame, .. } =
        reports::report(&world.engine, lake, &tenant, &asked, &go_on).unwrap();
    let looked_at = (frame.looked_at, frame.counted, frame.left_out);
    let times = (frame.earliest, frame.latest, frame.latest_cut);
    format!("{rows:?} {totals:?} {looked_at:?} {times:?} {:?}", frame.notes)
}

/// A report out of the lake and what is not in it yet says what one out of the store says.
fn reports_agree(world: &World, kind: Kind) {
    for _ in 0..100 {
        let before = said(world, None, kind);
        let told = said(world, Some(&world.lake), kind);
        // Unless something was cut between the two.
        if before == said(world, None, kind) {
            assert_eq!(told, before, "{kind:?}");
            return;
        }
    }
    panic!("the store never came to rest");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Page,
    Outcome,
}

/// What a writer does when everything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Rest,
    Compact,
}

fn then() -> impl Strategy<Value = Then> {
    prop_oneof![Just(Then::Rest), Just(Then::Compact)]
}

#[derive(Clone, Debug)]
enum Step {
    Visit(Vec<(u8, u8)>),
    Claim(Vec<(u8, u8)>),
    Complete,
    /// Cut off after so many steps.
    Write(u32, Then),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let visits = || vec((0_u8..12, 0_u8..3), 1..20);
    prop_oneof![
        3 => visits().prop_map(Step::Visit),
        3 => visits().prop_map(Step::Claim),
        4 => Just(Step::Complete),
        5 => (1_u32..14, then()).prop_map(|(steps, then)| Step::Write(steps, then)),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn the_lake_says_what_the_store_says(steps in vec(step(), 4..30)) {
        let mut world = World::new();
        let mut before = BTreeMap::new();
        for step in steps {
            match &step {
                Step::Visit(visits) => world.visit(visits, What::Page),
                Step::Claim(visits) => world.visit(visits, What::Outcome),
                Step::Complete => world.complete(),
                Step::Write(steps, then) => {
                    let cut = world.write(*steps, *then);
                    prop_assert!(matches!(cut, Ok(()) | Err(LakeFault::Stopped)), "{:?}", cut);
                }
                Step::Restart => world = world.restart(),
            }
            // At every instant: nothing that was told is taken back, and nothing is made up.
            let (told, stored) = (world.told(), world.stored());
            for (id, revision) in &before {
                prop_assert!(told.get(id) >= Some(revision), "{id} was lost by {step:?}");
            }
            for (id, revision) in &told {
                prop_assert!(stored.get(id) >= Some(revision), "{id} was made up by {step:?}");
            }
            before = told;
            reports_agree(&world, Kind::Dispositions);
        }
        for kind in Kind::all() {
            reports_agree(&world, kind);
        }
        world.write_all(Then::Rest);
        let mut rows = world.rows();
        rows.sort();
        let count = rows.len();
        rows.dedup();
        prop_assert_eq!(rows.len(), count, "a revision has one row, also before compaction");
        world.write_all(Then::Compact);
        world = world.restart();
        world.write_all(Then::Compact);
    }
}

#[test]
fn what_was_cut_before_there_was_a_lake_comes_into_it() {
    let mut world = World::new();
    // More than one plan.
    let visits: Vec<(u8, u8)> = (0..70).map(|person| (person, person % 3)).collect();
    world.visit(&visits, What::Page);
    world.complete();
    forget(world.engine.store()).unwrap();
    let stored = world.stored();
    assert_eq!(stored.len(), 70);
    assert!(matches!(world.write(2, Then::Rest), Err(LakeFault::Stopped)));
    world.visit(&[(200, 1)], What::Outcome);
    world.write_all(Then::Rest);
    assert_eq!(world.rows().len(), 71);
}

#[test]
fn a_folder_with_a_damaged_file_is_left_and_the_rest_is_written() {
    let mut world = World::new();
    for round in 0..2 {
        world.visit(&[(round, 0), (round, 1)], What::Page);
        world.write_all(Then::Rest);
    }
    let folders = folders::folders(&world.lake.root().join(SESSIONS)).unwrap();
    let [damaged, whole] = &folders[..] else { panic!("two days: {folders:?}") };
    std::fs::write(&damaged.files[0], b"no Parquet").unwrap();
    world.visit(&[(7, 2)], What::Page);
    world.complete();
    world.write(u32::MAX, Then::Compact).unwrap();
    assert_eq!(files_of(&damaged.path).unwrap().len(), 2);
    assert_eq!(files_of(&whole.path).unwrap().len(), 1);
    // And no plan is in the way of the next one.
    world.visit(&[(8, 2)], What::Page);
    world.complete();
    world.write(u32::MAX, Then::Rest).unwrap();
    let folders = folders::folders(&world.lake.root().join(SESSIONS)).unwrap();
    assert_eq!(folders.last().unwrap().files.len(), 2);
}

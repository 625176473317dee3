//! Whatever is sent, wherever a writer of the lake is cut off and whenever the server starts anew:
//! the lake says what the store says; on this disk, and where any call may fail.
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
    layout::LakeTable,
    reports::{Asked, Kind, Report},
};
use sessionary_store::{Options, Store};

use super::*;
use crate::{
    ShardConfig, Submission,
    entry::{ClockEntry, Entry, MarkEntry},
    reports,
};

mod memory;
use memory::{Failing, Memory, When};

const START: UnixMillis = UnixMillis(1_767_607_200_000);
const SOURCE: &str = "file";

/// A server that can be started anew, and its lake.
struct World {
    dir: tempfile::TempDir,
    engine: Engine,
    registry: Registry,
    lake: Lake,
    /// Where the lake is, unless it is in a folder.
    memory: Option<Arc<Memory>>,
    tenant: TenantId,
    sent: u32,
}

/// Where a lake is.
#[derive(Clone, Copy, Debug)]
enum Where {
    Folder,
    Memory,
}

fn started(dir: &Path) -> (Engine, Registry) {
    keeping_free(dir, 0)
}

/// A server whose signals need so many free bytes.
fn keeping_free(dir: &Path, bytes: u64) -> (Engine, Registry) {
    let min_free_bytes = Some(bytes);
    let options = Options { cache_bytes: 16 << 20, max_journaling_bytes: 64 << 20, min_free_bytes };
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
        World::of(Where::Folder)
    }

    fn of(place: Where) -> World {
        let dir = tempfile::tempdir().unwrap();
        let (engine, registry) = started(&dir.path().join("data"));
        let tenant = registry.tenant("shop", engine.now()).unwrap();
        let clock = SourceClock::Mark;
        let clock = ClockEntry { tenant, source: SOURCE.into(), clock };
        engine.decide_blocking(Entry::Clock(clock)).unwrap();
        let memory = match place {
            Where::Folder => None,
            Where::Memory => Some(Arc::new(Memory::new(dir.path().join("staging")))),
        };
        let lake = match &memory {
            None => Lake::new(&dir.path().join("lake")),
            Some(memory) => Lake::at(Arc::<Memory>::clone(memory)),
        };
        World { dir, engine, registry, lake, memory, tenant, sent: 0 }
    }

    fn restart(self) -> World {
        self.restart_keeping_free(0)
    }

    fn restart_keeping_free(self, bytes: u64) -> World {
        let World { dir, engine, registry, lake, memory, tenant, sent } = self;
        engine.shutdown();
        drop((engine, registry));
        let (engine, registry) = keeping_free(&dir.path().join("data"), bytes);
        World { dir, engine, registry, lake, memory, tenant, sent }
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
        for folder in self.folders() {
            for listed in folder.files {
                let fetched = self.lake.place().fetch(&listed).unwrap();
                let file = File::open(fetched.path()).unwrap();
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

    /// The folders of sessions.
    fn folders(&self) -> Vec<folders::Folder> {
        folders::folders(&**self.lake.place(), LakeTable::Sessions).unwrap()
    }

    /// Writes the lake, of which one call fails.
    fn write_failing(&self, failing: Failing, then: Then) -> Result<(), LakeFault> {
        let Some(memory) = &self.memory else { return self.write(u32::MAX, then) };
        memory.fail(Some(failing));
        let written = self.write(u32::MAX, then);
        memory.fail(None);
        written
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
    /// A call of the place fails.
    Fail(Failing, Then),
    Restart,
}

fn failing() -> impl Strategy<Value = Failing> {
    let when = prop_oneof![Just(When::Before), Just(When::After)];
    (1_u32..40, when).prop_map(|(calls, when)| Failing { calls, when })
}

fn step() -> impl Strategy<Value = Step> {
    let visits = || vec((0_u8..12, 0_u8..3), 1..20);
    prop_oneof![
        3 => visits().prop_map(Step::Visit),
        3 => visits().prop_map(Step::Claim),
        4 => Just(Step::Complete),
        5 => (1_u32..14, then()).prop_map(|(steps, then)| Step::Write(steps, then)),
        5 => (failing(), then()).prop_map(|(failing, then)| Step::Fail(failing, then)),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]
    #[test]
    fn the_lake_says_what_the_store_says(
        place in prop_oneof![Just(Where::Folder), Just(Where::Memory)],
        steps in vec(step(), 4..30),
    ) {
        let mut world = World::of(place);
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
                Step::Fail(failing, then) => {
                    let failed = world.write_failing(*failing, *then);
                    let is_told = matches!(failed, Ok(()) | Err(LakeFault::Files(LakeError::File { .. })));
                    prop_assert!(is_told, "{:?}", failed);
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
    let folders = world.folders();
    let [damaged, whole] = &folders[..] else { panic!("two days: {folders:?}") };
    std::fs::write(world.dir.path().join("lake").join(&damaged.files[0].name), b"none").unwrap();
    world.visit(&[(7, 2)], What::Page);
    world.complete();
    world.write(u32::MAX, Then::Compact).unwrap();
    let files = |day: &str| {
        world.folders().into_iter().find(|it| it.path == day).map_or(0, |it| it.files.len())
    };
    assert_eq!((files(&damaged.path), files(&whole.path)), (2, 1));
    // And no plan is in the way of the next one.
    world.visit(&[(8, 2)], What::Page);
    world.complete();
    world.write(u32::MAX, Then::Rest).unwrap();
    assert_eq!(world.folders().last().unwrap().files.len(), 2);
}

/// A file that is damaged after its compaction was planned keeps nothing else from being written.
#[test]
fn a_plan_with_a_damaged_file_is_given_up() {
    let mut world = World::new();
    for round in 0..2 {
        world.visit(&[(round, 0)], What::Page);
        world.write_all(Then::Rest);
    }
    assert!(matches!(world.write(1, Then::Compact), Err(LakeFault::Stopped)));
    let folders = world.folders();
    std::fs::write(world.dir.path().join("lake").join(&folders[0].files[0].name), b"none").unwrap();
    world.visit(&[(7, 1)], What::Page);
    world.complete();
    world.write(u32::MAX, Then::Rest).unwrap();
    assert_eq!(world.folders().len(), 2);
}

/// Each call in turn, before and after its effect, of a writer that appends and compacts.
#[test]
fn whichever_call_fails_nothing_is_lost() {
    let mut world = World::of(Where::Memory);
    for when in [When::Before, When::After] {
        for calls in 1.. {
            world.visit(&[(1, 0), (2, 0)], What::Outcome);
            world.complete();
            let before = world.told();
            let failed = world.write_failing(Failing { calls, when }, Then::Compact);
            let told = world.told();
            assert!(before.iter().all(|(id, revision)| told.get(id) >= Some(revision)), "{calls}");
            if failed.is_ok() {
                assert!(calls > 10, "{calls} calls");
                break;
            }
        }
        world.write_all(Then::Compact);
        let staged = std::fs::read_dir(world.dir.path().join("staging")).unwrap().count();
        assert_eq!(staged, 0, "a copy was left");
    }
}

#[test]
fn files_that_are_not_here_any_more_are_written_anew() {
    for place in [Where::Folder, Where::Memory] {
        let mut world = World::of(place);
        world.visit(&[(1, 0), (2, 1)], What::Page);
        world.write_all(Then::Rest);
        match &world.memory {
            Some(memory) => memory.lose(),
            None => std::fs::remove_dir_all(world.dir.path().join("lake")).unwrap(),
        }
        let asked = |world: &World| {
            let mark = Mark::of_ours(&**world.lake.place(), world.engine.secret()).unwrap();
            let reader = world.engine.reader_blocking().unwrap();
            waiting(reader.snapshot(), world.tenant, mark.as_ref()).unwrap()
        };
        // Until then a query knows that the files are none, and reads the store.
        assert_eq!(asked(&world), None);
        world.write_all(Then::Rest);
        assert_eq!(asked(&world), Some(Vec::new()));
    }
}

/// Elsewhere, and back again, where much is missing by then.
#[test]
fn a_lake_that_is_named_elsewhere_is_whole_there_and_when_it_comes_back() {
    let mut world = World::new();
    world.visit(&[(1, 0), (2, 1)], What::Page);
    world.write_all(Then::Rest);
    let elsewhere = Lake::new(&world.dir.path().join("elsewhere"));
    let here = std::mem::replace(&mut world.lake, elsewhere);
    world.write_all(Then::Rest);
    world.visit(&[(3, 0)], What::Page);
    world.write_all(Then::Rest);
    world.lake = here;
    world.write_all(Then::Compact);
    assert_eq!(world.rows().len(), 3);
}

#[test]
fn the_lake_of_another_data_directory_is_left_alone() {
    let mut world = World::new();
    world.visit(&[(1, 0)], What::Page);
    world.write_all(Then::Rest);
    let mut other = World::new();
    other.visit(&[(2, 0)], What::Page);
    other.complete();
    other.lake = Lake::new(&world.dir.path().join("lake"));
    let refused = other.write(u32::MAX, Then::Compact).unwrap_err();
    assert!(matches!(refused, LakeFault::NotOurs { .. }), "{refused}");
    let source = other.engine.source(&other.lake, other.tenant, "shop");
    assert!(source.tables.live().unwrap_err().to_string().contains("of another data directory"));
    assert_eq!(world.told(), world.stored());
}

#[test]
fn everything_is_written_once_more_where_that_is_asked_for() {
    let mut world = World::new();
    world.visit(&[(1, 0), (2, 1)], What::Page);
    world.write_all(Then::Rest);
    begin_again(world.engine.store()).unwrap();
    world.write_all(Then::Rest);
    assert_eq!(world.rows().len(), 4);
    world.write_all(Then::Compact);
}

#[test]
fn nothing_is_written_into_the_room_that_signals_need_and_it_goes_on_when_there_is_room() {
    let mut world = World::new();
    world.visit(&[(1, 0), (2, 1)], What::Page);
    world.complete();
    assert_eq!(world.stored().len(), 2);
    // Cut off in the midst of a plan, and then the disk is full.
    assert!(matches!(world.write(1, Then::Rest), Err(LakeFault::Stopped)));
    world = world.restart_keeping_free(u64::MAX);
    let full = world.write(u32::MAX, Then::Compact).unwrap_err();
    assert!(matches!(full, LakeFault::NoRoom { needed: u64::MAX, .. }), "{full}");
    assert!(world.rows().is_empty());
    world = world.restart();
    world.write_all(Then::Rest);
}

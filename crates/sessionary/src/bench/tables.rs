//! Scenario `tables`, the floor of `growth`: rows as checkpoints write them, put into the store's tables
//! by a bare loop. What this costs more over much that is stored, no folding above it can save.
use std::{collections::VecDeque, path::Path, time::Duration};

use sessionary_core::{id::SessionId, time::UnixMillis};
use sessionary_engine::clock::{ServerClock, monotonic};
use sessionary_store::{
    Durability, Rows, Store, Table,
    keys::{IndexKind, index_key, lane_key, session_key, timer_key},
};

use super::{
    Setup,
    counters::{process_cpu_us, real, thread_cpu_us},
    report::{Figure, Goal, Section},
    stream::{PER_SESSION, mixed},
};
use crate::config;

/// Rows are written in batches of about so many bytes, as the chunks of a checkpoint are.
const BATCH_BYTES: u64 = 128 << 10;
/// New sessions of the measured work: those of as many signals as `growth` measures by default.
const SESSIONS: u64 = 150_000;
/// Sessions that are begun and not ended.
const OPEN: usize = 20_000;
/// Bytes of rows, as the load of this benchmark leaves them: sessions of one signal and of ten.
const FEW_BYTES: usize = 780;
const MANY_BYTES: usize = 1_150;
const LANE_BYTES: usize = 85;
const TIMER_BYTES: usize = 60;
const TENANT: u32 = 1;
/// How long after its first signal a session's timer is due, milliseconds.
const DUE_AFTER: i64 = 1_800_000;

/// The growth of bare tables.
pub(super) fn run(setup: &Setup) -> anyhow::Result<Section> {
    let mut tables = Tables::open(&setup.folder("tables")?)?;
    let (mut figures, mut costs) = (Vec::new(), Vec::<f64>::new());
    for target in &setup.arguments.stored {
        setup.progress(&format!("tables: {target} sessions"));
        tables.fill(*target)?;
        let cost = tables.cost()?;
        setup.progress(&format!("tables: {target} sessions: {cost:.2} us of CPU a signal"));
        let name = format!("{target} stored: CPU per signal");
        figures.push(Figure::new(&name, Some(cost), "us", Goal::None));
        costs.push(cost);
    }
    let ratio = costs.last().zip(costs.first()).map(|(last, first)| last / first);
    figures.push(Figure::new("last / first, CPU", ratio, "x", Goal::None));
    let about = "rows as checkpoints write them, in bare tables".to_owned();
    Ok(Section { scenario: "tables".to_owned(), about, lines: Vec::new(), figures })
}

/// When a session is written.
#[derive(Clone, Copy)]
enum Stage {
    Begun,
    Ended,
}

/// A store that is filled with rows, and nothing else.
struct Tables {
    store: Store,
    clock: ServerClock,
    rows: Rows,
    stored: u64,
    maker_us: f64,
}

impl Tables {
    fn open(dir: &Path) -> anyhow::Result<Tables> {
        let store = Store::open(dir, &config::load(None)?.store_options())?;
        let (clock, rows) = (ServerClock::start(None), Rows::new());
        Ok(Tables { store, clock, rows, stored: 0, maker_us: 0.0 })
    }

    /// Stores sessions of one signal until there are so many.
    fn fill(&mut self, target: u64) -> anyhow::Result<()> {
        while self.stored < target {
            let at = self.clock.now();
            self.put(self.stored, at, Stage::Begun)?;
            self.stored += 1;
        }
        self.write()?;
        rest();
        Ok(())
    }

    /// Microseconds of CPU for each signal of sessions of ten that are written twice, until the
    /// tables are at rest.
    fn cost(&mut self) -> anyhow::Result<f64> {
        let cpu = process_cpu_us();
        self.maker_us = 0.0;
        let mut open = VecDeque::with_capacity(OPEN);
        for number in self.stored..self.stored + SESSIONS {
            let at = self.clock.now();
            self.put(number, at, Stage::Begun)?;
            open.push_back((number, at));
            if open.len() > OPEN
                && let Some((number, at)) = open.pop_front()
            {
                self.put(number, at, Stage::Ended)?;
            }
        }
        self.write()?;
        self.stored += SESSIONS;
        rest();
        let spent = process_cpu_us() - cpu - self.maker_us;
        Ok(spent / real(SESSIONS * PER_SESSION))
    }

    /// The rows of a session; when it ends, its timer moves.
    fn put(&mut self, number: u64, at: UnixMillis, stage: Stage) -> anyhow::Result<()> {
        let cpu = thread_cpu_us();
        let lane = wide(number);
        let [partition, ..] = lane;
        let partition = partition % 64;
        let id = SessionId::mint(at, partition, wide(!number)).0;
        let due = at.0 + DUE_AFTER;
        let rows = &mut self.rows;
        rows.put(Table::Lanes, lane_key(TENANT, partition, &lane), text(number, LANE_BYTES));
        let bytes = match stage {
            Stage::Begun => {
                let hash = wide(number ^ 1 << 60);
                rows.put(
                    Table::Index,
                    index_key(TENANT, IndexKind::Identity, &hash, Some(&id)),
                    [],
                );
                rows.put(Table::Timers, timer_key(0, due, &id), text(number, TIMER_BYTES));
                FEW_BYTES
            }
            Stage::Ended => {
                rows.delete(Table::Timers, timer_key(0, due, &id));
                rows.put(Table::Timers, timer_key(0, due + 1, &id), text(number, TIMER_BYTES));
                MANY_BYTES
            }
        };
        rows.put(Table::Sessions, session_key(TENANT, &id), text(number, bytes));
        self.maker_us += thread_cpu_us() - cpu;
        if self.rows.bytes() >= BATCH_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> anyhow::Result<()> {
        Ok(self.store.write(std::mem::take(&mut self.rows), Durability::Buffered)?)
    }
}

/// Waits until the engine's thread has nothing left to merge.
fn rest() {
    let until = monotonic() + Duration::from_mins(10);
    let mut idle = 0;
    while idle < 3 && monotonic() < until {
        let before = process_cpu_us();
        std::thread::sleep(Duration::from_secs(1));
        idle = if process_cpu_us() - before < 20_000.0 { idle + 1 } else { 0 };
    }
}

/// A number as sixteen bytes in no order.
fn wide(number: u64) -> [u8; 16] {
    let (high, low) = (mixed(number).to_be_bytes(), mixed(!number).to_be_bytes());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(high.into_iter().chain(low)) {
        *to = from;
    }
    bytes
}

/// A row's bytes: a quarter of them like nothing else, the rest like every other row's.
fn text(number: u64, bytes: usize) -> Vec<u8> {
    let mut row = Vec::with_capacity(bytes + 32);
    while row.len() < bytes {
        row.extend_from_slice(&mixed(number ^ row.len() as u64).to_be_bytes());
        row.extend_from_slice(b"the same in every row...");
    }
    row.truncate(bytes);
    row
}

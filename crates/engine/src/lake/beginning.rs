//! Where a writer takes up: at what was written before, or, where the files are not those, anew.
use sessionary_lake::{export::number_of, files::Place, layout::LakeTable};
use sessionary_store::keys::lake_queue_key;

use super::{
    Lake, LakeFault,
    mark::Mark,
    state::{History, State},
};
use crate::Engine;

/// How far the lake is, whose files are those that were written; else a lake that begins.
pub(super) fn state_of(engine: &Engine, lake: &Lake) -> Result<State, LakeFault> {
    let place = &**lake.place();
    let known = State::read(engine.store())?;
    let mark = Mark::of_ours(place, engine.secret())?;
    let generation = known.as_ref().map_or(0, |state| state.generation);
    let ours = Mark::of(engine.secret(), generation);
    match (known, mark) {
        (Some(state), Some(mark)) if mark == ours => Ok(state),
        (known, mark) => {
            if known.as_ref().is_some_and(|state| state.generation > 0) {
                let root = lake.root();
                tracing::warn!(root, "the files of the lake are not here; all are written anew");
            }
            let before = mark.map_or(0, |mark| mark.generation).max(generation);
            let state = begin(engine, place, before + 1, known.map_or(0, |state| state.number))?;
            Mark { generation: state.generation, ..ours }.write(place)?;
            Ok(state)
        }
    }
}

/// A lake that has nothing yet: what is cut from now on comes by the queue, the rest is history. Its
/// files take no name of any that are there.
fn begin(
    engine: &Engine,
    place: &dyn Place,
    generation: u64,
    number: u64,
) -> Result<State, LakeFault> {
    let mut number = number;
    for table in LakeTable::ALL {
        let files = place.list(table.name())?;
        number = files.iter().filter_map(|file| number_of(&file.name)).fold(number, u64::max);
    }
    let until = engine.now();
    let next = engine.folded_blocking()?.next;
    // Has everything that was cut until now written into its table.
    drop(engine.tables_blocking()?);
    let done = lake_queue_key(next, &[0; 24]).to_vec();
    let history = Some(History { until, done: Vec::new() });
    let state = State { number, generation, done, history, ..State::default() };
    state.write(engine.store(), [])?;
    Ok(state)
}

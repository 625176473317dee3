//! The value that each row of a batch has by a breakdown.
use arrow::array::RecordBatch;

use super::{
    Breakdown, Clock,
    columns::{Objects, Texts, flags_of, numbers_of, objects_of, texts_of},
};
use crate::LakeError;

/// A value, or none, for each row.
pub(super) type Labels = Vec<Option<String>>;

/// The values of a batch.
pub(super) fn labels(
    breakdown: Breakdown,
    batch: &RecordBatch,
    clock: &Clock,
) -> Result<Labels, LakeError> {
    let names = breakdown.columns();
    match breakdown {
        Breakdown::Source => led(batch, "attribution_source", |channel| Some(source_of(channel))),
        Breakdown::Medium => led(batch, "attribution_medium", medium_of),
        Breakdown::Queue => last_leg(batch, "queue", &["queue_name"]),
        Breakdown::Agent => {
            last_leg(batch, "agent", &["disposition_agent", "agent_name", "integration_agent_id"])
        }
        Breakdown::Variant => variants(batch),
        Breakdown::Derived => {
            let derived = flags_of(batch, "disposition_derived")?;
            let word = |derived| if derived { "derived" } else { "posted" };
            Ok(each(batch, |row| derived.at(row).map(|flag| word(flag).to_owned())))
        }
        Breakdown::Author => {
            let authors = texts_of(batch, "disposition_author")?;
            // A derived outcome names its rule behind a colon.
            let author = |text: &str| text.split(':').next().unwrap_or(text).to_owned();
            Ok(each(batch, |row| authors.at(row).map(author)))
        }
        breakdown if breakdown.is_time() => times(breakdown, batch, clock),
        _ => first_of(batch, names),
    }
}

fn each(batch: &RecordBatch, of: impl FnMut(usize) -> Option<String>) -> Labels {
    (0..batch.num_rows()).map(of).collect()
}

/// The first of some columns that says something.
fn first_of(batch: &RecordBatch, names: &[&str]) -> Result<Labels, LakeError> {
    let columns = names.iter().map(|name| texts_of(batch, name));
    let columns: Vec<Texts> = columns.collect::<Result<_, _>>()?;
    Ok(each(batch, |row| columns.iter().find_map(|texts| texts.at(row)).map(str::to_owned)))
}

fn times(breakdown: Breakdown, batch: &RecordBatch, clock: &Clock) -> Result<Labels, LakeError> {
    let started = numbers_of(batch, "started_at")?;
    Ok(each(batch, |row| {
        let wall = clock.wall(started.at(row)?);
        Some(match breakdown {
            Breakdown::Hour => wall.hour(),
            Breakdown::Weekday => wall.weekday(),
            Breakdown::Day => wall.day(),
            Breakdown::Week => wall.week(),
            _ => wall.month(),
        })
    }))
}

/// A part of where a session came from; where nothing says so, what its channel says.
fn led(
    batch: &RecordBatch,
    name: &str,
    otherwise: fn(Option<&str>) -> Option<&'static str>,
) -> Result<Labels, LakeError> {
    let own = texts_of(batch, name)?;
    let parts = Breakdown::Source.columns().iter().filter(|part| **part != "channel");
    let parts: Vec<Texts> = parts.map(|part| texts_of(batch, part)).collect::<Result<_, _>>()?;
    let channels = texts_of(batch, "channel")?;
    Ok(each(batch, |row| {
        let is_led = parts.iter().any(|part| part.at(row).is_some());
        let word = if is_led { own.at(row) } else { otherwise(channels.at(row)) };
        word.map(str::to_owned)
    }))
}

/// The source of an arrival that names none: a call came by phone; a page came from nowhere.
pub(super) fn source_of(channel: Option<&str>) -> &'static str {
    match channel {
        Some("voice") => "phone",
        Some("chat") => "chat",
        Some("messaging") => "messaging",
        Some("kiosk") => "kiosk",
        Some("point_of_sale") => "point_of_sale",
        _ => DIRECT,
    }
}

/// The medium of such an arrival.
pub(super) fn medium_of(channel: Option<&str>) -> Option<&'static str> {
    match source_of(channel) {
        DIRECT => None,
        "phone" => Some("voice"),
        other => Some(other),
    }
}

/// The source of an arrival that nothing led to.
pub(super) const DIRECT: &str = "direct";

/// A member of the last leg that has it; where none has, the first column that says something.
fn last_leg(batch: &RecordBatch, member: &str, otherwise: &[&str]) -> Result<Labels, LakeError> {
    let legs: Objects = objects_of(batch, "legs")?;
    let of_legs = legs.texts(member)?;
    let stated = first_of(batch, otherwise)?;
    Ok(each(batch, |row| {
        let last = legs.of(row).rev().find_map(|leg| of_legs.at(leg)).map(str::to_owned);
        let stated = || stated.get(row).cloned().flatten();
        // Who stated the outcome goes before who was last on the line.
        if member == "agent" { stated().or(last) } else { last.or_else(stated) }
    }))
}

fn variants(batch: &RecordBatch) -> Result<Labels, LakeError> {
    let (experiments, variants) = (texts_of(batch, "experiment_id")?, texts_of(batch, "variant")?);
    Ok(each(batch, |row| {
        let variant = variants.at(row)?;
        Some(match experiments.at(row) {
            Some(experiment) => format!("{experiment}/{variant}"),
            None => variant.to_owned(),
        })
    }))
}

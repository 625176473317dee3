//! Bodies to objects, and objects to signals.
use serde_json::value::RawValue;
use sessionary_core::signal::Signal;

use super::{
    event,
    members::Slot,
    reading::Reading,
    report,
    sheet::{Fault, Sheet, check_size},
};
use crate::{
    Context,
    canonical::{BodyError, ItemError, split, text_of},
};

/// Decodes status events: one object, a list, one object a line, or the platform's own envelope
/// `{"count":…,"events":[…]}`. One result for each event, in their order.
///
/// # Errors
/// A body of which nothing can be kept.
pub fn decode_events(
    body: &[u8],
    context: &Context<'_>,
) -> Result<Vec<Result<Signal, ItemError>>, BodyError> {
    let mut signals = Vec::new();
    for text in split(text_of(body)?, &context.limits)? {
        match Sheet::read(text, context) {
            Ok(sheet) => match envelope(&sheet) {
                Some(events) => signals
                    .extend(events.into_iter().map(|raw| one(raw.get(), context, event::signal))),
                None => signals.push(finish(sheet, text, context, event::signal)),
            },
            Err(fault) => signals.push(Err(fault.of(text, None))),
        }
        let most = context.limits.items;
        if signals.len() > most {
            return Err(BodyError::TooManyItems { got: signals.len(), most });
        }
    }
    Ok(signals)
}

/// Decodes session metadata files, mostly one. For each the signals that it implies: the milestones
/// that have a time, and behind them the report of the whole.
///
/// # Errors
/// A body of which nothing can be kept.
pub fn decode_metadata(
    body: &[u8],
    context: &Context<'_>,
) -> Result<Vec<Result<Vec<Signal>, ItemError>>, BodyError> {
    let files = split(text_of(body)?, &context.limits)?;
    Ok(files.into_iter().map(|text| one(text, context, report::signals)).collect())
}

type Finish<T> = fn(Reading<'_>, &Context<'_>) -> Result<T, Fault>;

fn one<T>(text: &str, context: &Context<'_>, make: Finish<T>) -> Result<T, ItemError> {
    let sheet = Sheet::read(text, context).map_err(|fault| fault.of(text, None))?;
    finish(sheet, text, context, make)
}

fn finish<T>(
    sheet: Sheet<'_>,
    text: &str,
    context: &Context<'_>,
    make: Finish<T>,
) -> Result<T, ItemError> {
    let id = sheet.text(Slot::ID).map(|id| id.chars().take(64).collect::<String>());
    let reading = check_size(text, context).and_then(|()| Reading::of(sheet));
    let result = reading.and_then(|reading| make(reading, context));
    result.map_err(|fault| fault.of(text, id.as_deref()))
}

/// The events of an envelope.
fn envelope<'a>(sheet: &Sheet<'a>) -> Option<Vec<&'a RawValue>> {
    let events = sheet.get(Slot::EVENTS).filter(|_| sheet.get(Slot::ID).is_none())?;
    serde_json::from_str(events.get()).ok()
}

//! Three levels of required (D11): what a disposition cannot be without, what is missed with a
//! warning, and what the server itself writes.
use sessionary_core::dictionary::{FIELDS, Field, Required, field};

use super::{PostingContext, Refusal, sheet::Sheet};

/// The fields that the source prints as required and a sender can send: all but the two of the
/// reply. A strict key insists on each.
pub fn printed_as_required() -> impl Iterator<Item = &'static Field> {
    let of_the_reply = [field::API_RESULT_CODE, field::API_RESULT_MESSAGE];
    FIELDS
        .iter()
        .filter(|row| row.required != Required::No)
        .filter(move |row| !of_the_reply.contains(&row.number()))
}

/// Refuses what is missing too much, warns of what is missing.
pub(super) fn check(sheet: &mut Sheet, context: &PostingContext<'_>) -> Result<(), Refusal> {
    let missing: Vec<&Field> =
        printed_as_required().filter(|row| sheet.get(row.number()).is_none()).collect();
    if context.strict && !missing.is_empty() {
        return Err(Refusal::Missing { missing: missing.iter().map(|row| row.name).collect() });
    }
    if sheet.get(field::DISPOSITION_CODE).is_none() {
        return Err(Refusal::NoCode);
    }
    if !can_be_found(sheet) {
        return Err(Refusal::NothingToFindBy);
    }
    for row in missing.iter().filter(|row| row.required == Required::Soft) {
        sheet.warn(format!("missing_{}", row.name));
    }
    Ok(())
}

fn can_be_found(sheet: &Sheet) -> bool {
    let has = |number| sheet.get(number).is_some();
    has(field::SESSION_ID)
        || (has(field::USER_SIGNAL_TYPE) && has(field::USER_SIGNAL_VALUE))
        || has(field::USER_PHONE)
        || (has(field::INTEGRATION_PLATFORM_ID) && has(field::INTEGRATION_USER_ID))
}

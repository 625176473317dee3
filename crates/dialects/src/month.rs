//! Names of months, as files write them.

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// 1 to 12 for an English name in full or cut to three letters or more, in any case, or for the
/// number itself.
pub(crate) fn number(text: &str) -> Option<i8> {
    if let Ok(number @ 1..=12) = text.parse() {
        return Some(number);
    }
    let first_three = text.get(..3)?.to_ascii_lowercase();
    let named = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let at = MONTHS.iter().position(|month| named && *month == first_three)?;
    i8::try_from(at + 1).ok()
}

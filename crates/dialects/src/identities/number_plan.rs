//! Telephone numbers as the number plans of their countries have them.
//!
//! The library has room for 100 compiled patterns and needs about ten a country, so that with
//! numbers of some countries in turn it compiled for milliseconds a number. It is given room for
//! all of them here, and those of a country are put there compiled for plain digits, which is all
//! that it matches: small, and soon compiled.
use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex, PoisonError},
};

use phonenumber::{Metadata, PhoneNumber, country::Id, metadata::DATABASE};
use regex::RegexBuilder;

/// Room for patterns; all plans together have some 2,000 that differ.
const ROOM: usize = 8_192;

/// The number that a text is, by the plan of `country` if it names no country itself.
pub(super) fn parse(country: Option<Id>, text: &str) -> Option<PhoneNumber> {
    make_ready(country, text);
    phonenumber::parse(country, text).ok()
}

/// The number in E.164, if a plan has it.
pub(super) fn valid(country: Option<Id>, text: &str) -> Option<String> {
    let number = parse(country, text)?;
    phonenumber::is_valid(&number).then(|| e164(&number))
}

/// As the library writes it, without looking for a format first.
pub(super) fn e164(number: &PhoneNumber) -> String {
    format!("+{}{}", number.country().code(), number.national())
}

/// What the library has compiled patterns of.
#[derive(Default)]
struct Ready {
    countries: HashSet<Id>,
    codes: HashSet<u16>,
}

static READY: LazyLock<Mutex<Ready>> = LazyLock::new(Mutex::default);

/// Compiles the patterns that a text will be matched with, as far as they are foreseen; the library
/// compiles any other when it comes to it.
fn make_ready(country: Option<Id>, text: &str) {
    let mut ready = READY.lock().unwrap_or_else(PoisonError::into_inner);
    let own = country.and_then(|country| Some((country, DATABASE.by_id(country.as_ref())?)));
    let code =
        if text.starts_with('+') { code_of(text) } else { own.map(|own| own.1.country_code()) };
    if let Some((country, plan)) = own
        && ready.countries.insert(country)
    {
        put(patterns(plan));
    }
    if let Some(code) = code
        && ready.codes.insert(code)
    {
        let plans = DATABASE.by_code(&code).unwrap_or_default();
        // Of countries that share a code the first is tried first, others by their leading digits.
        plans.first().into_iter().for_each(|plan| put(patterns(plan)));
        put(plans.iter().filter_map(|plan| Some(plan.leading_digits()?.as_str())));
    }
}

/// The code that an international number begins with.
fn code_of(text: &str) -> Option<u16> {
    let digits = text.bytes().filter(u8::is_ascii_digit).take(3);
    let mut code = 0;
    let codes = digits.map(|digit| {
        code = code * 10 + u16::from(digit - b'0');
        code
    });
    let codes: Vec<u16> = codes.collect();
    codes.into_iter().find(|code| DATABASE.by_code(code).is_some())
}

/// All that a number of one country is matched with.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the type of a pattern is of a crate that is not ours to name"
)]
fn patterns(plan: &Metadata) -> impl Iterator<Item = &str> {
    let kinds = plan.descriptors();
    let kinds = [
        Some(kinds.general()),
        kinds.fixed_line(),
        kinds.mobile(),
        kinds.toll_free(),
        kinds.premium_rate(),
        kinds.shared_cost(),
        kinds.personal_number(),
        kinds.voip(),
        kinds.pager(),
        kinds.uan(),
        kinds.voicemail(),
    ];
    let kinds = kinds.into_iter().flatten().map(|kind| kind.national_number().as_str());
    let prefixes =
        [plan.international_prefix(), plan.national_prefix_for_parsing(), plan.leading_digits()];
    let prefixes = prefixes.into_iter().flatten().map(|prefix| prefix.as_str());
    kinds.chain(prefixes)
}

/// Gives patterns to the library. One that cannot be compiled for digits alone is left to it.
fn put<'a>(patterns: impl Iterator<Item = &'a str>) {
    let compiled = DATABASE.cache();
    let mut compiled = compiled.lock().unwrap_or_else(PoisonError::into_inner);
    compiled.set_capacity(ROOM);
    for pattern in patterns {
        if !compiled.contains_key(pattern)
            && let Ok(of_digits) = for_digits(pattern)
        {
            compiled.insert(pattern.to_owned(), of_digits);
        }
    }
}

/// As the library compiles it, but for digits of ASCII only: it turns all others into those first.
fn for_digits(pattern: &str) -> Result<regex::Regex, regex::Error> {
    RegexBuilder::new(pattern).ignore_whitespace(true).unicode(false).build()
}

#[cfg(test)]
mod tests {
    use phonenumber::Mode;
    use proptest::prelude::*;

    use super::*;

    /// Compiled as the library does it.
    fn for_any_text(pattern: &str) -> regex::Regex {
        RegexBuilder::new(pattern).ignore_whitespace(true).build().unwrap()
    }

    /// Of some countries, because compiling for any text takes long.
    static COMPILED: LazyLock<Vec<[regex::Regex; 2]>> = LazyLock::new(|| {
        let plans = ["DE", "GB", "IT", "JM", "AR"].map(|id| DATABASE.by_id(id).unwrap());
        let patterns = plans.into_iter().flat_map(patterns);
        patterns.map(|pattern| [for_any_text(pattern), for_digits(pattern).unwrap()]).collect()
    });

    #[test]
    fn every_pattern_can_be_compiled_for_digits() {
        let patterns: HashSet<&str> = DATABASE.iter().flat_map(patterns).collect();
        assert!((1_000..ROOM).contains(&patterns.len()), "{}", patterns.len());
        // The shortest few hundred: debug builds compile slowly.
        let mut patterns: Vec<&str> = patterns.into_iter().collect();
        patterns.sort_unstable_by_key(|pattern| pattern.len());
        assert!(patterns.iter().take(500).all(|pattern| for_digits(pattern).is_ok()));
    }

    proptest! {
        #[test]
        fn what_is_compiled_for_digits_finds_the_same(digits in "[0-9]{2,17}") {
            for [any, of_digits] in COMPILED.iter() {
                let places = |regex: &regex::Regex| {
                    let groups = regex.captures(&digits);
                    groups.map(|groups| groups.iter().map(|group| group.map(|group| group.range())).collect::<Vec<_>>())
                };
                prop_assert_eq!(places(any), places(of_digits), "{}", any);
            }
        }

        #[test]
        fn a_number_is_written_as_the_library_writes_it(text in "\\+?[0-9]{1,3}[ 0-9]{6,12}(x[0-9]{3})?") {
            for country in [None, "US".parse().ok(), "IT".parse().ok()] {
                if let Some(number) = parse(country, &text) {
                    prop_assert_eq!(e164(&number), number.format().mode(Mode::E164).to_string());
                }
            }
        }
    }
}

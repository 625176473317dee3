//! Identities in their matching form: phones as E.164, e-mail and hardware addresses in lower case.
//!
//! The form decides which signals are about the same thing; what was sent is kept beside it.
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use sessionary_core::identity::Identity;

use crate::lately::Lately;

mod number_plan;
use number_plan::valid;

/// Characters that an id or the value of an identity may have.
pub const LENGTH_MAX: usize = 255;

/// An identity of type `kind` whose value was sent as `sent`; `country` is that of phone numbers
/// without a country code.
pub fn identity(kind: &str, sent: &str, country: Option<&str>) -> Identity {
    let sent = sent.trim();
    let changed = match kind {
        "phone" => e164(sent, country),
        "email" | "mac_address" => Some(sent.to_lowercase()),
        _ => None,
    };
    match changed.filter(|value| value != sent) {
        Some(value) => {
            Identity { kind: kind.into(), value: value.into(), original: Some(sent.into()) }
        }
        None => Identity::new(kind, sent),
    }
}

/// An id within a name space, such as a user of one shop; the id alone is kept as it was sent.
pub(crate) fn identity_within(kind: &str, name_space: Option<&str>, sent: &str) -> Identity {
    let Some(name_space) = name_space else { return identity(kind, sent, None) };
    let value = format!("{name_space}:{sent}");
    Identity { kind: kind.into(), value: value.into(), original: Some(sent.into()) }
}

/// Adds `identity` unless the same is there.
pub(crate) fn add(identities: &mut Vec<Identity>, identity: Identity) {
    let same = |other: &Identity| other.kind == identity.kind && other.value == identity.value;
    if !identities.iter().any(same) {
        identities.push(identity);
    }
}

/// Whether `text` can be an id: 1 to 255 characters, none of them a control character.
pub fn is_id(text: &str) -> bool {
    // Nearly every id is of letters, digits and signs of ASCII, which need no closer look.
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return (1..=LENGTH_MAX).contains(&text.len());
    }
    let length = text.chars().take(LENGTH_MAX + 1).count();
    length <= LENGTH_MAX && !text.trim().is_empty() && !text.chars().any(char::is_control)
}

/// The number in E.164, if it is one: read as a number of `country`, else as an international
/// number whose plus sign was left out (D12).
pub fn e164(sent: &str, country: Option<&str>) -> Option<String> {
    // Longer texts are no numbers, and the patterns need not see them.
    if sent.len() > 40 || !sent.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let text = format!("{} {sent}", country.unwrap_or_default());
    if let Some(known) = numbers().get(&text) {
        return known.map(String::from);
    }
    let number = read(sent, country);
    numbers().put(&text, number.as_deref().map(Box::from));
    number
}

/// Numbers that were read lately, by country and text: the same callers come again in many signals,
/// and reading one takes longer than all else in a signal.
fn numbers() -> MutexGuard<'static, Lately<Option<Box<str>>>> {
    static NUMBERS: LazyLock<Mutex<Lately<Option<Box<str>>>>> = LazyLock::new(Mutex::default);
    NUMBERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(sent: &str, country: Option<&str>) -> Option<String> {
    let country = country.and_then(|country| country.to_uppercase().parse().ok());
    if (sent.starts_with('+') || country.is_some())
        && let Some(number) = valid(country, sent)
    {
        return Some(number);
    }
    if sent.starts_with(|first: char| ('1'..='9').contains(&first))
        && let Some(number) = valid(None, &format!("+{sent}"))
    {
        return Some(number);
    }
    unlisted(sent, country)
}

/// A number that the number plan does not know, such as one of a film or a new range: at least its
/// punctuation is not what tells it from another. 10 to 15 digits, by its plus sign or its country.
fn unlisted(sent: &str, country: Option<phonenumber::country::Id>) -> Option<String> {
    let written = |byte: u8| byte.is_ascii_digit() || b"+ -().".contains(&byte);
    let digits = sent.bytes().filter(u8::is_ascii_digit).count();
    if !sent.bytes().all(written) || !(10..=15).contains(&digits) {
        return None;
    }
    if sent.starts_with('+') {
        let digits = sent.chars().filter(char::is_ascii_digit);
        return Some(std::iter::once('+').chain(digits).collect());
    }
    number_plan::parse(Some(country?), sent).map(|number| number_plan::e164(&number))
}

/// The spellings under which what was asked for may be kept: as it came, as a mail address, as a
/// telephone number. The first is the likeliest.
pub fn spellings(asked: &str, country: Option<&str>) -> Vec<String> {
    let mut spellings = vec![asked.to_owned()];
    if asked.contains('@') {
        spellings.push(asked.trim().to_lowercase());
    }
    spellings.extend(e164(asked.trim(), country));
    spellings.dedup();
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(kind: &str, sent: &str, country: Option<&str>, expected: &Expect) {
        let Identity { value, original, .. } = identity(kind, sent, country);
        expected.assert_eq(&match original {
            Some(original) => format!("{value} (sent {original})"),
            None => value.into(),
        });
    }

    #[test]
    fn phones_become_e164_with_the_country_of_the_key() {
        check("phone", "+16195550108", None, &expect!["+16195550108"]);
        check("phone", "16195550108", Some("US"), &expect!["+16195550108 (sent 16195550108)"]);
        check("phone", "16195550108", Some("DE"), &expect!["+16195550108 (sent 16195550108)"]);
        check("phone", "16195550108", None, &expect!["+16195550108 (sent 16195550108)"]);
        check(
            "phone",
            "(619) 555-0108",
            Some("us"),
            &expect!["+16195550108 (sent (619) 555-0108)"],
        );
        check("phone", "030 901820", Some("DE"), &expect!["+4930901820 (sent 030 901820)"]);
        check("phone", "030 901820", None, &expect!["030 901820"]);
        check("phone", "tom@jabber.example", Some("US"), &expect!["tom@jabber.example"]);
        // 555-77 is no exchange of any plan; the same number is still the same.
        check(
            "phone",
            "+1 (555) 777-0002",
            None,
            &expect!["+15557770002 (sent +1 (555) 777-0002)"],
        );
        check(
            "phone",
            "(555) 777-0003",
            Some("US"),
            &expect!["+15557770003 (sent (555) 777-0003)"],
        );
        check("phone", "(555) 777-0003", None, &expect!["(555) 777-0003"]);
    }

    #[test]
    fn a_number_is_the_same_whenever_it_is_asked_for() {
        for (sent, country) in [
            ("(619) 555-0108", Some("US")),
            ("(619) 555-0108", Some("us")),
            ("(619) 555-0108", None),
            ("0236618300", Some("IT")),
            ("+18765550108", None),
            ("030 901820", Some("DE")),
        ] {
            let number = read(sent, country);
            assert_eq!([(); 2].map(|()| e164(sent, country)), [number.clone(), number]);
        }
    }

    #[test]
    fn mail_is_matched_in_lower_case() {
        check(
            "email",
            " Penny.Cache@VectorLane.dev ",
            None,
            &expect!["penny.cache@vectorlane.dev (sent Penny.Cache@VectorLane.dev)"],
        );
        check("cookie", "C1", None, &expect!["C1"]);
    }

    #[test]
    fn an_id_is_short_and_visible() {
        assert!(is_id("Kunde 7 – Süd"));
        assert!(!is_id("") && !is_id("a\nb") && !is_id(&"a".repeat(256)));
        assert!(is_id(&"ä".repeat(255)));
    }
}

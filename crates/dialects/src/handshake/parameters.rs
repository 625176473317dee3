//! Query strings and forms: decoded once (D20), and the short parameters with their base64 (D8).
use std::borrow::Cow;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Pairs of a query string or form in their order, percent signs and plus signs undone once.
pub(super) fn pairs(text: &[u8]) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(text).collect()
}

/// The source gives `TCN` to the name of the campaign and to the content. One `TCN` is the content;
/// of two the first is the name, which is otherwise `TCM` (D1). True if that was so.
pub(super) fn part_the_two_tcn(pairs: &mut [(Cow<'_, str>, Cow<'_, str>)]) -> bool {
    let mut named = pairs.iter_mut().filter(|(name, _)| name == "TCN");
    let (Some((first, _)), Some(_)) = (named.next(), named.next()) else { return false };
    *first = Cow::Borrowed("TCM");
    true
}

/// The text of a value: what stands in square brackets is base64 of it, in either alphabet, with
/// padding or without. What does not decode stays as it is.
pub(super) fn unbracket(value: Cow<'_, str>) -> Cow<'_, str> {
    match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).and_then(base64_text) {
        Some(text) => Cow::Owned(text),
        None => value,
    }
}

fn base64_text(inside: &str) -> Option<String> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    if inside.is_empty() {
        return None;
    }
    // A plus sign that was not escaped came out of the query as a space.
    let standard = inside.replace([' ', '-'], "+").replace('_', "/");
    String::from_utf8(ENGINE.decode(standard).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d8_base64_in_brackets_in_either_alphabet_with_or_without_padding() {
        for sent in ["[aHR0cHM6Ly9hLz8+Pg==]", "[aHR0cHM6Ly9hLz8-Pg]", "[aHR0cHM6Ly9hLz8 Pg]"] {
            assert_eq!(unbracket(sent.into()), "https://a/?>>");
        }
        for sent in ["[]", "[not base64!]", "[/w==]", "aHR0cA==", "[aHR0cA"] {
            assert_eq!(unbracket(sent.into()), sent);
        }
    }

    #[test]
    fn d20_a_query_is_decoded_once() {
        let pairs = pairs(b"TTM=identity%2Bresolution&TSP=Google+Ads&x=%2525");
        let values: Vec<&str> = pairs.iter().map(|(_, value)| &**value).collect();
        assert_eq!(values, ["identity+resolution", "Google Ads", "%25"]);
    }
}

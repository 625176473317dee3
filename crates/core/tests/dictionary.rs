//! The dictionary misses nothing that the sources know, and nothing in it is ambiguous.
//!
//! Fixtures: `handshake.csv`, the fields of the Session Disposition as printed;
//! `other_sources.txt`, member names of the other sources, `first` those of the documents that
//! started this project, `also` those of their later versions; `concepts.txt`, the crosswalk.
use std::collections::BTreeSet;

use sessionary_core::dictionary::{
    FIELDS, Field, FieldType, Member, Required, Source, by_member, by_name, by_number,
    by_parameter, field,
};

const HANDSHAKE: &str = include_str!("dictionary/handshake.csv");
const OTHER_SOURCES: &str = include_str!("dictionary/other_sources.txt");
const CONCEPTS: &str = include_str!("dictionary/concepts.txt");

#[test]
fn rows_are_sorted_by_number_and_no_number_comes_twice() {
    assert!(FIELDS.is_sorted_by(|one, next| one.number < next.number));
}

#[test]
fn no_name_signal_name_parameter_member_or_record_path_comes_twice() {
    fn assert_unique(what: &str, words: impl Iterator<Item = &'static str>) {
        let mut seen = BTreeSet::new();
        for word in words.filter(|word| !word.is_empty()) {
            assert!(seen.insert(word), "{what} {word} comes twice");
        }
    }
    assert_unique("name", FIELDS.iter().map(|row| row.name));
    let signal_names = |row: &'static Field| row.aliases.iter().chain([&row.signal_name]).copied();
    assert_unique("signal name", FIELDS.iter().flat_map(signal_names));
    assert_unique("parameter", FIELDS.iter().filter_map(|row| row.parameter));
    assert_unique("member", FIELDS.iter().map(|row| row.member));
    assert_unique("record path", FIELDS.iter().map(|row| row.record));
}

#[test]
fn no_member_is_also_an_object_that_holds_members() {
    for row in FIELDS {
        assert!(
            matches!(by_member(row.member), Some(Member::Field(found)) if found.number == row.number)
        );
        for other in FIELDS {
            let inside =
                other.member.strip_prefix(row.member).is_some_and(|rest| rest.starts_with('.'));
            assert!(!inside, "{} is inside {}", other.member, row.member);
            let inside =
                other.record.strip_prefix(row.record).is_some_and(|rest| rest.starts_with('.'));
            assert!(row.record.is_empty() || !inside, "{} is inside {}", other.record, row.record);
        }
    }
}

#[test]
fn every_row_says_what_it_is() {
    for row in FIELDS {
        assert!(!row.label.is_empty() && !row.concept.is_empty(), "{}", row.name);
        assert!(row.about.ends_with('.'), "{}", row.name);
        assert!(
            row.name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        );
    }
}

/// What the source prints as the type, as a type of ours. Texts with `|` are lists to us.
fn type_of(printed: &str, row: &Field) -> FieldType {
    match printed {
        "DateTime" => FieldType::Instant,
        "Unsigned Integer" => FieldType::Number,
        "Decimal" | "Double" => FieldType::Decimal,
        "JSON" => FieldType::Json,
        _ if row.name.starts_with("commerce_items_") => FieldType::Texts,
        _ if row.name == "commerce_upsell_skus" => FieldType::Texts,
        "String" => FieldType::Text,
        other => panic!("no such type: {other}"),
    }
}

#[test]
fn the_79_fields_of_the_handshake_are_as_printed() {
    let mut count = 0;
    let mut asked_for = 0;
    for line in HANDSHAKE.lines().skip(1) {
        let [name, kind, required, parameter, number, signal_name] =
            line.split(',').collect::<Vec<_>>().try_into().unwrap();
        count += 1;
        let row = by_name(name).unwrap_or_else(|| panic!("no row for {name}"));
        assert_eq!(row.name, name);
        assert_eq!(row.kind, type_of(kind, row), "{name}");
        assert_eq!(row.required != Required::No, required == "Yes", "{name}");
        asked_for += usize::from(required == "Yes");
        let number = if number.is_empty() {
            (1001..=1004).contains(&row.number)
        } else {
            number == row.number.to_string()
        };
        assert!(number, "{name}");
        // D2: the misspelt signal name is read, the right one is written.
        assert!(signal_name.is_empty() || by_name(signal_name).unwrap().number == row.number);
        // D1: the name of the campaign is printed with the parameter of the content.
        let parameter = if name == "session_tracking_campaign_name" { "TCM" } else { parameter };
        assert_eq!(row.parameter.unwrap_or_default(), parameter, "{name}");
    }
    assert_eq!((count, asked_for), (79, 17));
    assert_eq!(FIELDS.iter().filter(|row| row.number <= 1004).count(), 79);
}

#[test]
fn signal_names_that_differ_from_the_names_are_the_table_s() {
    // D3: neither is derived from the other.
    assert_eq!(by_name("ANI").unwrap().name, "user_phone");
    assert_eq!(by_name("SegmentCode").unwrap().name, "api_segment");
    assert_eq!(by_name("SessionTrackingCampaigName").unwrap().number(), field::CAMPAIGN_NAME);
    assert_eq!(by_parameter("TCN").unwrap().number(), field::TRACKING_CONTENT);
    assert_eq!(by_parameter("TCM").unwrap().number(), field::CAMPAIGN_NAME);
    // D4: the holes are no rows.
    assert!(by_number(sessionary_core::signal::FieldNumber(110)).is_none());
    assert!(by_number(sessionary_core::signal::FieldNumber(416)).is_none());
}

#[test]
fn no_field_of_the_other_sources_is_missing() {
    let mut first = [0, 0, 0];
    for line in OTHER_SOURCES.lines() {
        let [source, version, path] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let (at, source) = match source {
            "genesys" => (0, Source::Genesys),
            "ccai" => (1, Source::Ccai),
            _ => (2, Source::Tropo),
        };
        let known = FIELDS.iter().any(|row| row.sources.contains(&(source, path)));
        assert!(known, "no row names {source:?} {path}");
        first[at] += usize::from(version == "first");
    }
    // 45 paths stand for the 39 labels of CCAI.
    assert_eq!(first, [42, 45, 14]);
}

#[test]
fn every_concept_of_the_crosswalk_has_a_row() {
    for concept in CONCEPTS.lines() {
        assert!(FIELDS.iter().any(|row| row.concept == concept), "no row for {concept}");
    }
}

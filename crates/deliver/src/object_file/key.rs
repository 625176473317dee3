//! The name of an object, made so that no value can lead out of its folder.
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{template::Template, values::Values};

/// What is kept as it is in a name, besides letters and digits.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'@')
    .remove(b'+')
    .remove(b'=')
    .remove(b',');
/// Bytes of one value in a name; a longer one is cut and told apart by a hash.
const VALUE_BYTES_MAX: usize = 120;

/// A template for the name of an object.
#[derive(Debug)]
pub(super) struct Key {
    template: Template,
}

impl Key {
    /// Refuses what could not be a name: an empty part, `.` and `..`.
    pub(super) fn parse(text: &str) -> Result<Key, String> {
        if let Some(part) = text.split('/').find(|part| matches!(*part, "" | "." | "..")) {
            return Err(format!("{text:?} has a part {part:?}; write names with `/` between them"));
        }
        let template = Template::parse(text).map_err(|error| error.to_string())?;
        if !template.names("session_id") && !template.names("id") {
            return Err(format!(
                "{text:?} would be the same for every session; use {{session_id}} or {{id}}"
            ));
        }
        Ok(Key { template })
    }

    /// Whether each revision has a name of its own.
    pub(super) fn is_of_one_revision(&self) -> bool {
        self.template.names("revision")
            || self.template.names("id")
            || self.template.names("file_name")
    }

    pub(super) fn fill(&self, values: &Values<'_>) -> String {
        self.template.fill_with(values, clean)
    }
}

/// A value as part of a name: never empty, never a way up, never with a `/`.
fn clean(value: &str) -> String {
    if value.is_empty() {
        return "-".to_owned();
    }
    if value.bytes().all(|byte| byte == b'.') {
        return value.replace('.', "%2E");
    }
    let safe = utf8_percent_encode(value, KEPT).to_string();
    match safe.get(..VALUE_BYTES_MAX) {
        Some(beginning) if safe.len() > VALUE_BYTES_MAX => {
            let hash = blake3::hash(value.as_bytes()).to_hex();
            format!("{beginning}-{}", hash.get(..16).unwrap_or_default())
        }
        _ => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::tests::{with_record, with_sample};
    use expect_test::{Expect, expect};
    use object_store::path::Path;
    use proptest::prelude::*;

    fn check(text: &str, expected: &Expect) {
        let filled = match Key::parse(text) {
            Ok(key) => with_sample(|values| key.fill(values)),
            Err(why) => format!("error: {why}"),
        };
        expected.assert_eq(&filled);
    }

    #[test]
    fn a_name_is_made_of_values() {
        check(
            "{tenant}/{date}/{session_id}.r{revision}.json",
            &expect!["1/2025-06-30/0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67.r2.json"],
        );
        check(
            "{person.name.full}/{person.fax}/{session_id}",
            &expect!["Ada%20O%27Neil/-/0197c1b0-2800-7a3c-9d11-5f2e8c0a4b67"],
        );
        check(
            "same.json",
            &expect![[
                r#"error: "same.json" would be the same for every session; use {session_id} or {id}"#
            ]],
        );
        check(
            "../{session_id}",
            &expect![[
                r#"error: "../{session_id}" has a part ".."; write names with `/` between them"#
            ]],
        );
        check(
            "/{session_id}",
            &expect![[
                r#"error: "/{session_id}" has a part ""; write names with `/` between them"#
            ]],
        );
        check(
            "{sesion}",
            &expect![
                "error: `{sesion}` is no name; a path of the record has dots, such as `record.channel`; known are id, event, tenant, session_id, revision, attempt, hops, at, now, date, format, file_name, summary, body"
            ],
        );
    }

    proptest! {
        #[test]
        fn no_value_leads_out(value in any::<String>(), dots in "[./\\\\%]{0,8}") {
            for value in [value, dots] {
                let record = serde_json::json!({"a": {"b": value}});
                let key = Key::parse("in/{a.b}/{session_id}").unwrap();
                let filled = with_record(&record, |values| key.fill(values));
                let path = Path::parse(&filled).unwrap();
                prop_assert_eq!(path.parts().count(), 3);
                prop_assert!(filled.starts_with("in/") && !filled.contains("/../"));
            }
        }
    }
}

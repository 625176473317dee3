//! What a client sets and shows of its connection. Little of it means anything here: times are told in
//! UTC and texts are UTF-8, whatever was asked for.
use std::{collections::BTreeMap, time::Duration};

use sessionary_lake::sql::postgres::RELEASE;

use super::failure::Failure;

/// A variable: its name, its default, and how it may be set.
struct Variable {
    name: &'static str,
    default: &'static str,
    takes: Takes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Anything, and it is shown from then on.
    Any,
    /// Anything, and it stays as it is.
    Kept,
    /// A length of time.
    Time,
    /// Nothing else than what it is.
    Same,
}

/// In the order of their names. Clients are told of those with a capital, and of a few others, when
/// they connect.
#[rustfmt::skip]
const VARIABLES: [Variable; 37] = [
    variable("application_name", "", Takes::Any),
    variable("backslash_quote", "safe_encoding", Takes::Any),
    variable("bytea_output", "hex", Takes::Kept),
    variable("client_encoding", "UTF8", Takes::Same),
    variable("client_min_messages", "notice", Takes::Any),
    variable("DateStyle", "ISO, YMD", Takes::Kept),
    variable("default_transaction_isolation", "read committed", Takes::Any),
    variable("default_transaction_read_only", "on", Takes::Kept),
    variable("enable_seqscan", "on", Takes::Any),
    variable("escape_string_warning", "on", Takes::Any),
    variable("extra_float_digits", "1", Takes::Any),
    variable("geqo", "on", Takes::Any),
    variable("idle_in_transaction_session_timeout", "0", Takes::Any),
    variable("idle_session_timeout", "0", Takes::Any),
    variable("in_hot_standby", "off", Takes::Kept),
    variable("integer_datetimes", "on", Takes::Kept),
    variable("IntervalStyle", "postgres", Takes::Kept),
    variable("is_superuser", "off", Takes::Kept),
    variable("jit", "off", Takes::Any),
    variable("lc_collate", "C", Takes::Kept),
    variable("lc_ctype", "C", Takes::Kept),
    variable("lock_timeout", "0", Takes::Any),
    variable("max_identifier_length", "63", Takes::Kept),
    variable("max_index_keys", "32", Takes::Kept),
    variable("row_security", "on", Takes::Any),
    variable("search_path", "public", Takes::Kept),
    variable("server_encoding", "UTF8", Takes::Kept),
    variable("server_version", RELEASE, Takes::Kept),
    variable("server_version_num", "160006", Takes::Kept),
    variable("session_authorization", "", Takes::Kept),
    variable("standard_conforming_strings", "on", Takes::Kept),
    variable("statement_timeout", "0", Takes::Time),
    variable("TimeZone", "UTC", Takes::Kept),
    variable("transaction_isolation", "read committed", Takes::Kept),
    variable("transaction_read_only", "on", Takes::Kept),
    variable("work_mem", "4MB", Takes::Any),
    variable("xmloption", "content", Takes::Any),
];

/// What clients are told when they connect.
const TOLD: [&str; 13] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

const fn variable(name: &'static str, default: &'static str, takes: Takes) -> Variable {
    Variable { name, default, takes }
}

fn find(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name.eq_ignore_ascii_case(name))
}

/// The variables of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    set: BTreeMap<String, String>,
    user: String,
}

impl Variables {
    pub(super) fn new(user: &str) -> Variables {
        Variables { set: BTreeMap::new(), user: user.to_owned() }
    }

    /// Sets one, or takes it back; gives what the client is to be told of it.
    pub(super) fn set(
        &mut self,
        name: &str,
        value: Option<&str>,
    ) -> Result<Option<(&'static str, String)>, Failure> {
        let Some(variable) = find(name) else {
            // Clients may have names of their own, with a point.
            return if name.contains('.') { Ok(None) } else { Err(unknown(name)) };
        };
        match (variable.takes, value) {
            (Takes::Any | Takes::Time, None) => {
                self.set.remove(variable.name);
            }
            (Takes::Time, Some(value)) => {
                let time = milliseconds(value).ok_or_else(|| invalid(variable, value))?;
                self.set.insert(variable.name.to_owned(), time.to_string());
            }
            (Takes::Any, Some(value)) => {
                self.set.insert(variable.name.to_owned(), value.chars().take(256).collect());
            }
            (Takes::Same, Some(value)) if !is_utf8(value) => {
                return Err(invalid(variable, value));
            }
            (Takes::Same | Takes::Kept, _) => {}
        }
        let is_told = TOLD.contains(&variable.name);
        Ok(is_told.then(|| (variable.name, self.of(variable))))
    }

    /// Takes everything back.
    pub(super) fn reset(&mut self) {
        self.set.clear();
    }

    /// What one is now, with the name that it is shown by.
    pub(super) fn show(&self, name: &str) -> Result<(&'static str, String), Failure> {
        find(name).map(|it| (it.name, self.of(it))).ok_or_else(|| unknown(name))
    }

    fn of(&self, variable: &Variable) -> String {
        match variable.name {
            "session_authorization" => self.user.clone(),
            name => self.set.get(name).cloned().unwrap_or_else(|| variable.default.to_owned()),
        }
    }

    /// What the client is told when it connects.
    pub(super) fn told(&self) -> Vec<(&'static str, String)> {
        TOLD.iter().filter_map(|name| self.show(name).ok()).collect()
    }

    /// All of them, by their names in small letters.
    pub(super) fn all(&self) -> BTreeMap<String, String> {
        VARIABLES.iter().map(|it| (it.name.to_lowercase(), self.of(it))).collect()
    }

    /// How long the client lets a query take; `None`: as long as it may.
    pub(super) fn statement_timeout(&self) -> Option<Duration> {
        let set = self.set.get("statement_timeout")?.parse().ok()?;
        (set > 0).then(|| Duration::from_millis(set))
    }
}

fn unknown(name: &str) -> Failure {
    Failure::error(
        "42704",
        format!("there is no setting \"{name}\"; what is set here has no effect"),
    )
}

fn invalid(variable: &Variable, value: &str) -> Failure {
    Failure::error("22023", format!("`{}` cannot be {value:?}", variable.name))
}

fn is_utf8(value: &str) -> bool {
    let letters: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    matches!(letters.to_ascii_lowercase().as_str(), "utf8" | "unicode" | "sqlascii")
}

/// `5000`, `5s`, `1min`: whole numbers with a unit, milliseconds without one.
fn milliseconds(value: &str) -> Option<u64> {
    let value = value.trim();
    let at = value.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(at)?;
    let times = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_there() {
        assert_eq!(Variables::new("shop").told().len(), TOLD.len());
        let names: Vec<String> = VARIABLES.iter().map(|it| it.name.to_lowercase()).collect();
        assert!(names.is_sorted());
    }

    #[test]
    fn a_client_sets_what_means_nothing_and_its_own_patience() {
        let mut variables = Variables::new("shop");
        assert_eq!(
            variables.set("timezone", Some("Europe/Berlin")),
            Ok(Some(("TimeZone", "UTC".into())))
        );
        assert_eq!(variables.set("extra_float_digits", Some("3")), Ok(None));
        assert_eq!(variables.show("extra_float_digits"), Ok(("extra_float_digits", "3".into())));
        assert_eq!(variables.set("statement_timeout", Some("2s")), Ok(None));
        assert_eq!(variables.statement_timeout(), Some(Duration::from_secs(2)));
        variables.set("statement_timeout", None).unwrap();
        assert_eq!(variables.statement_timeout(), None);
        assert_eq!(variables.set("client_encoding", Some("latin1")).unwrap_err().code, "22023");
        assert_eq!(variables.set("client_encoding", Some("utf-8")).unwrap().unwrap().1, "UTF8");
        assert_eq!(variables.set("nonsense", Some("1")).unwrap_err().code, "42704");
        assert_eq!(variables.set("my.own", Some("1")), Ok(None));
        assert_eq!(variables.show("session_authorization").unwrap().1, "shop");
    }
}

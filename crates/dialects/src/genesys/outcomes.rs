//! Outcomes that were achieved and segments that were assigned, as the vendor lists them.
//!
//! The record has them in the vendor's own shape where a session was imported with them, and as
//! `{id, at}` where they were found here.
use serde_json::{Value as Json, json};

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) at: String,
    /// The signal that reached it, where it is known.
    pub(super) signal: Option<String>,
}

/// What the vendor calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Outcome,
    Segment,
}

impl Goal {
    /// The member of our record.
    fn record(self) -> &'static str {
        match self {
            Goal::Outcome => "outcomes",
            Goal::Segment => "segments",
        }
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Goal::Outcome => ("outcome", "achievedDate"),
            Goal::Segment => ("segment", "assignedDate"),
        }
    }

    /// Where the vendor serves its definition.
    pub(super) fn uri(self, id: &str) -> String {
        format!("/api/v2/journey/{}/{id}", self.record())
    }

    /// Those of a record, in its order.
    pub(super) fn of_record(self, record: &Json) -> Vec<Reached> {
        let listed = record.get(self.record()).and_then(Json::as_array);
        listed.into_iter().flatten().filter_map(|item| self.read(item)).collect()
    }

    fn read(self, item: &Json) -> Option<Reached> {
        let (goal, date) = self.names();
        let text = |json: &Json, name: &str| json.get(name)?.as_str().map(str::to_owned);
        let inner = item.get(goal).unwrap_or(item);
        Some(Reached {
            id: text(inner, "id")?,
            name: text(inner, "name").or_else(|| text(inner, "displayName")),
            at: text(item, date).or_else(|| text(item, "at"))?,
            signal: text(item, "signal"),
        })
    }

    /// The list in a session.
    pub(super) fn listed(self, record: &Json) -> Option<Json> {
        let (goal, date) = self.names();
        let reached = self.of_record(record);
        let told = |reached: &Reached| {
            let uri = self.uri(&reached.id);
            json!({goal: {"id": reached.id, "selfUri": uri}, date: reached.at})
        };
        (!reached.is_empty()).then(|| reached.iter().map(told).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn both_shapes_are_told_in_one() {
        let record = json!({"outcomes": [
            {"outcome": {"id": "o1", "selfUri": "/x"}, "achievedDate": "2026-01-02T03:04:05.000Z"},
            {"id": "o2", "name": "Bought", "at": "2026-01-02T03:05:05.000Z", "signal": "s"},
            {"id": 7}, "junk",
        ], "segments": "none"});
        expect![[r#"[{"achievedDate":"2026-01-02T03:04:05.000Z","outcome":{"id":"o1","selfUri":"/api/v2/journey/outcomes/o1"}},{"achievedDate":"2026-01-02T03:05:05.000Z","outcome":{"id":"o2","selfUri":"/api/v2/journey/outcomes/o2"}}]"#]]
            .assert_eq(&Goal::Outcome.listed(&record).unwrap().to_string());
        assert_eq!(Goal::Segment.listed(&record), None);
    }
}

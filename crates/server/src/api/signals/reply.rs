//! The reply to posted signals: its JSON text, written into one buffer.
use serde::{Serialize, Serializer};
use sessionary_core::id::SessionId;
use sessionary_dialects::canonical::ItemError;
use sessionary_engine::{Verdict, VerdictStatus};

/// What an item of the body was.
pub(in crate::api) enum Shape {
    /// A signal, with the end of its id among the ids.
    Signal {
        /// In bytes.
        id_ends_at: usize,
    },
    /// Something that went to quarantine.
    Aside(ItemError),
}

/// The reply. `ids` are those of the signals one behind the other; verdicts and quarantine ids
/// stand in the order of the items that they belong to.
pub(in crate::api) fn text(
    ids: &str,
    shapes: &[Shape],
    verdicts: &[Verdict],
    quarantine: &[String],
) -> String {
    let count = |status| verdicts.iter().filter(|verdict| verdict.status == status).count();
    let reply = Reply {
        accepted: count(VerdictStatus::Accepted),
        conflicts: count(VerdictStatus::Conflict),
        duplicates: count(VerdictStatus::Duplicate),
        quarantined: quarantine.len(),
        results: Results { ids, shapes, verdicts, quarantine },
    };
    let mut json = Vec::with_capacity(ids.len() + shapes.len() * ROOM + ROOM);
    serde_json::to_writer(&mut json, &reply).expect("memory takes all of it");
    String::from_utf8(json).expect("JSON is text")
}

/// Bytes of one result without its id, and of the reply without its results.
const ROOM: usize = 96;

/// Members stand in alphabetical order.
#[derive(Serialize)]
struct Reply<'a> {
    accepted: usize,
    conflicts: usize,
    duplicates: usize,
    quarantined: usize,
    results: Results<'a>,
}

struct Results<'a> {
    ids: &'a str,
    shapes: &'a [Shape],
    verdicts: &'a [Verdict],
    quarantine: &'a [String],
}

#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Signal {
        id: &'a str,
        #[serde(serialize_with = "as_text")]
        session_id: Option<SessionId>,
        status: Option<&'static str>,
    },
    Aside {
        code: &'static str,
        detail: &'a str,
        field: Option<&'a str>,
        id: Option<&'a str>,
        quarantine_id: Option<&'a str>,
        session_id: (),
        status: &'static str,
    },
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut id_starts_at = 0;
        let mut verdicts = self.verdicts.iter();
        let mut quarantine = self.quarantine.iter();
        serializer.collect_seq(self.shapes.iter().map(|shape| match shape {
            Shape::Signal { id_ends_at } => {
                let id = self.ids.get(id_starts_at..*id_ends_at).unwrap_or_default();
                id_starts_at = *id_ends_at;
                let verdict = verdicts.next();
                let status = verdict.map(|verdict| word(verdict.status));
                Row::Signal { id, session_id: verdict.map(|verdict| verdict.session), status }
            }
            Shape::Aside(error) => Row::Aside {
                code: error.code,
                detail: &error.detail,
                field: error.field.as_deref(),
                id: error.id.as_deref(),
                quarantine_id: quarantine.next().map(String::as_str),
                session_id: (),
                status: "quarantined",
            },
        }))
    }
}

fn word(status: VerdictStatus) -> &'static str {
    match status {
        VerdictStatus::Accepted => "accepted",
        VerdictStatus::Duplicate => "duplicate",
        VerdictStatus::Conflict => "conflict",
    }
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn as_text<S: Serializer>(id: &Option<SessionId>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use sessionary_core::time::UnixMillis;

    #[test]
    fn each_item_has_its_result_in_its_place() {
        let session = SessionId::mint(UnixMillis(1_767_607_200_000), 5, [7; 16]);
        let verdict = |status| Verdict { status, session };
        let error = ItemError {
            code: "missing_type",
            detail: "`type` is \"missing\"".to_owned(),
            field: Some("type".to_owned()),
            raw: Vec::new(),
            id: None,
        };
        let shapes = [
            Shape::Signal { id_ends_at: 2 },
            Shape::Aside(error),
            Shape::Signal { id_ends_at: 6 },
            Shape::Signal { id_ends_at: 7 },
        ];
        let verdicts = [verdict(VerdictStatus::Accepted), verdict(VerdictStatus::Duplicate)];
        let text = text("e1\"ä\\7", &shapes, &verdicts, &["q1".to_owned()]);
        expect![[r#"
            {"accepted":1,"conflicts":0,"duplicates":1,"quarantined":1,"results":[{"id":"e1","session_id":"019b8d99-6900-7107-9707-070707070707","status":"accepted"},
            {"code":"missing_type","detail":"`type` is \"missing\"","field":"type","id":null,"quarantine_id":"q1","session_id":null,"status":"quarantined"},
            {"id":"\"ä\\","session_id":"019b8d99-6900-7107-9707-070707070707","status":"duplicate"},
            {"id":"7","session_id":null,"status":null}]}"#]].assert_eq(&text.replace("},{", "},\n{"));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value.to_string(), text, "members are sorted");
    }
}

//! The documents that an application answers with: `{"tropo": [{verb: arguments}, …]}`, run in order.
//!
//! Read leniently, as applications were written against several libraries: one object or a list of
//! them, arguments that are missing, verbs that nobody knows.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    pub(super) verbs: Vec<Verb>,
}

/// What an application answered that is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the application's answer is no document: {0}; it should be {{\"tropo\": [{{…}}]}}")]
pub struct NotADocument(String);

/// One verb.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Verb {
    /// Texts to send.
    Say(Vec<String>),
    /// One input to take.
    Ask(Box<Ask>),
    /// Where a result of the document goes.
    On(Vec<On>),
    /// The end.
    Hangup,
    /// No session at all.
    Reject,
    /// Whether texts are still to be kept.
    Log {
        /// They are not.
        suppress: bool,
    },
    /// What cannot be done in a text session; its action fails.
    Fails {
        /// The verb.
        verb: String,
        /// The name of its action.
        name: Option<String>,
    },
    /// What is kept, and not done here.
    Kept {
        /// The verb.
        verb: String,
        /// Its arguments, as JSON text.
        arguments: String,
    },
    /// What has no effect here.
    Nothing,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) name: Option<String>,
    pub(super) choices: String,
    pub(super) attempts: u64,
    pub(super) required: bool,
    /// Seconds to wait, where the application states it.
    pub(super) timeout_s: Option<u64>,
    pub(super) says: Vec<Said>,
}

/// A text of a question: the question itself, or what is said when an event befalls it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) event: Option<String>,
    pub(super) text: String,
}

/// Where a result goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct On {
    pub(super) event: String,
    pub(super) next: Option<String>,
}

impl Document {
    /// Reads an answer's body; an empty one has no verbs.
    ///
    /// # Errors
    /// It is no JSON object with a list `tropo`.
    pub fn parse(body: &[u8]) -> Result<Document, NotADocument> {
        if body.trim_ascii().is_empty() {
            return Ok(Document::default());
        }
        let text = super::text_of(body);
        let whole: Value =
            serde_json::from_str(&text).map_err(|error| NotADocument(error.to_string()))?;
        let list = match whole.get("tropo") {
            Some(Value::Array(list)) => list,
            Some(Value::Null) => return Ok(Document::default()),
            _ => return Err(NotADocument("there is no list `tropo`".to_owned())),
        };
        let objects = list.iter().filter_map(Value::as_object);
        let verbs = objects.flatten().map(|(name, arguments)| verb(name, arguments));
        Ok(Document { verbs: verbs.collect() })
    }
}

impl Document {
    /// Where results of it may go, as the application spells it.
    pub fn nexts(&self) -> impl Iterator<Item = &str> {
        let declared = self.verbs.iter().filter_map(|verb| match verb {
            Verb::On(on) => Some(on),
            _ => None,
        });
        declared.flatten().filter_map(|on| on.next.as_deref())
    }
}

fn verb(name: &str, arguments: &Value) -> Verb {
    match name {
        "say" => Verb::Say(each(arguments).filter_map(|say| text(say, "value")).collect()),
        "ask" => match arguments.as_object() {
            Some(arguments) => Verb::Ask(Box::new(ask(arguments))),
            None => Verb::Nothing,
        },
        "on" => Verb::On(each(arguments).filter_map(on).collect()),
        "hangup" => Verb::Hangup,
        "reject" => Verb::Reject,
        "generalLogSecurity" => Verb::Log { suppress: arguments.as_str() == Some("suppress") },
        "wait" | "answer" => Verb::Nothing,
        "record" | "call" | "conference" => {
            let name_of_action = arguments.as_object().and_then(|known| text(known, "name"));
            Verb::Fails { verb: name.to_owned(), name: name_of_action }
        }
        _ => Verb::Kept { verb: name.to_owned(), arguments: arguments.to_string() },
    }
}

/// The object, or each of a list of them.
fn each(value: &Value) -> Box<dyn Iterator<Item = &Map<String, Value>> + '_> {
    match value {
        Value::Array(list) => Box::new(list.iter().filter_map(Value::as_object)),
        value => Box::new(value.as_object().into_iter()),
    }
}

fn text(of: &Map<String, Value>, name: &str) -> Option<String> {
    match of.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number(of: &Map<String, Value>, name: &str) -> Option<u64> {
    match of.get(name)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn ask(arguments: &Map<String, Value>) -> Ask {
    let choices = match arguments.get("choices") {
        Some(Value::Object(choices)) => text(choices, "value"),
        Some(Value::String(choices)) => Some(choices.clone()),
        _ => None,
    };
    let said = |say: &Map<String, Value>| {
        Some(Said { event: text(say, "event"), text: text(say, "value")? })
    };
    Ask {
        name: text(arguments, "name"),
        choices: choices.unwrap_or_else(|| "[ANY]".to_owned()),
        attempts: number(arguments, "attempts").unwrap_or(1).max(1),
        required: arguments.get("required") != Some(&Value::Bool(false)),
        timeout_s: number(arguments, "timeout"),
        says: arguments
            .get("say")
            .map(|says| each(says).filter_map(said).collect())
            .unwrap_or_default(),
    }
}

fn on(arguments: &Map<String, Value>) -> Option<On> {
    Some(On { event: text(arguments, "event")?, next: text(arguments, "next") })
}

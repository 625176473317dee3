//! A text session, played for an application that has outlived its platform.
//!
//! Pure: [`Dialogue::run`] goes through a document up to where somebody else is to act, and says
//! who. The first text of the person answers the first `ask`, of whatever document, without the
//! question being put.
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sessionary_core::time::UnixMillis;

use super::{
    choices::Choices,
    document::{Ask, Document, On, Verb},
};

/// Documents that one session may run; more is an application that calls itself.
const DOCUMENTS_MAX: u32 = 50;

/// How a session begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    /// The platform's id of it.
    pub session: String,
    /// Who writes.
    pub from: String,
    /// To whom.
    pub to: String,
    /// By which network, such as SMS.
    pub network: String,
    /// What; empty where nothing was written yet.
    pub text: String,
    /// When.
    pub at: UnixMillis,
}

impl Beginning {
    /// The payload that the platform would post.
    pub fn payload(&self) -> String {
        let party = |id: &str| json!({ "id": id, "name": "unknown", "channel": "TEXT", "network": self.network });
        let text = Some(&self.text).filter(|text| !text.is_empty());
        json!({ "session": {
            "id": self.session,
            "accountId": "",
            "timestamp": self.at.to_string(),
            "userType": "HUMAN",
            "initialText": text,
            "to": party(&self.to),
            "from": party(&self.from),
            "headers": {},
        }})
        .to_string()
    }
}

/// Something that was said, or kept, on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    /// A text of the person.
    Person(String),
    /// A text of the application.
    Application(String),
    /// A verb that is kept and not done here, with its arguments as JSON text.
    Verb(String, String),
}

/// What the person is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The name of the action.
    pub name: Option<String>,
    /// The grammar.
    pub choices: String,
    /// Which attempt this is, from 1.
    pub attempt: u64,
    /// Of how many.
    pub attempts: u64,
}

/// Who is to act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The person.
    Waits(Question),
    /// The application: a result for the URL that it named.
    Post {
        /// Absolute, or relative to the URL of the document.
        next: String,
        /// The payload.
        payload: String,
        /// Whether the session is over, whatever the application answers.
        is_last: bool,
    },
    /// Nobody.
    Over(&'static str),
}

/// A session on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialogue {
    beginning: Beginning,
    /// A text that no question has taken yet.
    unasked: Option<String>,
    asking: Option<Asking>,
    verbs: VecDeque<Verb>,
    on: Vec<On>,
    actions: Vec<Value>,
    has_failed: bool,
    sequence: u64,
    documents: u32,
    is_logged: bool,
    lines: Vec<(Line, bool)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asking {
    ask: Ask,
    attempt: u64,
    since: UnixMillis,
}

impl Dialogue {
    /// A session whose first document is awaited.
    pub fn begin(beginning: Beginning) -> Dialogue {
        let text = Some(beginning.text.clone()).filter(|text| !text.is_empty());
        let lines = text.iter().cloned().map(|text| (Line::Person(text), true)).collect();
        Dialogue {
            beginning,
            unasked: text,
            asking: None,
            verbs: VecDeque::new(),
            on: Vec::new(),
            actions: Vec::new(),
            has_failed: false,
            sequence: 0,
            documents: 0,
            is_logged: true,
            lines,
        }
    }

    /// How it began.
    pub fn beginning(&self) -> &Beginning {
        &self.beginning
    }

    /// Takes the next document of the application.
    pub fn take(&mut self, document: Document) {
        self.verbs = document.verbs.into();
        self.on.clear();
        self.actions.clear();
        self.has_failed = false;
        self.documents += 1;
    }

    /// Hears the person; `None`: they said nothing.
    pub fn hear(&mut self, text: Option<&str>, now: UnixMillis) {
        if let Some(text) = text {
            self.lines.push((Line::Person(text.to_owned()), self.is_logged));
        }
        let Some(Asking { ask, attempt, since }) = self.asking.take() else {
            self.unasked = text.map(str::to_owned).or(self.unasked.take());
            return;
        };
        let waited_s = u64::try_from(now.since(since).0).unwrap_or(0) / 1_000;
        let is_late = ask.timeout_s.is_some_and(|timeout| waited_s > timeout);
        if let Some(text) = text.filter(|_| !is_late) {
            return self.answer(ask, attempt, text, now);
        }
        // What comes too late answers the next question.
        self.unasked = text.map(str::to_owned);
        let action = action(&ask, attempt, "TIMEOUT", None, None);
        self.fail(&ask, action);
    }

    /// Goes on up to where somebody else is to act.
    pub fn run(&mut self, now: UnixMillis) -> Step {
        if self.documents > DOCUMENTS_MAX {
            return Step::Over("too_many_documents");
        }
        loop {
            if let Some(question) = self.question() {
                return Step::Waits(question);
            }
            let Some(verb) = self.verbs.pop_front() else { break };
            match verb {
                Verb::Say(texts) => {
                    for text in texts {
                        self.lines.push((Line::Application(text), self.is_logged));
                    }
                }
                Verb::Ask(ask) => self.ask(*ask, now),
                Verb::On(on) => self.on.extend(on),
                Verb::Hangup => return self.end("hangup", now),
                Verb::Reject => return self.end("reject", now),
                Verb::Log { suppress } => self.is_logged = !suppress,
                Verb::Fails { verb, name } => {
                    let name = name.unwrap_or(verb);
                    self.actions.push(json!({ "name": name, "disposition": "FAILED" }));
                    self.has_failed = true;
                }
                Verb::Kept { verb, arguments } => {
                    self.lines.push((Line::Verb(verb, arguments), self.is_logged));
                }
                Verb::Nothing => {}
            }
        }
        let event = if self.has_failed { "incomplete" } else { "continue" };
        match self.next_of(event) {
            Some(next) => self.post(next, "ANSWERED", now),
            None => Step::Over("nothing_more"),
        }
    }

    /// Whether texts may be kept at present.
    pub fn is_logged(&self) -> bool {
        self.is_logged
    }

    /// What was said and kept since this was last asked, and whether its text may be kept.
    pub fn lines(&mut self) -> Vec<(Line, bool)> {
        std::mem::take(&mut self.lines)
    }

    fn question(&self) -> Option<Question> {
        let Asking { ask, attempt, .. } = self.asking.as_ref()?;
        Some(Question {
            name: ask.name.clone(),
            choices: ask.choices.clone(),
            attempt: *attempt,
            attempts: ask.attempts,
        })
    }

    fn ask(&mut self, ask: Ask, now: UnixMillis) {
        match self.unasked.take() {
            Some(text) => self.answer(ask, 1, &text, now),
            None => self.put(ask, 1, None, now),
        }
    }

    /// Puts the question, behind what is said of the event that makes it be put again.
    fn put(&mut self, ask: Ask, attempt: u64, event: Option<&str>, now: UnixMillis) {
        let numbered = event.map(|event| format!("{event}:{}", attempt.saturating_sub(1)));
        let by_number = numbered.as_deref().and_then(|event| said(&ask, Some(event)).next());
        let why = by_number.or_else(|| said(&ask, Some(event?)).next());
        for text in why.into_iter().chain(said(&ask, None)) {
            self.lines.push((Line::Application(text.to_owned()), self.is_logged));
        }
        self.asking = Some(Asking { ask, attempt, since: now });
    }

    fn answer(&mut self, ask: Ask, attempt: u64, text: &str, now: UnixMillis) {
        match Choices::parse(&ask.choices).value_of(text) {
            Some(value) => {
                let action = action(&ask, attempt, "SUCCESS", Some(text), Some(&value));
                self.actions.push(action);
            }
            None if attempt < ask.attempts => self.put(ask, attempt + 1, Some("nomatch"), now),
            None => {
                let action = action(&ask, attempt, "FAILED", Some(text), None);
                self.fail(&ask, action);
            }
        }
    }

    /// A question without an answer ends the document, unless it may stay without.
    fn fail(&mut self, ask: &Ask, action: Value) {
        self.actions.push(action);
        self.has_failed = true;
        if ask.required {
            self.pass_over();
        }
    }

    /// Leaves the rest of the document, but for where results go, which may be declared anywhere.
    fn pass_over(&mut self) {
        let declared = self.verbs.drain(..).filter_map(|verb| match verb {
            Verb::On(on) => Some(on),
            _ => None,
        });
        self.on.extend(declared.flatten());
    }

    fn end(&mut self, reason: &'static str, now: UnixMillis) -> Step {
        self.pass_over();
        match self.next_of("hangup") {
            Some(next) => self.post(next, "DISCONNECTED", now),
            None => Step::Over(reason),
        }
    }

    fn next_of(&self, event: &str) -> Option<String> {
        let on = self.on.iter().rev().find(|on| on.event.eq_ignore_ascii_case(event))?;
        on.next.clone()
    }

    fn post(&mut self, next: String, state: &str, now: UnixMillis) -> Step {
        self.sequence += 1;
        let actions = match self.actions.as_slice() {
            [] => Value::Null,
            [one] => one.clone(),
            several => Value::from(several),
        };
        let length_s = now.since(self.beginning.at).0.max(0) / 1_000;
        let payload = json!({ "result": {
            "sessionId": self.beginning.session,
            "callId": self.beginning.session,
            "state": state,
            "sessionDuration": length_s,
            "sequence": self.sequence,
            "complete": !self.has_failed,
            "error": null,
            "calledid": self.beginning.to,
            "userType": "HUMAN",
            "actions": actions,
        }});
        let is_last = state == "DISCONNECTED";
        Step::Post { next, payload: payload.to_string(), is_last }
    }
}

/// The texts of a question that are for an event; without one, the question itself.
fn said<'a>(ask: &'a Ask, event: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    ask.says.iter().filter(move |said| said.event.as_deref() == event).map(|said| &*said.text)
}

fn action(
    ask: &Ask,
    attempt: u64,
    disposition: &str,
    utterance: Option<&str>,
    value: Option<&str>,
) -> Value {
    json!({
        "name": ask.name,
        "attempts": attempt,
        "disposition": disposition,
        "confidence": if value.is_some() { 100 } else { 0 },
        "interpretation": value,
        "utterance": utterance,
        "value": value,
        "concept": value,
        "xml": "",
    })
}

//! One turn of a text session: documents are fetched and run until the person is to act.
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value as Json, json};
use sessionary_core::{
    channel::Channel,
    dictionary::field,
    id::SessionId,
    signal::{Attributes, Fields, Signal, kind},
    time::{Instant, Millis, UnixMillis},
    value::{RawJson, Value},
};
use sessionary_dialects::tropo::{self, Beginning, Dialogue, Document, Line, Question, Step};
use sessionary_engine::Submission;
use url::Url;

use super::{STATE, Talk};
use crate::{
    api::{
        App,
        answers::ok,
        signals::context,
        tropo::{
            paths,
            relay::{NoAnswer, Relay},
        },
    },
    auth::Caller,
    problem::{Code, Problem},
};

/// Bytes of one document.
const DOCUMENT_BYTES_MAX: usize = 64 << 10;
/// The type of a verb that is kept and not done.
const VERB_KEPT: &str = "application_verb";

/// One turn of a dialogue.
pub(super) struct Playing<'a> {
    app: &'a App,
    caller: &'a Caller,
    relay: &'a Relay,
    talk: Talk,
    /// What was said in this turn.
    said: Vec<(Line, bool)>,
    /// What is to be stored.
    signals: Vec<Signal>,
    session: Option<SessionId>,
}

impl<'a> Playing<'a> {
    fn new(app: &'a App, caller: &'a Caller, relay: &'a Relay, talk: Talk) -> Playing<'a> {
        let (said, signals) = (Vec::new(), Vec::new());
        Playing { app, caller, relay, talk, said, signals, session: None }
    }

    /// A session that begins: stored, posted to the application, and its first document at hand.
    pub(super) async fn begin(
        app: &'a App,
        caller: &'a Caller,
        relay: &'a Relay,
        beginning: Beginning,
    ) -> Result<Playing<'a>, Problem> {
        let payload = beginning.payload();
        let posted = tropo::read(&payload, &context(app, caller));
        let posted = posted.map_err(|refusal| Code::Unprocessable.because(refusal.to_string()))?;
        let talk = Talk {
            last: beginning.at,
            dialogue: Dialogue::begin(beginning),
            there: relay.url.to_string(),
            count: 0,
            over: None,
        };
        let mut playing = Playing::new(app, caller, relay, talk);
        playing.signals = posted.signals;
        // The first text is told by the session's own signals.
        playing.said = playing.talk.dialogue.lines();
        playing.store().await?;
        playing.document(relay.url.clone(), payload).await;
        Ok(playing)
    }

    /// A session that goes on with a text, or with silence.
    pub(super) fn go_on(
        app: &'a App,
        caller: &'a Caller,
        relay: &'a Relay,
        talk: Talk,
        text: Option<&str>,
    ) -> Playing<'a> {
        let mut playing = Playing::new(app, caller, relay, talk);
        let now = playing.tick();
        playing.talk.dialogue.hear(text, now);
        playing
    }

    /// A moment later than all before.
    fn tick(&mut self) -> UnixMillis {
        self.talk.last = self.app.engine.now().max(self.talk.last.plus(Millis(1)));
        self.talk.last
    }

    /// Goes on until the person is to act or the session is over.
    pub(super) async fn through(mut self) -> Result<(Response, Talk), Problem> {
        let mut question = None;
        while self.talk.over.is_none() {
            let now = self.tick();
            let step = self.talk.dialogue.run(now);
            self.take_lines();
            match step {
                Step::Waits(asked) => {
                    question = Some(asked);
                    break;
                }
                Step::Over(reason) => self.end(reason),
                Step::Post { next, payload, is_last } => {
                    self.result(&payload);
                    self.store().await?;
                    match paths::next(&self.relay.url, &self.there(), &next) {
                        Some(there) => self.document(there, payload).await,
                        None => self.fail(&NoAnswer::BadAnswer(format!(
                            "its next document lies elsewhere: {next:?}"
                        ))),
                    }
                    if is_last {
                        self.talk.over.get_or_insert_with(|| "hangup".to_owned());
                    }
                }
            }
        }
        if question.is_some() && self.talk.dialogue.is_logged() {
            self.note_state();
        }
        self.store().await?;
        Ok((self.told(question.as_ref()), self.talk))
    }

    /// The URL of the last document; the application's, if that has moved since.
    fn there(&self) -> Url {
        let there = Url::parse(&self.talk.there).ok();
        let there = there.filter(|there| there.origin() == self.relay.url.origin());
        there.unwrap_or_else(|| self.relay.url.clone())
    }

    /// Fetches a document; a failure ends the session.
    async fn document(&mut self, there: Url, payload: String) {
        let time = self.relay.document_timeout;
        let answer = self.relay.within(time, there.clone(), None, Bytes::from(payload)).await;
        let document = answer.and_then(|answer| match answer.body.len() {
            0..=DOCUMENT_BYTES_MAX => Document::parse(&answer.body)
                .map_err(|error| NoAnswer::BadAnswer(error.to_string())),
            _ => Err(NoAnswer::BadAnswer(format!("it has more than {DOCUMENT_BYTES_MAX} bytes"))),
        });
        match document {
            Ok(document) => {
                self.talk.there = there.into();
                self.talk.dialogue.take(document);
            }
            Err(why) => self.fail(&why),
        }
    }

    fn take_lines(&mut self) {
        for (line, is_kept) in self.talk.dialogue.lines() {
            let (word, name, raw) = match &line {
                Line::Person(text) => (kind::MESSAGE_RECEIVED, "message.text", json(text)),
                Line::Application(text) => (kind::MESSAGE_SENT, "message.text", json(text)),
                Line::Verb(verb, arguments) => {
                    let arguments: Json = serde_json::from_str(arguments).unwrap_or_default();
                    let verb = json!({ "verb": verb, "arguments": arguments });
                    (VERB_KEPT, "verb", RawJson::of(&verb))
                }
            };
            let mut signal = self.signal(word);
            if is_kept {
                signal.attributes.insert(name.into(), raw);
            }
            self.signals.push(signal);
            self.said.push((line, is_kept));
        }
    }

    /// The result that is being posted, as if it had come from a platform.
    fn result(&mut self, payload: &str) {
        let posted = tropo::read(payload, &context(self.app, self.caller));
        let Some(mut posted) = posted.ok() else { return };
        posted.place(tropo::Known { started_at: None, channel: Some(Channel::Messaging) });
        let (at, is_logged) = (self.tick(), self.talk.dialogue.is_logged());
        for mut signal in posted.signals {
            signal.occurred_at = Some(Instant::at(at));
            if !is_logged {
                signal.attributes.remove("result.actions");
            }
            self.signals.push(signal);
        }
    }

    fn end(&mut self, reason: &str) {
        let mut signal = self.signal(kind::SESSION_ENDED);
        signal.fields.insert(field::SOURCE_STATUS, Value::Text("DISCONNECTED".into()));
        self.signals.push(signal);
        self.talk.over = Some(reason.to_owned());
    }

    fn fail(&mut self, why: &NoAnswer) {
        tracing::warn!(%why, "an application does not answer");
        let mut signal = self.signal(kind::SESSION_ENDED);
        signal.warnings.push(why.code().into());
        signal.attributes.insert("relay.detail".into(), json(&why.to_string()));
        signal.fields.insert(field::ENDED_HOW, Value::Text("failed".into()));
        self.signals.push(signal);
        self.talk.over.get_or_insert_with(|| why.code().to_owned());
    }

    fn note_state(&mut self) {
        let state = serde_json::to_value(&self.talk).map(|state| RawJson::of(&state));
        let mut note = self.signal(kind::APPLICATION_ANSWERED);
        if let Ok(state) = state {
            note.attributes.insert(STATE.into(), state);
            self.signals.push(note);
        }
    }

    /// A signal of this session and moment.
    fn signal(&mut self, word: &str) -> Signal {
        let at = self.tick();
        self.talk.count += 1;
        let beginning = self.talk.dialogue.beginning();
        let source = context(self.app, self.caller).source;
        let whole = Signal {
            key: "".into(),
            kind: word.into(),
            occurred_at: Some(Instant::at(at)),
            sent_at: None,
            sequence: 0,
            channel: Some(Channel::Messaging),
            session_type: None,
            source: if source.is_empty() { tropo::SOURCE } else { source }.into(),
            session: Some((&*beginning.session).into()),
            identities: Vec::new(),
            claim: None,
            fields: Fields::new(),
            attributes: Attributes::new(),
            warnings: Vec::new(),
        };
        Signal { key: format!("{}:text:{}", beginning.session, self.talk.count).into(), ..whole }
    }

    async fn store(&mut self) -> Result<(), Problem> {
        if self.signals.is_empty() {
            return Ok(());
        }
        let (tenant, signals) = (self.caller.tenant(), std::mem::take(&mut self.signals));
        let submission = Submission { tenant, signals, received_at: None, quarantine: Vec::new() };
        let receipt = self.app.engine.submit(submission).await?;
        self.session = receipt.verdicts.last().map(|verdict| verdict.session).or(self.session);
        Ok(())
    }

    fn told(&self, question: Option<&Question>) -> Response {
        let lines = self.said.iter().map(|(line, _)| match line {
            Line::Person(text) => json!({ "by": "person", "text": text }),
            Line::Application(text) => json!({ "by": "application", "text": text }),
            Line::Verb(verb, arguments) => {
                let arguments: Json = serde_json::from_str(arguments).unwrap_or_default();
                json!({ "by": "application", "verb": verb, "arguments": arguments })
            }
        });
        ok(&json!({
            "session_id": self.talk.dialogue.beginning().session,
            "session": self.session.map(|session| session.to_string()),
            "transcript": lines.collect::<Vec<_>>(),
            "asks": question,
            "goes_on": question.is_some(),
            "over": self.talk.over,
        }))
    }
}

fn json(text: &str) -> RawJson {
    RawJson::of(&text.into())
}

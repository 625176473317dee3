//! One post of the platform: stored, passed on, answered; and what comes of it kept.
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
    request::Parts,
};
use serde_json::json;
use sessionary_core::{
    dictionary::field, id::SessionId, signal::Signal, time::UnixMillis, value::Value,
};
use sessionary_dialects::tropo::{Known, Phase, Posted};
use sessionary_engine::{SessionFilter, Submission};

use super::{
    Tropo,
    calls::{Call, State},
    kept::{self, Side},
    paths::{self, KEYED, ROOT, Whereabouts},
    relay::{Answer, Empty, NoAnswer, Relay},
};
use crate::{
    api::{
        App,
        answers::{Answered, with_status},
    },
    auth::Caller,
    body::Payload,
    problem::{Code, Problem},
};

/// One post, from the moment that it is understood to its answer.
pub(super) struct Exchange {
    pub(super) tropo: Arc<Tropo>,
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) parts: Parts,
    pub(super) payload: Payload,
}

impl Exchange {
    /// Stores it, passes it on, and gives the answer.
    pub(super) async fn run(self, mut posted: Posted) -> Answered {
        let came = self.app.engine.now();
        let calls = &self.tropo.calls;
        let call = posted.session.as_ref().map(|session| calls.of(&self.caller, session, came));
        let mut turn = match &call {
            Some(call) => Some(call.turn().await?),
            None => None,
        };
        let mut state = State::default();
        let state = turn.as_deref_mut().unwrap_or(&mut state);
        self.know(&mut posted, &mut state.known).await?;
        let session = self.store(&posted).await?;
        if let (true, Some(call)) = (posted.is_last, &call) {
            Call::note_end(call, self.app.engine.now());
        }
        let Some(relay) = &self.tropo.relay else { return Ok(self.own_document(posted.phase)) };
        match self.pass_on(relay, posted.phase, &mut state.whereabouts).await {
            Ok(answer) => {
                self.keep(&posted, |asked| kept::answer(asked, session, &answer)).await;
                Ok(handed_back(answer))
            }
            Err(why) => {
                tracing::warn!(%why, "an application does not answer");
                let side = if posted.is_last { Side::Before(came) } else { Side::Behind };
                self.keep(&posted, |asked| kept::failure(asked, session, &why, side)).await;
                Ok(self.own_document(posted.phase))
            }
        }
    }

    /// Finds out what a result must know of its session, and places it.
    async fn know(&self, posted: &mut Posted, known: &mut Known) -> Result<(), Problem> {
        let (Phase::Result, [signal]) = (posted.phase, posted.signals.as_slice()) else {
            *known = posted.known();
            return Ok(());
        };
        if known.started_at.is_none() {
            *known = stored(&self.app, &self.caller, signal).await?;
        }
        posted.place(*known);
        Ok(())
    }

    /// The session that the post is in, once it is on disk. That a signal came before, alike or not,
    /// is no matter for a platform: the first is on record.
    async fn store(&self, posted: &Posted) -> Result<SessionId, Problem> {
        let (tenant, signals) = (self.caller.tenant(), posted.signals.clone());
        let submission = Submission { tenant, signals, received_at: None, quarantine: Vec::new() };
        let receipt = self.app.engine.submit(submission).await?;
        receipt.verdicts.last().map(|verdict| verdict.session).ok_or_else(|| Code::Internal.into())
    }

    async fn pass_on(
        &self,
        relay: &Relay,
        phase: Phase,
        whereabouts: &mut Option<Whereabouts>,
    ) -> Result<Answer, NoAnswer> {
        let here = paths::here(self.parts.uri.path(), self.parts.uri.query());
        let here = here.ok_or_else(|| NoAnswer::BadAnswer("its URL cannot be made".to_owned()))?;
        let before = whereabouts.as_ref().filter(|_| phase == Phase::Result);
        let there = paths::there(&relay.url, &here, before);
        let media = self.parts.headers.get(CONTENT_TYPE);
        let empty = if phase == Phase::Result { Empty::Allowed } else { Empty::Refused };
        let body = self.payload.bytes.clone();
        let answer = relay.pass_on(there.clone(), media, body, empty).await?;
        *whereabouts = Some(Whereabouts::new(here, there, &answer.body));
        Ok(answer)
    }

    /// Keeps what came of passing on. The platform gets its answer even where that fails.
    async fn keep(&self, posted: &Posted, of: impl FnOnce(&Signal) -> Signal) {
        let Some(signal) = posted.signals.last().map(of) else { return };
        let (tenant, signals) = (self.caller.tenant(), vec![signal]);
        let submission = Submission { tenant, signals, received_at: None, quarantine: Vec::new() };
        if let Err(error) = self.app.engine.submit(submission).await {
            tracing::warn!(%error, "what an application answered is not kept");
        }
    }

    /// Our own document: asks to be told of the end.
    fn own_document(&self, phase: Phase) -> Response {
        let verbs = match phase {
            Phase::Session => json!([{ "on": { "event": "hangup", "next": self.next() } }]),
            Phase::Result => json!([]),
        };
        with_status(StatusCode::OK, json!({ "tropo": verbs }).to_string().into_bytes())
    }

    /// Where the platform is to post the end: with the key that it has, however it has it.
    fn next(&self) -> String {
        let path = self.parts.uri.path();
        if let Some(key) = path.strip_prefix(KEYED).and_then(|rest| rest.split('/').next()) {
            return format!("{KEYED}{key}");
        }
        let query = self.parts.uri.query().unwrap_or_default();
        let is_key = |pair: &&str| pair.starts_with("write_key=") || pair.starts_with("key=");
        match query.split('&').find(is_key) {
            Some(key) => format!("{ROOT}?{key}"),
            None => ROOT.to_owned(),
        }
    }
}

/// What the store knows of the session of a result.
pub(super) async fn stored(app: &App, caller: &Caller, signal: &Signal) -> Result<Known, Problem> {
    let filter = SessionFilter {
        external_id: signal.session.as_deref().map(str::to_owned),
        ..SessionFilter::default()
    };
    let reader = app.engine.reader().await?;
    let found = reader.sessions(caller.tenant(), &filter, 16, None)?.entities;
    let own = found.iter().find(|session| session.envelope.source == signal.source);
    Ok(own.map_or_else(Known::default, |session| Known {
        started_at: started_at(session.content.fields.get(&field::SESSION_START)),
        channel: session.content.channel,
    }))
}

fn started_at(value: Option<&Value>) -> Option<UnixMillis> {
    match value {
        Some(Value::Instant(started_at)) => Some(started_at.at),
        _ => None,
    }
}

fn handed_back(answer: Answer) -> Response {
    let Answer { media, body } = answer;
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(CONTENT_TYPE, media.unwrap_or(json));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

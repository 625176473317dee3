//! One attempt by a recipe: step after step, until all are made or one fails.
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Full;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use url::form_urlencoded;

use super::{
    auth::Auth,
    body,
    recipe::{Recipe, Step, When},
};
use crate::{
    client::Answer,
    guard::Guard,
    outcome::{Failure, Outcome, Sent},
    parcel::Outgoing,
    template::Template,
    values::Values,
};

/// Bytes of one answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// What is kept as it is in one part of a path.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One attempt.
pub(super) struct Run<'a> {
    pub(super) base: &'a str,
    pub(super) recipe: &'a Recipe,
    pub(super) auth: &'a Auth,
    pub(super) guard: &'a Guard,
    pub(super) parcel: &'a Outgoing<'a>,
}

impl Run<'_> {
    pub(super) async fn go(&self) -> Result<Sent, Outcome> {
        let mut values = Values::of(self.parcel);
        for (name, template) in &self.recipe.values {
            let value = template.fill(&values);
            values.more.insert(name.clone(), value);
        }
        let mut status = None;
        for step in &self.recipe.steps {
            if step.when.iter().all(|when| self.holds(when, &values)) {
                status = Some(self.make(step, &mut values).await?);
            }
        }
        let note = self.recipe.note.as_ref().map(|note| note.fill(&values));
        let sent = Sent::of(self.parcel.bytes()).noting(note);
        Ok(match status {
            Some(status) => sent.answered(status),
            None => sent,
        })
    }

    fn holds(&self, when: &When, values: &Values<'_>) -> bool {
        let given = |name: &String| values.get(name).is_some_and(|value| !value.is_empty());
        match when {
            When::Given(name) => given(name),
            When::Missing(name) => !given(name),
            When::AnyGiven(names) => names.iter().any(given),
            When::Latest => !self.parcel.superseded,
        }
    }

    /// Makes one request and learns from its answer.
    async fn make(&self, step: &Step, values: &mut Values<'_>) -> Result<StatusCode, Outcome> {
        let mut answer = self.ask(step, values).await?;
        if answer.status == StatusCode::UNAUTHORIZED && self.auth.forget().await {
            answer = self.ask(step, values).await?;
        }
        if !answer.status.is_success() {
            if step.accept.contains(&answer.status.as_u16()) {
                return Ok(answer.status);
            }
            return Err(self.refusal(step, &answer));
        }
        if !step.extract.is_empty() {
            let learnt = learn(step, &answer, values)?;
            values.more.extend(learnt);
        }
        Ok(answer.status)
    }

    async fn ask(&self, step: &Step, values: &Values<'_>) -> Result<Answer, Outcome> {
        let filled = body::fill(&step.body, values);
        let mut request =
            Request::builder().method(step.method.clone()).uri(self.url(step, values)?);
        if let Some(headers) = request.headers_mut() {
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            if let Some(media) = filled.media.and_then(|media| HeaderValue::from_str(&media).ok()) {
                headers.insert(header::CONTENT_TYPE, media);
            }
            for (name, template) in &step.headers {
                let value: String =
                    template.fill(values).chars().filter(|c| !c.is_control()).collect();
                let value = HeaderValue::from_str(&value);
                let value = value.map_err(|error| unfit(step, &error.to_string()))?;
                headers.insert(name.clone(), value);
            }
            if let Some(who) = self.auth.header(self.parcel.now, self.guard).await? {
                headers.insert(header::AUTHORIZATION, who);
            }
        }
        let request = request.body(Full::new(filled.bytes));
        let request = request.map_err(|error| unfit(step, &error.to_string()))?;
        let answer = self.guard.client().exchange(request, ANSWER_BYTES_MAX).await;
        answer.map_err(|failure| named(step, failure).retry())
    }

    /// A value that is missing in a path would make it another path.
    fn url(&self, step: &Step, values: &Values<'_>) -> Result<String, Outcome> {
        let missing = std::cell::Cell::new(false);
        let path = step.path.fill_with(values, |value| {
            missing.set(missing.get() || value.bytes().all(|byte| byte == b'.'));
            utf8_percent_encode(value, IN_PATH).to_string()
        });
        if missing.get() {
            let why = Failure::new("bad_answer", "a value of its path is missing");
            return Err(named(step, why).retry());
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, template) in &step.query {
            query.append_pair(name, &template.fill(values));
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        Ok(format!("{}{path}{mark}{query}", self.base))
    }

    /// A resource that is gone is not a CRM that is gone: what a retry does is looking again.
    fn refusal(&self, step: &Step, answer: &Answer) -> Outcome {
        match answer.outcome(self.parcel.now) {
            Outcome::Retry { why, after } => Outcome::Retry { why: named(step, why), after },
            Outcome::Gone { why } | Outcome::GiveUp { why } => named(step, why).retry(),
            sent @ Outcome::Sent(_) => sent,
        }
    }
}

fn learn(
    step: &Step,
    answer: &Answer,
    values: &Values<'_>,
) -> Result<Vec<(String, String)>, Outcome> {
    let bad = |why: &str| named(step, Failure::new("bad_answer", why)).retry();
    if !answer.whole {
        return Err(bad("its answer broke off or is too long"));
    }
    let json: Value =
        serde_json::from_slice(&answer.body).map_err(|_| bad("its answer is no JSON"))?;
    let fill = |template: &Template| template.fill(values);
    let found = step
        .extract
        .iter()
        .filter_map(|(name, extract)| Some((name.clone(), extract.find(&json, fill)?)));
    Ok(found.collect())
}

fn unfit(step: &Step, why: &str) -> Outcome {
    named(step, Failure::new("template", why)).give_up()
}

/// A failure that says which step it was.
fn named(step: &Step, failure: Failure) -> Failure {
    let Failure { status, reason, detail } = failure;
    let told = Failure::new(reason, format!("{}: {detail}", step.name));
    Failure { status, ..told }
}

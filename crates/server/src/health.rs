//! `/livez`: the process answers. `/readyz`: it also takes requests, or says why not.
use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sessionary_dialects::enrich;

use crate::problem::{Code, Problem};

/// Whether requests are taken; set by the engine's owner, read by `/readyz`.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<RwLock<State>>);

/// What the server is up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Takes requests.
    Ready,
    /// Does not yet; the text says what it is doing, for a person.
    Busy(String),
    /// Takes no writes for the moment, and lets reads wait; the text says why.
    Healing(String),
    /// Will not any more.
    Stopping,
}

impl Readiness {
    /// A handle in this state.
    pub fn new(state: State) -> Readiness {
        Readiness(Arc::new(RwLock::new(state)))
    }

    /// Changes the state.
    pub fn set(&self, state: State) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// The state.
    pub fn get(&self) -> State {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why requests are not taken, if they are not.
    pub(crate) fn refusal(&self) -> Option<Problem> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            State::Ready => None,
            State::Busy(doing) | State::Healing(doing) => {
                Some(Code::NotReady.because(doing.clone()).retry_after(1))
            }
            State::Stopping => {
                Some(Code::NotReady.because("the server is stopping").retry_after(5))
            }
        }
    }

    /// The same for requests of this method: reads wait inside the engine while it heals.
    pub(crate) fn refusal_of(&self, method: &http::Method) -> Option<Problem> {
        let heals =
            matches!(&*self.0.read().unwrap_or_else(PoisonError::into_inner), State::Healing(_));
        if heals && method.is_safe() { None } else { self.refusal() }
    }

    pub(crate) fn answer(&self) -> Response {
        match self.refusal() {
            None => Json(ready(&enrich::missing())).into_response(),
            Some(problem) => problem.into_response(),
        }
    }
}

/// That requests are taken, and what cannot be told because the program was built without rules.
fn ready(missing: &[&str]) -> Value {
    if missing.is_empty() {
        json!({ "status": "ready" })
    } else {
        json!({ "status": "ready", "built_without": missing })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_program_that_lacks_rules_says_so() {
        expect![[r#"{"status":"ready"}"#]].assert_eq(&ready(&[]).to_string());
        expect![[r#"{"built_without":["crawlers"],"status":"ready"}"#]]
            .assert_eq(&ready(&["crawlers"]).to_string());
    }
}

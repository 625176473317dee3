//! Recipes against doubles that behave as the vendors document their interfaces.
//!
//! Each double keeps what it is sent, finds it again as the vendor does, and answers 400 to what the
//! vendor would not take, so that a wrong shape fails the test.
mod salesforce;
mod hubspot;
mod zendesk;
mod servicenow;
mod own;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sessionary_deliver::{Kind, Target};
use sessionary_peers::{Receiver, Reply, Request};

use crate::sample::{Parcel, open, told};

const TOKEN: &str = r#"{"token": "t0ken"}"#;

/// What a double does with a request.
type Script = fn(&Rows, &Request) -> Reply;

/// What requests added to a double, by its kind.
#[derive(Clone, Default)]
struct Rows(Arc<Mutex<Vec<(&'static str, Value)>>>);

impl Rows {
    /// The number of the new row, from 1.
    fn add(&self, kind: &'static str, row: Value) -> usize {
        let mut rows = self.0.lock().unwrap();
        rows.push((kind, row));
        rows.len()
    }

    /// The number of the first of a kind that fits.
    fn find(&self, kind: &str, fits: impl Fn(&Value) -> bool) -> Option<usize> {
        let rows = self.0.lock().unwrap();
        rows.iter().position(|(known, row)| *known == kind && fits(row)).map(|at| at + 1)
    }

    /// Changes the row with that number.
    fn change(&self, number: &str, change: impl Fn(&mut Value)) -> bool {
        let mut rows = self.0.lock().unwrap();
        let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        at.and_then(|at| rows.get_mut(at)).map(|(_, row)| change(row)).is_some()
    }

    fn all(&self, kind: &str) -> Vec<Value> {
        let rows = self.0.lock().unwrap();
        rows.iter().filter(|(known, _)| *known == kind).map(|(_, row)| row.clone()).collect()
    }
}

/// A CRM that is played.
struct Double {
    receiver: Receiver,
    rows: Rows,
}

impl Double {
    fn new(script: Script) -> Double {
        Double::losing(script, usize::MAX)
    }

    /// Does what it is asked, but its answer to one request is lost.
    fn losing(script: Script, lost: usize) -> Double {
        let rows = Rows::default();
        let known = rows.clone();
        let receiver = Receiver::start(move |number, request| {
            let reply = script(&known, request);
            if number == lost { Reply::Reset } else { reply }
        });
        Double { receiver, rows }
    }

    fn target(&self, recipe: &str, secret: &str) -> Target {
        open(Kind::Crm, &self.receiver.url("/"), json!({"recipe": recipe}), Some(secret))
    }

    /// Method and path of everything that was asked.
    fn asked(&self) -> String {
        let line = |request: &Request| format!("{} {}", request.method, request.path());
        self.receiver.requests().iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Whichever answer is lost, the next attempt completes what is missing and writes nothing twice.
async fn a_lost_answer_does_no_harm(script: Script, recipe: &str, secret: &str, kinds: &[&str]) {
    let whole = Double::new(script);
    assert!(told(&Parcel::new().send(&whole.target(recipe, secret)).await).starts_with("sent"));
    let written =
        |double: &Double| kinds.iter().map(|kind| double.rows.all(kind)).collect::<Vec<_>>();
    let requests = whole.receiver.requests().len();
    for lost in 0..requests {
        let double = Double::losing(script, lost);
        let target = double.target(recipe, secret);
        let first = told(&Parcel::new().send(&target).await);
        assert_eq!(first, "retry reset", "request {lost}");
        let second = told(&Parcel::new().send(&target).await);
        assert!(second.starts_with("sent"), "request {lost}: {second}");
        assert_eq!(written(&double), written(&whole), "request {lost}:\n{}", double.asked());
    }
}

fn is_signed(request: &Request, expected: &str) -> bool {
    request.header("authorization") == Some(expected)
        && request.header("accept") == Some("application/json")
        && request.header("user-agent").is_some_and(|agent| agent.starts_with("Sessionary/"))
}

/// The text of a request that no vendor would take.
fn refused(why: &str) -> Reply {
    Reply::json_with(400, &json!({"error": why}))
}

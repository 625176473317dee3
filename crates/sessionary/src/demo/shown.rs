//! What the demo shows of its sessions: tables by type, outcome and month, and one explanation.
use std::collections::BTreeMap;

use anyhow::Context;
use sessionary_core::{outcome, session::Session, signal::TenantId};
use sessionary_engine::SessionFilter;

use crate::{
    client::Client,
    serving::Behind,
    table::{counted, written},
};

/// Sessions that are read at a time.
const PAGE: usize = 5_000;

/// Counts of sessions under one head.
#[derive(Default)]
struct Counts(BTreeMap<Vec<String>, u64>);

impl Counts {
    fn note(&mut self, words: Vec<String>) {
        *self.0.entry(words).or_default() += 1;
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let row = |(words, count): (&Vec<String>, &u64)| {
            words.iter().cloned().chain([counted(*count)]).collect()
        };
        self.0.iter().map(row).collect()
    }

    fn by_size(&self) -> Vec<Vec<String>> {
        let mut counts: Vec<_> = self.0.iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let row = |(words, count): (&Vec<String>, &u64)| {
            words.iter().cloned().chain([counted(*count)]).collect()
        };
        counts.into_iter().map(row).collect()
    }
}

/// The tables.
pub(super) fn tables(behind: &Behind) -> anyhow::Result<String> {
    let (mut types, mut outcomes, mut months) =
        (Counts::default(), Counts::default(), Counts::default());
    let mut sessions = 0;
    let reader = behind.engine.reader_blocking()?;
    for tenant in behind.registry.tenants() {
        let mut cursor = None;
        loop {
            let filter = SessionFilter::default();
            let page = reader.sessions(tenant.number, &filter, PAGE, cursor)?;
            for session in &page.entities {
                sessions += 1;
                note(session, reader.rules(), (&mut types, &mut outcomes, &mut months));
            }
            let last = page.entities.last().map(|session| session.envelope.id);
            cursor = last.filter(|_| page.next_cursor.is_some());
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(format!(
        "{} sessions by type\n{}\nby outcome\n{}\nby month\n{}\n",
        counted(sessions),
        written(&["type", "status", "sessions"], &types.rows()),
        written(&["code", "outcome", "said by", "sessions"], &outcomes.by_size()),
        written(&["month", "type", "sessions"], &months.rows()),
    ))
}

fn note(
    session: &Session,
    rules: &sessionary_core::rules::Rules,
    (types, outcomes, months): (&mut Counts, &mut Counts, &mut Counts),
) {
    let kind = session.content.session_type().word().to_owned();
    let outcome = outcome::of(&session.content, rules);
    let month = session.content.started_at(rules).to_string().chars().take(7).collect();
    let author = if outcome.derived { "derived".to_owned() } else { outcome.author };
    types.note(vec![kind.clone(), session.envelope.status.word().to_owned()]);
    outcomes.note(vec![format!("{:>2}", outcome.code), outcome.name, author]);
    months.note(vec![month, kind]);
}

/// The explanation of a session with a few signals, as the server gives it.
pub(super) fn example(behind: &Behind, client: &Client) -> anyhow::Result<String> {
    let reader = behind.engine.reader_blocking()?;
    let tenant = behind.registry.tenants().first().map_or(TenantId(1), |tenant| tenant.number);
    let page = reader.sessions(tenant, &SessionFilter::default(), PAGE, None)?;
    let telling = |session: &&Session| session.content.claims.len() == 1;
    let session = page.entities.iter().find(telling).or(page.entities.first());
    let id = session.context("there is no session to explain")?.envelope.id;
    let explanation = client.text(&format!("/v1/sessions/{id}/explain?format=text"))?;
    Ok(format!("One of them, explained\n{explanation}\n"))
}

//! Into a running server, over its API, as any other client.
use std::{collections::HashSet, io::Write};

use anyhow::{Context, bail};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sessionary_core::id::SessionId;
use sessionary_dialects::canonical;

use super::{BATCH_SIGNALS_MAX, Batch, Destination, Taken, decoding::Unreadable};
use crate::client::{Client, Method, Reply, escaped};

/// A request is sent at the latest when its body is so long, unpacked.
const BODY_BYTES: usize = 3 << 20;

/// A server and the key to it.
pub(crate) struct Online<'a> {
    client: &'a Client,
}

impl<'a> Online<'a> {
    /// The server behind `client`.
    pub(crate) fn new(client: &'a Client) -> Online<'a> {
        Online { client }
    }

    fn post(&self, body: &[u8]) -> anyhow::Result<Reply> {
        let mut packed = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
        packed.write_all(body).context("packing a request")?;
        let packed = packed.finish().context("packing a request")?;
        self.client.patiently(Method::Post, "/v1/signals", Some(("application/x-ndjson", &packed)))
    }

    fn send(&self, lines: &[String], taken: &mut Taken) -> anyhow::Result<()> {
        let reply = self.post(lines.concat().as_bytes())?;
        match reply.status {
            200 => note(&reply.json, taken),
            // A body of one signal is answered for that signal.
            409 if lines.len() == 1 => taken.conflicts += 1,
            400 | 422 => {
                tracing::warn!(signals = lines.len(), "{}", reply.refusal());
                taken.quarantined += lines.len() as u64;
            }
            _ => bail!(reply.refusal()),
        }
        Ok(())
    }

    /// Posts a row as it stands, so that the server keeps it in its quarantine.
    fn send_unreadable(&self, row: &Unreadable, taken: &mut Taken) -> anyhow::Result<()> {
        let raw = if row.raw.trim_ascii().is_empty() { row.why.as_bytes() } else { &row.raw };
        let reply = self.post(raw)?;
        match reply.status {
            200 => note(&reply.json, taken),
            400 | 409 | 422 => taken.quarantined += 1,
            _ => bail!(reply.refusal()),
        }
        Ok(())
    }
}

fn note(reply: &Value, taken: &mut Taken) {
    let count = |name: &str| reply.get(name).and_then(Value::as_u64).unwrap_or(0);
    taken.accepted += count("accepted");
    taken.duplicates += count("duplicates");
    taken.conflicts += count("conflicts");
    taken.quarantined += count("quarantined");
    let results = reply.get("results").and_then(Value::as_array).into_iter().flatten();
    let ids = results.filter_map(|result| SessionId::parse(result.get("session_id")?.as_str()?));
    taken.sessions.extend(ids);
}

impl Destination for Online<'_> {
    fn batch_max(&self) -> usize {
        BATCH_SIGNALS_MAX
    }

    fn hold(&mut self, source: &str) -> anyhow::Result<()> {
        let path = format!("/v1/sources/{}", escaped(source));
        self.client.json(Method::Put, &path, Some(&json!({"clock": "mark"}))).map(drop)
    }

    fn take(&mut self, batch: Batch) -> anyhow::Result<Taken> {
        let mut taken = Taken::default();
        let mut lines: Vec<String> = Vec::new();
        let mut bytes = 0;
        for signal in &batch.signals {
            let line = format!("{}\n", canonical::encode_raw(signal));
            let full = lines.len() == BATCH_SIGNALS_MAX || bytes + line.len() > BODY_BYTES;
            if full && !lines.is_empty() {
                self.send(&lines, &mut taken)?;
                lines.clear();
                bytes = 0;
            }
            bytes += line.len();
            lines.push(line);
        }
        if !lines.is_empty() {
            self.send(&lines, &mut taken)?;
        }
        batch.unreadable.iter().try_for_each(|row| self.send_unreadable(row, &mut taken))?;
        Ok(taken)
    }

    fn complete(&mut self, source: &str) -> anyhow::Result<()> {
        let path = format!("/v1/sources/{}/complete", escaped(source));
        self.client.json(Method::Post, &path, Some(&json!({}))).map(drop)
    }

    fn sessions(&mut self, ids: &HashSet<SessionId>) -> anyhow::Result<u64> {
        Ok(ids.len() as u64)
    }
}

//! `sessionary explain`: why a session is as it is, from a data directory or a running server.
use anyhow::bail;
use sessionary_core::{explain, id::SessionId, signal::TenantId};

use crate::{
    arguments::Explain,
    client::{Client, Method, escaped},
    config, directory, logging,
};

/// Prints the explanation.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(crate) fn run(arguments: &Explain) -> anyhow::Result<()> {
    logging::start("warn");
    let text = match &arguments.server.url {
        Some(url) => online(arguments, url)?,
        None => offline(arguments)?,
    };
    println!("{}", text.trim_end());
    Ok(())
}

fn online(arguments: &Explain, url: &str) -> anyhow::Result<String> {
    let client = Client::new(url, arguments.server.key.as_deref())?;
    let path = format!("/v1/sessions/{}/explain", escaped(&arguments.session));
    let explanation = client.json(Method::Get, &path, None)?;
    Ok(if arguments.json { explanation.to_string() } else { of_json(&explanation) })
}

/// The server's explanation as text, in the form that [`explain::Explanation`] has.
pub(crate) fn of_json(explanation: &serde_json::Value) -> String {
    use std::fmt::Write;
    let member = |of: &serde_json::Value, name: &str| match of.get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let mut text = format!("session {}\n", member(explanation, "id"));
    for name in ["lane", "begins", "ends", "source", "engagement", "disposition"] {
        let Some(because) = explanation.get(name) else { continue };
        let (sentence, rule) = (member(because, "sentence"), member(because, "rule"));
        let _ = writeln!(text, "{name:>12}  {sentence} ({rule})");
        let setting = member(because, "setting");
        if !setting.is_empty() {
            let _ = writeln!(text, "{:>12}  setting {setting}", "");
        }
        let signals = because.get("signals").and_then(serde_json::Value::as_array);
        let signals = signals.into_iter().flatten().filter_map(serde_json::Value::as_str);
        let signals = signals.collect::<Vec<_>>().join(", ");
        if !signals.is_empty() {
            let _ = writeln!(text, "{:>12}  signals {signals}", "");
        }
    }
    let list = |name: &str| explanation.get(name).and_then(serde_json::Value::as_array);
    for line in list("ledger").into_iter().flatten() {
        let wins = if line.get("wins") == Some(&true.into()) { "wins" } else { "" };
        let (code, author) = (member(line, "code"), member(line, "author"));
        let at = member(line, "at");
        let _ = writeln!(text, "{:>12}  {code} by {author} at {at} {wins}", "claim");
    }
    for remark in list("remarks").into_iter().flatten().filter_map(serde_json::Value::as_str) {
        let _ = writeln!(text, "{:>12}  {remark}", "remark");
    }
    text
}

fn offline(arguments: &Explain) -> anyhow::Result<String> {
    let Some(id) = SessionId::parse(&arguments.session) else {
        bail!(
            "{:?} is no id of a session; give one as the records show it, such as \
             01927c3e-7a00-7000-8000-000000000000",
            arguments.session
        );
    };
    let config = config::load(None)?;
    let dir = &arguments.data_dir.data_dir;
    directory::must_exist(dir)?;
    let (store, registry) = directory::open(dir, &config)?;
    let rules = directory::kept_rules(&store, &config)?;
    let engine = directory::start(store, &registry, &config, rules)?;
    let reader = engine.reader_blocking()?;
    let mut tenants: Vec<TenantId> = registry.tenants().iter().map(|t| t.number).collect();
    tenants.sort_unstable();
    let mut found = None;
    for tenant in tenants {
        if let Some(session) = reader.session(tenant, id)? {
            let before = reader.before(&session)?;
            found = Some(explain::explain(&session, before.as_ref(), reader.rules(), reader.now()));
            break;
        }
    }
    engine.shutdown();
    let Some(explanation) = found else {
        bail!("{} has no session {id}; look at the id again, or at another directory", dir.display());
    };
    Ok(if arguments.json {
        serde_json::to_string(&explanation)?
    } else {
        explanation.to_string()
    })
}

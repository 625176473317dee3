//! `sessionary explain`: why a session is as it is, from a data directory or a running server.
use anyhow::bail;
use sessionary_core::{explain, id::SessionId, signal::TenantId};

use crate::{
    arguments::Explain,
    client::{Client, escaped},
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
    let format = if arguments.json { "json" } else { "text" };
    client.text(&format!("/v1/sessions/{}/explain?format={format}", escaped(&arguments.session)))
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
    let (store, registry) = directory::open_unserved(dir, &config, "with --url and --key")?;
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
        bail!(
            "{} has no session {id}; look at the id again, or at another directory",
            dir.display()
        );
    };
    Ok(if arguments.json { serde_json::to_string(&explanation)? } else { explanation.to_string() })
}

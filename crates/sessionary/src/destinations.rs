//! `sessionary destinations` and `sessionary parcels`: delivery, over the API of a running server.
use std::io::Read;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use crate::{
    arguments::{DestinationBody, Destinations, Parcels, ParcelsList, ParcelsRedeliver, Remote},
    client::{Client, Method, escaped},
    logging,
    table::written,
};

fn client(remote: &Remote) -> anyhow::Result<Client> {
    Client::new(&remote.url, remote.key.as_deref())
}

fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Does what was asked of destinations.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(crate) fn run(command: &Destinations) -> anyhow::Result<()> {
    logging::start("warn");
    match command {
        Destinations::Create(new) => {
            let made =
                client(&new.remote)?.json(Method::Post, "/v1/destinations", Some(&body(new)?))?;
            println!("{made:#}");
        }
        Destinations::List(list) => {
            let listed = client(&list.remote)?.json(Method::Get, "/v1/destinations", None)?;
            if list.json {
                println!("{listed}");
            } else {
                let heads = &["id", "name", "kind", "format", "when", "enabled", "url"];
                print!(
                    "{}",
                    table(
                        heads,
                        &listed,
                        "no destinations; `sessionary destinations create --help` says how to set one up"
                    )
                );
            }
        }
        Destinations::Show(named) => {
            let (client, path) = found(&named.name, &named.remote)?;
            println!("{:#}", client.json(Method::Get, &path, None)?);
        }
        Destinations::Change(change) => {
            let (client, path) = found(&change.destination, &change.body.remote)?;
            println!("{:#}", client.json(Method::Patch, &path, Some(&body(&change.body)?))?);
        }
        Destinations::Delete(named) => {
            let (client, path) = found(&named.name, &named.remote)?;
            client.json(Method::Delete, &path, None)?;
            println!("{} is removed", named.name);
        }
        Destinations::Test(named) => {
            let (client, path) = found(&named.name, &named.remote)?;
            let tested = client.json(Method::Post, &format!("{path}/test"), None)?;
            println!("{tested:#}");
            if text(&tested, "status") != "sent" {
                bail!("the sample did not arrive: {}", text(&tested, "detail"));
            }
        }
        Destinations::Rotate(named) => {
            let (client, path) = found(&named.name, &named.remote)?;
            println!("{:#}", client.json(Method::Post, &format!("{path}/rotate"), None)?);
        }
    }
    Ok(())
}

/// The path of a destination that is named by its id or its name.
fn found(name: &str, remote: &Remote) -> anyhow::Result<(Client, String)> {
    let client = client(remote)?;
    let listed = client.json(Method::Get, "/v1/destinations", None)?;
    let all = listed.get("entities").and_then(Value::as_array);
    let fits = |one: &&Value| text(one, "id") == name || text(one, "name") == name;
    let one = all.into_iter().flatten().find(fits).with_context(|| {
        format!("no destination is called {name:?}; `sessionary destinations list` shows them")
    })?;
    Ok((client, format!("/v1/destinations/{}", escaped(&text(one, "id")))))
}

/// The body that flags and a JSON text make together; flags go before.
fn body(given: &DestinationBody) -> anyhow::Result<Value> {
    let mut body = match given.json.as_deref() {
        None => Map::new(),
        Some("-") => {
            let mut all = String::new();
            std::io::stdin().read_to_string(&mut all).context("standard input cannot be read")?;
            serde_json::from_str(&all).context("standard input is no JSON object")?
        }
        Some(json) => serde_json::from_str(json).context("--json is no JSON object")?,
    };
    let flags = [
        ("name", given.set_name.clone()),
        ("kind", given.kind.clone()),
        ("url", given.to.clone()),
        ("format", given.format.clone()),
        ("when", given.when.clone()),
        ("secret", given.secret.clone()),
    ];
    for (name, value) in flags {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(after_ms) = given.after_ms {
        body.insert("after_ms".to_owned(), json!(after_ms));
    }
    if let Some(enabled) = given.enabled {
        body.insert("enabled".to_owned(), json!(enabled));
    }
    Ok(Value::Object(body))
}

fn table(heads: &[&str], listed: &Value, when_empty: &str) -> String {
    let entities = listed.get("entities").and_then(Value::as_array);
    let row = |one: &Value| heads.iter().map(|head| text(one, head)).collect::<Vec<_>>();
    let rows: Vec<_> = entities.into_iter().flatten().map(row).collect();
    if rows.is_empty() { format!("{when_empty}\n") } else { written(heads, &rows) }
}

/// Does what was asked of parcels.
pub(crate) fn run_parcels(command: &Parcels) -> anyhow::Result<()> {
    logging::start("warn");
    match command {
        Parcels::List(list) => list_parcels(list),
        Parcels::Redeliver(wish) => redeliver(wish),
    }
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn list_parcels(list: &ParcelsList) -> anyhow::Result<()> {
    let wanted = [
        ("status", list.status.clone()),
        ("destination", list.destination.clone()),
        ("session_id", list.session.clone()),
        ("limit", Some(list.limit.to_string())),
    ];
    let query = wanted.iter().filter_map(|(name, value)| {
        value.as_ref().map(|value| format!("{name}={}", escaped(value)))
    });
    let path = format!("/v1/parcels?{}", query.collect::<Vec<_>>().join("&"));
    let listed = client(&list.remote)?.json(Method::Get, &path, None)?;
    if list.json {
        println!("{listed}");
        return Ok(());
    }
    let heads = &["session_id", "destination", "revision", "status", "attempts", "reason", "id"];
    print!("{}", table(heads, &listed, "no such parcels"));
    if listed.get("next_cursor").is_some_and(|cursor| !cursor.is_null()) {
        println!("there are more; ask with --limit, or with --json for the cursor");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn redeliver(wish: &ParcelsRedeliver) -> anyhow::Result<()> {
    let mut body = Map::new();
    for (name, value) in [
        ("destination", &wish.destination),
        ("to_destination", &wish.to_destination),
        ("from", &wish.from),
        ("to", &wish.until),
        ("status", &wish.status),
    ] {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    if !wish.sessions.is_empty() {
        body.insert("session_id".to_owned(), json!(wish.sessions));
    }
    if let Some(filter) = &wish.filter {
        let filter: Value = serde_json::from_str(filter).context("--filter is no JSON")?;
        body.insert("filter".to_owned(), filter);
    }
    let body = Value::Object(body);
    let done = client(&wish.remote)?.json(Method::Post, "/v1/parcels/redeliver", Some(&body))?;
    println!("{} parcels are due now", text(&done, "ordered"));
    Ok(())
}

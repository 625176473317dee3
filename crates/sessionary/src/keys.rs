//! `sessionary keys`: API keys, in a data directory or over the API of a running server.
use anyhow::{Context, bail};
use serde_json::{Value, json};
use sessionary_engine::{
    clock::ServerClock,
    keys::{self, KeyRecord, Scope, Standing},
    registry::{NewKey, Registry},
};

use crate::{
    arguments::{DataDir, KeyCreate, KeyKind, KeyList, KeyRevoke, Keys},
    client::{Client, Method},
    config, directory, logging,
    table::written,
};

/// Does what was asked of the keys.
pub(crate) fn run(command: &Keys) -> anyhow::Result<()> {
    logging::start("warn");
    match command {
        Keys::Create(create) => run_create(create),
        Keys::List(list) => run_list(list),
        Keys::Revoke(revoke) => run_revoke(revoke),
    }
}

#[expect(clippy::print_stdout, reason = "the key is what the command is for")]
fn run_create(arguments: &KeyCreate) -> anyhow::Result<()> {
    let new = new_key(arguments)?;
    if let Some(url) = &arguments.server.url {
        let client = Client::new(url, arguments.server.key.as_deref())?;
        let made = client.json(Method::Post, "/v1/keys", Some(&body(&new)))?;
        let key = made.get("key").and_then(Value::as_str);
        println!("{}", key.context("the server made a key and did not show it")?);
        return Ok(());
    }
    let registry = open(&arguments.data_dir)?;
    let (text, _) = registry.issue(new, ServerClock::start(None).now())?;
    println!("{}", text.reveal());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn run_list(arguments: &KeyList) -> anyhow::Result<()> {
    if let Some(url) = &arguments.server.url {
        let client = Client::new(url, arguments.server.key.as_deref())?;
        let listed = client.json(Method::Get, "/v1/keys", None)?;
        if arguments.json {
            println!("{listed}");
        } else {
            let entities = listed.get("entities").and_then(Value::as_array);
            let rows: Vec<_> = entities.into_iter().flatten().map(row_of_json).collect();
            print!("{}", written(HEADS, &rows));
        }
        return Ok(());
    }
    directory::must_exist(&arguments.data_dir.data_dir)?;
    let registry = open(&arguments.data_dir)?;
    let now = ServerClock::start(None).now();
    let keys = registry.keys().list();
    if arguments.json {
        let shown: Vec<_> = keys.iter().map(|key| shown(key)).collect();
        println!("{}", json!({ "entities": shown }));
        return Ok(());
    }
    let rows: Vec<_> = keys.iter().map(|key| row(key, key.standing(now))).collect();
    print!("{}", written(HEADS, &rows));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a person waits at the terminal")]
fn run_revoke(arguments: &KeyRevoke) -> anyhow::Result<()> {
    let number = arguments.number;
    if let Some(url) = &arguments.server.url {
        let client = Client::new(url, arguments.server.key.as_deref())?;
        client.json(Method::Delete, &format!("/v1/keys/{number}"), None)?;
    } else {
        directory::must_exist(&arguments.data_dir.data_dir)?;
        let registry = open(&arguments.data_dir)?;
        let Some(key) = registry.keys().get(number) else {
            bail!("there is no key {number}; `sessionary keys list` shows all there are");
        };
        registry.revoke(key.tenant, number, ServerClock::start(None).now())?;
    }
    println!("key {number} is revoked");
    Ok(())
}

/// The registry of a directory that no server has open.
fn open(dir: &DataDir) -> anyhow::Result<Registry> {
    let config = config::load(None)?;
    let needs = "with --url and a --key of scope config:write";
    Ok(directory::open_unserved(&dir.data_dir, &config, needs)?.1)
}

fn new_key(arguments: &KeyCreate) -> anyhow::Result<NewKey> {
    let kind = match arguments.kind {
        KeyKind::Secret => keys::KeyKind::Secret,
        KeyKind::Publishable => keys::KeyKind::Publishable,
    };
    let scopes = arguments.scopes.iter().flat_map(|words| words.split(','));
    let scopes = scopes.map(|word| {
        Scope::from_word(word.trim()).with_context(|| {
            let all: Vec<_> = Scope::ALL.iter().map(|scope| scope.word()).collect();
            format!("{word:?} is not a scope; use one of {}", all.join(", "))
        })
    });
    Ok(NewKey {
        scopes: scopes.collect::<anyhow::Result<_>>()?,
        origins: arguments.origins.clone(),
        strict: arguments.strict,
        currency: arguments.currency.clone(),
        country: arguments.country.clone(),
        timezone: arguments.timezone.clone(),
        label: arguments.label.clone().unwrap_or_default(),
        ..NewKey::new(kind, &arguments.tenant)
    })
}

fn body(new: &NewKey) -> Value {
    let scopes: Vec<_> = new.scopes.iter().map(|scope| scope.word()).collect();
    json!({
        "kind": new.kind,
        "scopes": scopes,
        "origins": new.origins,
        "strict": new.strict,
        "currency": new.currency,
        "country": new.country,
        "timezone": new.timezone,
        "label": new.label,
    })
}

const HEADS: &[&str] = &["number", "kind", "begins", "tenant", "standing", "created", "scopes"];

fn row(key: &KeyRecord, standing: Standing) -> Vec<String> {
    let standing = match standing {
        Standing::Live => "live",
        Standing::Expired => "expired",
        Standing::Revoked => "revoked",
    };
    let kind = match key.kind {
        keys::KeyKind::Secret => "secret",
        keys::KeyKind::Publishable => "publishable",
    };
    vec![
        key.number.to_string(),
        kind.to_owned(),
        format!("{}{}", key.kind.prefix(), key.display),
        key.tenant_name.clone(),
        standing.to_owned(),
        key.created_at.to_string(),
        key.scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>().join(" "),
    ]
}

fn shown(key: &KeyRecord) -> Value {
    let mut shown = serde_json::to_value(key).unwrap_or_default();
    if let Some(shown) = shown.as_object_mut() {
        shown.remove("hash");
    }
    shown
}

fn row_of_json(key: &Value) -> Vec<String> {
    let text = |name: &str| match key.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let scopes = key.get("scopes").and_then(Value::as_array).into_iter().flatten();
    let standing =
        if key.get("revoked_at").is_some_and(|at| !at.is_null()) { "revoked" } else { "live" };
    vec![
        text("number"),
        text("kind"),
        text("display"),
        text("tenant"),
        standing.to_owned(),
        text("created_at"),
        scopes.filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
    ]
}

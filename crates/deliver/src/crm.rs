//! A record into somebody's CRM, by a recipe: requests that are data, not code.
//!
//! A recipe looks before it writes, so that a repeated attempt goes on where the last one broke off
//! instead of writing twice. It says paths and never hosts: everything goes to the one URL of the
//! destination.
mod recipe;
mod reading;
mod auth;
mod ready;
mod run;
mod body;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::{
    guard::Guard,
    outcome::{Failure, Outcome},
    parcel::Outgoing,
    secret::Secret,
    settings::{Settings, SettingsError},
    target,
};
use auth::Auth;
use recipe::Recipe;
use run::Run;

/// What can be said besides the URL.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The name of a ready one, or one of your own.
    recipe: Value,
    /// Instead of the recipe's own.
    #[serde(default)]
    values: BTreeMap<String, String>,
}

/// A CRM, and how to speak with it.
#[derive(Debug)]
pub(crate) struct Crm {
    /// Without a slash at its end.
    base: String,
    recipe: Recipe,
    auth: Auth,
}

impl Crm {
    pub(crate) fn open(
        settings: &Settings,
        secret: Option<&Secret>,
        guard: &Guard,
    ) -> Result<Crm, SettingsError> {
        let url = target::web_url(&settings.url, guard)?;
        let options: Options = settings.options.read()?;
        let written = match &options.recipe {
            Value::String(name) => {
                ready::find(name).map_err(|why| SettingsError::new("/options/recipe", why))?
            }
            recipe => recipe.clone(),
        };
        let recipe = Recipe::read(written, &options.values)?;
        let auth = Auth::read(secret, &url, recipe.token_path.as_deref(), guard)?;
        Ok(Crm { base: base(&url)?, recipe, auth })
    }

    pub(crate) async fn send(&self, parcel: &Outgoing<'_>, guard: &Guard) -> Outcome {
        let run = Run { base: &self.base, recipe: &self.recipe, auth: &self.auth, guard, parcel };
        let patience = guard.patience() * 6;
        match tokio::time::timeout(patience, run.go()).await {
            Ok(Ok(sent)) => Outcome::Sent(sent),
            Ok(Err(outcome)) => outcome,
            Err(_) => Failure::late(patience).retry(),
        }
    }
}

fn base(url: &Url) -> Result<String, SettingsError> {
    if url.query().is_some() || url.fragment().is_some() {
        let why = "a recipe adds paths and queries to it; send the URL without `?` and `#`";
        return Err(SettingsError::new("/url", why));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

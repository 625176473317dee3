//! The configuration: one TOML file, each key overridable by an environment variable.
//!
//! All is valid or all is refused, each fault with the line of the file or the variable. The table
//! of settings (settings.rs) is the one source of the keys, types, ranges, defaults and texts.
use std::path::Path;

use anyhow::Context;

mod engine;
mod given;
mod kind;
mod settings;
pub(crate) use settings::{Config, Enrich, rows};

use given::Given;

/// What every variable begins with: `SESSIONARY_BOUNDARY__WEB_GAP_MS`.
const VARIABLE_PREFIX: &str = "SESSIONARY_";

/// Everything that is wrong with a configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is refused; nothing of it was used:\n{}", .0.join("\n"))]
pub(crate) struct Refused(pub(crate) Vec<String>);

/// Reads the file, if one is named, and the environment over it.
pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Config> {
    let text = file.map(|path| {
        std::fs::read_to_string(path)
            .with_context(|| format!("the configuration file {} cannot be read", path.display()))
    });
    let text = text.transpose()?;
    let name = file.map(|path| path.display().to_string()).unwrap_or_default();
    // A variable whose name is no text cannot be one of ours.
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        name.starts_with(VARIABLE_PREFIX).then(|| (name, value.to_string_lossy().into_owned()))
    });
    Ok(read(text.as_deref().map(|text| (name.as_str(), text)), variables)?)
}

/// Reads a configuration from the name and text of a file and from variables.
pub(crate) fn read(
    file: Option<(&str, &str)>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Config, Refused> {
    let mut given = Given::new(file, variables);
    let config = Config::take(&mut given);
    config.check_order(&mut given);
    let faults = given.into_faults();
    if faults.is_empty() { Ok(config) } else { Err(Refused(faults)) }
}

impl Config {
    /// Settings that make sense only beside each other.
    fn check_order(&self, given: &mut Given<'_>) {
        let lifecycle = &self.lifecycle;
        let ascending = [
            ("settle_ms", lifecycle.settle_ms, "seal_ms", lifecycle.seal_ms),
            ("seal_ms", lifecycle.seal_ms, "amend_ms", lifecycle.amend_ms),
            ("idle_ms", lifecycle.idle_ms, "away_ms", lifecycle.away_ms),
        ];
        for (smaller, small, greater, great) in ascending {
            if small > great {
                given.fault(format!(
                    "[lifecycle] {smaller} is {small} and {greater} is {great}; {smaller} must not be the greater"
                ));
            }
        }
    }
}

/// The whole configuration with its defaults, each key with its text: a file to start from.
pub(crate) fn documented() -> String {
    let mut parts = vec![String::from(
        "# The configuration of Sessionary, with the defaults. What is left out has its default.\n\
         # A variable goes before the file: SESSIONARY_BOUNDARY__WEB_GAP_MS=600000\n",
    )];
    let mut section = "";
    for row in rows() {
        if row.section != section {
            section = row.section;
            parts.push(format!("\n#{}\n[{section}]\n", row.section_about));
        }
        let settings::Row { about, takes, key, default, .. } = row;
        parts.push(format!("\n#{about}\n# Takes {takes}.\n{key} = {default}\n"));
    }
    parts.concat()
}

#[cfg(test)]
mod tests;

//! The databases of addresses that the configuration names, opened at the start.
use std::path::Path;

use anyhow::Context;
use sessionary_dialects::enrich::{Places, place::Database};

use crate::config::Enrich;

/// Opens what is configured. A file that is missing or broken ends the start: looking up in half a
/// database would be found out much later.
pub(crate) fn open(settings: &Enrich) -> anyhow::Result<Places> {
    let city = database("geoip_city", settings.geoip_city.0.as_deref())?;
    let asn = database("geoip_asn", settings.geoip_asn.0.as_deref())?;
    Ok(Places::new(city, asn))
}

fn database(key: &str, path: Option<&Path>) -> anyhow::Result<Option<Database>> {
    let Some(path) = path else { return Ok(None) };
    let refused = || format!("[enrich] {key} names {}, which cannot be used", path.display());
    let bytes = read(path).with_context(refused)?;
    let bytes_read = bytes.len();
    let database = Database::open(bytes).with_context(refused)?;
    tracing::info!(setting = key, kind = database.kind(), bytes = bytes_read, "opened a database");
    Ok(Some(database))
}

/// A plain file only: another may never end.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    anyhow::ensure!(std::fs::metadata(path)?.is_file(), "it is no file");
    Ok(std::fs::read(path)?)
}

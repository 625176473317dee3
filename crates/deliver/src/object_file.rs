//! A record as an object: a file in a folder, or in a bucket of S3, Google or Azure.
//!
//! A key with `{revision}` is written once and never over; a repeated attempt finds its own bytes
//! and is content. A key without it is one stable name that follows the session: it is replaced only
//! if it is still what was written last, and never by a lower revision.
mod http;
mod key;
mod place;
mod put;

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::{
    guard::Guard,
    outcome::{Failure, Outcome, Sent},
    parcel::Outgoing,
    secret::Secret,
    settings::{Settings, SettingsError},
    values::Values,
};
pub(crate) use http::Guarded;
use key::Key;
pub(crate) use place::{Manner, Place, WithoutSecret};
use put::{Put, Version};

/// Objects that one destination may write for one record.
const KEYS_MAX: usize = 4;
/// One name for each revision, and one that is always the latest.
const DEFAULT_KEYS: [&str; 2] =
    ["{tenant}/{date}/{session_id}.r{revision}.json", "{tenant}/{date}/{session_id}.json"];

/// What can be said besides the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// Another server that speaks the same protocol.
    endpoint: Option<String>,
    /// Of S3.
    region: Option<String>,
    /// Of Azure, where the URL does not name it.
    account: Option<String>,
    /// Below the URL.
    key: Option<OneOrMany>,
}

impl Options {
    /// Those that say where a bucket is.
    pub(crate) fn of_bucket(
        endpoint: Option<String>,
        region: Option<String>,
        account: Option<String>,
    ) -> Options {
        Options { endpoint, region, account, key: None }
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// What the next delivery has to know of the stable names, in the order of the keys.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Note(Vec<Version>);

/// A place where objects are written.
pub(crate) struct ObjectFile {
    place: Place,
    keys: Vec<Key>,
}

impl ObjectFile {
    pub(crate) fn open(
        settings: &Settings,
        secret: Option<&Secret>,
        guard: &Guard,
    ) -> Result<ObjectFile, SettingsError> {
        let mut options: Options = settings.options.read()?;
        let keys = keys(options.key.take())?;
        let place = Place::open(&settings.url, &options, secret, guard)?;
        Ok(ObjectFile { place, keys })
    }

    pub(crate) async fn send(&self, parcel: &Outgoing<'_>, guard: &Guard) -> Outcome {
        let patience = guard.patience() * 3;
        match tokio::time::timeout(patience, http::remembering(self.write(parcel))).await {
            Ok(Ok(sent)) => Outcome::Sent(sent),
            Ok(Err(outcome)) => outcome,
            Err(_) => Failure::late(patience).retry(),
        }
    }

    async fn write(&self, parcel: &Outgoing<'_>) -> Result<Sent, Outcome> {
        let values = Values::of(parcel);
        let put = Put::new(&self.place, parcel);
        let before = parcel.previous.and_then(|previous| previous.note);
        let before: Note =
            before.and_then(|note| serde_json::from_str(note).ok()).unwrap_or_default();
        let mut before = before.0.into_iter();
        let mut note = Note::default();
        for key in &self.keys {
            let path = self.path(key, &values)?;
            if key.is_of_one_revision() {
                put.once(&path).await?;
            } else if !parcel.superseded {
                note.0.push(put.latest(&path, before.next()).await?);
            }
        }
        let note = Some(note).filter(|note| !note.0.is_empty());
        let note = note.and_then(|note| serde_json::to_string(&note).ok());
        Ok(Sent::of(parcel.bytes()).noting(note))
    }

    fn path(&self, key: &Key, values: &Values<'_>) -> Result<Path, Outcome> {
        let whole = format!("{}/{}", self.place.prefix(), key.fill(values));
        Path::parse(whole.trim_matches('/'))
            .map_err(|error| Failure::new("template", error.to_string()).give_up())
    }
}

fn keys(given: Option<OneOrMany>) -> Result<Vec<Key>, SettingsError> {
    let texts = match given {
        None => DEFAULT_KEYS.map(str::to_owned).to_vec(),
        Some(OneOrMany::One(text)) => vec![text],
        Some(OneOrMany::Many(texts)) => texts,
    };
    if texts.is_empty() || texts.len() > KEYS_MAX {
        let why = format!("{} keys; give 1 to {KEYS_MAX}", texts.len());
        return Err(SettingsError::new("/options/key", why));
    }
    let read = texts.iter().enumerate().map(|(at, text)| {
        Key::parse(text).map_err(|why| SettingsError::new(&format!("/options/key/{at}"), why))
    });
    read.collect()
}

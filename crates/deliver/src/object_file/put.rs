//! Writing one object, once or over what was written last.
use std::io;

use bytes::Bytes;
use object_store::{
    Attribute, Attributes, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult,
    UpdateVersion, path::Path,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    http::last_status,
    place::{Backend, Place},
};
use crate::{
    client,
    outcome::{Failure, Outcome},
    parcel::Outgoing,
};

/// Attributes by which an object says what it is. Azure allows letters alone.
const PARCEL: &str = "sessionaryparcel";
const REVISION: &str = "sessionaryrevision";
/// How often an object may change under our hands in one attempt.
const RACES_MAX: usize = 5;

/// The state of an object that was written: what S3 and Azure, and what Google compares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version(Option<String>, Option<String>);

/// An object as it stands.
struct Standing {
    version: Version,
    parcel: Option<String>,
    revision: Option<u32>,
    equal: bool,
}

/// One record on its way into one place.
pub(super) struct Put<'a> {
    place: &'a Place,
    parcel: &'a Outgoing<'a>,
    bytes: Bytes,
}

impl<'a> Put<'a> {
    pub(super) fn new(place: &'a Place, parcel: &'a Outgoing<'a>) -> Put<'a> {
        Put { place, parcel, bytes: Bytes::copy_from_slice(parcel.bytes()) }
    }

    /// Writes where nothing stands. An earlier attempt of the same parcel may stand there: its bytes
    /// are these, or it bears the parcel's id.
    pub(super) async fn once(&self, path: &Path) -> Result<(), Outcome> {
        match self.put(path, PutMode::Create).await {
            Ok(_) => return Ok(()),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
            Err(error) => return Err(outcome(&error)),
        }
        let standing = self.standing(path).await.map_err(|error| outcome(&error))?;
        match standing {
            None => Err(raced(path).retry()),
            Some(it) if it.equal || it.parcel.as_deref() == Some(self.parcel.id) => Ok(()),
            Some(_) => {
                let why =
                    format!("{path} stands there with other bytes, and is never written over");
                Err(Failure::new("conflict", why).give_up())
            }
        }
    }

    /// Replaces what was written last, and says what stands there now.
    pub(super) async fn latest(
        &self,
        path: &Path,
        before: Option<Version>,
    ) -> Result<Version, Outcome> {
        if self.place.backend == Backend::Folder {
            return self.latest_in_folder(path).await;
        }
        let mut before = before;
        for _ in 0..RACES_MAX {
            let mode = before.take().map_or(PutMode::Create, Version::unchanged);
            match self.put(path, mode).await {
                Ok(put) => return Ok(Version(put.e_tag, put.version)),
                Err(
                    Error::AlreadyExists { .. }
                    | Error::Precondition { .. }
                    | Error::NotFound { .. },
                ) => {}
                Err(error) => return Err(outcome(&error)),
            }
            match self.standing(path).await.map_err(|error| outcome(&error))? {
                Some(it) if it.equal || self.is_older_than(&it) => return Ok(it.version),
                Some(it) => before = Some(it.version),
                None => {}
            }
        }
        Err(raced(path).retry())
    }

    /// A folder knows no condition; what stands there is looked at first, then renamed over, one
    /// writer after the other.
    async fn latest_in_folder(&self, path: &Path) -> Result<Version, Outcome> {
        let _turn = self.place.turn(path).await;
        let standing = self.standing(path).await.map_err(|error| outcome(&error))?;
        match standing {
            Some(it) if it.equal || self.is_older_than(&it) => return Ok(it.version),
            _ => {}
        }
        let put = self.put(path, PutMode::Overwrite).await.map_err(|error| outcome(&error))?;
        Ok(Version(put.e_tag, put.version))
    }

    fn is_older_than(&self, standing: &Standing) -> bool {
        standing.revision.is_some_and(|revision| revision > self.parcel.revision)
    }

    async fn put(&self, path: &Path, mode: PutMode) -> object_store::Result<PutResult> {
        let attributes = match self.place.backend {
            Backend::Folder => Attributes::new(),
            Backend::Bucket => self.attributes(),
        };
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        self.place.store.put_opts(path, self.bytes.clone().into(), options).await
    }

    fn attributes(&self) -> Attributes {
        let id = self.parcel.id.to_owned();
        let revision = self.parcel.revision.to_string();
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::ContentType, "application/json".into());
        attributes.insert(Attribute::Metadata(PARCEL.into()), id.into());
        attributes.insert(Attribute::Metadata(REVISION.into()), revision.into());
        attributes
    }

    /// What stands there, if anything.
    async fn standing(&self, path: &Path) -> object_store::Result<Option<Standing>> {
        let got = match self.place.store.get(path).await {
            Ok(got) => got,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let version = Version(got.meta.e_tag.clone(), got.meta.version.clone());
        let told = |name: &'static str| {
            let value = got.attributes.get(&Attribute::Metadata(name.into()));
            value.map(|value| value.to_string())
        };
        let (parcel, revision) = (told(PARCEL), told(REVISION).and_then(|text| text.parse().ok()));
        // A record has a few KiB; whatever is far larger is not one of ours.
        let size = usize::try_from(got.meta.size).unwrap_or(usize::MAX);
        let comparable = size <= self.bytes.len().saturating_mul(4).max(1 << 20);
        let bytes = if comparable { got.bytes().await? } else { Bytes::new() };
        let revision = revision.or_else(|| revision_in(&bytes));
        Ok(Some(Standing { version, parcel, revision, equal: bytes == self.bytes }))
    }
}

impl Version {
    fn unchanged(self) -> PutMode {
        PutMode::Update(UpdateVersion { e_tag: self.0, version: self.1 })
    }
}

/// The revision that a record tells of itself, where its format does.
fn revision_in(bytes: &[u8]) -> Option<u32> {
    let record: Value = serde_json::from_slice(bytes).ok()?;
    let places = [record.get("revision"), record.pointer("/sessionary/revision")];
    let revision = places.into_iter().flatten().find_map(Value::as_u64)?;
    u32::try_from(revision).ok()
}

fn raced(path: &Path) -> Failure {
    Failure::new("conflict", format!("{path} changed while it was being written"))
}

/// What an error of a store means: all of them can be mended from outside.
fn outcome(error: &Error) -> Outcome {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    loop {
        if let Some(failure) = client::known(cause) {
            return failure.retry();
        }
        match cause.source() {
            Some(inner) => cause = inner,
            None => break,
        }
    }
    let status = last_status().filter(|status| *status >= 300);
    let reason = match (error, status) {
        (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, _) => "credentials",
        (_, Some(300..=399)) => "redirect",
        (_, Some(400..=499)) => "http_4xx",
        (_, Some(_)) => "http_5xx",
        _ if cause.is::<io::Error>() => "io",
        _ => "storage",
    };
    let why = Failure::new(reason, cause.to_string());
    Failure { status, ..why }.retry()
}

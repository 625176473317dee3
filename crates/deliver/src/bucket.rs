//! A bucket that the operator names, for files of any size: listed, read by ranges, written whole.
//!
//! Unlike a destination it is called wherever the operator says, with the credentials of the machine
//! where none are given, and a call that fails is repeated for a while. No file is in memory whole:
//! what is larger than a part goes up part by part, and is there when the last of them is.
use std::{io, ops::Range, path::Path, slice, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::{
    BackoffConfig, Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
    path::Path as Key,
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
};

use crate::{
    Secret, SettingsError, client,
    guard::Guard,
    object_file::{Guarded, Manner, Options, Place, WithoutSecret},
};

/// Bytes that go up or come down together. Stores want five MiB or more.
const PART: usize = 8 << 20;
/// So many bytes between two ranges are read along, which is quicker than to ask twice.
const GAP: u64 = 256 << 10;
/// Ranges that come at the same time.
const AT_ONCE: usize = 8;
/// How long an answer may not begin.
const ANSWER: Duration = Duration::from_secs(20);
/// After so long a call is not repeated any more.
const REPEATED: Duration = Duration::from_secs(30);
/// How often a call is repeated.
const RETRIES: usize = 5;
/// How long a call may take, its repetitions included, with a second more for each MiB.
const CALL: Duration = Duration::from_mins(1);

/// Where a bucket is, and who one is to it.
#[derive(Clone, Debug, Default)]
pub struct BucketSettings {
    /// `s3://bucket/folder`, or the same with `gs`, `az`, `abfss`.
    pub url: String,
    /// Another server that speaks the same protocol.
    pub endpoint: Option<String>,
    /// Of S3.
    pub region: Option<String>,
    /// Of Azure, where the URL does not name it.
    pub account: Option<String>,
    /// As destinations have it (docs/destinations.md); `None`: what the environment says.
    pub secret: Option<Secret>,
}

/// A folder of a bucket. Names are below it.
pub struct Bucket {
    place: Place,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bucket({})", self.place.prefix())
    }
}

impl Bucket {
    /// A bucket, as it is set. Nothing is called yet.
    ///
    /// # Errors
    /// What is set is no bucket; says which setting, by its place among destinations' settings.
    pub fn open(settings: &BucketSettings) -> Result<Bucket, SettingsError> {
        let guard = Guard::new(true);
        let BucketSettings { url, endpoint, region, account, secret } = settings.clone();
        let options = Options::of_bucket(endpoint, region, account);
        let backoff =
            BackoffConfig { max_backoff: Duration::from_secs(5), ..BackoffConfig::default() };
        let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: REPEATED };
        let manner = Manner {
            http: Guarded::with_patience(guard.client(), ANSWER),
            retry,
            without_secret: WithoutSecret::AsEnvironmentSays,
        };
        let place = Place::open_as(&url, &options, secret.as_ref(), &guard, manner)?;
        Ok(Bucket { place })
    }

    /// Every object below a folder, by its name, with its bytes; in the order of the names.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let key = self.key(folder)?;
        let listed = self.place.store.list(Some(&key)).try_collect::<Vec<_>>();
        let below = format!("{}/", self.place.prefix());
        // A page may take as long as a call.
        let objects = within(CALL * 5, listed).await?.into_iter().map(|object| {
            let name = object.location.to_string();
            let name = name.strip_prefix(&below).map(str::to_owned).unwrap_or(name);
            (name, object.size)
        });
        let mut objects: Vec<(String, u64)> = objects.collect();
        objects.sort_unstable();
        Ok(objects)
    }

    /// The bytes of an object in these ranges. Those near each other come together.
    ///
    /// # Errors
    /// The store's; of the kind `NotFound` where there is none, `UnexpectedEof` where it is shorter.
    pub async fn read(&self, name: &str, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        let (key, store) = (self.key(name)?, &self.place.store);
        let spans = spans(ranges);
        let count = spans.iter().map(|span| span.end - span.start).sum();
        let fetched = futures::stream::iter(spans.clone())
            .map(|span| store.get_range(&key, span))
            .buffered(AT_ONCE)
            .try_collect::<Vec<Bytes>>();
        let fetched = within(patience(count), fetched).await?;
        let one = |range: &Range<u64>| {
            if range.start >= range.end {
                return Some(Bytes::new());
            }
            let at = spans.partition_point(|span| span.start <= range.start).checked_sub(1)?;
            let (span, bytes) = (spans.get(at)?, fetched.get(at)?);
            let place = |at: u64| usize::try_from(at.checked_sub(span.start)?).ok();
            let (start, end) = (place(range.start)?, place(range.end)?);
            (end <= bytes.len()).then(|| bytes.slice(start..end))
        };
        let short =
            || io::Error::new(io::ErrorKind::UnexpectedEof, "the object is shorter than it was");
        ranges.iter().map(|range| one(range).ok_or_else(short)).collect()
    }

    /// A small object; `None`: there is none.
    ///
    /// # Errors
    /// The store's.
    pub async fn get(&self, name: &str) -> io::Result<Option<Bytes>> {
        let key = self.key(name)?;
        let got = async { self.place.store.get(&key).await?.bytes().await };
        match within(CALL, got).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            got => got.map(Some),
        }
    }

    /// Writes a small object over what is there.
    ///
    /// # Errors
    /// The store's.
    pub async fn set(&self, name: &str, bytes: Bytes) -> io::Result<()> {
        let key = self.key(name)?;
        within(CALL, self.place.store.put(&key, bytes.into())).await.map(drop)
    }

    /// Writes a file of this disk as an object, which is there at once and whole.
    ///
    /// # Errors
    /// The disk's or the store's; whether the object is there is then not known.
    pub async fn put(&self, name: &str, from: &Path) -> io::Result<()> {
        let mut file = File::open(from).await?;
        let first = part(&mut file).await?;
        if first.len() < PART {
            return self.set(name, first).await;
        }
        let key = self.key(name)?;
        let mut upload = within(CALL, self.place.store.put_multipart(&key)).await?;
        let outcome = upload_all(&mut *upload, first, &mut file).await;
        if outcome.is_err() {
            // Parts that stay are nothing that anybody sees; the bucket may be told to drop them.
            let _ = within(CALL, upload.abort()).await;
        }
        outcome
    }

    /// Writes an object to a file of this disk, part by part.
    ///
    /// # Errors
    /// The disk's or the store's.
    pub async fn download(&self, name: &str, bytes: u64, to: &Path) -> io::Result<()> {
        let mut file = File::create(to).await?;
        let mut at = 0;
        while at < bytes {
            let end = bytes.min(at + PART as u64);
            for piece in self.read(name, slice::from_ref(&(at..end))).await? {
                file.write_all(&piece).await?;
            }
            at = end;
        }
        file.flush().await
    }

    /// Deletes an object, if it is there.
    ///
    /// # Errors
    /// The store's.
    pub async fn delete(&self, name: &str) -> io::Result<()> {
        let key = self.key(name)?;
        match within(CALL, self.place.store.delete(&key)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }

    fn key(&self, name: &str) -> io::Result<Key> {
        let whole = format!("{}/{name}", self.place.prefix());
        Key::parse(whole.trim_matches('/'))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))
    }
}

/// What is read for some ranges: those near each other together.
fn spans(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut wanted: Vec<Range<u64>> =
        ranges.iter().filter(|range| range.start < range.end).cloned().collect();
    wanted.sort_unstable_by_key(|range| range.start);
    let mut spans: Vec<Range<u64>> = Vec::new();
    for range in wanted {
        match spans.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP) => {
                last.end = last.end.max(range.end);
            }
            _ => spans.push(range),
        }
    }
    spans
}

/// The next part of a file: less than one at its end.
async fn part(file: &mut File) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(PART);
    file.take(PART as u64).read_to_end(&mut bytes).await?;
    Ok(bytes.into())
}

async fn upload_all(
    upload: &mut dyn MultipartUpload,
    first: Bytes,
    file: &mut File,
) -> io::Result<()> {
    let mut next = first;
    while !next.is_empty() {
        let count = next.len() as u64;
        within(patience(count), upload.put_part(PutPayload::from(next))).await?;
        next = part(file).await?;
    }
    within(CALL, upload.complete()).await.map(drop)
}

fn patience(bytes: u64) -> Duration {
    CALL + Duration::from_secs(bytes >> 20)
}

async fn within<T>(
    patience: Duration,
    call: impl Future<Output = object_store::Result<T>>,
) -> io::Result<T> {
    match tokio::time::timeout(patience, call).await {
        Ok(outcome) => outcome.map_err(|error| io_error(&error)),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("not done within {} s", patience.as_secs()),
        )),
    }
}

/// The innermost cause, which has no URL in it and so no signature.
fn io_error(error: &Error) -> io::Error {
    let kind = match error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        _ => io::ErrorKind::Other,
    };
    let mut cause: &(dyn std::error::Error + 'static) = error;
    loop {
        if let Some(failure) = client::known(cause) {
            return io::Error::new(kind, failure.to_string());
        }
        match cause.source() {
            Some(inner) => cause = inner,
            None => return io::Error::new(kind, cause.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;

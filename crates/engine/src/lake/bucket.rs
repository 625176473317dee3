//! The files of a lake in a bucket of S3, Google or Azure.
//!
//! A file is written to this disk first and goes up whole, so what has its name there is finished.
//! Calls wait on a thread that may wait; what they wait for runs on a runtime of its own.
use std::{
    fs,
    io::{self, ErrorKind},
    ops::Range,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
pub use sessionary_deliver::BucketSettings;
use sessionary_deliver::SettingsError;
use sessionary_lake::{
    LakeError,
    files::{Draft, Fetched, Listed, MARK, Place},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::watch,
};

/// What names of objects of the lake end with.
const ENDING: &str = ".parquet";

/// A folder of a bucket.
#[derive(Debug)]
pub struct Bucket {
    inner: sessionary_deliver::Bucket,
    url: String,
    /// Where files lie on their way, on this disk.
    staging: PathBuf,
    /// Of the next copy.
    number: AtomicU64,
    runtime: Option<Runtime>,
    is_closed: watch::Sender<bool>,
}

/// Why there is no such place.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// What is set is no bucket.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The system has no threads left.
    #[error("the threads that call the bucket cannot be started")]
    Threads(#[from] io::Error),
}

impl Bucket {
    /// The bucket as it is set; files on their way lie in this folder. Nothing is called yet.
    ///
    /// # Errors
    /// What is set is no bucket; the system has no threads left.
    pub fn open(settings: &BucketSettings, staging: &Path) -> Result<Bucket, BucketError> {
        let inner = sessionary_deliver::Bucket::open(settings)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("lake-calls")
            .enable_all()
            .build()?;
        let (url, staging) = (settings.url.trim_end_matches('/').to_owned(), staging.to_owned());
        Ok(Bucket {
            inner,
            url,
            staging,
            number: AtomicU64::new(0),
            runtime: Some(runtime),
            is_closed: watch::Sender::new(false),
        })
    }

    /// Waits for a call about a file.
    fn wait<T>(
        &self,
        name: &str,
        call: impl Future<Output = io::Result<T>>,
    ) -> Result<T, LakeError> {
        let over = || Err(io::Error::other("the lake is being closed"));
        let mut closing = self.is_closed.subscribe();
        let outcome = match &self.runtime {
            Some(runtime) => runtime.handle().block_on(async {
                tokio::select! {
                    outcome = call => outcome,
                    _ = closing.wait_for(|is_closed| *is_closed) => over(),
                }
            }),
            None => over(),
        };
        outcome.map_err(self.error(name))
    }

    fn error(&self, name: &str) -> impl Fn(io::Error) -> LakeError {
        move |source| LakeError::File { path: Path::new(&self.url).join(name), source }
    }

    /// A name on this disk that no other file has.
    fn staged(&self) -> io::Result<Draft> {
        fs::create_dir_all(&self.staging)?;
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        Ok(Draft::new(self.staging.join(format!("{process}-{number}.unfinished"))))
    }
}

impl Place for Bucket {
    fn root(&self) -> &str {
        &self.url
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>, LakeError> {
        let objects = self.wait(folder, self.inner.list(folder))?.into_iter();
        let files = objects.filter(|(name, _)| name.ends_with(ENDING));
        Ok(files.map(|(name, bytes)| Listed { name, bytes }).collect())
    }

    fn draft(&self, _name: &str) -> Result<Draft, LakeError> {
        self.staged().map_err(|source| LakeError::File { path: self.staging.clone(), source })
    }

    fn put(&self, draft: Draft, name: &str) -> Result<(), LakeError> {
        self.wait(name, self.inner.put(name, draft.path()))
    }

    fn read(&self, name: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, LakeError> {
        self.wait(name, self.inner.read(name, ranges))
    }

    fn fetch(&self, file: &Listed) -> Result<Fetched, LakeError> {
        let copy = self.staged().map_err(self.error(&file.name))?;
        let Listed { name, bytes } = file;
        self.wait(name, self.inner.download(name, *bytes, copy.path()))?;
        Ok(Fetched::Copy(copy))
    }

    fn delete(&self, names: &[String]) -> Result<(), LakeError> {
        names.iter().try_for_each(|name| self.wait(name, self.inner.delete(name)))
    }

    fn clear_drafts(&self) -> Result<(), LakeError> {
        let path = &self.staging;
        match fs::remove_dir_all(path) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                Err(LakeError::File { path: path.clone(), source })
            }
            _ => Ok(()),
        }
    }

    fn mark(&self) -> Result<Option<String>, LakeError> {
        let mark = self.wait(MARK, self.inner.get(MARK))?;
        Ok(mark.map(|mark| String::from_utf8_lossy(&mark).into_owned()))
    }

    fn set_mark(&self, mark: &str) -> Result<(), LakeError> {
        self.wait(MARK, self.inner.set(MARK, Bytes::copy_from_slice(mark.as_bytes())))
    }

    fn close(&self) {
        self.is_closed.send_replace(true);
    }
}

impl Drop for Bucket {
    /// Does not wait: it may be dropped by a thread that must not.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

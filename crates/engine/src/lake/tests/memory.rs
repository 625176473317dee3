//! A place in memory whose calls fail when they are told to.
use std::{collections::BTreeMap, io, ops::Range, path::PathBuf, sync::Mutex};

use bytes::Bytes;
use sessionary_lake::{
    LakeError,
    files::{Draft, Fetched, Listed, MARK, Place},
};

/// Objects by their names, as a bucket has them.
#[derive(Debug)]
pub(super) struct Memory {
    staging: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<String, Bytes>,
    copies: u32,
    failing: Option<Failing>,
}

/// Which call fails: that after so many others, before its effect or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failing {
    pub(super) calls: u32,
    pub(super) when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

impl Memory {
    pub(super) fn new(staging: PathBuf) -> Memory {
        std::fs::create_dir_all(&staging).unwrap();
        Memory { staging, inner: Mutex::default() }
    }

    pub(super) fn fail(&self, failing: Option<Failing>) {
        self.inner.lock().unwrap().failing = failing;
    }

    /// Loses all that it has.
    pub(super) fn lose(&self) {
        self.inner.lock().unwrap().objects.clear();
    }

    fn call<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut Inner) -> io::Result<T>,
    ) -> Result<T, LakeError> {
        let mut inner = self.inner.lock().unwrap();
        let failing = inner.failing;
        if let Some(failing) = &mut inner.failing {
            failing.calls = failing.calls.saturating_sub(1);
        }
        let fails = |when| failing == Some(Failing { calls: 0, when });
        let failed = || io::Error::new(io::ErrorKind::ConnectionRefused, "as it was told");
        let acted = if fails(When::Before) { Err(failed()) } else { act(&mut inner) };
        let outcome = if fails(When::After) { acted.and(Err(failed())) } else { acted };
        if failing.is_some_and(|failing| failing.calls == 0) {
            inner.failing = None;
        }
        outcome.map_err(|source| LakeError::File { path: format!("memory/{name}").into(), source })
    }

    fn staged(&self, inner: &mut Inner) -> PathBuf {
        inner.copies += 1;
        self.staging.join(format!("{}.unfinished", inner.copies))
    }
}

fn none() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "there is none")
}

impl Place for Memory {
    fn root(&self) -> &'static str {
        "memory"
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>, LakeError> {
        let below = format!("{folder}/");
        self.call(folder, |inner| {
            let below = inner.objects.iter().filter(|(name, _)| name.starts_with(&below));
            let listed = |(name, object): (&String, &Bytes)| Listed {
                name: name.clone(),
                bytes: object.len() as u64,
            };
            Ok(below.map(listed).collect())
        })
    }

    fn draft(&self, name: &str) -> Result<Draft, LakeError> {
        self.call(name, |inner| Ok(Draft::new(self.staged(inner))))
    }

    fn put(&self, draft: Draft, name: &str) -> Result<(), LakeError> {
        self.call(name, |inner| {
            let object = std::fs::read(draft.path())?;
            inner.objects.insert(name.to_owned(), object.into());
            Ok(())
        })
    }

    fn read(&self, name: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, LakeError> {
        self.call(name, |inner| {
            let object = inner.objects.get(name).ok_or_else(none)?;
            let place = |at: u64| usize::try_from(at).unwrap();
            Ok(ranges.iter().map(|it| object.slice(place(it.start)..place(it.end))).collect())
        })
    }

    fn fetch(&self, file: &Listed) -> Result<Fetched, LakeError> {
        self.call(&file.name, |inner| {
            let copy = Draft::new(self.staged(inner));
            std::fs::write(copy.path(), inner.objects.get(&file.name).ok_or_else(none)?)?;
            Ok(Fetched::Copy(copy))
        })
    }

    fn delete(&self, names: &[String]) -> Result<(), LakeError> {
        self.call("some", |inner| {
            for name in names {
                inner.objects.remove(name);
            }
            Ok(())
        })
    }

    fn clear_drafts(&self) -> Result<(), LakeError> {
        Ok(())
    }

    fn mark(&self) -> Result<Option<String>, LakeError> {
        let text = |mark: &Bytes| String::from_utf8(mark.to_vec()).unwrap();
        self.call(MARK, |inner| Ok(inner.objects.get(MARK).map(text)))
    }

    fn set_mark(&self, mark: &str) -> Result<(), LakeError> {
        self.call(MARK, |inner| {
            inner.objects.insert(MARK.to_owned(), Bytes::copy_from_slice(mark.as_bytes()));
            Ok(())
        })
    }
}

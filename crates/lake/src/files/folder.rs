//! The files of a lake in a folder of this machine.
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::{Draft, ENDING, Fetched, Listed, MARK, Place, failed};
use crate::{LakeError, layout::LakeTable};

/// What the name of a file that is being written ends with.
const UNFINISHED: &str = "unfinished";

/// A folder. What has its name is on disk: files are synced before they get it, folders after.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    shown: String,
}

impl Folder {
    /// The folder, which need not be there yet.
    pub fn new(path: &Path) -> Folder {
        Folder { path: path.to_owned(), shown: path.display().to_string() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn error(&self, name: &str) -> impl Fn(io::Error) -> LakeError {
        move |source| failed(&self.shown, name, source)
    }

    /// Every file below a folder: its name, its path and its bytes.
    fn walk(&self, folder: &str) -> Result<Vec<(String, PathBuf)>, LakeError> {
        let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
        while let Some(folder) = folders.pop() {
            let failed = self.error(&folder);
            let entries = match fs::read_dir(self.at(&folder)) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            for entry in entries {
                let entry = entry.map_err(&failed)?;
                let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
                if entry.path().is_dir() {
                    folders.push(name);
                } else {
                    files.push((name, entry.path()));
                }
            }
        }
        files.sort_unstable();
        Ok(files)
    }
}

impl Place for Folder {
    fn root(&self) -> &str {
        &self.shown
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>, LakeError> {
        let mut listed = Vec::new();
        for (name, path) in self.walk(folder)? {
            if !name.ends_with(ENDING) {
                continue;
            }
            // What went between the two looks has its rows elsewhere: whoever reads begins anew.
            let bytes =
                fs::metadata(&path).map_err(|error| failed(&self.shown, &name, error))?.len();
            listed.push(Listed { name, bytes });
        }
        Ok(listed)
    }

    fn draft(&self, name: &str) -> Result<Draft, LakeError> {
        let path = self.at(name);
        if let Some(folder) = path.parent() {
            make_folder(folder).map_err(self.error(name))?;
        }
        Ok(Draft::new(path.with_extension(UNFINISHED)))
    }

    fn put(&self, draft: Draft, name: &str) -> Result<(), LakeError> {
        let path = self.at(name);
        fs::rename(draft.path(), &path).map_err(self.error(name))?;
        path.parent().map_or(Ok(()), sync).map_err(self.error(name))
    }

    fn read(&self, name: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, LakeError> {
        let mut file = File::open(self.at(name)).map_err(self.error(name))?;
        let mut read = |range: &Range<u64>| {
            let length = usize::try_from(range.end.saturating_sub(range.start));
            let mut bytes = vec![0; length.map_err(io::Error::other)?];
            file.seek(SeekFrom::Start(range.start))?;
            file.read_exact(&mut bytes)?;
            Ok(Bytes::from(bytes))
        };
        ranges.iter().map(|range| read(range).map_err(self.error(name))).collect()
    }

    fn fetch(&self, file: &Listed) -> Result<Fetched, LakeError> {
        Ok(Fetched::Itself(self.at(&file.name)))
    }

    fn delete(&self, names: &[String]) -> Result<(), LakeError> {
        let mut folders = Vec::new();
        for name in names {
            let path = self.at(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(failed(&self.shown, name, error));
                }
                _ => folders.extend(path.parent().map(Path::to_owned)),
            }
        }
        folders.sort_unstable();
        folders.dedup();
        for folder in folders.iter().filter(|folder| folder.exists()) {
            sync(folder).map_err(|source| LakeError::File { path: folder.clone(), source })?;
        }
        Ok(())
    }

    fn clear_drafts(&self) -> Result<(), LakeError> {
        for table in LakeTable::ALL {
            for (name, path) in self.walk(table.name())? {
                if path.extension().is_some_and(|ending| ending == UNFINISHED) {
                    fs::remove_file(&path).map_err(self.error(&name))?;
                }
            }
        }
        Ok(())
    }

    fn mark(&self) -> Result<Option<String>, LakeError> {
        match fs::read_to_string(self.at(MARK)) {
            Ok(mark) => Ok(Some(mark)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&self.shown, MARK, error)),
        }
    }

    fn set_mark(&self, mark: &str) -> Result<(), LakeError> {
        let draft = self.draft(MARK)?;
        let write = || {
            let mut file = File::create(draft.path())?;
            file.write_all(mark.as_bytes())?;
            file.sync_all()
        };
        write().map_err(self.error(MARK))?;
        self.put(draft, MARK)
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a folder, and makes durable that it and those above it are there.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_folder(above)?;
        fs::create_dir_all(folder)?;
        return sync(above);
    }
    fs::create_dir_all(folder)
}

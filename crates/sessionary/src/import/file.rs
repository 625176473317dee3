//! What is imported: a file or bundled bytes, plain or packed with gzip, read with progress by the
//! packed bytes.
use std::{
    fs::File,
    io::{BufRead, BufReader, Cursor, Read},
    path::{Path, PathBuf},
};

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};

/// Where the rows come from.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A file.
    File(PathBuf),
    /// Bytes in the program, under the name of the file that they were.
    Bundled(&'static str, &'static [u8]),
}

impl Input {
    /// Its name without folders.
    pub(crate) fn name(&self) -> String {
        match self {
            Input::File(path) => {
                path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
            }
            Input::Bundled(name, _) => (*name).to_owned(),
        }
    }

    /// Its name without ending, as the name of a source; `.gz` is no part of a name.
    pub(crate) fn stem(&self) -> String {
        let name = self.name();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if stem.is_empty() { "import".to_owned() } else { stem }
    }

    /// The digest of its bytes as they lie on disk.
    pub(crate) fn digest(&self) -> anyhow::Result<String> {
        let mut hasher = blake3::Hasher::new();
        std::io::copy(&mut self.bytes()?, &mut hasher).with_context(|| self.unreadable())?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// A bar that follows the reading; hidden where standard error is no terminal.
    pub(crate) fn bar(&self) -> anyhow::Result<ProgressBar> {
        let length = match self {
            Input::File(path) => {
                std::fs::metadata(path).with_context(|| self.unreadable())?.len()
            }
            Input::Bundled(_, bytes) => bytes.len() as u64,
        };
        let bar = ProgressBar::new(length);
        let style = "{prefix} {wide_bar} {bytes} of {total_bytes}, {msg}, {eta} left";
        let style = ProgressStyle::with_template(style).context("the bar's own template")?;
        bar.set_style(style);
        bar.set_prefix(self.name());
        Ok(bar)
    }

    /// Its unpacked bytes.
    pub(crate) fn open(&self, bar: &ProgressBar) -> anyhow::Result<Box<dyn BufRead>> {
        let mut counted = BufReader::new(bar.wrap_read(self.bytes()?));
        let start = counted.fill_buf().with_context(|| self.unreadable())?;
        let is_gzip = start.starts_with(&[0x1f, 0x8b]);
        Ok(if is_gzip {
            Box::new(BufReader::with_capacity(64 << 10, MultiGzDecoder::new(counted)))
        } else {
            Box::new(counted)
        })
    }

    fn bytes(&self) -> anyhow::Result<Box<dyn Read>> {
        Ok(match self {
            Input::File(path) => Box::new(File::open(path).with_context(|| self.unreadable())?),
            Input::Bundled(_, bytes) => Box::new(Cursor::new(*bytes)),
        })
    }

    fn unreadable(&self) -> String {
        match self {
            Input::File(path) => format!("{} cannot be read", path.display()),
            Input::Bundled(name, _) => format!("the bundled {name} cannot be read"),
        }
    }
}

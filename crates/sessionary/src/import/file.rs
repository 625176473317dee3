//! Opening a file, plain or packed with gzip, with progress by the bytes on disk.
use std::{
    fs::File,
    io::{BufRead, BufReader, Seek},
    path::Path,
};

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};

/// The unpacked bytes of a file, and the bar that follows the reading. The bar is hidden where
/// standard error is no terminal.
pub(crate) fn open(path: &Path) -> anyhow::Result<(Box<dyn BufRead>, ProgressBar)> {
    let context = || format!("{} cannot be read", path.display());
    let mut file = File::open(path).with_context(context)?;
    let length = file.metadata().with_context(context)?.len();
    let is_gzip = {
        let mut start = BufReader::new(&file);
        start.fill_buf().with_context(context)?.starts_with(&[0x1f, 0x8b])
    };
    file.rewind().with_context(context)?;

    let bar = ProgressBar::new(length);
    let style = "{msg} {wide_bar} {bytes} of {total_bytes}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style).context("the progress bar's own template")?);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    bar.set_message(name);
    let counted = bar.wrap_read(file);
    let reader: Box<dyn BufRead> = if is_gzip {
        Box::new(BufReader::with_capacity(64 << 10, MultiGzDecoder::new(counted)))
    } else {
        Box::new(BufReader::with_capacity(64 << 10, counted))
    };
    Ok((reader, bar))
}

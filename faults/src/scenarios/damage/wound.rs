//! Wounds: what is done to one file of a directory, or to two.
use std::{
    fmt, fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::dice::Dice;

/// What was done, and to which file.
#[derive(Clone, Debug)]
pub(super) struct Wound {
    file: PathBuf,
    done: Done,
}

#[derive(Clone, Debug)]
enum Done {
    Flipped { at: u64, bits: u8 },
    Cut { from: u64, to: u64 },
    Deleted,
    Zeroed { bytes: u64 },
    Swapped { with: PathBuf },
}

/// Every file of a directory, in order, by its path there.
pub(super) fn files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path().strip_prefix(dir)?.to_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

impl Wound {
    /// Deals a wound to the file whose turn it is. More than half are a single byte.
    pub(super) fn deal(
        dir: &Path,
        files: &[PathBuf],
        round: u64,
        dice: &mut Dice,
    ) -> anyhow::Result<Wound> {
        let turn =
            usize::try_from(round)?.checked_rem(files.len()).context("an empty directory")?;
        let file = files.get(turn).context("no file of that turn")?.clone();
        let path = dir.join(&file);
        let length = fs::metadata(&path)?.len();
        let done = match dice.below(10) {
            _ if length == 0 => delete(&path)?,
            0 => delete(&path)?,
            1 => cut(&path, length, dice)?,
            2 => zero(&path, length)?,
            3 => swap(dir, &file, files, dice)?,
            _ => flip(&path, length, dice)?,
        };
        Ok(Wound { file, done })
    }

    /// The names by which a refusal may speak of it.
    pub(super) fn names(&self) -> Vec<String> {
        let other = match &self.done {
            Done::Swapped { with } => Some(with),
            _ => None,
        };
        let files = [Some(&self.file), other].into_iter().flatten();
        files.filter_map(|file| Some(file.file_name()?.to_str()?.to_owned())).collect()
    }
}

fn delete(path: &Path) -> anyhow::Result<Done> {
    fs::remove_file(path)?;
    Ok(Done::Deleted)
}

fn cut(path: &Path, length: u64, dice: &mut Dice) -> anyhow::Result<Done> {
    let to = dice.below(filled(path, length)?);
    fs::File::options().write(true).open(path)?.set_len(to)?;
    Ok(Done::Cut { from: length, to })
}

fn zero(path: &Path, length: u64) -> anyhow::Result<Done> {
    let file = fs::File::options().write(true).open(path)?;
    file.set_len(0)?;
    file.set_len(length)?;
    Ok(Done::Zeroed { bytes: length })
}

fn swap(dir: &Path, file: &Path, files: &[PathBuf], dice: &mut Dice) -> anyhow::Result<Done> {
    let with = dice.pick(files).context("no file to swap with")?.clone();
    let (one, other, aside) = (dir.join(file), dir.join(&with), dir.join("aside"));
    fs::rename(&one, &aside)?;
    // The same file is its own other half: nothing is changed then.
    if other.exists() {
        fs::rename(&other, &one)?;
    }
    fs::rename(&aside, &other)?;
    Ok(Done::Swapped { with })
}

fn flip(path: &Path, length: u64, dice: &mut Dice) -> anyhow::Result<Done> {
    let file = fs::File::options().read(true).write(true).open(path)?;
    let at = dice.below(filled(path, length)?);
    let bits = u8::try_from(dice.between(1, 255))?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    file.write_all_at(&[byte[0] ^ bits], at)?;
    Ok(Done::Flipped { at, bits })
}

/// Where the zeros at the end begin, for files that are made long before they are filled; 1 or more.
fn filled(path: &Path, length: u64) -> anyhow::Result<u64> {
    let bytes = fs::read(path)?;
    let last = bytes.iter().rposition(|byte| *byte != 0);
    let filled = last.map_or(length, |last| last as u64 + 1);
    Ok(filled.max(1))
}

impl fmt::Display for Wound {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.done {
            Done::Flipped { at, bits } => write!(to, "{file}: byte {at} xor {bits:#04x}"),
            Done::Cut { from, to: length } => {
                write!(to, "{file}: cut from {from} to {length} bytes")
            }
            Done::Deleted => write!(to, "{file}: deleted"),
            Done::Zeroed { bytes } => write!(to, "{file}: {bytes} zeros"),
            Done::Swapped { with } => write!(to, "{file}: swapped with {}", with.display()),
        }
    }
}

//! File systems of our own: small ones in memory, and ext4 in a file whose copy is a power cut.
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;

/// A mounted file system; unmounted when dropped.
#[derive(Debug)]
pub struct Mount {
    at: PathBuf,
}

impl Mount {
    /// A file system in memory of so many bytes.
    ///
    /// # Errors
    /// It cannot be mounted; root may mount.
    pub fn memory(at: &Path, bytes: u64) -> anyhow::Result<Mount> {
        let size = format!("size={bytes},mode=0700");
        Mount::new(at, &["-t", "tmpfs", "-o", &size, "tmpfs"])
    }

    /// The ext4 file system in a file. Mounting it replays its journal, as after a power cut.
    ///
    /// # Errors
    /// It cannot be mounted; root may mount.
    pub fn image(image: &Path, at: &Path) -> anyhow::Result<Mount> {
        let image = image.to_str().context("the image's name is no text")?;
        Mount::new(at, &["-t", "ext4", "-o", "loop", image])
    }

    fn new(at: &Path, words: &[&str]) -> anyhow::Result<Mount> {
        std::fs::create_dir_all(at)?;
        run(Command::new("mount").args(words).arg(at))?;
        Ok(Mount { at: at.to_owned() })
    }

    /// Unmounts it now.
    ///
    /// # Errors
    /// It stays busy for a second.
    pub fn unmount(self) -> anyhow::Result<()> {
        self.try_unmount()
    }

    /// A process that was just killed may hold it for a moment, and a Ctrl-C also reaches `umount`.
    fn try_unmount(&self) -> anyhow::Result<()> {
        let mut tried = Ok(());
        for _ in 0..20 {
            tried = run(Command::new("umount").arg(&self.at));
            if tried.is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        tried
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let mounted = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let at = format!(" {} ", self.at.display());
        if !mounted.contains(&at) {
            return;
        }
        if self.try_unmount().is_err() {
            // Still busy: it goes when its last user goes.
            let _ = run(Command::new("umount").arg("--lazy").arg(&self.at));
        }
    }
}

/// An empty ext4 in a new sparse file.
///
/// # Errors
/// `mkfs.ext4` is missing or fails.
pub fn make_image(image: &Path, bytes: u64) -> anyhow::Result<()> {
    std::fs::File::create(image)?.set_len(bytes)?;
    run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(image))
}

/// Runs a command that must succeed.
///
/// # Errors
/// It cannot be run or fails, with what it said.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("`{name}` cannot be run"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "`{name}` failed: {}", said.trim());
    Ok(())
}

/// Copies a file or a folder with its holes.
///
/// # Errors
/// `cp` fails.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    run(Command::new("cp").args(["-a", "--sparse=always"]).arg(from).arg(to))
}

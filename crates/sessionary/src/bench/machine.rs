//! The machine line: what the figures were measured on, and whether they mean anything there.
use std::{fs, io::Write, path::Path};

use anyhow::{Context, bail};
use serde::Serialize;
use sessionary_engine::clock::monotonic;

use super::counters::real;

/// What a reader must know of the machine.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    cores: usize,
    kernel: String,
    file_system: String,
    free_bytes: u64,
    fdatasync_ms_p50: f64,
    fdatasync_ms_p99: f64,
    build: String,
    load_average: String,
}

/// Syncs that are measured.
const SYNCS: usize = 100;

impl Machine {
    /// Looks at the machine and at the disk of a folder.
    pub(super) fn look(dir: &Path) -> anyhow::Result<Machine> {
        let stat = rustix::fs::statvfs(dir).context("the file system cannot be asked")?;
        let (fdatasync_ms_p50, fdatasync_ms_p99) = syncs(dir)?;
        let line = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        Ok(Machine {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: line("/proc/sys/kernel/osrelease"),
            file_system: file_system(dir)?,
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            fdatasync_ms_p50,
            fdatasync_ms_p99,
            build: build(),
            load_average: line("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
        })
    }

    /// One line for a person, and a warning where the figures would mislead.
    pub(super) fn text(&self) -> String {
        let line = format!(
            "machine: {} cores, Linux {}, {}, {:.0} GiB free, fdatasync p50 {:.2} ms p99 {:.2} ms, \
             build {}, load {}\n",
            self.cores,
            self.kernel,
            self.file_system,
            real(self.free_bytes) / real(1 << 30),
            self.fdatasync_ms_p50,
            self.fdatasync_ms_p99,
            self.build,
            self.load_average,
        );
        if cfg!(debug_assertions) {
            return line
                + "WARNING: this build is not optimised; its figures mean nothing. `make bench` builds one that is.\n";
        }
        line
    }
}

/// Refuses a folder in memory, where a sync does nothing.
pub(super) fn must_be_a_disk(dir: &Path) -> anyhow::Result<()> {
    let file_system = file_system(dir)?;
    if matches!(file_system.as_str(), "tmpfs" | "ramfs") {
        bail!(
            "{} is a {file_system}, where a sync does nothing; name a folder on a disk with --dir, or \
             say --allow-tmpfs",
            dir.display()
        );
    }
    Ok(())
}

/// The type of the mount with the longest path that the folder is in.
fn file_system(dir: &Path) -> anyhow::Result<String> {
    let dir = dir.canonicalize().with_context(|| dir.display().to_string())?;
    let mounts = fs::read_to_string("/proc/self/mounts").context("the mounts cannot be read")?;
    let mount = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (at, kind) = (words.next()?, words.next()?);
        dir.starts_with(at).then(|| (at.len(), kind.to_owned()))
    };
    let longest = mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length);
    Ok(longest.map_or_else(|| "unknown".to_owned(), |(_, kind)| kind))
}

/// Milliseconds of an append of 4 KiB with its sync, p50 and p99.
fn syncs(dir: &Path) -> anyhow::Result<(f64, f64)> {
    let mut file = tempfile::tempfile_in(dir).context("the folder takes no file")?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = monotonic();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_unstable_by(f64::total_cmp);
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    Ok((at(SYNCS / 2), at(SYNCS * 99 / 100)))
}

/// Cargo's profile, which is the folder that the program was built into.
fn build() -> String {
    if cfg!(debug_assertions) {
        return "unoptimised".to_owned();
    }
    let own = std::env::current_exe().ok();
    let profile = own.as_deref().and_then(Path::parent).and_then(Path::file_name);
    match profile.and_then(|name| name.to_str()) {
        Some(name @ ("ci" | "release" | "bench")) => name.to_owned(),
        _ => "optimised".to_owned(),
    }
}

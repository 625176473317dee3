//! What the kernel counts of a process: CPU, also by what its threads do, bytes written, memory; and
//! of a folder: bytes on disk.
use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt, path::Path};

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};

/// The unit of CPU in `/proc/PID/stat` on every Linux: 10 ms.
const TICK_US: f64 = 10_000.0;

/// Counters of a process since it began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    /// CPU in user and kernel mode, microseconds.
    pub(super) cpu_us: f64,
    /// Bytes that it caused to be written to disk, less those that were taken back.
    pub(super) written: u64,
    /// The most memory it ever had resident, bytes.
    pub(super) peak_rss: u64,
}

impl Counters {
    /// Those of another process.
    pub(super) fn of(pid: u32) -> anyhow::Result<Counters> {
        let read = |name: &str| {
            fs::read_to_string(format!("/proc/{pid}/{name}"))
                .with_context(|| format!("process {pid} cannot be looked at"))
        };
        Ok(Counters {
            cpu_us: cpu_of(&read("stat")?)?,
            ..Counters::told(&read("io")?, &read("status")?)
        })
    }

    /// Those of this process.
    pub(super) fn own() -> anyhow::Result<Counters> {
        let read = |name: &str| {
            fs::read_to_string(format!("/proc/self/{name}")).context("the counters of this process")
        };
        let cpu_us = cpu_us(ClockId::ProcessCPUTime);
        Ok(Counters { cpu_us, ..Counters::told(&read("io")?, &read("status")?) })
    }

    fn told(io: &str, status: &str) -> Counters {
        let written = number(io, "write_bytes:").unwrap_or(0);
        let cancelled = number(io, "cancelled_write_bytes:").unwrap_or(0);
        let peak_rss = number(status, "VmHWM:").unwrap_or(0) << 10;
        Counters { cpu_us: 0.0, written: written.saturating_sub(cancelled), peak_rss }
    }
}

/// What the threads of a server do, with what their names begin with; any other takes requests.
const DUTIES: [(&str, &str); 3] = [
    ("shard-", "folding and checkpoints"),
    ("tidy-", "rewriting of journal"),
    ("fjall:", "flushes and merges"),
];
const REQUESTS: &str = "requests";

/// CPU of a process by what its threads do, microseconds. A thread that has ended is not counted.
pub(super) fn cpu_by_duty(pid: u32) -> anyhow::Result<BTreeMap<&'static str, f64>> {
    let folder = format!("/proc/{pid}/task");
    let threads = fs::read_dir(&folder).with_context(|| folder.clone())?;
    let mut by_duty = BTreeMap::new();
    for thread in threads.flatten() {
        // A thread may end while it is looked at.
        let Ok(stat) = fs::read_to_string(thread.path().join("stat")) else { continue };
        *by_duty.entry(duty_of(&stat)).or_default() += cpu_of(&stat)?;
    }
    Ok(by_duty)
}

/// By the name of the thread, which stands in brackets.
fn duty_of(stat: &str) -> &'static str {
    let name = stat.split_once('(').map_or("", |(_, behind)| behind);
    DUTIES.iter().find(|(begins, _)| name.starts_with(begins)).map_or(REQUESTS, |(_, duty)| duty)
}

/// CPU of the calling thread, microseconds.
pub(super) fn thread_cpu_us() -> f64 {
    cpu_us(ClockId::ThreadCPUTime)
}

/// CPU of this process, microseconds.
pub(super) fn process_cpu_us() -> f64 {
    cpu_us(ClockId::ProcessCPUTime)
}

fn cpu_us(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    real(u64::try_from(time.tv_sec).unwrap_or(0)) * 1e6
        + real(u64::try_from(time.tv_nsec).unwrap_or(0)) / 1e3
}

fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15; the second field, a name in brackets, may hold anything.
fn cpu_of(stat: &str) -> anyhow::Result<f64> {
    let (_, behind) = stat.rsplit_once(')').context("/proc/PID/stat has another form")?;
    let ticks =
        behind.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Ok(real(ticks.sum::<u64>()) * TICK_US)
}

/// Bytes that a file or folder takes on disk.
pub(super) fn disk_bytes(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    let inside = fs::read_dir(path).into_iter().flatten().flatten();
    metadata.blocks() * 512 + inside.map(|entry| disk_bytes(&entry.path())).sum::<u64>()
}

/// A count as a real number; the figures need no more than its first 15 digits.
#[expect(clippy::cast_precision_loss, reason = "a figure has four digits")]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}

/// The whole part of a real number that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast that saturates is what is meant"
)]
pub(super) fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_of_a_process_are_read() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 3 0 99";
        assert!((cpu_of(stat).unwrap() - 2e6).abs() < 1.0);
        assert_eq!(duty_of(stat), "requests");
        assert_eq!(duty_of("7 (fjall:worker) S 1"), "flushes and merges");
        assert!(cpu_by_duty(std::process::id()).unwrap().contains_key(REQUESTS));
        let io = "wchar: 9\nwrite_bytes: 4096\ncancelled_write_bytes: 96\n";
        let told = Counters::told(io, "VmPeak: 1 kB\nVmHWM:\t   2048 kB\n");
        assert_eq!((told.written, told.peak_rss), (4000, 2 << 20));
        let own = Counters::own().unwrap();
        assert!(own.cpu_us > 0.0 && own.peak_rss > 0);
    }

    #[test]
    fn a_folder_takes_what_its_files_take() {
        let dir = tempfile::tempdir().unwrap();
        let before = disk_bytes(dir.path());
        fs::write(dir.path().join("a"), vec![1; 100_000]).unwrap();
        assert!(disk_bytes(dir.path()) >= before + 100_000);
    }
}

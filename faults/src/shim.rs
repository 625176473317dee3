//! The shim: a C library that is loaded before the program's own and makes a storage call fail.
use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use crate::{mount::run, program::Program};

/// How a storage call fails; the words are those of `shim.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With an input/output error.
    Eio,
    /// As on a full disk, once.
    Enospc,
    /// A write that writes half and says so.
    Short,
    /// A write that writes half, and another that fails after it.
    Torn,
    /// The process is killed at that call.
    Kill,
    /// As on a disk that is full for a while.
    Full,
    /// Every sync says that it was done.
    Lie,
}

/// Those that are swept over all calls.
pub const SWEPT: [Kind; 6] =
    [Kind::Eio, Kind::Enospc, Kind::Short, Kind::Torn, Kind::Kill, Kind::Full];

impl Kind {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Eio => "eio",
            Kind::Enospc => "enospc",
            Kind::Short => "short",
            Kind::Torn => "torn",
            Kind::Kill => "kill",
            Kind::Full => "full",
            Kind::Lie => "lie",
        }
    }
}

/// The compiled library.
#[derive(Debug)]
pub struct Shim(PathBuf);

impl Shim {
    /// Compiles it into a folder with `cc`.
    ///
    /// # Errors
    /// There is no C compiler.
    pub fn compile(folder: &Path) -> anyhow::Result<Shim> {
        let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
        std::fs::write(&source, include_str!("../shim/shim.c"))?;
        let words = ["-O2", "-shared", "-fPIC", "-pthread", "-o"];
        run(Command::new("cc").args(words).arg(&library).arg(&source).arg("-ldl"))?;
        Ok(Shim(library))
    }

    /// The program with the `at`-th call on files under `dir` failing; 0: none.
    ///
    /// # Errors
    /// A path is no text.
    pub fn under(
        &self,
        program: &Program,
        dir: &Path,
        kind: Kind,
        at: u64,
        log: &Path,
    ) -> anyhow::Result<Program> {
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a path is no text");
        Ok(program
            .clone()
            .with("LD_PRELOAD", &text(&self.0)?)
            .with("FAULTS_DIR", &text(dir)?)
            .with("FAULTS_KIND", kind.word())
            .with("FAULTS_AT", &at.to_string())
            .with("FAULTS_LOG", &text(log)?))
    }
}

/// The calls that a log names: `pwrite64 /watermark`.
pub fn calls(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let calls = text.lines().filter_map(|line| line.split_once(' '));
    calls.map(|(_, call)| call.to_owned()).collect()
}

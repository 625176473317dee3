//! The plan of a run: which program, how often, with which seed, and where.
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{program::Program, stopwatch::Stopwatch};

/// What every scenario is told.
#[derive(Clone, Debug, clap::Args)]
pub struct Plan {
    /// The built program
    #[arg(long, env = "SESSIONARY_BIN")]
    pub program: PathBuf,
    /// Rounds; each scenario has a default of its own
    #[arg(long)]
    pub rounds: Option<u64>,
    /// The seed; the same one gives the same requests and the same faults
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Clients at one time
    #[arg(long, default_value_t = 8)]
    pub clients: u32,
    /// No new round is begun after so many seconds of a scenario
    #[arg(long, default_value_t = 3_600)]
    pub seconds: u64,
    /// One case alone, as a finding names it: `eio:37` of `calls`, a round of `full`, `damage`, `clock`
    #[arg(long)]
    pub only: Option<String>,
    /// A folder for data directories and images; a temporary one if not said
    #[arg(long)]
    pub scratch: Option<PathBuf>,
}

impl Plan {
    /// A folder that goes when it is dropped.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn folder(&self) -> anyhow::Result<tempfile::TempDir> {
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("sessionary-faults-");
        let folder = match &self.scratch {
            Some(scratch) => builder.tempdir_in(scratch),
            None => builder.tempdir(),
        };
        Ok(folder?)
    }

    /// The program, logging into a folder.
    ///
    /// # Errors
    /// There is no such file.
    pub fn program(&self, folder: &Path) -> anyhow::Result<Program> {
        let path = &self.program;
        anyhow::ensure!(
            path.is_file(),
            "{} is no program; `make build` prints where one lies",
            path.display()
        );
        Ok(Program::new(path, &folder.join("server.log")))
    }

    /// The numbers of the rounds, as long as there is time; of those with cases the one asked for.
    pub fn rounds(&self, default: u64) -> impl Iterator<Item = u64> {
        let (watch, limit) = (Stopwatch::start(), Duration::from_secs(self.seconds));
        let only: Option<u64> = self.only.as_deref().and_then(|only| only.parse().ok());
        let rounds = 1..=self.rounds.unwrap_or(default).max(only.unwrap_or(0));
        rounds
            .filter(move |round| only.is_none_or(|only| only == *round))
            .take_while(move |_| !watch.is_past(limit))
    }
}

//! Engines of others that read Parquet files.
use std::{path::Path, process::Command};

use serde_json::Value;

use crate::home::{Home, servers};

/// An engine that knows nothing of Sessionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// `DuckDB`, by SQL.
    DuckDb,
    /// Polars, by its own expressions.
    Polars,
    /// Apache Spark, by SQL, in one process.
    Spark,
}

/// Which rows of a table of sessions it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// All there are.
    Plain,
    /// Of each id, the one of the highest revision.
    Highest,
}

impl Engine {
    /// Every one.
    pub const ALL: [Engine; 3] = [Engine::DuckDb, Engine::Polars, Engine::Spark];

    fn word(self) -> &'static str {
        match self {
            Engine::DuckDb => "duckdb",
            Engine::Polars => "polars",
            Engine::Spark => "spark",
        }
    }

    /// What is missing on this machine, if it cannot run.
    pub fn missing(self) -> Option<&'static str> {
        let runs = |program: &str| Command::new(program).arg("-version").output().is_ok();
        (self == Engine::Spark && !runs("java")).then_some("Java")
    }

    /// The rows of the sessions below a folder, as `readers.py` tells them: each a list of values of
    /// the columns that it names, in the order of the ids.
    ///
    /// # Panics
    /// The engine does not read the files.
    pub fn sessions(self, folder: &Path, question: Question) -> Vec<Value> {
        self.rows(&folder.display().to_string(), question, None)
    }

    /// The same in a bucket that moto has at a port, for Polars alone: the others would fetch an
    /// extension first. Where there are no files, there are no rows.
    ///
    /// # Panics
    /// The engine does not read the files.
    pub fn sessions_in_bucket(self, url: &str, port: u16, question: Question) -> Vec<Value> {
        self.rows(url, question, Some(format!("http://127.0.0.1:{port}")))
    }

    fn rows(self, folder: &str, question: Question, endpoint: Option<String>) -> Vec<Value> {
        let question = match question {
            Question::Plain => "plain",
            Question::Highest => "highest",
        };
        let mut command = Command::new(Home::of_readers().python());
        command.arg(servers().join("readers.py")).args([self.word(), question]).arg(folder);
        if let Some(endpoint) = endpoint {
            command.env("PEERS_S3_ENDPOINT", endpoint);
        }
        let output = command.output().expect("Python runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?}: {said}");
        let rows = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        rows.map(|row| serde_json::from_slice(row).expect("a row is JSON")).collect()
    }
}

//! Clients of `PostgreSQL` that know nothing of Sessionary.
use std::process::Command;

use serde_json::Value;

use crate::home::{Home, servers};

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlClient {
    /// psycopg 3, on libpq.
    Psycopg,
    /// `SQLAlchemy` 2 on psycopg, with pandas.
    SqlAlchemy,
}

impl SqlClient {
    /// What `clients.py` makes of a server on a port of this machine: a member for each use.
    ///
    /// # Panics
    /// A use of it fails.
    pub fn uses(self, port: u16, user: &str, password: &str) -> Value {
        let word = match self {
            SqlClient::Psycopg => "psycopg",
            SqlClient::SqlAlchemy => "sqlalchemy",
        };
        let output = Command::new(Home::of_clients().python())
            .arg(servers().join("clients.py"))
            .arg(word)
            .envs([("PGHOST", "127.0.0.1"), ("PGUSER", user), ("PGPASSWORD", password)])
            .env("PGPORT", port.to_string())
            .env("PGDATABASE", "sessionary")
            .output()
            .expect("Python runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?}: {said}");
        serde_json::from_slice(&output.stdout).expect("what it says is JSON")
    }
}

//! Running the binary: one command to its end, or a server that goes on.
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;

pub(crate) fn bundled(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(path)
}

/// The program with flags, words divided by spaces; `{}` stands for the data directory.
pub(crate) fn command(flags: &str, dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sessionary"));
    for word in flags.split_whitespace() {
        command.arg(word.replace("{}", &dir.display().to_string()));
    }
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SESSIONARY_")) {
        command.env_remove(name);
    }
    // A disk that is nearly full is not what is tested here.
    command.env("SESSIONARY_STORE__MIN_FREE_BYTES", "1");
    command
}

pub(crate) fn run(flags: &str, dir: &Path) -> Output {
    command(flags, dir).output().unwrap()
}

/// What a command that must succeed wrote.
pub(crate) fn said(flags: &str, dir: &Path) -> String {
    let output = run(flags, dir);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{flags}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn key(dir: &Path) -> String {
    said("keys create --data-dir {} --kind secret", dir).trim().to_owned()
}

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts a server on a free port and waits until it is ready.
    pub(crate) fn start(dir: &Path) -> Server {
        Server::with(dir, &[])
    }

    /// The same, with these variables set.
    pub(crate) fn with(dir: &Path, variables: &[(&str, &str)]) -> Server {
        let mut command = command("serve --data-dir {} --listen 127.0.0.1:0", dir);
        command.envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().expect("it says where it listens").unwrap();
        let url = line.strip_prefix("listening on ").unwrap().to_owned();
        let server = Server { child, url };
        for _ in 0..600 {
            if server.status("/readyz") == Some(200) {
                return server;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{} never became ready", server.url);
    }

    pub(crate) fn status(&self, path: &str) -> Option<u16> {
        let answer = reqwest::blocking::get(format!("{}{path}", self.url));
        answer.ok().map(|answer| answer.status().as_u16())
    }

    pub(crate) fn get(&self, key: &str, path: &str) -> Value {
        let client = reqwest::blocking::Client::new();
        let answer = client.get(format!("{}{path}", self.url)).bearer_auth(key).send().unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().unwrap()
    }

    /// Every entity of a listing, page by page.
    pub(crate) fn all(&self, key: &str, path: &str) -> Vec<Value> {
        let mut entities = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut page = self.get(key, &format!("{path}?limit=1000&cursor={cursor}"));
            entities.append(page["entities"].as_array_mut().unwrap());
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return entities,
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Stops it as an operator does; gives the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

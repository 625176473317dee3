//! The program under test: one command to its end, or a server that goes on.
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

use anyhow::Context;

use crate::{interrupt, stopwatch::Stopwatch};

/// A server that says nothing for so long at its start hangs.
const READY_MAX: Duration = Duration::from_mins(1);

/// The program, and the settings it is run with.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    variables: Vec<(String, String)>,
    log: PathBuf,
}

/// What became of a start.
#[derive(Debug)]
pub enum Start {
    /// It takes requests.
    Ready(Server),
    /// It ended before it did: the status, and what it wrote.
    Ended(ExitStatus, String),
    /// It did neither in time and was killed; what it wrote.
    Hung(String),
}

impl Program {
    /// The program at a path, writing what it logs to a file.
    pub fn new(path: &Path, log: &Path) -> Program {
        let given = [
            // Sessions end and become final while somebody watches.
            ("BOUNDARY__WEB_GAP_MS", crate::traffic::GAP_MS.to_string()),
            // A lane whose only signal so far is a note has no channel.
            ("BOUNDARY__OTHER_GAP_MS", crate::traffic::GAP_MS.to_string()),
            ("LIFECYCLE__SETTLE_MS", crate::traffic::SETTLE_MS.to_string()),
            // A disk that is nearly full is the subject of one scenario only.
            ("STORE__MIN_FREE_BYTES", "1".to_owned()),
        ];
        let mut program =
            Program { path: path.to_owned(), variables: Vec::new(), log: log.to_owned() };
        for (name, value) in given {
            program = program.with(&format!("SESSIONARY_{name}"), &value);
        }
        program
    }

    /// The same with one more variable; a later one of a name wins.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Program {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Program {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// Where it logs to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// A command; the environment's own settings of the program are left out.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(words).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SESSIONARY_") {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn run(&self, words: &[&str]) -> anyhow::Result<Output> {
        let output = self.command(words).output();
        output.with_context(|| format!("{} cannot be run", self.path.display()))
    }

    /// Makes the data directory and gives a secret key for it.
    ///
    /// # Errors
    /// The command fails.
    pub fn key(&self, dir: &Path) -> anyhow::Result<String> {
        let dir = dir.display().to_string();
        let output = self.run(&["keys", "create", "--data-dir", &dir, "--kind", "secret"])?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "`keys create`: {}: {said}", output.status);
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Starts a server on a free port of 127.0.0.1 and waits until it takes requests.
    ///
    /// # Errors
    /// It cannot be run, or the run was interrupted.
    pub fn start(&self, dir: &Path) -> anyhow::Result<Start> {
        self.start_within(dir, READY_MAX)
    }

    /// The same with a limit of its own.
    ///
    /// # Errors
    /// As [`Program::start`].
    pub fn start_within(&self, dir: &Path, limit: Duration) -> anyhow::Result<Start> {
        let watch = Stopwatch::start();
        let mut server = self.spawn(dir)?;
        loop {
            if let Some(status) = server.child.try_wait()? {
                return Ok(Start::Ended(status, server.said()));
            }
            if server.is_ready() {
                return Ok(Start::Ready(server));
            }
            if watch.is_past(limit) {
                server.kill();
                return Ok(Start::Hung(server.said()));
            }
            interrupt::check()?;
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A server that must become ready.
    ///
    /// # Errors
    /// It does not: with what it said.
    pub fn serve(&self, dir: &Path) -> anyhow::Result<Server> {
        match self.start(dir)? {
            Start::Ready(server) => Ok(server),
            Start::Ended(status, said) => {
                anyhow::bail!("the server did not start: {status}: {}", last_words(&said))
            }
            Start::Hung(said) => anyhow::bail!(
                "the server did not start in {} s: {}",
                READY_MAX.as_secs(),
                last_words(&said)
            ),
        }
    }

    /// Starts a server and waits for nothing.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn spawn(&self, dir: &Path) -> anyhow::Result<Server> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let begin = log.metadata()?.len();
        let words = ["serve", "--listen", "127.0.0.1:0", "--data-dir"];
        let mut command = self.command(&words);
        command.arg(dir).stdout(Stdio::piped()).stderr(log);
        let mut child =
            command.spawn().with_context(|| format!("{} cannot be run", self.path.display()))?;
        let (sender, line) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        let http = reqwest::blocking::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()?;
        Ok(Server { child, line, url: None, http, log: self.log.clone(), begin })
    }
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    line: mpsc::Receiver<String>,
    url: Option<String>,
    http: reqwest::blocking::Client,
    log: PathBuf,
    begin: u64,
}

impl Server {
    /// Where it listens; empty until it said so.
    pub fn url(&mut self) -> String {
        if self.url.is_none() {
            let line = self.line.try_recv().ok();
            self.url = line.and_then(|line| Some(line.strip_prefix("listening on ")?.to_owned()));
        }
        self.url.clone().unwrap_or_default()
    }

    /// Whether `/readyz` says so.
    pub fn is_ready(&mut self) -> bool {
        let url = self.url();
        !url.is_empty()
            && self
                .http
                .get(format!("{url}/readyz"))
                .send()
                .is_ok_and(|answer| answer.status() == 200)
    }

    /// Its exit status, once it ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Its status if it ends within that time.
    pub fn ends_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let watch = Stopwatch::start();
        while !watch.is_past(limit) {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.ended()
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by its name.
    ///
    /// # Errors
    /// There is no such process or signal.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status()?;
        anyhow::ensure!(sent.success(), "`kill -{name}` failed");
        Ok(())
    }

    /// Stops it as an operator does.
    ///
    /// # Errors
    /// It does not end with 0 within 15 s.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.signal("TERM")?;
        let status = self.ends_within(Duration::from_secs(15));
        let status = status.context("the server did not end within 15 s of SIGTERM")?;
        anyhow::ensure!(
            status.success(),
            "the server ended with {status} on SIGTERM: {}",
            last_words(&self.said())
        );
        Ok(())
    }

    /// What this process wrote to its log.
    pub fn said(&self) -> String {
        let all = std::fs::read(&self.log).unwrap_or_default();
        let begin = usize::try_from(self.begin).unwrap_or(0);
        String::from_utf8_lossy(all.get(begin..).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What was said last to a person, else the last line of the log.
pub fn last_words(said: &str) -> String {
    let mut lines = said.lines().rev();
    let words = lines.clone().find(|line| line.starts_with("sessionary:"));
    let words = words.or_else(|| lines.next()).unwrap_or("nothing was said");
    words.chars().take(600).collect()
}

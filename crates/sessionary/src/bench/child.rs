//! The server that is measured: this very program as another process, with a directory of its own.
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use sessionary_engine::clock::monotonic;

use super::{counters::Counters, wire::Connection};

/// How long a server may take until it is ready.
const PATIENCE: Duration = Duration::from_mins(10);

/// A running server. Dropping it kills it.
pub(super) struct Server {
    child: Child,
    pub(super) dir: PathBuf,
    settings: Vec<(String, String)>,
    pub(super) address: String,
    pub(super) key: String,
    /// From the start of the process until it took requests.
    pub(super) ready_after: Duration,
}

impl Server {
    /// Makes a directory with a key and serves it, with settings such as
    /// `("SERVER__REQUESTS_MAX", "9")` beside the defaults.
    pub(super) fn start(dir: PathBuf, settings: &[(&str, &str)]) -> anyhow::Result<Server> {
        let settings = environment(settings);
        let made = program(&settings)?
            .args(["keys", "create", "--kind", "secret", "--data-dir"])
            .arg(&dir)
            .output()
            .context("`keys create` cannot be started")?;
        let told = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "`keys create`: {}", told.trim());
        let key = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        let (child, address, ready_after) = serve(&dir, &settings)?;
        Ok(Server { child, dir, settings, address, key, ready_after })
    }

    /// The number of its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the kernel counted of it.
    pub(super) fn counters(&self) -> anyhow::Result<Counters> {
        Counters::of(self.pid())
    }

    /// The most memory that it had resident since this was asked last, bytes.
    pub(super) fn peak_rss_since(&self) -> anyhow::Result<u64> {
        let peak = self.counters()?.peak_rss;
        // The kernel begins anew with what is resident now.
        std::fs::write(format!("/proc/{}/clear_refs", self.pid()), "5")
            .context("the peak of memory cannot be taken anew")?;
        Ok(peak)
    }

    /// Kills it with no warning and starts it again; gives the time until it was ready.
    pub(super) fn kill_and_start(&mut self) -> anyhow::Result<Duration> {
        self.kill();
        let (child, address, ready_after) = serve(&self.dir, &self.settings)?;
        (self.child, self.address, self.ready_after) = (child, address, ready_after);
        Ok(ready_after)
    }

    /// Kills it and starts it again with other settings.
    pub(super) fn start_with(&mut self, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        self.settings = environment(settings);
        self.kill_and_start().map(drop)
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Settings as the variables that the program reads.
fn environment(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| (format!("SESSIONARY_{name}"), (*value).to_owned());
    settings.iter().map(owned).collect()
}

/// This program, with these settings and none that happen to be set.
pub(super) fn program(settings: &[(String, String)]) -> anyhow::Result<Command> {
    let own = std::env::current_exe().context("this program cannot be found")?;
    let mut command = Command::new(own);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SESSIONARY_") {
            command.env_remove(name);
        }
    }
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    command.env("SESSIONARY_LOG", "warn");
    Ok(command)
}

fn serve(dir: &Path, settings: &[(String, String)]) -> anyhow::Result<(Child, String, Duration)> {
    let began = monotonic();
    let mut child = program(settings)?
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("the server cannot be started")?;
    let ready = said_address(&mut child).and_then(|address| {
        wait_until_ready(&address, &mut child)?;
        Ok(address)
    });
    match ready {
        Ok(address) => Ok((child, address, began.elapsed())),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

fn said_address(child: &mut Child) -> anyhow::Result<String> {
    let out = child.stdout.take().context("the server has no output")?;
    let line = BufReader::new(out).lines().next().context("the server ended at once")??;
    let address = line.strip_prefix("listening on http://");
    Ok(address.with_context(|| format!("the server said {line:?}"))?.to_owned())
}

fn wait_until_ready(address: &str, child: &mut Child) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let began = monotonic();
    while began.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            bail!("the server ended while it started: {status}");
        }
        let answer = runtime.block_on(Connection::new(address).exchange(asked.as_bytes()));
        if answer.is_ok_and(|answer| answer.status == 200) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("the server is not ready after {} s", PATIENCE.as_secs())
}

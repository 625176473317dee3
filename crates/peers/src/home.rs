//! Where the peers live: a folder of pinned packages, made once on a machine.
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// What is fetched for one purpose, all of it pinned.
#[derive(Clone, Copy)]
struct Kit {
    /// For Python; a file beside the scripts.
    requirements: &'static str,
    /// For Node; files beside the scripts.
    packages: &'static [&'static str],
}

/// Servers that deliveries go to, and libraries that verify webhooks.
const SERVERS: Kit =
    Kit { requirements: "requirements.txt", packages: &["package.json", "package-lock.json"] };

/// Engines that read the lake. Apart, because one of them is large.
const READERS: Kit = Kit { requirements: "readers.txt", packages: &[] };

/// Clients of `PostgreSQL`.
const CLIENTS: Kit = Kit { requirements: "clients.txt", packages: &[] };

/// A folder with all that is pinned.
pub(crate) struct Home {
    kit: Kit,
    folder: PathBuf,
}

impl Home {
    /// Makes it if need be; another process that makes it is waited for.
    pub(crate) fn get() -> &'static Home {
        static HOME: OnceLock<Home> = OnceLock::new();
        HOME.get_or_init(|| Home::open(SERVERS))
    }

    /// The same for engines that read the lake.
    pub(crate) fn of_readers() -> &'static Home {
        static HOME: OnceLock<Home> = OnceLock::new();
        HOME.get_or_init(|| Home::open(READERS))
    }

    /// The same for clients of `PostgreSQL`.
    pub(crate) fn of_clients() -> &'static Home {
        static HOME: OnceLock<Home> = OnceLock::new();
        HOME.get_or_init(|| Home::open(CLIENTS))
    }

    fn open(kit: Kit) -> Home {
        let mut hash = blake3::Hasher::new();
        for name in [kit.requirements].iter().chain(kit.packages) {
            hash.update(&fs::read(servers().join(name)).expect("it lies beside the scripts"));
        }
        let name = hash.finalize().to_hex();
        let all = cache().join("sessionary").join("peers");
        fs::create_dir_all(&all).expect("the cache can be written");
        let folder = all.join(name.get(..16).unwrap_or_default());
        let lock = File::create(folder.with_extension("lock")).expect("the cache can be written");
        lock.lock().expect("the cache can be locked");
        let home = Home { kit, folder };
        if !home.folder.join("ready").exists() {
            home.make();
        }
        home
    }

    fn make(&self) {
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir_all(&self.folder).expect("the cache can be written");
        run(Command::new("python3").args(["-m", "venv"]).arg(self.folder.join("python")));
        run(Command::new(self.python())
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"])
            .arg("--requirement")
            .arg(servers().join(self.kit.requirements)));
        for name in self.kit.packages {
            fs::copy(servers().join(name), self.folder.join(name))
                .expect("the cache can be written");
        }
        if !self.kit.packages.is_empty() {
            run(Command::new("npm")
                .args(["ci", "--ignore-scripts", "--silent", "--no-audit", "--no-fund"])
                .current_dir(&self.folder));
        }
        File::create(self.folder.join("ready")).expect("the cache can be written");
    }

    pub(crate) fn python(&self) -> PathBuf {
        self.folder.join("python").join("bin").join("python")
    }

    /// Where Node finds packages.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The scripts that come with this crate.
pub(crate) fn servers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("servers")
}

fn cache() -> PathBuf {
    let named = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty());
    let home =
        || Path::new(&std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache");
    named.map_or_else(home, PathBuf::from)
}

fn run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

//! Gets a file with rules out of its package, and lets no other pass.
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sha2::{Digest, Sha256};

/// A package of the registry of Python packages, and the one file of it that is wanted.
pub(crate) struct Package {
    /// What it brings, in words.
    pub(crate) what: &'static str,
    /// The variable that names the file, for a build that reaches no registry.
    pub(crate) variable: &'static str,
    /// Name, version and digest of the archive, as pip wants them.
    pub(crate) requirement: &'static str,
    /// Where the file is in the package.
    pub(crate) file: &'static str,
    /// The file's digest, SHA-256.
    pub(crate) digest: &'static str,
    /// How the file's copy is called that is kept for the next build.
    pub(crate) kept: &'static str,
}

/// How pip is called on one system or another.
const CLIENTS: [&[&str]; 3] = [&["pip"], &["pip3"], &["python3", "-m", "pip"]];

impl Package {
    /// The text of a file, if it is the one of the package.
    pub(crate) fn verified(&self, path: &Path) -> Result<String, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut found = String::new();
        for byte in Sha256::digest(&bytes) {
            write!(found, "{byte:02x}").map_err(|error| error.to_string())?;
        }
        if found != self.digest {
            return Err(format!("{} has the digest {found}, not {}", path.display(), self.digest));
        }
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }

    /// Where a build keeps the file for the next one, whatever becomes of its target directory.
    pub(crate) fn keeping_place(&self) -> PathBuf {
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
        let name = format!("{}-{}", self.kept, self.digest);
        home.unwrap_or_default().join("sessionary").join(name)
    }

    /// Unpacks the package below `folder`, by the first pip that can.
    pub(crate) fn by_pip(&self, folder: &Path) -> Result<PathBuf, String> {
        let wanted = folder.join(format!("{}.requirement", self.kept));
        let target = folder.join(self.kept);
        std::fs::write(&wanted, self.requirement).map_err(|error| error.to_string())?;
        let mut faults = Vec::new();
        for client in CLIENTS {
            match run(client, &wanted, &target) {
                Ok(()) => return Ok(target.join(self.file)),
                Err(fault) => faults.push(format!("{}: {fault}", client.join(" "))),
            }
        }
        Err(faults.join(", "))
    }
}

/// Puts the file there; a name of its own first, so that no other build sees half of it.
pub(crate) fn keep(place: &Path, text: &str) -> std::io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let part = place.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&part, text)?;
    std::fs::rename(part, place)
}

fn run(client: &[&str], wanted: &Path, target: &Path) -> Result<(), String> {
    let (program, arguments) = client.split_first().ok_or("no client")?;
    let mut command = Command::new(program);
    command.args(arguments).args(["install", "--quiet", "--disable-pip-version-check"]);
    command.args(["--no-deps", "--no-compile", "--ignore-requires-python"]);
    command.args(["--only-binary", ":all:", "--require-hashes", "--upgrade"]);
    command.args(["--retries", "1", "--timeout", "15"]);
    command.arg("--requirement").arg(wanted).arg("--target").arg(target);
    let ran = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    Err(said.trim().lines().last().unwrap_or("failed").to_owned())
}

//! Gets the file with the rules, and lets no other pass.
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sha2::{Digest, Sha256};

/// The package, its version and the digest of its archive, as pip wants them.
const REQUIREMENT: &str = "ua-parser-builtins==202610 \
    --hash=sha256:ed4b7c4c665323a5f4b2f118af86369412a9bb92e349a120f58f210127e30586\n";
/// Where the rules are in the package.
const FILE: &str = "ua_parser_builtins/regexes.py";
/// How pip is called on one system or another.
const CLIENTS: [&[&str]; 3] = [&["pip"], &["pip3"], &["python3", "-m", "pip"]];

/// The text of a file, if it has the digest.
pub(crate) fn verified(path: &Path, digest: &str) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut found = String::new();
    for byte in Sha256::digest(&bytes) {
        write!(found, "{byte:02x}").map_err(|error| error.to_string())?;
    }
    if found != digest {
        return Err(format!("{} has the digest {found}, not {digest}", path.display()));
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// Where a build keeps the file for the next one, whatever becomes of its target directory.
pub(crate) fn keeping_place(digest: &str) -> PathBuf {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    home.unwrap_or_default().join("sessionary").join(format!("user-agents-{digest}.py"))
}

/// Puts the file there; a name of its own first, so that no other build sees half of it.
pub(crate) fn keep(place: &Path, text: &str) -> std::io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let part = place.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&part, text)?;
    std::fs::rename(part, place)
}

/// Unpacks the package below `folder`, by the first pip that can.
pub(crate) fn by_pip(folder: &Path) -> Result<PathBuf, String> {
    let (wanted, target) = (folder.join("requirements.txt"), folder.join("package"));
    std::fs::write(&wanted, REQUIREMENT).map_err(|error| error.to_string())?;
    let mut faults = Vec::new();
    for client in CLIENTS {
        match run(client, &wanted, &target) {
            Ok(()) => return Ok(target.join(FILE)),
            Err(fault) => faults.push(format!("{}: {fault}", client.join(" "))),
        }
    }
    Err(faults.join(", "))
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

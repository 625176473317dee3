//! The README's commands, run as a newcomer would run them, against the real program.
//!
//! A block fenced `sh run` is run; all of them in order, in one shell and an empty folder. A block
//! fenced `… shows` says what the commands right above it print: its lines in their order, `…`
//! standing for whatever differs from run to run. Any other `sh` block calls targets of the Makefile.
use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};

use crate::repository::root;

/// The address in the README; a walk puts a free one in its place.
const ADDRESS: &str = "127.0.0.1:8080";
/// No walk takes longer, in seconds.
const PATIENCE: &str = "120";
/// How the script begins: the first failure ends it, and with it what runs in the background.
const BEGIN: &str =
    "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\ncd folder\n";

/// Commands, and what they are said to print.
#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    commands: String,
    shows: Vec<String>,
}

/// Runs the README with a program in front of the search path.
pub(crate) fn walk(program: &Path) -> anyhow::Result<()> {
    let program = program
        .canonicalize()
        .with_context(|| format!("{} is not there; build the program first", program.display()))?;
    let steps = steps(&std::fs::read_to_string(root().join("README.md"))?)?;
    ensure!(!steps.is_empty(), "README.md has no block fenced `sh run`");
    let folder = tempfile::tempdir()?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    std::fs::write(folder.path().join("script"), script(&steps, &address))?;
    let outcome = run(folder.path(), &program)?;
    for (step, number) in steps.iter().zip(1..) {
        let printed = std::fs::read_to_string(folder.path().join(format!("printed.{number}")));
        let printed = printed.unwrap_or_default().replace(&address, ADDRESS);
        let told = format!(
            "of these commands of README.md:\n{}\nthe output is:\n{printed}",
            step.commands
        );
        if let Some(missing) = missing(&step.shows, &printed) {
            bail!("{missing:?} is not in the output {told}");
        }
        let ran = folder.path().join(format!("done.{number}")).exists();
        ensure!(ran, "{outcome} in the middle {told}");
    }
    Ok(())
}

/// One script of all steps. It marks each that came to its end.
fn script(steps: &[Step], address: &str) -> String {
    let mut parts = vec![BEGIN.to_owned()];
    for (step, number) in steps.iter().zip(1..) {
        let commands = step.commands.replace(ADDRESS, address);
        parts.push(format!("{{\n{commands}}} >../printed.{number} 2>&1\n: >../done.{number}\n"));
    }
    parts.concat()
}

fn run(folder: &Path, program: &Path) -> anyhow::Result<std::process::ExitStatus> {
    std::fs::create_dir(folder.join("folder"))?;
    let programs = program.parent().context("a program lies in a folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", PATIENCE, "bash", "script"])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", programs.display()))
        .stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SESSIONARY_") {
            command.env_remove(name);
        }
    }
    command.status().context("`timeout` and `bash` are needed to run the README")
}

/// The steps of a README.
fn steps(readme: &str) -> anyhow::Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match info {
            "sh run" => {
                let commands = block.join("\n") + "\n";
                steps.push(Step { commands, shows: Vec::new() });
            }
            "sh" => {
                let other = block.iter().find(|line| !line.starts_with("make "));
                ensure!(
                    other.is_none(),
                    "README.md: {other:?} is run by nobody; fence it `sh run`"
                );
            }
            _ if info.ends_with(" shows") => {
                let step =
                    steps.last_mut().context("README.md shows an output before any command")?;
                step.shows.extend(block.iter().map(|line| (*line).to_owned()));
            }
            _ => {}
        }
    }
    Ok(steps)
}

/// The first line that is not printed, after those before it.
fn missing<'a>(shows: &'a [String], printed: &str) -> Option<&'a str> {
    let mut lines = printed.lines();
    shows.iter().map(String::as_str).find(|expected| !lines.any(|line| fits(expected, line)))
}

/// Whether a line is as expected, each `…` standing for anything.
fn fits(expected: &str, line: &str) -> bool {
    let expected = expected.trim();
    let mut rest = line.trim();
    for (piece, number) in expected.split('…').zip(0..) {
        let found =
            if number == 0 { rest.starts_with(piece).then_some(0) } else { rest.find(piece) };
        let Some(at) = found else { return false };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    expected.ends_with('…') || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_is_taken_apart() {
        let readme =
            "# A\n```sh\nmake demo\n```\n```sh run\na=1\nb\n```\n\n```json shows\n{\"a\":…}\n```\n";
        let step = Step { commands: "a=1\nb\n".to_owned(), shows: vec!["{\"a\":…}".to_owned()] };
        assert_eq!(steps(readme).unwrap(), [step]);
        assert!(steps("```sh\ncurl x\n```\n").is_err());
    }

    #[test]
    fn an_output_is_compared_where_it_does_not_differ() {
        for (expected, line) in [("a…c", "abc"), ("…c", "abc"), ("a…", " abc"), ("a…b…", "axbx")]
        {
            assert!(fits(expected, line), "{expected} {line}");
        }
        for (expected, line) in [("a…c", "abcd"), ("b…", "abc"), ("ab", "abc"), ("a…x…", "abc")]
        {
            assert!(!fits(expected, line), "{expected} {line}");
        }
        let shows = ["one".to_owned(), "t…".to_owned()];
        assert_eq!(missing(&shows, "zero\none\ntwo\n"), None);
        assert_eq!(missing(&shows, "two\none\n"), Some("t…"));
    }

    #[test]
    fn what_the_readme_makes_is_in_the_makefile() {
        let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
        let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
        let calls = readme.lines().filter_map(|line| line.strip_prefix("make "));
        for target in calls.filter_map(|call| call.split(' ').next()) {
            let rule = format!("{target}:");
            assert!(makefile.lines().any(|line| line.starts_with(&rule)), "make {target}");
        }
    }

    #[test]
    fn every_command_of_the_readme_works() {
        let Some(program) = std::env::var_os("SESSIONARY_BIN") else {
            println!(
                "skipped: SESSIONARY_BIN names no program; `make test` builds one and sets it"
            );
            return;
        };
        walk(Path::new(&program)).unwrap();
    }
}

//! The README's commands, run as a newcomer would run them, against the real program.
//!
//! A block fenced `sh run` is run; all of them in order, in one shell and an empty folder. The block
//! fenced `text shows` or `json shows` below it says what it prints: these lines in this order, or a
//! document with at least these members; `…` stands for whatever differs from run to run. Any other
//! `sh` block calls targets of the Makefile.
use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::repository::root;

/// The address in the README; a walk puts a free one in its place.
const ADDRESS: &str = "127.0.0.1:8080";
/// No walk takes longer, in seconds.
const PATIENCE: &str = "110";
/// How the script begins: the first failure ends it, and with it what runs in the background.
const BEGIN: &str =
    "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\ncd folder\n";

/// Commands, and what they are said to print.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    commands: String,
    shows: Option<Shown>,
}

/// What a README says of an output.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Lines(Vec<String>),
    Document(Value),
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
        let commands = &step.commands;
        let told = format!("these commands of README.md\n{commands}\nprint this:\n{printed}");
        let ran = folder.path().join(format!("done.{number}")).exists();
        ensure!(ran, "{outcome} before they were done; {told}");
        if let Some(missing) = step.shows.as_ref().and_then(|shows| shows.missing(&printed)) {
            bail!("{missing} is not as README.md says; {told}");
        }
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
                steps.push(Step { commands, shows: None });
            }
            "sh" => {
                let other = block.iter().find(|line| !line.starts_with("make "));
                ensure!(
                    other.is_none(),
                    "README.md: {other:?} is run by nobody; fence it `sh run`"
                );
            }
            "text shows" | "json shows" => {
                let shown = if info.starts_with("json") {
                    let text = block.join("\n");
                    Shown::Document(serde_json::from_str(&text).context(text)?)
                } else {
                    Shown::Lines(block.iter().map(|line| (*line).to_owned()).collect())
                };
                let step = steps.last_mut().filter(|step| step.shows.is_none());
                step.context("README.md shows an output of no commands")?.shows = Some(shown);
            }
            _ => {}
        }
    }
    Ok(steps)
}

impl Shown {
    /// What of it is not printed.
    fn missing(&self, printed: &str) -> Option<String> {
        match self {
            Shown::Lines(shown) => {
                let mut lines = printed.lines();
                let gone = shown.iter().find(|shown| !lines.any(|line| fits(shown, line)));
                gone.map(|line| format!("{line:?}"))
            }
            Shown::Document(shown) => match serde_json::from_str(printed) {
                Ok(printed) => difference("", shown, &printed),
                Err(error) => Some(format!("the document ({error})")),
            },
        }
    }
}

/// The path of the first value that is not as shown; members that are not shown may be there.
fn difference(path: &str, shown: &Value, printed: &Value) -> Option<String> {
    match (shown, printed) {
        (Value::Object(shown), Value::Object(printed)) => shown.iter().find_map(|(name, shown)| {
            let path = format!("{path}/{name}");
            match printed.get(name) {
                Some(printed) => difference(&path, shown, printed),
                None => Some(path),
            }
        }),
        (Value::Array(shown), Value::Array(printed)) if shown.len() == printed.len() => {
            let mut pairs = shown.iter().zip(printed).zip(0..);
            pairs.find_map(|((shown, printed), at)| {
                difference(&format!("{path}/{at}"), shown, printed)
            })
        }
        (Value::String(shown), Value::String(printed)) if fits(shown, printed) => None,
        _ if shown == printed => None,
        _ => Some(path.to_owned()),
    }
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
            "# A\n```sh\nmake demo\n```\n```sh run\na=1\nb\n```\n\n```text shows\nx…\n```\n";
        let shows = Some(Shown::Lines(vec!["x…".to_owned()]));
        assert_eq!(steps(readme).unwrap(), [Step { commands: "a=1\nb\n".to_owned(), shows }]);
        assert!(steps("```sh\ncurl x\n```\n").is_err());
        assert!(steps("```json shows\n{}\n```\n").is_err());
    }

    #[test]
    fn lines_are_compared_where_they_do_not_differ() {
        for (shown, line) in [("a…c", "abc"), ("…c", "abc"), ("a…", " abc"), ("a…b…", "axbx")]
        {
            assert!(fits(shown, line), "{shown} {line}");
        }
        for (shown, line) in [("a…c", "abcd"), ("b…", "abc"), ("ab", "abc"), ("a…x…", "abc")]
        {
            assert!(!fits(shown, line), "{shown} {line}");
        }
        let shown = Shown::Lines(vec!["one".to_owned(), "t…".to_owned()]);
        assert_eq!(shown.missing("zero\none\ntwo\n"), None);
        assert_eq!(shown.missing("two\none\n").as_deref(), Some("\"t…\""));
    }

    #[test]
    fn documents_are_compared_member_by_member() {
        let shown = Shown::Document(serde_json::json!({"a": [{"b": "…"}], "c": 1}));
        assert_eq!(shown.missing(r#"{"a":[{"b":"x","d":0}],"c":1,"e":null}"#), None);
        assert_eq!(shown.missing(r#"{"a":[{"d":0}],"c":1}"#).as_deref(), Some("/a/0/b"));
        assert_eq!(shown.missing(r#"{"a":[],"c":1}"#).as_deref(), Some("/a"));
        assert!(shown.missing("no").is_some());
    }

    #[test]
    fn the_readme_has_its_walk() {
        let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
        assert!(steps(&readme).unwrap().len() > 5);
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

//! Decoders under libFuzzer: `cargo xtask fuzz [TARGET] [SECONDS]`.
//!
//! The targets are the programs of `fuzz/`. They are instrumented by flags of the stable compiler;
//! the sanitizers, which need another, look for faults that safe code does not have. Each target is
//! given a dictionary of every name that a decoder may look for.
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};
use sessionary_core::{dictionary::FIELDS, signal::kind};

use crate::repository;

/// What libFuzzer needs of the compiler: counters of edges, and operands of comparisons.
const FLAGS: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// A finding, beyond a panic: one input takes longer than this, s.
const TIMEOUT_S: u32 = 5;
/// And this much memory, MiB.
const MEMORY_MIB: u32 = 2_048;
/// Bytes of an input, at most.
const INPUT_BYTES: u32 = 16_384;

/// Runs one target, or all in turn, for so many seconds each.
pub(crate) fn run(target: Option<&str>, seconds: u32) -> anyhow::Result<()> {
    let fuzz = repository::root().join("fuzz");
    let known = targets(&fuzz)?;
    let chosen: Vec<&str> = match target {
        Some(target) if known.iter().any(|known| known == target) => vec![target],
        Some(target) => bail!("there is no target {target}; there are {}", known.join(", ")),
        None => known.iter().map(String::as_str).collect(),
    };
    let built = build(&fuzz)?;
    let scratch = built.join("corpus");
    std::fs::create_dir_all(&scratch).context("making a folder for what is found")?;
    let dictionary = scratch.join("names.dict");
    std::fs::write(&dictionary, names()?).context("writing the dictionary")?;
    for target in chosen {
        fuzz_one(&built, &dictionary, target, seconds)?;
    }
    Ok(())
}

fn targets(fuzz: &Path) -> anyhow::Result<Vec<String>> {
    let files = std::fs::read_dir(fuzz.join("src/bin")).context("reading fuzz/src/bin")?;
    let mut names = Vec::new();
    for file in files {
        let path = file?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds every target; gives the folder they lie in.
fn build(fuzz: &Path) -> anyhow::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| fuzz.join("target"), |of| PathBuf::from(of).join("fuzz"));
    // Named, so that build scripts and macros are not instrumented.
    let host = host()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--bins", "--target", &host]).current_dir(fuzz);
    cargo.env("CARGO_TARGET_DIR", &target);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    let status = cargo.status().context("starting cargo")?;
    ensure!(status.success(), "the targets were not built");
    Ok(target.join(host).join("release"))
}

fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("asking rustc for its host")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}

/// Every name of the dictionary and every kind of signal, as libFuzzer reads them.
fn names() -> anyhow::Result<String> {
    let mut words: BTreeSet<&str> = kind::ALL.into_iter().collect();
    for field in FIELDS {
        words.extend([field.name, field.signal_name].into_iter().chain(field.parameter));
        words.extend(field.aliases);
        words.extend(field.member.split('.'));
        words.extend(field.sources.iter().flat_map(|(_, path)| path.split(['.', '['])));
    }
    words.extend(extra_names());
    let words = words.into_iter().map(|word| word.trim_end_matches(']'));
    let lines = words.filter(|word| !word.is_empty()).map(serde_json::to_string);
    let lines: Result<Vec<String>, _> = lines.collect();
    Ok(lines?.join("\n"))
}

/// Words that no row has.
fn extra_names() -> [&'static str; 12] {
    [
        "batch",
        "writeKey",
        "messageId",
        "sentAt",
        "timestamp",
        "identities",
        "type",
        "value",
        "Action",
        "Values",
        "SignalValueType",
        "2024-06-14T04:51:20.375Z",
    ]
}

fn fuzz_one(built: &Path, dictionary: &Path, target: &str, seconds: u32) -> anyhow::Result<()> {
    let corpus = built.join("corpus").join(target);
    std::fs::create_dir_all(&corpus).context("making the corpus")?;
    let mut run = Command::new(built.join(target));
    run.arg(&corpus);
    // Payloads of the dialect, as its tests have them.
    let dialect = target.split('_').next().unwrap_or(target);
    let golden = repository::root().join("data/golden").join(dialect);
    run.args(Some(golden).filter(|golden| golden.exists()));
    run.arg(format!("-dict={}", dictionary.display()));
    run.arg(format!("-artifact_prefix={}/found-{target}-", built.join("corpus").display()));
    run.arg(format!("-max_total_time={seconds}")).arg(format!("-timeout={TIMEOUT_S}"));
    run.arg(format!("-rss_limit_mb={MEMORY_MIB}")).arg(format!("-max_len={INPUT_BYTES}"));
    run.arg("-print_final_stats=1");
    println!("fuzzing {target} for {seconds} s");
    let status = run.status().with_context(|| format!("starting {target}"))?;
    ensure!(status.success(), "{target} has a finding; its input is named above");
    Ok(())
}

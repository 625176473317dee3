//! `sessionary check`: whether a data directory is whole, byte by byte and fold by fold.
use serde_json::json;
use sessionary_engine::check::{self, FoldReport};
use sessionary_store::Store;

use crate::{arguments::Check, config, directory, exit::Exit, logging, table::counted};

/// Checks the directory and prints what was found.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(crate) fn run(arguments: &Check) -> anyhow::Result<()> {
    logging::start("error");
    let config = config::load(None)?;
    let dir = &arguments.data_dir.data_dir;
    directory::must_exist(dir)?;
    let bytes = sessionary_store::check::check(dir);
    if let Some(unread) = bytes.findings.iter().find(|finding| finding.exit_code == 73) {
        // It was not looked at: nothing is said of its bytes.
        let message = format!("{}; check a copy, or when the server has stopped", unread.what);
        return Err(Exit { code: 73, message }.into());
    }
    let fold = if bytes.is_whole() {
        let (store, _) = Store::open_read_only(dir, &config.store_options())?;
        Some(check::check(&store)?)
    } else {
        None
    };
    let is_whole = bytes.is_whole() && fold.as_ref().is_some_and(FoldReport::is_whole);
    if arguments.json {
        println!("{}", json!({ "whole": is_whole, "bytes": bytes, "fold": fold }));
    } else {
        print!("{}", written(&bytes, fold.as_ref()));
    }
    if is_whole {
        return Ok(());
    }
    let code = bytes.findings.iter().map(|finding| finding.exit_code).min();
    let count = bytes.findings.len() as u64 + fold.map_or(0, |fold| fold.finding_count);
    let message = format!("{} is not whole: {count} findings; restore a backup", dir.display());
    Err(Exit { code: code.unwrap_or(65), message }.into())
}

fn written(bytes: &sessionary_store::check::Report, fold: Option<&FoldReport>) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for shard in &bytes.journal {
        let (blocks, entries) = (counted(shard.blocks), counted(shard.entries));
        let _ = writeln!(text, "journal     {entries} entries in {blocks} blocks, read back whole");
    }
    let rows = counted(bytes.rows.values().sum());
    let _ = writeln!(text, "tables      {rows} rows in {} tables", bytes.rows.len());
    for finding in &bytes.findings {
        let _ = writeln!(text, "FINDING     {}", finding.what);
    }
    let Some(fold) = fold else {
        let _ = writeln!(text, "sessions    not looked at, since the bytes are not whole");
        return text;
    };
    let _ = writeln!(
        text,
        "sessions    {} in {} lanes decode",
        counted(fold.sessions),
        counted(fold.lanes)
    );
    let _ =
        writeln!(text, "            {} equal the fold of their signals", counted(fold.refolded));
    let _ = writeln!(text, "            {} lanes split where they did", counted(fold.boundaries));
    if fold.beyond_retention > 0 {
        let gone = counted(fold.beyond_retention);
        let _ = writeln!(text, "            {gone} cannot be folded again: signals were removed");
    }
    for finding in &fold.findings {
        let _ = writeln!(text, "FINDING     {finding}");
    }
    if bytes.is_whole() && fold.is_whole() {
        let _ = writeln!(text, "whole");
    }
    text
}

//! The program: flags, files, environment, exit codes.
//!
//! Exit code 0: done. 1: not done, and why on standard error. 2: the flags are wrong. 65: data are
//! damaged. 70: writing to disk failed. 73: another process has the data directory.
use std::process::ExitCode;

use clap::Parser;

/// Signals are made on one thread and dropped on another, which the system's allocator is slow at.
#[cfg(not(feature = "count-allocations"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod arguments;
mod commands;
mod config;

mod exit;
mod logging;
mod table;

mod client;
mod directory;
mod places;
mod postgres;
mod import;
mod delivery;
mod serving;

mod bench;
mod check;
mod demo;
mod destinations;
mod explain;
mod export;
mod keys;
mod lake;
mod replay;
mod query;
mod report;
mod serve;
mod tail;

#[expect(clippy::print_stderr, reason = "a person waits at the terminal")]
fn main() -> ExitCode {
    match commands::run(arguments::Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sessionary: {error:#}");
            ExitCode::from(exit::code_of(&error))
        }
    }
}

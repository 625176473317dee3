//! The program: flags, files, environment, exit codes.
//!
//! Exit code 0: done. 1: not done, and why on standard error. 2: the flags are wrong.
use std::process::ExitCode;

use clap::Parser;

mod arguments;
mod commands;
mod config;
mod import;

#[expect(clippy::print_stderr, reason = "a person waits at the terminal")]
fn main() -> ExitCode {
    match commands::run(arguments::Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sessionary: {error:#}");
            ExitCode::FAILURE
        }
    }
}

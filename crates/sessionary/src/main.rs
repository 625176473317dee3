//! The program: flags, files, environment, exit codes.
use clap::Parser;

mod arguments;
mod commands;
mod config;
mod import;

fn main() -> anyhow::Result<()> {
    commands::run(arguments::Arguments::parse().command)
}

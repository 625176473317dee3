//! One function for each command.
use crate::arguments::{Command, ConfigArguments};
use crate::{
    bench, check, config, demo, destinations, explain, export, import, keys, lake, query, replay,
    report, serve, tail,
};

/// Does what was asked.
pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Config(arguments) => print_or_check(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Tail(arguments) => tail::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Export(command) => export::run(&command),
        Command::Lake(command) => lake::run(&command),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Query(arguments) => query::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Keys(command) => keys::run(&command),
        Command::Destinations(command) => destinations::run(&command),
        Command::Parcels(command) => destinations::run_parcels(&command),
        Command::Bench(command) => bench::run(&command),
    }
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn print_or_check(arguments: &ConfigArguments) -> anyhow::Result<()> {
    match &arguments.check {
        None => print!("{}", config::documented()),
        Some(file) => {
            config::load(Some(file))?;
            println!("{}: every setting is valid", file.display());
        }
    }
    Ok(())
}

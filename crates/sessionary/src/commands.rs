//! One function for each command.
use anyhow::bail;

use crate::arguments::{Command, ConfigArguments};
use crate::{config, import};

/// Does what was asked.
pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Config(arguments) => print_or_check(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Serve(arguments) => {
            let configuration = config::load(arguments.config.as_deref())?;
            let listen = arguments.listen.unwrap_or(configuration.server.listen);
            bail!("serving {} on {listen} is not built yet", arguments.data_dir.data_dir.display())
        }
        Command::Demo(_)
        | Command::Tail(_)
        | Command::Explain(_)
        | Command::Check(_)
        | Command::Keys(_) => bail!("this command is not built yet"),
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

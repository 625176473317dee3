//! Flags of the commands that write files of sessions.
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DataDir;

#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// Sessions that are final, as Parquet: one row a session, one folder a tenant and day.
    Sessions(ExportSessions),
}

#[derive(Args, Debug)]
pub(crate) struct ExportSessions {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Folder for the files; made where it is missing, and must have no `sessions` in it yet.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,
    /// Only those of this tenant.
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Print what was written as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lake {
    /// Write every session that is final and not there yet.
    Write(LakeWrite),
    /// Write them, and make the files of each day one, with one row a session.
    Compact(LakeArguments),
    /// Read every file, and say which are damaged.
    Check(LakeArguments),
}

impl Lake {
    /// What all of them take.
    pub(crate) fn of_all(&self) -> &LakeArguments {
        match self {
            Lake::Write(write) => &write.of_all,
            Lake::Compact(arguments) | Lake::Check(arguments) => arguments,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct LakeWrite {
    #[command(flatten)]
    pub(crate) of_all: LakeArguments,
    /// Write every session that is final, also those that are there: where files were lost or damaged.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args, Debug)]
pub(crate) struct LakeArguments {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Print what was done as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

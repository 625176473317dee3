//! The real binary: its commands, the answers of others to the bundled log, and kills under load.
mod commands;
mod kills;
mod program;
mod reference;

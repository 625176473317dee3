//! The dialects as their senders use them: whole bodies in, signals and records out.
mod canonical;
mod handshake;
mod tropo;

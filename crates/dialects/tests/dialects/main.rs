//! The dialects as their senders use them: whole bodies in, signals and records out.
mod canonical;
mod ccai;
mod genesys;
mod handshake;
mod segment;
mod tropo;

//! The dialects as their senders use them: whole bodies in, signals and records out.
mod canonical;
mod ccai;
mod folded;
mod genesys;
mod handshake;
mod pairs;
mod segment;
mod tropo;

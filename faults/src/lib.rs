//! The fault harness: the built program under load, with one kind of fault at a time.
//!
//! It knows the program from outside only: its command line, its HTTP routes and its exit codes.
//! What a client sends is a function of a seed, so what must be there is computed again instead of
//! being remembered, and a failing seed is the whole bug report.
pub mod dice;
pub mod interrupt;
pub mod stopwatch;
pub mod json;
pub mod program;
pub mod traffic;
pub mod ledger;
pub mod load;
pub mod client;
pub mod receiver;
pub mod verdict;
pub mod reader;
pub mod sessioniser;
pub mod checks;
pub mod mount;
pub mod shim;
pub mod plan;
pub mod scenarios;

//! engine
pub mod action_keys;
pub mod keys;
pub mod registry;

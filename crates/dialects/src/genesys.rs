//! Genesys Cloud Journey.
pub mod definitions;

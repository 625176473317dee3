//! The rows of the dictionary, in the order of their numbers.
use super::Field;

/// Every field, sorted by number.
pub const FIELDS: &[Field] = &[];

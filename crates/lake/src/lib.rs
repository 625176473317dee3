//! Finished sessions as columns: Parquet in, and the product's own questions over Arrow.
//!
//! [`scan`] reads columns of files, row group by row group, on several threads. [`operators`] answer
//! what SQL engines do badly: they take record batches in any order, name no column themselves, and
//! their answers do not depend on how the rows were cut into batches or spread over threads.
//!
//! [`sql`] answers what a person writes, over the files and over what the caller has besides.
//!
//! # How an operator works
//!
//! Rows are reduced to what the question needs, a few dozen bytes of fixed size, and thrown into
//! [`parts`](Split) by a digest of their key. When all are in, one part after the other is grouped by
//! key and each group is put in order: a part fits in the cache of a core, so nothing is ever sorted
//! as a whole and no text is compared. Memory is the reduced rows. Were they to be more than memory
//! holds, the place to spill is a part: it is written in chunks and read once, from front to back.
//!
//! # Why no answer is wrong by a collision
//!
//! Keys and message ids become [digests](Digest): 128 bits of XXH3, or the number itself where the
//! column holds numbers. Message ids are told apart by all 128, and only among rows of one key; keys
//! by 96. With 10^9 different ids two are mistaken for one with probability 1.5e-21; with 10^9
//! different keys two are with 6.3e-12. 64 bits would give 2.7 %. The digest is no secret and not
//! made against an adversary who chooses ids so that they collide: who can write a visitor's id can
//! write another's just as well.
mod error;
pub mod files;
mod evolve;
pub mod compact;
mod columns;
mod parts;
mod groups;
mod people;
pub mod operators;
pub mod layout;
pub mod export;
pub mod parquet_file;
pub mod scan;
pub mod lookup;
pub mod sessions;
pub mod tables;
pub mod sql;
pub mod reports;
#[cfg(test)]
mod forms;

pub use columns::{Digest, Member, Word};
pub use error::LakeError;
pub use parts::Split;
pub use people::{Links, People};

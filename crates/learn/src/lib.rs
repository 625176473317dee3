//! Statistics over plain rows: exact, repeatable, and nothing but arithmetic.
//!
//! Nothing here reads a file, a clock or a random number: the same rows give the same answer, to the
//! last bit.
mod linear;
pub mod markov;

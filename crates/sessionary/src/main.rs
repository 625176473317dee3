//! The program: flags, files, environment, exit codes.
fn main() {}

//! The claviger binary.
fn main() {}

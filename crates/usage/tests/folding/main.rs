//! Usage against a plain reading of what it promises, over many sequences of uses, and its answers one by one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod imports;
mod laws;
mod made;
mod snapshots;

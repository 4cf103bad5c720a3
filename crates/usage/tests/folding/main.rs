//! Usage against a plain reading of what it promises, over many sequences of uses, and its answers one by one.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod answers;
mod laws;
mod made;
mod snapshots;

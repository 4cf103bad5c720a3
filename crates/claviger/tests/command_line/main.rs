//! Starts the real binary: what it makes, prints, refuses, and how it ends.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

mod account;
mod dev;
mod doctor;
mod process;
mod production;

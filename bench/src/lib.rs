//! The bench: a closed-loop load generator for any KMS endpoint, the yardstick's measure of it, and paired rounds.
//!
//! It must not use the server's own crates for what it measures: signing, HTTP and the requests are written here
//! again, so that a mistake in the server is not repeated by its judge.

pub mod connection;
pub mod corpus;
pub mod error;
pub mod exchange;
pub mod kept;
pub mod load;
pub mod population;
pub mod process;
pub mod rounds;
pub mod server;
pub mod sessions;
pub mod setup;
pub mod sigv4;
pub mod targets;

pub use error::BenchError;

//! The audit log: where each event of the outbox ends up, exactly once.
//!
//! It reads what commands and jobs wrote into the outbox; it knows nothing of what they did.

mod log;
pub mod log_key;
mod mover;

pub use log::{LogError, check, path_in};
pub use mover::Mover;

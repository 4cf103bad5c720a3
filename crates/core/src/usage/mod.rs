//! Usage: who used which key, how and when, folded out of the audit log while it is written.
//!
//! - `entries.rs`: what an event tells of usage.
//! - `folding.rs`: entries go in, are counted with those that are alike, and what requests ask for comes out.
//! - `answers.rs`: what requests ask for, which they read without a lock.
//! - `snapshot.rs`: usage on the disk, from which a start goes on.
//! - `follower.rs`: the one thread that does all this. No request waits for it.
//!
//! It reads what the log holds and nothing else, so that it is as complete as the log and can be made of it again. The
//! counting itself is `claviger-usage`'s.

mod answers;
mod entries;
mod folding;
mod follower;
#[cfg(test)]
mod follower_tests;
mod snapshot;

pub use answers::Answers;
pub(crate) use answers::Totals;
#[cfg(test)]
pub(crate) use folding::Folding;
pub use follower::UsageCounter;

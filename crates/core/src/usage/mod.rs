//! Usage: who used which key, how and when, folded out of the audit log while it is written.
//!
//! - `entries.rs`: what an event tells of usage.
//! - `folding.rs`: entries go in, are counted with those that are alike, and what requests ask for comes out.
//! - `answers.rs`: what requests ask for, which they read without a lock.
//! - `snapshot.rs`: usage on the disk, from which a start goes on.
//! - `cloudtrail_file.rs`: what records of AWS CloudTrail tell of usage.
//! - `importing.rs`: files of them on their way; `imports.rs`: what is kept of them on the disk.
//! - `follower.rs`: the one thread that does all this. No request waits for it but imports.
//!
//! It reads what the log and the imports hold and nothing else, so that it is as complete as they are and can be made of
//! them again. The counting itself is `claviger-usage`'s.

mod alike;
mod answers;
pub mod cloudtrail_file;
#[cfg(test)]
pub(crate) mod cloudtrail_file_tests;
mod entries;
mod folding;
mod follower;
#[cfg(test)]
mod follower_tests;
mod importing;
mod imports;
mod snapshot;

pub use answers::Answers;
pub(crate) use answers::Totals;
#[cfg(test)]
pub(crate) use folding::Folding;
pub use follower::UsageCounter;
pub(crate) use importing::{Imported, Importing, Upload};
pub(crate) use imports::ImportFiles;

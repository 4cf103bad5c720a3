//! The audit log: where the event of each request ends up, once and in no danger of being altered unseen.
//!
//! - `queue.rs`: events of reads, uses and refusals on their way to the log, in memory.
//! - `outbox.rs`: events of commands and jobs, which were stored with what they tell of, on theirs.
//! - `log.rs`: the transparency log in the data directory: opened, appended to, each entry once whatever fails.
//! - `strangers.rs`: how many events those who are not authenticated get.
//! - `writer.rs`: the one thread that takes from both and commits in groups.
//! - `log_key.rs`: the records of the keys that sign it; `upkeep.rs`: how the writer gets the next one, and what to prune.
//! - `followers.rs`: those who read the log after its writer.
//! - `event_id.rs`: ids that lead back to an entry.
//! - `cloudtrail.rs`: an event as CloudTrail shows it.
//!
//! To all but the last, events are opaque: what one says is decided in `pipeline/event.rs` and written down in
//! `records/`. Whoever reads the log (export, look-ups, usage) reads what this module wrote, from the directory, and
//! stands beside it.

pub mod cloudtrail;
mod event_id;
mod followers;
mod log;
pub mod log_key;
mod outbox;
mod queue;
mod strangers;
#[cfg(test)]
mod tampering_tests;
mod upkeep;
mod writer;
#[cfg(test)]
mod writer_tests;

pub use event_id::EventId;
pub use followers::{Follower, Followers};
pub use log::{Place, origin, verify};
pub use outbox::Outbox;
pub(crate) use queue::Progress;
pub use queue::{EventQueue, Recorder, queue};
pub(crate) use strangers::{Strangers, Tally};
pub(crate) use upkeep::Upkeep;
#[cfg(test)]
pub(crate) use writer::Turns;
pub use writer::{AuditWriter, StartError};

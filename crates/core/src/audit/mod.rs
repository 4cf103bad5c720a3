//! The audit log: where the event of each request ends up, once and in no danger of being altered unseen.
//!
//! - `queue.rs`: events of reads, uses and refusals on their way to the log, in memory; `room.rs`: who has how much
//!   of it.
//! - `outbox.rs`: events of commands and jobs, which were stored with what they tell of, on theirs.
//! - `log.rs`: the transparency log in the data directory: opened, appended to, each entry once whatever fails.
//! - `strangers.rs`: how many events those who are not authenticated get.
//! - `writer.rs`: the one thread that takes from both and commits in groups.
//! - `audit_key.rs`: the records of the audit keys, which sign it; `upkeep.rs`: how the writer gets the next one, and
//!   what to prune.
//! - `follow.rs`: what was committed, shown to those who follow the log; `needs.rs`: what must not be pruned yet.
//! - `outline.rs`: what those who follow know of an entry before they read it.
//! - `event_id.rs`: ids that lead back to an entry.
//! - `cloudtrail.rs`: an event as CloudTrail shows it.
//! - `history/`: events looked up, with an index beside the log; `lookups.rs`: the way there from requests.
//!
//! To all but the last two and `outline.rs`, events are opaque: what one says is decided in `pipeline/event.rs` and
//! written down in `records/`. Export and look-ups read what was written from the directory. Those who follow (`history/`,
//! and `usage/` beside this module) are handed what was committed, and read in the directory what they missed.

pub mod audit_key;
pub mod cloudtrail;
mod event_id;
mod follow;
pub mod history;
mod log;
mod lookups;
mod needs;
mod outbox;
mod outline;
mod queue;
mod room;
mod strangers;
#[cfg(test)]
mod tampering_tests;
mod upkeep;
mod writer;
#[cfg(test)]
mod writer_tests;

pub use event_id::EventId;
pub(crate) use follow::FollowedEntry;
pub use follow::{Followed, Follower, Followers};
pub use history::{Attribute, EventHistory, Found, FoundEvent, IndexBuilder, Query};
#[cfg(test)]
pub(crate) use log::Log;
pub use log::{Place, VERIFIER_KEY_FILE, origin, verify};
pub(crate) use lookups::Lookups;
pub(crate) use needs::Need;
pub use outbox::Outbox;
pub(crate) use outline::{Fingerprint, FingerprintHasher, Outline};
#[cfg(test)]
pub(crate) use queue::Entries;
pub(crate) use queue::Progress;
pub use queue::{EventQueue, NotTaken, Recorder, queue};
pub(crate) use strangers::{Strangers, Tally};
pub(crate) use upkeep::Upkeep;
#[cfg(test)]
pub(crate) use writer::Turns;
pub use writer::{AuditWriter, StartError};

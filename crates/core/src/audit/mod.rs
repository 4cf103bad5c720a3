//! The audit log: where the event of each request ends up, once and in no danger of being altered unseen.
//!
//! - `queue.rs`: events of reads, uses and refusals on their way to the log, in memory.
//! - `outbox.rs`: events of commands and jobs, which were stored with what they tell of, on theirs.
//! - `log.rs`: the transparency log in the data directory: opened, appended to, each entry once whatever fails.
//! - `strangers.rs`: how many events those who are not authenticated get.
//! - `writer.rs`: the one thread that takes from both and commits in groups.
//! - `announcer.rs`: the way of what was committed to one who reads on.
//! - `log_key.rs`: the records of the key that signs it.
//! - `event_id.rs`: ids that lead back to an entry.
//! - `cloudtrail.rs`: an event as CloudTrail shows it.
//!
//! To all but the last, events are opaque: what one says is decided in `pipeline/event.rs` and written down in
//! `records/`. Whoever reads the log (export, look-ups, `usage/`) reads what this module wrote, from the directory, and
//! stands beside it.

mod announcer;
pub mod cloudtrail;
mod event_id;
mod log;
pub mod log_key;
mod outbox;
mod queue;
mod strangers;
mod writer;
#[cfg(test)]
pub(crate) mod writer_tests;

#[cfg(test)]
pub(crate) use announcer::Announcer;
pub use announcer::{Followed, Next, announcer};
pub use event_id::EventId;
#[cfg(test)]
pub(crate) use log::Log;
pub use log::{Place, origin, verify};
pub use outbox::Outbox;
pub(crate) use queue::Progress;
pub use queue::{EventQueue, Recorder, queue};
pub(crate) use strangers::{Strangers, Tally};
pub use writer::{AuditWriter, StartError};

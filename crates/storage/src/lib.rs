//! Storage: opaque bytes under ordered paths, with revisions.
//!
//! It knows no keys, no policies and no encoding. A store has four verbs: load a snapshot, commit a transaction with
//! its preconditions, watch the commits after a revision, hold a lease. Two stores stand here: [`MemoryStore`], which
//! is for tests and fails on demand, and [`EmbeddedStore`], which is one file. Both pass the one suite in
//! `conformance`.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod database;
mod embedded;
mod layout;
mod lease;
mod lock;
mod memory;
mod stats;
mod store;
mod transaction;
mod watch;
mod writer;

pub use database::{Medium, OpenError};
pub use embedded::EmbeddedStore;
pub use lease::Lease;
pub use memory::{Fault, MemoryStore};
pub use stats::{CommitStats, CommitTimes, MICROS_BOUNDS};
pub use store::{CommitFuture, LeaseFuture, Record, Revision, Store, StoreError};
pub use transaction::{BYTES_MAX, CommitError, OPERATIONS_MAX, Precondition, Transaction, Write};
pub use watch::{Change, ChangeLogLimits, Commit, Watch, WatchError};

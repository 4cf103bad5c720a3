//! The `Store` trait: what every store can do, and what its callers may count on.

use std::pin::Pin;
use std::time::Duration;

use crate::lease::Lease;
use crate::stats::CommitTimes;
use crate::transaction::{CommitError, Transaction};
use crate::watch::{Watch, WatchError};

/// An ordered space of records with revisions.
///
/// A commit that was answered with a revision is durable. What a watch shows is durable too, and a watch misses
/// nothing: replaying it onto a loaded snapshot gives the state that a later load would give.
pub trait Store: Send + Sync + 'static {
    /// Visits every record in the order of its path's bytes, in one consistent snapshot, and returns the revision of
    /// that snapshot: the place from which to watch. The visitor must not call the store.
    fn load(&self, visit: &mut dyn FnMut(Record<'_>)) -> Result<Revision, StoreError>;

    /// Applies the whole transaction if all its preconditions hold, else nothing of it.
    ///
    /// A transaction that changes nothing answers the revision on which its preconditions were judged; an empty one
    /// is thus a probe, and mends a store that lost its file to an error. Dropping the future does not take back a
    /// transaction that was already queued.
    fn commit(&self, transaction: Transaction) -> CommitFuture<'_>;

    /// Shows every commit after that revision, in order.
    fn watch(&self, after: Revision) -> Result<Watch, WatchError>;

    /// The lease of that name, or none if somebody holds it. It is held until it is dropped; `ttl` bounds how long
    /// others wait after its holder died.
    fn lease(&self, name: &str, ttl: Duration) -> LeaseFuture<'_>;

    /// How long commits take, if the store measures it.
    fn commit_times(&self) -> Option<CommitTimes> {
        None
    }

    /// Settles what was queued, then refuses all further calls and ends every watch. Blocks until that is done.
    fn close(&self);
}

/// The outcome of a commit, later.
pub type CommitFuture<'a> = Pin<Box<dyn Future<Output = Result<Revision, CommitError>> + Send + 'a>>;

/// The outcome of asking for a lease, later.
pub type LeaseFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<Lease>, StoreError>> + Send + 'a>>;

/// The place of a commit in the order of all commits of a store. Revisions grow, but not by one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(u64);

impl Revision {
    /// Before every commit.
    pub const ZERO: Self = Self(0);

    /// As a number, for records and for texts.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// From the number that `as_u64` gave.
    pub fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The one after. A store that commits a billion times a second reaches the end after five centuries.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One record, as `load` shows it.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its bytes.
    pub value: &'a [u8],
    /// The commit that wrote it last.
    pub revision: Revision,
}

/// Why a store could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It was closed.
    #[error("the store is closed")]
    Closed,
    /// What it holds is not what was written.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Reading failed, and may work later.
    #[error("the store cannot be read: {0}")]
    Failed(String),
}

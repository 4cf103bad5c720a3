//! Transactions: what is written, under which preconditions, and the pure decision what changes.
//!
//! The decision is shared by the stores that check preconditions themselves; it reads through a function and writes
//! nothing.

use std::collections::BTreeSet;
use std::fmt;

use crate::store::Revision;
use crate::watch::Change;

/// The most preconditions and writes in one transaction. etcd takes 128; the rest is room for a store's own.
pub const OPERATIONS_MAX: usize = 100;

/// The most bytes of paths and values in one transaction. etcd takes 1.5 MiB a request, framing included.
pub const BYTES_MAX: usize = 1024 * 1024;

/// Writes that are applied together, if all preconditions hold.
///
/// A path is changed at most once: no two writes, no two bounded adds, and no write of a counter that is also added
/// to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// What must hold. All are judged on the state before the transaction.
    pub preconditions: Vec<Precondition>,
    /// What is written.
    pub writes: Vec<Write>,
}

/// What must hold for a transaction to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// No record is at this path.
    Absent {
        /// The path.
        path: String,
    },
    /// The counter at this path has room for `delta`, which is then added to it.
    ///
    /// A missing counter is 0, and a counter that comes to 0 is deleted. Adding beyond `limit` is `LimitReached`;
    /// taking from a counter is never limited, so that a limit which was lowered does not forbid deleting. Going
    /// below 0 is a `Conflict`.
    BoundedAdd {
        /// The counter's path. Its record is 8 bytes, big-endian.
        path: String,
        /// What is added.
        delta: i64,
        /// The most that the counter may come to.
        limit: u64,
    },
    /// The record at this path was last written by this commit.
    Revision {
        /// The path.
        path: String,
        /// The commit that wrote it last.
        revision: Revision,
    },
}

/// One write.
#[derive(Clone, PartialEq, Eq)]
pub enum Write {
    /// No record is there afterwards. Deleting what is not there changes nothing.
    Delete {
        /// The path.
        path: String,
    },
    /// This record is there afterwards.
    Put {
        /// The path.
        path: String,
        /// Its bytes.
        value: Vec<u8>,
    },
}

/// Why a transaction was not applied, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The store was closed. Nothing was written.
    #[error("the store is closed")]
    Closed,
    /// A precondition on this path does not hold. Nothing was written.
    #[error("the record at `{path}` is not as it was")]
    Conflict {
        /// The path.
        path: String,
    },
    /// Nothing was written, for a reason that lies in the store or in a transaction that makes no sense.
    #[error("nothing was written: {0}")]
    Failed(String),
    /// A bounded add would pass its limit. Nothing was written.
    #[error("the counter at `{path}` is {current} of {limit}")]
    LimitReached {
        /// The counter's path.
        path: String,
        /// What it stands at.
        current: u64,
        /// What it may come to.
        limit: u64,
    },
    /// More than `OPERATIONS_MAX` operations or `BYTES_MAX` bytes. Nothing was written.
    #[error("the transaction has more than {OPERATIONS_MAX} operations or {BYTES_MAX} bytes")]
    TooLarge,
    /// It may have been written or not. A watch will show it if it was.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
}

impl Transaction {
    /// Bytes of all paths and values.
    pub fn bytes(&self) -> usize {
        let preconditions: usize = self.preconditions.iter().map(|condition| condition.path().len()).sum();
        let writes: usize = self.writes.iter().map(Write::bytes).sum();
        preconditions + writes
    }

    /// Whether it keeps the limits and changes no path twice. Needs no store, so it is judged before queueing.
    pub(crate) fn check(&self) -> Result<(), CommitError> {
        if self.preconditions.len() + self.writes.len() > OPERATIONS_MAX || self.bytes() > BYTES_MAX {
            return Err(CommitError::TooLarge);
        }
        let added = self.preconditions.iter().filter_map(|condition| match condition {
            Precondition::BoundedAdd { path, .. } => Some(path),
            Precondition::Absent { .. } | Precondition::Revision { .. } => None,
        });
        let mut seen = BTreeSet::new();
        match added.chain(self.writes.iter().map(Write::path)).find(|path| !seen.insert(*path)) {
            Some(path) => Err(CommitError::Failed(format!("the transaction changes `{path}` twice"))),
            None => Ok(()),
        }
    }

    /// What changes if it is applied to the state that `find` reads: counters first, then the writes in their order.
    /// The outer error is that of `find`.
    pub(crate) fn changes<E>(
        self,
        mut find: impl FnMut(&str) -> Result<Option<Found>, E>,
    ) -> Result<Result<Vec<Change>, CommitError>, E> {
        let mut changes = Vec::with_capacity(self.preconditions.len() + self.writes.len());
        for condition in self.preconditions {
            let found = find(condition.path())?;
            match condition.judge(found) {
                Ok(change) => changes.extend(change),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        for write in self.writes {
            match write {
                Write::Put { path, value } => changes.push(Change { path, value: Some(value) }),
                Write::Delete { path } => {
                    if find(&path)?.is_some() {
                        changes.push(Change { path, value: None });
                    }
                }
            }
        }
        Ok(Ok(changes))
    }
}

impl Precondition {
    /// The path that it is about.
    pub fn path(&self) -> &str {
        match self {
            Self::Absent { path } | Self::BoundedAdd { path, .. } | Self::Revision { path, .. } => path,
        }
    }

    fn judge(self, found: Option<Found>) -> Result<Option<Change>, CommitError> {
        match self {
            Self::Absent { path } => match found {
                None => Ok(None),
                Some(_) => Err(CommitError::Conflict { path }),
            },
            Self::BoundedAdd { path, delta, limit } => add(path, delta, limit, found),
            Self::Revision { path, revision } => match found {
                Some(found) if found.revision == revision => Ok(None),
                _ => Err(CommitError::Conflict { path }),
            },
        }
    }
}

impl Write {
    /// The path that it changes.
    pub fn path(&self) -> &String {
        match self {
            Self::Delete { path } | Self::Put { path, .. } => path,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Delete { path } => path.len(),
            Self::Put { path, value } => path.len() + value.len(),
        }
    }
}

/// Values are opaque and long, so only their length is shown.
impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delete { path } => write!(f, "Delete({path})"),
            Self::Put { path, value } => write!(f, "Put({path}, {} bytes)", value.len()),
        }
    }
}

/// What a decision needs to know of a record.
pub(crate) struct Found {
    pub(crate) revision: Revision,
    /// Its number, if its length is that of a counter.
    pub(crate) counter: Option<u64>,
}

impl Found {
    pub(crate) fn new(revision: Revision, value: &[u8]) -> Self {
        Self { revision, counter: value.try_into().ok().map(u64::from_be_bytes) }
    }
}

fn add(path: String, delta: i64, limit: u64, found: Option<Found>) -> Result<Option<Change>, CommitError> {
    let current = match found {
        None => 0,
        Some(Found { counter: Some(counter), .. }) => counter,
        Some(_) => return Err(CommitError::Failed(format!("the record at `{path}` is no counter"))),
    };
    match current.checked_add_signed(delta) {
        _ if delta == 0 => Ok(None),
        Some(sum) if delta < 0 || sum <= limit => {
            let value = (sum > 0).then(|| sum.to_be_bytes().to_vec());
            Ok(Some(Change { path, value }))
        }
        None if delta < 0 => Err(CommitError::Conflict { path }),
        _ => Err(CommitError::LimitReached { path, current, limit }),
    }
}

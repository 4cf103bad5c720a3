//! The store of tests: a map, with commits that fail when they are told to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::lease::Leases;
use crate::lock::lock;
use crate::store::{CommitFuture, LeaseFuture, Record, Revision, Store, StoreError};
use crate::transaction::{CommitError, Found, Transaction};
use crate::watch::{Change, ChangeLog, ChangeLogLimits, Commit, Watch, WatchError};

/// Keeps everything in memory.
pub struct MemoryStore {
    state: Mutex<State>,
    log: Arc<ChangeLog>,
    leases: Arc<Leases>,
}

/// How a commit fails that was told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It answers `Failed`, and nothing was written.
    Failed,
    /// It answers `Unknown`, and nothing was written.
    UnknownLost,
    /// It answers `Unknown`, and the transaction was written; watches show it before the next commit.
    UnknownWritten,
}

struct State {
    records: BTreeMap<String, (Revision, Vec<u8>)>,
    /// Of the last commit.
    revision: Revision,
    /// The last that was given, even if its commit was lost.
    given: Revision,
    fault: Option<Fault>,
    /// Written, but not yet shown to watches.
    doubt: Option<Arc<Commit>>,
    closed: bool,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::with_limits(ChangeLogLimits::default())
    }

    /// An empty store that keeps so much of the past.
    pub fn with_limits(limits: ChangeLogLimits) -> Self {
        let state = State {
            records: BTreeMap::new(),
            revision: Revision::ZERO,
            given: Revision::ZERO,
            fault: None,
            doubt: None,
            closed: false,
        };
        let log = Arc::new(ChangeLog::new(Revision::ZERO, limits));
        Self { state: Mutex::new(state), log, leases: Arc::new(Leases::new()) }
    }

    /// The next commit whose preconditions hold will fail so.
    pub fn fail_next(&self, fault: Fault) {
        lock(&self.state).fault = Some(fault);
    }

    fn apply(&self, transaction: Transaction) -> Result<Revision, CommitError> {
        transaction.check()?;
        let mut state = lock(&self.state);
        if state.closed {
            return Err(CommitError::Closed);
        }
        self.log.publish(state.doubt.take());
        let find = |path: &str| Ok(state.records.get(path).map(|(revision, value)| Found::new(*revision, value)));
        let Ok(changes) = transaction.changes::<Infallible>(find);
        let changes = changes?;
        if changes.is_empty() {
            return Ok(state.revision);
        }
        let fault = state.fault.take();
        // The number of a lost commit is never used again, as in the embedded store.
        state.given = state.given.next();
        match fault {
            Some(Fault::Failed) => return Err(CommitError::Failed("it was told to fail".to_owned())),
            Some(Fault::UnknownLost) => {
                return Err(CommitError::Unknown("it was told to fail".to_owned()));
            }
            Some(Fault::UnknownWritten) | None => {}
        }
        let commit = state.write(changes);
        let revision = commit.revision;
        if fault.is_some() {
            state.doubt = Some(commit);
            return Err(CommitError::Unknown("it was told to fail".to_owned()));
        }
        // Under the lock, so that commits are published in their order.
        self.log.publish([commit]);
        Ok(revision)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn load(&self, visit: &mut dyn FnMut(Record<'_>)) -> Result<Revision, StoreError> {
        let state = lock(&self.state);
        if state.closed {
            return Err(StoreError::Closed);
        }
        for (path, (revision, value)) in &state.records {
            visit(Record { path, value, revision: *revision });
        }
        Ok(state.revision)
    }

    fn commit(&self, transaction: Transaction) -> CommitFuture<'_> {
        Box::pin(async move { self.apply(transaction) })
    }

    fn watch(&self, after: Revision) -> Result<Watch, WatchError> {
        self.log.watch(after)
    }

    fn lease(&self, name: &str, _ttl: Duration) -> LeaseFuture<'_> {
        let lease = self.leases.take(name);
        Box::pin(async move { lease })
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        self.log.publish(state.doubt.take());
        self.log.close();
        self.leases.close();
    }
}

impl State {
    fn write(&mut self, changes: Vec<Change>) -> Arc<Commit> {
        self.revision = self.given;
        for change in &changes {
            match &change.value {
                None => self.records.remove(&change.path),
                Some(value) => self.records.insert(change.path.clone(), (self.revision, value.clone())),
            };
        }
        Arc::new(Commit { revision: self.revision, changes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Subject;

    impl Subject for MemoryStore {
        fn store(&self) -> &dyn Store {
            self
        }

        fn fail_next(&self, fault: Fault) {
            Self::fail_next(self, fault);
        }

        fn mend(&self) {}
    }

    crate::conformance!(|limits| Box::new(MemoryStore::with_limits(limits)) as Box<dyn Subject>);
}

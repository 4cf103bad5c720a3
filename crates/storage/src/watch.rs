//! The change log: the last commits of a store, and the watches that read them.
//!
//! A watch holds no queue of its own, only its place in the log, so a slow one costs nothing; when it falls behind
//! what the log still holds, it is told so and must load again.

use std::collections::VecDeque;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::lock::lock;
use crate::store::Revision;

/// A commit, as a watch shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its revision, which is also that of each record it wrote.
    pub revision: Revision,
    /// What it changed, counters included. No path occurs twice.
    pub changes: Vec<Change>,
}

/// One changed record.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Its path.
    pub path: String,
    /// Its bytes, or none if it was deleted.
    pub value: Option<Vec<u8>>,
}

/// Values are opaque and long, so only their length is shown.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            None => write!(f, "Change({}, deleted)", self.path),
            Some(value) => write!(f, "Change({}, {} bytes)", self.path, value.len()),
        }
    }
}

/// Commits in order, from a revision on.
pub struct Watch {
    log: Arc<ChangeLog>,
    after: Revision,
}

/// Why a watch ends. It stays so: a new one is needed, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// The store was closed, and every commit before that was shown.
    #[error("the store is closed")]
    Closed,
    /// The change log no longer reaches back so far: load again, then watch from there.
    #[error("the change log no longer reaches back to that revision")]
    Compacted,
}

impl Watch {
    /// The next commit; the thread waits for it.
    pub fn next_blocking(&mut self) -> Result<Arc<Commit>, WatchError> {
        let mut state = lock(&self.log.state);
        loop {
            if let Some(commit) = state.first_after(self.after)? {
                self.after = commit.revision;
                return Ok(commit);
            }
            state = self.log.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next commit; the task waits for it. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Result<Arc<Commit>, WatchError> {
        let log = Arc::clone(&self.log);
        loop {
            let mut notified = pin!(log.notify.notified());
            // Enlisting comes before looking, else a commit between the two would wake nobody.
            notified.as_mut().enable();
            if let Some(commit) = self.try_next()? {
                return Ok(commit);
            }
            notified.await;
        }
    }

    /// The next commit, if it is already there: for one who takes all that have come before doing slow work.
    pub fn try_next(&mut self) -> Result<Option<Arc<Commit>>, WatchError> {
        let commit = lock(&self.log.state).first_after(self.after)?;
        if let Some(commit) = &commit {
            self.after = commit.revision;
        }
        Ok(commit)
    }
}

/// How much of the past a store keeps for watches.
#[derive(Debug, Clone, Copy)]
pub struct ChangeLogLimits {
    /// The most commits.
    pub commits: usize,
    /// The most bytes of paths and values.
    pub bytes: usize,
}

impl Default for ChangeLogLimits {
    /// Some seconds of the highest write rate that an embedded store reaches.
    fn default() -> Self {
        Self { commits: 65_536, bytes: 64 * 1024 * 1024 }
    }
}

/// The last commits of a store. The store publishes in order, after a commit is durable.
pub(crate) struct ChangeLog {
    limits: ChangeLogLimits,
    state: Mutex<State>,
    /// Wakes threads.
    arrived: Condvar,
    /// Wakes tasks.
    notify: Notify,
}

struct State {
    commits: VecDeque<Arc<Commit>>,
    bytes: usize,
    /// Commits up to this revision are not in the log.
    floor: Revision,
    closed: bool,
}

impl ChangeLog {
    /// An empty log of a store that stands at `floor`.
    pub(crate) fn new(floor: Revision, limits: ChangeLogLimits) -> Self {
        let state = State { commits: VecDeque::new(), bytes: 0, floor, closed: false };
        Self { limits, state: Mutex::new(state), arrived: Condvar::new(), notify: Notify::new() }
    }

    pub(crate) fn watch(self: &Arc<Self>, after: Revision) -> Result<Watch, WatchError> {
        let state = lock(&self.state);
        if state.closed {
            return Err(WatchError::Closed);
        }
        state.first_after(after)?;
        Ok(Watch { log: Arc::clone(self), after })
    }

    /// Each revision must be above all that were published before.
    pub(crate) fn publish(&self, commits: impl IntoIterator<Item = Arc<Commit>>) {
        let mut state = lock(&self.state);
        for commit in commits {
            state.bytes += commit.bytes();
            state.commits.push_back(commit);
        }
        while state.commits.len() > self.limits.commits || state.bytes > self.limits.bytes {
            let Some(oldest) = state.commits.pop_front() else { break };
            state.bytes -= oldest.bytes();
            state.floor = oldest.revision;
        }
        drop(state);
        self.wake();
    }

    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.wake();
    }

    fn wake(&self) {
        self.arrived.notify_all();
        self.notify.notify_waiters();
    }
}

impl State {
    fn first_after(&self, after: Revision) -> Result<Option<Arc<Commit>>, WatchError> {
        if after < self.floor {
            return Err(WatchError::Compacted);
        }
        let index = self.commits.partition_point(|commit| commit.revision <= after);
        match self.commits.get(index) {
            Some(commit) => Ok(Some(Arc::clone(commit))),
            None if self.closed => Err(WatchError::Closed),
            None => Ok(None),
        }
    }
}

impl Commit {
    fn bytes(&self) -> usize {
        self.changes.iter().map(|change| change.path.len() + change.value.as_ref().map_or(0, Vec::len)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A task that waits may move between threads.
    #[test]
    fn waiting_is_send() {
        fn assert_send<T: Send>(_: &T) {}
        let log = Arc::new(ChangeLog::new(Revision::ZERO, ChangeLogLimits::default()));
        let mut watch = log.watch(Revision::ZERO).unwrap();
        assert_send(&watch);
        assert_send(&watch.next());
    }
}

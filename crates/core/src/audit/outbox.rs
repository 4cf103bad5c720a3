//! The outbox's one reader: what commands and jobs wrote there, until it is in the log and was taken out.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use claviger_storage::{Change, CommitError, Store, StoreError, Transaction, Watch, WatchError, Write};
use tokio::task::JoinSet;

use crate::paths::{self, PathKind};

/// Events taken out at once: below the store's limit of operations.
const BATCH_EVENTS_MAX: usize = 90;

/// The outbox, followed.
pub struct Outbox {
    store: Arc<dyn Store>,
    watch: Watch,
    /// Path and record of each event that is not in the log, as far as is known.
    waiting: VecDeque<(String, Vec<u8>)>,
    /// Paths of those that are in the log.
    logged: Vec<String>,
    /// All paths of both, and of those that are being written to the log.
    known: HashSet<String>,
}

/// The outbox cannot be followed or emptied; its events wait.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The store takes no transaction.
    #[error("events cannot be taken out of the outbox: {0}")]
    Commit(#[from] CommitError),
    /// The outbox cannot be read.
    #[error("the outbox cannot be read: {0}")]
    Store(#[from] StoreError),
    /// The watch ended.
    #[error("the outbox cannot be followed: {0}")]
    Watch(#[from] WatchError),
}

impl Outbox {
    /// What a former run left in it, path and record of each, and a watch that goes on from there.
    pub fn new(store: Arc<dyn Store>, watch: Watch, events: Vec<(String, Vec<u8>)>) -> Self {
        let mut outbox = Self { store, watch, waiting: VecDeque::new(), logged: Vec::new(), known: HashSet::new() };
        events.into_iter().for_each(|(path, event)| outbox.take_in(path, event));
        outbox
    }

    /// The events that are not in the log, as far as is known.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &[u8]> {
        self.waiting.iter().map(|(_, event)| event.as_slice())
    }

    /// These events are in the log already.
    pub(super) fn found_logged(&mut self, found: &HashSet<Vec<u8>>) {
        let (logged, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(_, event)| found.contains(event));
        self.waiting = waiting;
        let logged: VecDeque<(String, Vec<u8>)> = logged;
        logged.into_iter().for_each(|(path, _)| self.set_logged(path));
    }

    /// Takes in what was committed since the last time.
    pub(super) fn notice(&mut self) -> Result<(), OutboxError> {
        loop {
            match self.watch.try_next() {
                Ok(Some(commit)) => commit.changes.iter().for_each(|change| self.notice_change(change)),
                Ok(None) => return Ok(()),
                Err(WatchError::Compacted) => self.catch_up()?,
                // An orderly end: all that was committed before was shown.
                Err(WatchError::Closed) => return Ok(()),
            }
        }
    }

    /// The next event to write to the log; [`set_logged`](Self::set_logged) must follow.
    pub(super) fn next(&mut self) -> Option<(String, Vec<u8>)> {
        self.waiting.pop_front()
    }

    /// The event is in the log.
    pub(super) fn set_logged(&mut self, path: String) {
        self.logged.push(path);
    }

    /// Takes the logged events out of the store: all at once, so that the store makes them durable together. What failed
    /// is done again, which changes nothing if it was done.
    pub(super) async fn remove_logged(&mut self) -> Result<(), OutboxError> {
        let mut spaces: BTreeMap<Option<&str>, Vec<&String>> = BTreeMap::new();
        self.logged.iter().for_each(|path| spaces.entry(paths::space_of(path)).or_default().push(path));
        let mut commits = JoinSet::new();
        for batch in spaces.values().flat_map(|paths| paths.chunks(BATCH_EVENTS_MAX)) {
            let batch: Vec<String> = batch.iter().copied().cloned().collect();
            commits.spawn(remove(Arc::clone(&self.store), batch));
        }
        let mut outcome = Ok(());
        while let Some(removed) = commits.join_next().await {
            match removed {
                Ok(Ok(batch)) => {
                    for path in &batch {
                        self.known.remove(path);
                    }
                }
                Ok(Err(error)) => outcome = Err(error.into()),
                // A panic of the store's. Whether it committed, the next attempt does not mind.
                Err(error) => outcome = Err(CommitError::Unknown(error.to_string()).into()),
            }
        }
        self.logged.retain(|path| self.known.contains(path));
        outcome
    }

    /// Whether events that are in the log are still in the store.
    pub(super) fn has_logged(&self) -> bool {
        !self.logged.is_empty()
    }

    /// Commits a record of the log's own.
    pub(super) async fn put(&self, path: String, value: Vec<u8>) -> Result<(), OutboxError> {
        let writes = vec![Write::Put { path, value }];
        self.store.commit(Transaction { preconditions: Vec::new(), writes }).await?;
        Ok(())
    }

    /// The store went on faster than the watch was read, and forgot what comes next: the outbox is read again.
    fn catch_up(&mut self) -> Result<(), OutboxError> {
        let mut found = Vec::new();
        let revision = self.store.load(&mut |record| {
            if matches!(paths::parse(record.path), Some((PathKind::Outbox, _, _))) {
                found.push((record.path.to_owned(), record.value.to_vec()));
            }
        })?;
        self.watch = self.store.watch(revision)?;
        found.into_iter().for_each(|(path, event)| self.take_in(path, event));
        Ok(())
    }

    fn notice_change(&mut self, change: &Change) {
        if let (Some((PathKind::Outbox, _, _)), Some(event)) = (paths::parse(&change.path), &change.value) {
            self.take_in(change.path.clone(), event.clone());
        }
    }

    fn take_in(&mut self, path: String, event: Vec<u8>) {
        if self.known.insert(path.clone()) {
            self.waiting.push_back((path, event));
        }
    }
}

/// Takes these events, of one space, out of the store.
async fn remove(store: Arc<dyn Store>, batch: Vec<String>) -> Result<Vec<String>, CommitError> {
    let writes = batch.iter().map(|path| Write::Delete { path: path.clone() }).collect();
    store.commit(Transaction { preconditions: Vec::new(), writes }).await.map(|_| batch)
}

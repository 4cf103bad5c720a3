//! Moves events from the outbox into the audit log: appended and synced first, then taken out of the outbox in one
//! transaction with the log's new position. A crash between the two leaves bytes behind the position, which the next
//! start cuts off, and the events in the outbox, which it moves again: each event is in the log exactly once.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use claviger_keyring::Space;
use claviger_storage::{Change, CommitError, Store, Transaction, Watch, WatchError, Write};

use super::log::{AuditLog, LogError};
use crate::paths::{self, PathKind};
use crate::records::{self, AuditPositionRecord};
use crate::view::View;
use crate::views::Outbox;

/// Events moved at once: with the position they stay below the store's limit of operations.
const BATCH_EVENTS_MAX: usize = 90;

/// Bytes moved at once; their paths must fit into a transaction, their records only into memory.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The outbox's one reader.
pub struct Mover {
    store: Arc<dyn Store>,
    folder: PathBuf,
    watch: Watch,
    waiting: BTreeMap<Space, VecDeque<(String, Vec<u8>)>>,
    logs: HashMap<Space, AuditLog>,
    in_doubt: Option<Batch>,
}

/// Events that were appended: the first `count` of those that wait in the space.
struct Batch {
    space: Space,
    count: usize,
    before: u64,
    position: u64,
}

/// Events could not be moved; they wait in the outbox.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The log's side.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store's side.
    #[error("events cannot be taken out of the outbox: {0}")]
    Commit(#[from] CommitError),
    /// A log vanished from memory: a bug.
    #[error("an audit log is not open")]
    Unopened,
    /// The watch ended.
    #[error("the outbox cannot be followed: {0}")]
    Watch(#[from] WatchError),
}

impl Mover {
    /// Opens the logs that exist, each of which must be whole up to its position.
    pub fn open(store: Arc<dyn Store>, folder: PathBuf, view: &View, outbox: Outbox) -> Result<Self, LogError> {
        let mut mover =
            Self { store, folder, watch: outbox.watch, waiting: BTreeMap::new(), logs: HashMap::new(), in_doubt: None };
        for (space, position) in view.audit_positions() {
            mover.open_log(space, position)?;
        }
        for (path, event) in outbox.events {
            mover.take_in(path, event);
        }
        Ok(mover)
    }

    /// Waits until there is something to move.
    pub async fn wait(&mut self) -> Result<(), MoveError> {
        while self.waiting.values().all(VecDeque::is_empty) {
            let commit = self.watch.next().await?;
            commit.changes.iter().for_each(|change| self.notice(change));
        }
        Ok(())
    }

    /// Moves everything that is in the outbox now.
    pub async fn move_all(&mut self) -> Result<(), MoveError> {
        while let Some(commit) = self.watch.try_next()? {
            commit.changes.iter().for_each(|change| self.notice(change));
        }
        let spaces: Vec<Space> = self.waiting.keys().copied().collect();
        for space in spaces {
            while self.waiting.get(&space).is_some_and(|events| !events.is_empty()) {
                self.move_batch(space).await?;
            }
        }
        Ok(())
    }

    fn notice(&mut self, change: &Change) {
        if let (Some((PathKind::Outbox, _, _)), Some(event)) = (paths::parse(&change.path), &change.value) {
            self.take_in(change.path.clone(), event.clone());
        }
    }

    fn take_in(&mut self, path: String, event: Vec<u8>) {
        let space = paths::space_of(&path).and_then(|name| paths::space_from_name(name).ok());
        if let Some(space) = space {
            self.waiting.entry(space).or_default().push_back((path, event));
        }
    }

    async fn move_batch(&mut self, space: Space) -> Result<(), MoveError> {
        let batch = match self.in_doubt.take().filter(|batch| batch.space == space) {
            Some(batch) => batch,
            None => self.append(space)?,
        };
        match self.store.commit(self.transaction(&batch)).await {
            Ok(_) => {
                self.waiting.entry(space).or_default().drain(..batch.count);
                Ok(())
            }
            // It may be stored. The same transaction again is right in either case, and the only thing that is.
            Err(error @ CommitError::Unknown(_)) => {
                self.in_doubt = Some(batch);
                Err(error.into())
            }
            Err(error) => {
                if let Some(log) = self.logs.get_mut(&space) {
                    log.take_back(batch.before)?;
                }
                Err(error.into())
            }
        }
    }

    /// Appends the next events of a space to its log.
    fn append(&mut self, space: Space) -> Result<Batch, MoveError> {
        if !self.logs.contains_key(&space) {
            self.open_log(space, 0)?;
        }
        let events = self.waiting.get(&space).into_iter().flatten().map(|(_, event)| event.as_slice());
        let mut bytes = 0;
        let fitting = events.take(BATCH_EVENTS_MAX).take_while(|event| {
            bytes += event.len();
            bytes == event.len() || bytes <= BATCH_BYTES_MAX
        });
        let fitting: Vec<&[u8]> = fitting.collect();
        let Some(log) = self.logs.get_mut(&space) else { return Err(MoveError::Unopened) };
        let before = log.position();
        let count = fitting.len();
        let position = log.append(fitting)?;
        Ok(Batch { space, count, before, position })
    }

    fn transaction(&self, batch: &Batch) -> Transaction {
        let waiting = self.waiting.get(&batch.space).into_iter().flatten();
        let moved = waiting.take(batch.count).map(|(path, _)| Write::Delete { path: path.clone() });
        let value = records::encode(&AuditPositionRecord { bytes: batch.position });
        let stored = Write::Put { path: paths::audit_position(batch.space), value };
        Transaction { preconditions: Vec::new(), writes: moved.chain([stored]).collect() }
    }

    fn open_log(&mut self, space: Space, position: u64) -> Result<(), LogError> {
        let path = self.folder.join(format!("{}.log", paths::space_name(space)));
        self.logs.insert(space, AuditLog::open(&path, position)?);
        Ok(())
    }
}

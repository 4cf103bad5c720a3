//! Moves events from the outbox into the audit log: appended and synced first, then taken out of the outbox in one
//! transaction with the log's new position. A crash between the two leaves bytes behind the position, which the next
//! start cuts off, and the events in the outbox, which it moves again: each event is in the log exactly once.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claviger_keyring::Space;
use claviger_storage::{Change, CommitError, Store, StoreError, Transaction, Watch, WatchError, Write};

use super::log::{self, AuditLog, LogError};
use crate::paths::{self, PathKind};
use crate::records::{self, AuditPositionRecord};
use crate::views::Outbox;

/// Events taken out of the outbox at once: with the position they stay below the store's limit of operations.
const BATCH_EVENTS_MAX: usize = 90;

/// Bytes appended with one sync, unless a single event is larger.
const APPEND_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The outbox's one reader.
pub struct Mover {
    store: Arc<dyn Store>,
    folder: PathBuf,
    watch: Watch,
    spaces: BTreeMap<Space, Waiting>,
}

/// The events of one space that are still in the outbox.
#[derive(Default)]
struct Waiting {
    /// Opened with the first event.
    log: Option<AuditLog>,
    /// Path and record of each, in the order in which they are moved.
    events: VecDeque<(String, Vec<u8>)>,
    /// Where the first of them end in the log, as far as they are appended and synced.
    ends: VecDeque<u64>,
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
    /// The outbox cannot be read.
    #[error("the outbox cannot be read: {0}")]
    Store(#[from] StoreError),
    /// The watch ended.
    #[error("the outbox cannot be followed: {0}")]
    Watch(#[from] WatchError),
}

impl Mover {
    /// Opens the logs that have a position; each must reach up to it.
    pub fn open(
        store: Arc<dyn Store>,
        folder: PathBuf,
        positions: impl IntoIterator<Item = (Space, u64)>,
        outbox: Outbox,
    ) -> Result<Self, LogError> {
        let mut mover = Self { store, folder, watch: outbox.watch, spaces: BTreeMap::new() };
        for (space, position) in positions {
            let log = AuditLog::open(&log::path_in(&mover.folder, space), position)?;
            mover.spaces.entry(space).or_default().log = Some(log);
        }
        for (path, event) in outbox.events {
            mover.take_in(path, event);
        }
        Ok(mover)
    }

    /// Waits until there is something to move.
    pub async fn wait(&mut self) -> Result<(), MoveError> {
        while self.spaces.values().all(|waiting| waiting.events.is_empty()) {
            match self.watch.next().await {
                Ok(commit) => commit.changes.iter().for_each(|change| self.notice(change)),
                Err(WatchError::Compacted) => self.catch_up()?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Moves everything that is in the outbox now.
    pub async fn move_all(&mut self) -> Result<(), MoveError> {
        loop {
            match self.watch.try_next() {
                Ok(Some(commit)) => commit.changes.iter().for_each(|change| self.notice(change)),
                Ok(None) => break,
                Err(WatchError::Compacted) => self.catch_up()?,
                Err(error) => return Err(error.into()),
            }
        }
        let spaces: Vec<Space> = self.spaces.keys().copied().collect();
        for space in spaces {
            while self.spaces.get(&space).is_some_and(|waiting| !waiting.events.is_empty()) {
                self.move_batch(space).await?;
            }
        }
        Ok(())
    }

    /// The store went on faster than events were moved, and forgot what comes next: the outbox is read again.
    fn catch_up(&mut self) -> Result<(), MoveError> {
        let waiting = self.spaces.values().flat_map(|waiting| &waiting.events);
        let known: HashSet<String> = waiting.map(|(path, _)| path.clone()).collect();
        let mut missed = Vec::new();
        let revision = self.store.load(&mut |record| {
            if matches!(paths::parse(record.path), Some((PathKind::Outbox, _, _))) && !known.contains(record.path) {
                missed.push((record.path.to_owned(), record.value.to_vec()));
            }
        })?;
        self.watch = self.store.watch(revision)?;
        missed.into_iter().for_each(|(path, event)| self.take_in(path, event));
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
            self.spaces.entry(space).or_default().events.push_back((path, event));
        }
    }

    /// Whatever fails here is done again as it was, or with more events: a transaction of unknown outcome may have been
    /// stored, and then only one that takes out the same events, and more, is right.
    async fn move_batch(&mut self, space: Space) -> Result<(), MoveError> {
        let path = log::path_in(&self.folder, space);
        let waiting = self.spaces.entry(space).or_default();
        if waiting.ends.is_empty() {
            waiting.append(&path)?;
        }
        let count = waiting.ends.len().min(BATCH_EVENTS_MAX);
        let Some(position) = waiting.ends.get(count.saturating_sub(1)).copied() else { return Ok(()) };
        let moved = waiting.events.iter().take(count).map(|(path, _)| Write::Delete { path: path.clone() });
        let value = records::encode(&AuditPositionRecord { bytes: position });
        let stored = Write::Put { path: paths::audit_position(space), value };
        let transaction = Transaction { preconditions: Vec::new(), writes: moved.chain([stored]).collect() };
        self.store.commit(transaction).await?;
        waiting.events.drain(..count);
        waiting.ends.drain(..count);
        Ok(())
    }
}

impl Waiting {
    /// Appends events to the log, with one sync for as many as fit.
    fn append(&mut self, path: &Path) -> Result<(), LogError> {
        let mut bytes = 0;
        let fitting = self.events.iter().map(|(_, event)| event.as_slice()).take_while(|event| {
            bytes += event.len();
            bytes == event.len() || bytes <= APPEND_BYTES_MAX
        });
        let log = match &mut self.log {
            Some(log) => log,
            empty => empty.insert(AuditLog::open(path, 0)?),
        };
        self.ends = log.append(fitting)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use claviger_storage::{ChangeLogLimits, Fault, MemoryStore, Revision};

    use super::*;

    /// Starts a mover on what the store holds, as after a crash.
    fn start(store: &Arc<MemoryStore>, folder: &Path) -> Mover {
        let (mut events, mut positions) = (Vec::new(), Vec::new());
        let revision = store
            .load(&mut |record| match paths::parse(record.path) {
                Some((PathKind::Outbox, _, _)) => events.push((record.path.to_owned(), record.value.to_vec())),
                Some((PathKind::AuditPosition, space, _)) => {
                    let position = records::decode::<AuditPositionRecord>(record.value).unwrap();
                    positions.push((paths::space_from_name(space).unwrap(), position.bytes));
                }
                _ => {}
            })
            .unwrap();
        let outbox = Outbox { events, watch: store.watch(revision).unwrap() };
        Mover::open(Arc::clone(store) as Arc<dyn Store>, folder.to_owned(), positions, outbox).unwrap()
    }

    async fn put(store: &MemoryStore, name: usize) -> Revision {
        let path = paths::outbox(paths::GLOBAL, &format!("{name:04}"));
        let writes = vec![Write::Put { path, value: format!("event {name}").into_bytes() }];
        store.commit(Transaction { preconditions: Vec::new(), writes }).await.unwrap()
    }

    fn logged(folder: &Path) -> Vec<String> {
        let bytes = std::fs::read(folder.join("global.log")).unwrap();
        let mut rest = bytes.as_slice();
        let mut entries = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            entries.push(String::from_utf8(behind[4..4 + length].to_vec()).unwrap());
            rest = &behind[4 + length..];
        }
        entries
    }

    fn wanted(count: usize) -> Vec<String> {
        (0..count).map(|name| format!("event {name}")).collect()
    }

    /// A store that forgets its changes at once: what the watch can no longer tell is read.
    #[tokio::test(flavor = "current_thread")]
    async fn events_that_the_watch_forgot() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::with_limits(ChangeLogLimits { commits: 2, bytes: 1 << 20 }));
        let mut mover = start(&store, folder.path());
        for name in 0..10 {
            put(&store, name).await;
        }
        mover.wait().await.unwrap();
        for name in 10..20 {
            put(&store, name).await;
        }
        mover.move_all().await.unwrap();
        assert_eq!(logged(folder.path()), wanted(20));
    }

    /// Whatever happens to a commit, and whether or not the process lives on, each event is logged once, in order.
    #[tokio::test(flavor = "current_thread")]
    async fn each_event_once() {
        for fault in [Fault::Failed, Fault::UnknownLost, Fault::UnknownWritten] {
            for restart in [false, true] {
                let folder = tempfile::tempdir().unwrap();
                let store = Arc::new(MemoryStore::new());
                for name in 0..200 {
                    put(&store, name).await;
                }
                let mut mover = start(&store, folder.path());
                mover.move_batch(Space::Global).await.unwrap();
                store.fail_next(fault);
                assert!(mover.move_all().await.is_err(), "{fault:?}");
                if restart {
                    // Commits are settled before anything else is written.
                    put(&store, 200).await;
                    mover = start(&store, folder.path());
                } else {
                    put(&store, 200).await;
                }
                mover.move_all().await.unwrap();
                assert_eq!(logged(folder.path()), wanted(201), "{fault:?} restart={restart}");
                assert!(start(&store, folder.path()).spaces.values().all(|waiting| waiting.events.is_empty()));
            }
        }
    }
}

//! The embedded store: one file, one process, one writer thread.
//!
//! Concurrent commits share a sync. The file's lock keeps other processes out.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use crate::database::{Database, Medium, OpenError, Opening};
use crate::lease::Leases;
use crate::lock::{lock, read};
use crate::stats::{CommitStats, CommitTimes};
use crate::store::{CommitFuture, LeaseFuture, Record, Revision, Store, StoreError};
use crate::transaction::{CommitError, Transaction};
use crate::watch::{ChangeLog, ChangeLogLimits, Watch, WatchError};
use crate::writer::{Queued, Shared, Writer};

/// Bytes of transactions that may wait for the writer; further callers wait for room.
const QUEUE_BYTES: usize = 64 * 1024 * 1024;

/// What a transaction counts in the queue beside its own bytes.
const QUEUED_BYTES: usize = 1024;

/// Keeps everything in one file.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    leases: Arc<Leases>,
    id: uuid::Uuid,
    /// None once the store is closed.
    queue: Mutex<Option<Sender<Queued>>>,
    /// Counts bytes.
    room: Arc<Semaphore>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl EmbeddedStore {
    /// Opens the store at that path, or makes one if there is no file.
    pub fn open_or_create(path: &Path, limits: ChangeLogLimits) -> Result<Self, OpenError> {
        match Self::open(path, limits) {
            Err(OpenError::NotFound) => {}
            opened => return opened,
        }
        match Database::create_file(path) {
            // Somebody else was faster, and its store is as good.
            Ok(()) | Err(OpenError::AlreadyExists) => Self::open(path, limits),
            Err(error) => Err(error),
        }
    }

    /// Makes a store at that path, where nothing may be.
    pub fn create(path: &Path, limits: ChangeLogLimits) -> Result<Self, OpenError> {
        Database::create_file(path)?;
        Self::open(path, limits)
    }

    /// Opens the store at that path.
    pub fn open(path: &Path, limits: ChangeLogLimits) -> Result<Self, OpenError> {
        let opened = Self::open_on(Medium::file(path), limits)?;
        read_ahead(path);
        Ok(opened)
    }

    /// Makes a store of a medium that is empty.
    pub fn create_on(medium: Medium, limits: ChangeLogLimits) -> Result<Self, OpenError> {
        let database = Database::create(&medium)?;
        Self::start(medium, database, limits)
    }

    /// Opens the store on a medium.
    pub fn open_on(medium: Medium, limits: ChangeLogLimits) -> Result<Self, OpenError> {
        let database = Database::open(&medium, Opening::Existing)?;
        Self::start(medium, database, limits)
    }

    /// Verifies every page and every record of the store at that path, which must not be open. Opening alone trusts
    /// the file's structure if it was closed cleanly, and loading verifies the records.
    pub fn check(path: &Path) -> Result<(), OpenError> {
        let database = Database::open(&Medium::file(path), Opening::Verified)?;
        let visited = database.snapshot().and_then(|snapshot| snapshot.visit(&mut |_| {}));
        database.close();
        visited.map_err(|error| OpenError::Damaged(error.to_string()))
    }

    /// The store's own id, given when it was made.
    pub fn id(&self) -> uuid::Uuid {
        self.id
    }

    /// How long its commits take.
    pub fn commit_stats(&self) -> &CommitStats {
        &self.shared.stats
    }

    fn start(medium: Medium, database: Database, limits: ChangeLogLimits) -> Result<Self, OpenError> {
        let id = database.id;
        let log = Arc::new(ChangeLog::new(database.revision, limits));
        let (sender, receiver) = channel();
        let shared = Arc::new(Shared { database: RwLock::new(None), log, stats: CommitStats::default() });
        let writer = Writer::new(medium, Arc::clone(&shared), receiver, &database);
        *crate::lock::write(&shared.database) = Some(database);
        let writer = thread::Builder::new().name("store-writer".to_owned()).spawn(move || writer.run())?;
        Ok(Self {
            shared,
            leases: Arc::new(Leases::new()),
            id,
            queue: Mutex::new(Some(sender)),
            room: Arc::new(Semaphore::new(QUEUE_BYTES)),
            writer: Mutex::new(Some(writer)),
        })
    }

    async fn queue(&self, transaction: Transaction) -> Result<Revision, CommitError> {
        transaction.check()?;
        let bytes = u32::try_from(transaction.bytes() + QUEUED_BYTES).map_err(|_| CommitError::TooLarge)?;
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await.map_err(|_| CommitError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let queued = Queued { transaction, answer, room };
        match lock(&self.queue).as_ref() {
            Some(queue) => queue.send(queued).map_err(|_| CommitError::Closed)?,
            None => return Err(CommitError::Closed),
        }
        answered.await.unwrap_or_else(|_| Err(CommitError::Unknown("the writer ended".to_owned())))
    }
}

/// Reads the file once from end to end, into the operating system's cache: the load that follows walks it in the order
/// of the paths, which is not the order on the disk. Only a hint, so that what goes wrong here is no matter.
fn read_ahead(path: &Path) {
    let path = path.to_owned();
    let read = move || -> io::Result<()> {
        let (mut file, mut buffer) = (File::open(path)?, vec![0; READ_AHEAD_BYTES]);
        while file.read(&mut buffer)? > 0 {}
        Ok(())
    };
    // The thread that is not waited for ends by itself.
    drop(thread::Builder::new().name("store-read-ahead".to_owned()).spawn(read));
}

const READ_AHEAD_BYTES: usize = 1024 * 1024;

impl Store for EmbeddedStore {
    fn load(&self, visit: &mut dyn FnMut(Record<'_>)) -> Result<Revision, StoreError> {
        // Only taking the snapshot holds the lock, so that the writer can close the file under a reader.
        let snapshot = match read(&self.shared.database).as_ref() {
            Some(database) => database.snapshot()?,
            None if lock(&self.queue).is_none() => return Err(StoreError::Closed),
            None => return Err(StoreError::Failed("the file could not be opened again yet".to_owned())),
        };
        snapshot.visit(visit)?;
        Ok(snapshot.revision)
    }

    fn commit(&self, transaction: Transaction) -> CommitFuture<'_> {
        Box::pin(self.queue(transaction))
    }

    fn watch(&self, after: Revision) -> Result<Watch, WatchError> {
        self.shared.log.watch(after)
    }

    /// The file's lock keeps other processes out and a holder cannot die without this process, so nobody waits.
    fn lease(&self, name: &str, _ttl: Duration) -> LeaseFuture<'_> {
        let lease = self.leases.take(name);
        Box::pin(async move { lease })
    }

    fn commit_times(&self) -> Option<CommitTimes> {
        Some(self.shared.stats.read())
    }

    fn close(&self) {
        self.room.close();
        drop(lock(&self.queue).take());
        let writer = lock(&self.writer).take();
        // A writer that panicked has dropped its callers' answers, which tells them; the watches must end all the same.
        let _ = writer.map(JoinHandle::join);
        self.shared.log.close();
        self.leases.close();
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.close();
    }
}

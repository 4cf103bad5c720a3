//! The one thread that writes: takes what is queued as a batch, checks it, makes it durable with one sync, publishes
//! it, answers.
//!
//! *Unknown outcomes.* When making a batch durable fails, the batch may be in the file or not, and redb refuses to go
//! on. The writer closes the file, opens it again and reads its revision, which tells. While it cannot be opened, the
//! batch is in doubt: its callers are told so, nothing more is written, and once the file opens again the batch is
//! published or forgotten. So watches show what is durable, all of it, and nothing else.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::database::{Batch, Database, Medium, OpenError, Opening};
use crate::lock::{read, write};
use crate::stats::CommitStats;
use crate::store::Revision;
use crate::transaction::{CommitError, Transaction};
use crate::watch::{ChangeLog, Commit};

/// The most transactions that share one sync. It bounds how long one that is late waits for those before it.
const BATCH_TRANSACTIONS_MAX: usize = 1024;

/// How long the writer leaves a file alone that it could not open.
const REOPEN_INTERVAL: Duration = Duration::from_secs(1);

/// What the writer shares with the store.
pub(crate) struct Shared {
    /// None while the file could not be opened again, and when the store is closed.
    pub(crate) database: RwLock<Option<Database>>,
    pub(crate) log: Arc<ChangeLog>,
    pub(crate) stats: CommitStats,
}

/// A transaction that waits for its turn.
pub(crate) struct Queued {
    pub(crate) transaction: Transaction,
    pub(crate) answer: oneshot::Sender<Result<Revision, CommitError>>,
    /// Its part of the queue's room, given back when it is answered.
    pub(crate) room: OwnedSemaphorePermit,
}

pub(crate) struct Writer {
    medium: Medium,
    shared: Arc<Shared>,
    queue: Receiver<Queued>,
    id: uuid::Uuid,
    /// What the file and the watches are known to stand at.
    durable: Revision,
    /// The last revision that was given, even if its batch was lost: no revision ever names two commits.
    given: Revision,
    /// The batch whose outcome is unknown.
    doubt: Vec<Arc<Commit>>,
}

impl Writer {
    pub(crate) fn new(medium: Medium, shared: Arc<Shared>, queue: Receiver<Queued>, database: &Database) -> Self {
        let Database { id, revision, .. } = *database;
        Self { medium, shared, queue, id, durable: revision, given: revision, doubt: Vec::new() }
    }

    /// Works until nobody can queue anything more and all is answered.
    pub(crate) fn run(mut self) {
        while let Some(batch) = self.next_batch() {
            self.settle(batch);
        }
        self.close();
        self.shared.log.close();
    }

    /// Waits for a transaction and takes all that came with it; empty when it is time to try the file again.
    fn next_batch(&mut self) -> Option<Vec<Queued>> {
        let first = if self.is_open() {
            self.queue.recv().ok()?
        } else {
            match self.queue.recv_timeout(REOPEN_INTERVAL) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        };
        let rest = self.queue.try_iter().take(BATCH_TRANSACTIONS_MAX - 1);
        Some(std::iter::once(first).chain(rest).collect())
    }

    fn settle(&mut self, batch: Vec<Queued>) {
        let mut transactions = Vec::with_capacity(batch.len());
        let mut callers = Vec::with_capacity(batch.len());
        for Queued { transaction, answer, room } in batch {
            transactions.push(transaction);
            callers.push((answer, room));
        }
        let answers = self.commit(transactions, callers.len());
        for ((caller, _room), answer) in callers.into_iter().zip(answers) {
            // A caller who has gone needs no answer.
            let _ = caller.send(answer);
        }
    }

    fn commit(&mut self, transactions: Vec<Transaction>, count: usize) -> Vec<Result<Revision, CommitError>> {
        if let Err(error) = self.ensure_open() {
            return vec![Err(CommitError::Failed(error.to_string())); count];
        }
        let started = Instant::now();
        let staged = match read(&self.shared.database).as_ref() {
            Some(database) => database.stage(transactions, self.durable, self.given),
            None => Err("the file is not open".to_owned()),
        };
        let staged = match staged {
            Ok(staged) => staged,
            Err(error) => {
                // Nothing was made durable, so the outcome is known; but the file must be opened again.
                self.shared.stats.failed();
                self.close();
                drop(self.ensure_open());
                return vec![Err(CommitError::Failed(error)); count];
            }
        };
        let (Batch { answers, commits, reached, given }, durable) = staged.make_durable();
        let commits: Vec<_> = commits.into_iter().map(Arc::new).collect();
        match durable {
            Ok(()) if commits.is_empty() => answers,
            Ok(()) => {
                self.shared.stats.durable(commits.len(), started.elapsed());
                self.durable = reached;
                self.given = given;
                self.shared.log.publish(commits);
                answers
            }
            Err(error) => {
                self.shared.stats.failed();
                self.given = given;
                self.doubt = commits;
                self.resolve(answers, reached, &error)
            }
        }
    }

    /// Finds out what became of the batch in doubt, by opening the file again.
    fn resolve(
        &mut self,
        answers: Vec<Result<Revision, CommitError>>,
        reached: Revision,
        error: &str,
    ) -> Vec<Result<Revision, CommitError>> {
        self.close();
        let reopened = self.ensure_open();
        if reopened.is_ok() && self.durable == reached {
            return answers;
        }
        // A refusal may rest on a transaction of the batch that is not there, so it is no answer either.
        let unsettled = |answer: Result<Revision, CommitError>| match (&reopened, answer) {
            (Err(reopening), Ok(_)) => CommitError::Unknown(format!("{error}; opening the file again: {reopening}")),
            _ => CommitError::Failed(error.to_owned()),
        };
        answers.into_iter().map(|answer| Err(unsettled(answer))).collect()
    }

    /// Opens the file if it is not open, and settles the batch in doubt.
    fn ensure_open(&mut self) -> Result<(), OpenError> {
        if self.is_open() {
            return Ok(());
        }
        let database = Database::open(&self.medium, Opening::AfterFailure)?;
        let in_doubt = self.doubt.last().map(|commit| commit.revision);
        if database.id != self.id {
            database.close();
            return Err(OpenError::Swapped("it is another store".to_owned()));
        }
        let found = database.revision;
        if Some(found) != in_doubt && found != self.durable {
            database.close();
            let (found, durable) = (found.as_u64(), self.durable.as_u64());
            return Err(OpenError::Swapped(format!("it stands at revision {found} and was left at {durable}")));
        }
        *write(&self.shared.database) = Some(database);
        let doubt = std::mem::take(&mut self.doubt);
        if found != self.durable {
            self.durable = found;
            self.shared.log.publish(doubt);
        }
        Ok(())
    }

    fn is_open(&self) -> bool {
        read(&self.shared.database).is_some()
    }

    fn close(&self) {
        let database = write(&self.shared.database).take();
        if let Some(database) = database {
            database.close();
        }
    }
}

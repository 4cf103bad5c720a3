//! A node that keeps a log: the service on the harness's store, and the log's writer, of which tests take each turn.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use claviger_storage::{Store, Transaction, Write};
use claviger_tlog::{Directory, Files};
use claviger_types::Timestamp;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::audit::{EventHistory, Follower, Followers, IndexBuilder, Place, Turns};
use crate::error::Error;
use crate::pipeline::event;
use crate::testing::test_kms::{HOME, TestKms};
use crate::{Execution, Service, Settings};

/// The node.
pub(crate) struct TestLog {
    pub(crate) kms: Rc<TestKms>,
    pub(crate) service: Arc<Service>,
    pub(crate) files: Arc<dyn Files>,
    place: Place,
    turns: Turns,
    runtime: Runtime,
    /// How many of the events that the harness's nodes handed over are in it.
    handed: usize,
    scratch: TempDir,
}

impl TestLog {
    /// A log of a new deployment, whose first events are not in it.
    pub(crate) fn new(settings: Settings) -> Self {
        Self::followed(settings).0
    }

    /// The same, with one who follows the log for its index.
    pub(crate) fn followed(settings: Settings) -> (Self, Follower) {
        let kms = Rc::new(TestKms::new());
        let first = kms.store.records().into_iter().filter(|(path, _)| path.starts_with("outbox/"));
        let writes = first.map(|(path, _)| Write::Delete { path }).collect();
        kms.block_on(kms.store.inner.commit(Transaction { preconditions: Vec::new(), writes })).unwrap();
        let store: Arc<dyn Store> = Arc::clone(&kms.store) as Arc<dyn Store>;
        let started = Service::start(store, Arc::clone(kms.service().root()), settings).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let files: Arc<dyn Files> = Arc::new(Directory::new(scratch.path().join("audit")));
        let place = Place::new(&started.service.view(), Arc::clone(&files)).unwrap();
        let mut followers = Followers::default();
        let follower = IndexBuilder::follower(&history(&place, &scratch), &mut followers);
        let turns = Turns::open(place.clone(), started.events, started.outbox, 0, followers).unwrap();
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let (service, handed) = (started.service, kms.events().len());
        let log = Self { kms, service, files, place, turns, runtime, handed, scratch };
        log.kms.service().lookups().begin(Arc::new(log.history()));
        (log, follower)
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// The log's writer does what there is to do.
    pub(crate) fn turn(&mut self) {
        assert!(self.turns.turn(&self.runtime));
    }

    /// Writes what happened at the harness's nodes since the last time: events of commands, then those of all else.
    pub(crate) fn write(&mut self) {
        let handed = self.kms.events().split_off(self.handed);
        self.handed += handed.len();
        self.commit(&handed);
    }

    /// Writes these entries, after events of commands that wait.
    pub(crate) fn commit(&mut self, entries: &[Vec<u8>]) {
        entries.iter().for_each(|entry| self.record(|bytes| bytes.extend_from_slice(entry)));
        self.turn();
    }

    /// Removes the entries before this one, which begins a bundle.
    pub(crate) fn prune(&mut self, before: u64) {
        self.service.audit_upkeep().prune(before);
        self.turn();
        assert_eq!(self.service.audit_upkeep().kept_from(), before);
    }

    /// The log to search in, without an index yet.
    pub(crate) fn history(&self) -> EventHistory {
        history(&self.place, &self.scratch)
    }

    /// The folder of its index.
    pub(crate) fn index(&self) -> PathBuf {
        index(&self.scratch)
    }

    /// The writer ends. What it wrote stays as long as what is returned.
    pub(crate) fn close(self) -> TempDir {
        self.scratch
    }

    /// This node and the harness's see what was committed by either.
    pub(crate) fn meet(&self) {
        let newest = self.kms.view().revision().max(self.service.view().revision());
        for service in [&self.service, self.kms.service()] {
            while service.view().revision() < newest {
                self.block_on(service.newer_view(&service.view())).unwrap();
            }
        }
    }

    /// Writes what waits, and events of that age until the log has so many entries.
    pub(crate) fn fill(&mut self, entries: u64, age: Duration) {
        let at = self.service.now(&self.service.view()).offset_by(-i64::try_from(age.as_millis()).unwrap());
        self.fill_at(entries, at);
    }

    /// The same with events of that time.
    pub(crate) fn fill_at(&mut self, entries: u64, at: Timestamp) {
        self.turn();
        for _ in self.service.audit_upkeep().size()..entries {
            let event = event::of_strangers(at, 1).unwrap();
            self.record(|bytes| event.write(bytes));
        }
        self.turn();
        assert_eq!(self.service.audit_upkeep().size(), entries);
    }

    fn record(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let event = |_: &_, bytes: &mut _| write(bytes);
        let recorded = self.service.record(HOME.parse().unwrap(), event, Err(Error::UnknownOperation));
        assert!(matches!(recorded, Execution::Ready(Err(Error::UnknownOperation))));
    }
}

fn history(place: &Place, scratch: &TempDir) -> EventHistory {
    EventHistory::new(place.clone(), index(scratch), u32::MAX)
}

fn index(scratch: &TempDir) -> PathBuf {
    scratch.path().join("audit-index")
}

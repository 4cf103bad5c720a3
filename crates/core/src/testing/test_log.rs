//! A node that keeps a log: the service on the harness's store, and the log's writer, of which tests take each turn.

use std::sync::Arc;
use std::time::Duration;

use claviger_storage::Store;
use claviger_tlog::{Directory, Files};
use claviger_types::Timestamp;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::audit::{Followers, Place, Turns};
use crate::error::Error;
use crate::pipeline::event;
use crate::testing::test_kms::{HOME, TestKms};
use crate::{Service, Settings};

/// The node.
pub(crate) struct TestLog {
    pub(crate) kms: TestKms,
    pub(crate) service: Arc<Service>,
    pub(crate) files: Arc<dyn Files>,
    turns: Turns,
    runtime: Runtime,
    _scratch: TempDir,
}

impl TestLog {
    pub(crate) fn new(settings: Settings) -> Self {
        let kms = TestKms::new();
        let store: Arc<dyn Store> = Arc::clone(&kms.store) as Arc<dyn Store>;
        let started = Service::start(store, Arc::clone(kms.service().root()), settings).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let files: Arc<dyn Files> = Arc::new(Directory::new(scratch.path()));
        let place = Place::new(&started.service.view(), Arc::clone(&files)).unwrap();
        let turns = Turns::open(place, started.events, started.outbox, 0, Followers::default()).unwrap();
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        Self { kms, service: started.service, files, turns, runtime, _scratch: scratch }
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// The log's writer does what there is to do.
    pub(crate) fn turn(&mut self) {
        assert!(self.turns.turn(&self.runtime));
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
            let _ =
                self.service.record(HOME.parse().unwrap(), |_, bytes| event.write(bytes), Err(Error::UnknownOperation));
        }
        self.turn();
        assert_eq!(self.service.audit_upkeep().size(), entries);
    }
}

//! A log on the disk for tests: what a test's service records is written to it when the test says so.

use std::sync::Arc;

use claviger_storage::Write;
use claviger_tlog::Directory;

use super::history::EventHistory;
use super::log::{Log, Place};
use crate::testing::test_kms::TestKms;

/// The log, and how much of what happened is in it.
pub(crate) struct TestLog {
    folder: tempfile::TempDir,
    log: Log,
    place: Place,
    commits: usize,
    events: usize,
}

impl TestLog {
    /// A log of which the first node is told. What happened before is not in it.
    pub(crate) fn of(kms: &TestKms) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(&kms.view(), Arc::new(Directory::new(folder.path().join("audit")))).unwrap();
        let log = Log::open(place.clone()).unwrap();
        let test_log = Self { folder, log, place, commits: kms.store.commits(), events: kms.events().len() };
        kms.service().keep_history(Arc::new(test_log.history()));
        test_log
    }

    /// Writes what happened since the last time: events of commands, then those of all else.
    pub(crate) fn write(&mut self, kms: &TestKms) {
        let commits = kms.store.commits_since(self.commits);
        self.commits += commits.len();
        let handed = kms.events().split_off(self.events);
        self.events += handed.len();
        let of_outbox = commits.into_iter().flat_map(|commit| commit.writes).filter_map(|write| match write {
            Write::Put { path, value } if path.starts_with("outbox/") => Some(value),
            _ => None,
        });
        let entries: Vec<_> = of_outbox.chain(handed).collect();
        self.commit(&entries);
    }

    /// Writes these entries.
    pub(crate) fn commit(&mut self, entries: &[Vec<u8>]) {
        self.log.commit(&entries.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    }

    /// Removes the entries before this one.
    pub(super) fn prune(&mut self, before: u64) {
        self.log.prune(before).unwrap();
    }

    /// The log to search in, without an index yet.
    pub(super) fn history(&self) -> EventHistory {
        EventHistory::new(self.place.clone(), self.index(), u32::MAX)
    }

    /// The folder of its index.
    pub(super) fn index(&self) -> std::path::PathBuf {
        self.folder.path().join("audit-index")
    }
}

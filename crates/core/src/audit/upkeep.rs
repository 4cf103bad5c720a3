//! What jobs have the log's writer do between two groups, and what it tells of the log: another key, pruning.
//!
//! Nothing here has to outlive the process: which key is to sign is told by the store, which one does by the log, and how
//! far it was pruned by the log too. So whatever a crash interrupts is asked for again.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::log::Log;
use super::needs::Needs;
use crate::view::DeploymentAuditKey;

/// Between the jobs and the writer.
#[derive(Default)]
pub(crate) struct Upkeep {
    next_key: Mutex<Option<Arc<DeploymentAuditKey>>>,
    prune_before: AtomicU64,
    needs: Needs,
    log: LogState,
}

/// The log, as its writer left it last.
#[derive(Default)]
struct LogState {
    key_version: AtomicU32,
    size: AtomicU64,
    kept_from: AtomicU64,
    bytes_written: AtomicU64,
}

impl Upkeep {
    /// Which version of the audit key signs; none before the log is open.
    pub(crate) fn key_version(&self) -> Option<u32> {
        Some(self.log.key_version.load(Ordering::Acquire)).filter(|version| *version > 0)
    }

    /// Entries of the log, pruned ones too.
    pub(crate) fn size(&self) -> u64 {
        self.log.size.load(Ordering::Relaxed)
    }

    /// The first entry that was not pruned.
    pub(crate) fn kept_from(&self) -> u64 {
        self.log.kept_from.load(Ordering::Relaxed)
    }

    /// Bytes of the entries that were written since the start.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.log.bytes_written.load(Ordering::Relaxed)
    }

    /// What of the log is still needed.
    pub(crate) fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Has the log signed by this key.
    pub(crate) fn sign_by(&self, key: Arc<DeploymentAuditKey>) {
        *self.next_key.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    /// Has the entries before this one removed. They may be there for a while yet.
    pub(crate) fn prune(&self, before: u64) {
        self.prune_before.fetch_max(before, Ordering::Relaxed);
    }

    /// Before which entry they are to be removed.
    pub(crate) fn prune_before(&self) -> u64 {
        self.prune_before.load(Ordering::Relaxed)
    }

    pub(super) fn next_key(&self) -> Option<Arc<DeploymentAuditKey>> {
        self.next_key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the log is now.
    pub(super) fn tell(&self, log: &Log) {
        self.log.size.store(log.size(), Ordering::Relaxed);
        self.log.kept_from.store(log.kept_from(), Ordering::Relaxed);
        self.log.bytes_written.store(log.bytes_written(), Ordering::Relaxed);
    }

    /// The key that signs it now, with all that this takes, is no longer to come.
    pub(super) fn tell_key(&self, log: &Log) {
        let key_version = log.key_version();
        self.next_key.lock().unwrap_or_else(PoisonError::into_inner).take_if(|key| key.key.version() == key_version);
        self.log.key_version.store(key_version, Ordering::Release);
    }
}

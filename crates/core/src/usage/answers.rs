//! What requests ask usage for: the last uses of keys and access keys. A request reads them without a lock; who counts
//! puts newer ones in their place.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use claviger_types::{AccessKeyId, KeyArn, Timestamp};
use claviger_usage::{AccessKeyUse, LastUse, Usage, days_without_use};
use imbl::HashMap;

use crate::error::Error;
use crate::view::Key;

/// What is answered now.
#[derive(Default)]
pub struct Answers {
    last_uses: ArcSwapOption<LastUses>,
}

/// The last uses as of one moment.
#[derive(Clone)]
pub struct LastUses {
    keys: HashMap<KeyArn, LastUse>,
    access_keys: HashMap<AccessKeyId, AccessKeyUse>,
    tracking_since: Timestamp,
    /// Of all that was counted, for `/metrics`.
    pub(crate) totals: Totals,
}

/// What counting takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Entries of the log that are counted.
    pub(crate) entries: u64,
    /// Rows of all keys.
    pub(crate) rows: usize,
    /// Uses that found no room for a row of their own.
    pub(crate) merged: u64,
    /// Uses that were imported.
    pub(crate) imported_uses: u64,
    /// Bytes that all of it takes, as it is reckoned.
    pub(crate) memory_bytes: usize,
}

impl Answers {
    /// The last uses, once the log was read to its end after a start.
    pub fn last_uses(&self) -> Option<Arc<LastUses>> {
        self.last_uses.load_full()
    }

    /// The last uses. While the log is being read, the caller is to try again.
    pub fn known(&self) -> Result<Arc<LastUses>, Error> {
        self.last_uses().ok_or(Error::Throttled)
    }

    /// What is counted.
    pub(crate) fn totals(&self) -> Totals {
        self.last_uses.load().as_ref().map(|known| known.totals).unwrap_or_default()
    }

    /// From now on this is answered; or nothing, while it is not known.
    pub(crate) fn put(&self, last_uses: Option<LastUses>) {
        self.last_uses.store(last_uses.map(Arc::new));
    }
}

impl LastUses {
    /// All of them.
    pub(super) fn of(usage: &Usage) -> Self {
        let last_uses = usage.keys().filter_map(|key| Some((key.arn(), *key.last_use()?)));
        let access_keys = usage.access_keys().map(|used| (used.id, *used));
        let (keys, access_keys) = (last_uses.collect(), access_keys.collect());
        let mut this = Self { keys, access_keys, tracking_since: usage.tracking_since(), totals: Totals::default() };
        this.set_totals(usage);
        this
    }

    pub(super) fn put_key(&mut self, arn: KeyArn, last_use: LastUse) {
        self.keys.insert(arn, last_use);
    }

    pub(super) fn put_access_key(&mut self, used: AccessKeyUse) {
        self.access_keys.insert(used.id, used);
    }

    pub(super) fn set_totals(&mut self, usage: &Usage) {
        self.totals = Totals {
            entries: usage.next_entry(),
            rows: usage.row_count(),
            merged: usage.merged().total(),
            imported_uses: usage.imported_uses(),
            memory_bytes: usage.memory_bytes(),
        };
    }

    /// The last successful use of a key, if it was used since nothing is missed.
    pub fn of_key(&self, arn: &KeyArn) -> Option<&LastUse> {
        self.keys.get(arn).filter(|last_use| last_use.at >= self.tracking_since)
    }

    /// The last use of an access key.
    pub fn of_access_key(&self, id: &AccessKeyId) -> Option<&AccessKeyUse> {
        self.access_keys.get(id)
    }

    /// Since when nothing of a key is missed.
    pub fn tracking_since(&self, key: &Key, now: Timestamp) -> Timestamp {
        self.tracking_since.min(now).max(key.created_at)
    }

    /// `kms:TrailingDaysWithoutKeyUsage`.
    pub fn days_without_use(&self, key: &Key, now: Timestamp) -> i64 {
        days_without_use(self.keys.get(&key.arn), key.created_at, self.tracking_since, now)
    }
}
